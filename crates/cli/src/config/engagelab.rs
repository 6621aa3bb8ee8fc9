//! The section of a destination at EngageLab.

use contact_sink_engagelab::{ACCEPTED_MEANS, Config, ContactName, EngageLabSink, Region, contact};

use contact_sink_mapping::{ConfigError, Mapping, Section, SubjectKind};

use super::{Secrets, Vendor, base_url_or_region, quota};

/// How much of an API key is shown: it is half of the credentials.
const SHOWN: usize = 4;

/// Reads `api_key`, `api_secret`, `region` or `base_url`, `quota`, `subject` and `set`.
pub(super) fn read(section: &Section<'_>, secrets: Secrets<'_>) -> Result<Vendor, ConfigError> {
    let api_key = section.required_text("api_key")?;
    // Often the two are copied as they stand in a header.
    if api_key.contains(':') {
        let problem =
            "it has a colon in it: what stands after the colon is perhaps the secret, which belongs to \"api_secret\"";
        return Err(section.failure_at("api_key", problem));
    }
    if api_key.contains(char::is_control) {
        return Err(section.failure_at("api_key", "it has a control character in it"));
    }
    let secret = secrets.fetch(section, "api_secret")?;
    let mut config = Config::new(api_key, secret);
    if let Some(base_url) = base_url_or_region(section, Region::ALL.map(Region::name), Region::base_url)? {
        config = config.with_base_url(base_url);
    }
    if secrets.are_read {
        config.check().map_err(|error| {
            section.failure_at(if error.is_about_secret() { "api_secret" } else { "api_key" }, error.to_string())
        })?;
    }
    let quota = quota(section)?;
    let mapping = Mapping::read(section, SubjectKind::User, &|written| {
        let field = contact(written).map_err(|error| error.to_string())?;
        Ok((field.clone(), ContactName::from(field).kind()))
    })?;
    Ok(Vendor {
        endpoint: "contacts",
        account_id: api_key.to_owned(),
        account: format!("API key {}..", api_key.chars().take(SHOWN).collect::<String>()),
        accepted_means: Some(ACCEPTED_MEANS),
        doubts: doubts(section)?,
        base_url: config.base_url().clone(),
        max_updates: 1,
        mapping,
        sink: Box::new(move |transport| {
            let sink = EngageLabSink::new(config, transport);
            Box::new(if let Some(quota) = quota { sink.with_quota(quota) } else { sink })
        }),
    })
}

/// Names of contacts that may be slips for known ones. They are no mistakes for sure, since a project may have its own; but
/// nobody would notice later, since the vendor's success does not say which contacts it left out.
fn doubts(section: &Section<'_>) -> Result<Vec<String>, ConfigError> {
    let known = ContactName::KNOWN;
    let known = || known.iter().map(ContactName::as_str);
    let set = section.required_section("set")?;
    let unknown = set.entries().filter(|(name, ..)| known().all(|known| known != *name));
    let doubt = |(name, span, _)| match contact_sink_mapping::near(name, known()) {
        hint if hint.is_empty() => None,
        hint => Some(
            set.failure(span, format!("{name:?} is no name of a contact in EngageLab's documents{hint}")).to_string(),
        ),
    };
    Ok(unknown.filter_map(doubt).collect())
}
