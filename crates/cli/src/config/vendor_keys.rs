//! Reads from a destination's section what only its vendor knows, by the tables of the vendor's kit.

use std::collections::BTreeMap;

use contact_sink_core::Quota;
use contact_sink_mapping::{ConfigError, Mapping, Section, hint, near};
use contact_sink_transport::{BaseUrl, Key, KeyKind, KeyValue, Kit, Values};

use super::secrets::Secrets;
use crate::time::parse_length;

/// What a section has for its vendor.
pub(super) struct VendorKeys {
    pub(super) values: Values,
    pub(super) base_url: BaseUrl,
    pub(super) quota: Quota,
    pub(super) mapping: Mapping,
    pub(super) doubts: Vec<String>,
}

impl VendorKeys {
    /// Reads the kit's keys, `base_url` or `region`, `quota`, `subject` and `set`.
    pub(super) fn read(kit: &Kit, section: &Section<'_>, secrets: Secrets<'_>) -> Result<Self, ConfigError> {
        let values = values(section, kit.keys, secrets)?;
        (kit.check)(&values).map_err(|error| section.failure_at(error.key, error.problem))?;
        let base_url = base_url(kit, section)?;
        let quota = match section.text("quota")? {
            Some(text) => text.parse().map_err(|error| section.failure_at("quota", format!("{error}")))?,
            None => kit.quota,
        };
        let mapping = Mapping::read(section, kit.subject, &|written| {
            (kit.field)(&values, written)
                .map_err(|error| format!("{error}{}", hint(&error.wrong, error.known.iter().map(String::as_str))))
        })?;
        // Otherwise it would be found at every row that has them all.
        if let Some(most) = kit.max_fields.filter(|most| mapping.fields().len() > *most) {
            let problem = format!("{} takes at most {most} fields, and these are {}", kit.name, mapping.fields().len());
            return Err(section.failure_at("set", problem));
        }
        let doubts = doubts(kit, section)?;
        Ok(Self { values, base_url, quota, mapping, doubts })
    }
}

fn values(section: &Section<'_>, keys: &'static [Key], secrets: Secrets<'_>) -> Result<Values, ConfigError> {
    keys.iter().try_fold(Values::default(), |values, key| {
        let is_left_out = section.get(key.name).is_none() && key.default.is_some();
        if is_left_out { Ok(values) } else { Ok(values.with(key.name, value(section, key, secrets)?)) }
    })
}

fn value(section: &Section<'_>, key: &Key, secrets: Secrets<'_>) -> Result<KeyValue, ConfigError> {
    let refuse = |problem: String| Err(section.failure_at(key.name, problem));
    Ok(match key.kind {
        KeyKind::BasicId(secret) => {
            let id = section.required_text(key.name)?;
            // The two are often copied together, as they are in a header.
            if id.contains(':') {
                return refuse(format!("it has a colon: what follows the colon may be the secret, for {secret:?}"));
            }
            if id.contains(char::is_control) {
                return refuse("it has a control character in it".to_owned());
            }
            KeyValue::Text(id.to_owned())
        }
        KeyKind::OneOf(words) => {
            let word = section.required_text(key.name)?;
            if !words.contains(&word) {
                return refuse(format!("there is no {} {word:?}{}", key.name, hint(word, words.iter().copied())));
            }
            KeyValue::Text(word.to_owned())
        }
        KeyKind::Integer(least) => match section.required_integer(key.name)? {
            number if number < least => {
                let help = key.help.trim_end_matches('.');
                return refuse(format!("it is less than {least}: write {}{}", help[..1].to_lowercase(), &help[1..]));
            }
            number => KeyValue::Integer(number),
        },
        KeyKind::Duration => match parse_length(section.required_text(key.name)?) {
            Some(duration) => KeyValue::Duration(duration),
            None => return refuse("it is a length of time like \"1d\" or \"12h\"".to_owned()),
        },
        KeyKind::Secret => KeyValue::Secret(secrets.fetch(section, key.name)?),
        KeyKind::Entries(keys) => {
            let table = section.required_section(key.name)?;
            let entry = |(name, _, value)| {
                let entry = table.below(name, value)?;
                let values = values(&entry, keys, secrets)?;
                entry.finish()?;
                Ok((name.to_owned(), values))
            };
            KeyValue::Entries(table.entries().map(entry).collect::<Result<BTreeMap<_, _>, ConfigError>>()?)
        }
        _ => KeyValue::Text(section.required_text(key.name)?.to_owned()),
    })
}

/// What the key `base_url` names, or the region under the key `region`, or the vendor's default region.
fn base_url(kit: &Kit, section: &Section<'_>) -> Result<BaseUrl, ConfigError> {
    let written = section.text("base_url")?;
    let regions = || kit.regions.iter().map(|region| region.name);
    let region = if kit.regions.len() > 1 { section.text("region")? } else { None };
    if let (Some(_), Some(_)) = (written, region) {
        return Err(section.failure_at("region", "there is a \"base_url\" too: write one of them"));
    }
    if let Some(text) = written {
        return text.parse().map_err(|error| section.failure_at("base_url", format!("{error}")));
    }
    let no_region = || {
        let name = region.unwrap_or_default();
        section.failure_at("region", format!("there is no region {name:?}{}", hint(name, regions())))
    };
    kit.base_url(region).ok_or_else(no_region)
}

/// Names of fields that may be slips for documented ones. An account may have its own, so they are no errors; but the mistake
/// would not be noticed later, since a vendor's success need not say which fields it left out.
fn doubts(kit: &Kit, section: &Section<'_>) -> Result<Vec<String>, ConfigError> {
    let set = section.required_section("set")?;
    let known = || kit.known_fields.iter().copied();
    let warning = |(name, span, _)| {
        let near = near(name, known());
        let problem = format!("the vendor's documents have no field {name:?}{near}");
        (!near.is_empty() && !known().any(|known| known == name)).then(|| set.failure(span, problem).to_string())
    };
    Ok(set.entries().filter_map(warning).collect())
}
