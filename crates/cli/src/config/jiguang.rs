//! The section of a destination at Jiguang.

use std::collections::BTreeMap;

use contact_sink_core::{Field, FieldKind};
use contact_sink_jiguang::{ChannelField, ChannelKind, Config, JiguangSink, MAX_USERS, channel};

use contact_sink_mapping::{ConfigError, Mapping, Section, SubjectKind};

use super::{Secrets, Vendor, base_url, quota};

const KINDS: &[(&str, ChannelKind)] =
    &[("sms", ChannelKind::Sms), ("app", ChannelKind::App), ("mail", ChannelKind::Mail), ("other", ChannelKind::Other)];

/// A channel that the file gives a name.
#[derive(Debug, Clone, Copy)]
struct Channel {
    id: i64,
    kind: ChannelKind,
}

/// Reads `project_id`, `project_secret`, `base_url`, `quota`, `channels`, `subject` and `set`.
pub(super) fn read(section: &Section<'_>, secrets: Secrets<'_>) -> Result<Vendor, ConfigError> {
    let project_id = section.required_text("project_id")?;
    let secret = secrets.fetch(section, "project_secret")?;
    let mut config = Config::new(project_id, secret);
    if let Some(base_url) = base_url(section)? {
        config = config.with_base_url(base_url);
    }
    if secrets.are_read {
        config.check().map_err(|error| {
            section.failure_at(if error.is_about_secret() { "project_secret" } else { "project_id" }, error.to_string())
        })?;
    }
    let quota = quota(section)?;
    let channels = channels(section)?;
    let mapping = Mapping::read(section, SubjectKind::User, &|written| field(written, &channels))?;
    let (account, base_url) = (format!("project {project_id}"), config.base_url().clone());
    Ok(Vendor {
        endpoint: "channels",
        account_id: project_id.to_owned(),
        account,
        accepted_means: None,
        doubts: Vec::new(),
        base_url,
        max_updates: MAX_USERS,
        mapping,
        sink: Box::new(move |transport| {
            let mut sink = JiguangSink::new(config, transport);
            if let Some(quota) = quota {
                sink = sink.with_quota(quota);
            }
            Box::new(channels.values().fold(sink, |sink, channel| sink.with_channel(channel.id, channel.kind)))
        }),
    })
}

fn channels(section: &Section<'_>) -> Result<BTreeMap<String, Channel>, ConfigError> {
    let mut channels: BTreeMap<String, Channel> = BTreeMap::new();
    let Some(table) = section.section("channels")? else { return Ok(channels) };
    for (name, span, value) in table.entries() {
        if name.contains('/') || name.is_empty() || name.parse::<i64>().is_ok() {
            return Err(table.failure(span, format!("{name:?}: a channel's name is a word without a slash")));
        }
        let channel = table.below(name, value)?;
        let id = channel.required_integer("id")?;
        let kind = match channel.text("kind")? {
            None => ChannelKind::Other,
            Some(text) => KINDS.iter().find(|(name, _)| *name == text).map(|(_, kind)| *kind).ok_or_else(|| {
                let hint = contact_sink_mapping::hint(text, KINDS.iter().map(|(name, _)| *name));
                channel.failure_at("kind", format!("there is no kind {text:?}{hint}"))
            })?,
        };
        channel.finish()?;
        if let Some((other, _)) = channels.iter().find(|(_, known)| known.id == id && known.kind != kind) {
            return Err(table.failure(span, format!("{name:?}: {other:?} has the same id and another kind")));
        }
        channels.insert(name.to_owned(), Channel { id, kind });
    }
    Ok(channels)
}

/// `sms/默认联系` by the name of a channel, or `210/默认联系` by its id. What the values are, the channel's kind says.
fn field(written: &str, channels: &BTreeMap<String, Channel>) -> Result<(Field, FieldKind), String> {
    let Some((before, label)) = written.split_once('/') else {
        return Err(
            "a field is a channel's name or id, a slash and a contact label: sms/默认联系, 210/默认联系".to_owned()
        );
    };
    if let Some(known) = channels.get(before) {
        let field = channel(known.id, label).map_err(|error| error.to_string())?;
        return Ok((field, known.kind.field_kind()));
    }
    if before.starts_with(|first: char| first.is_ascii_digit() || first == '-') {
        let field = written.parse::<ChannelField>().map_err(|error| error.to_string())?;
        let known = channels.values().find(|channel| channel.id == field.id());
        let kind = known.map_or(ChannelKind::Other, |channel| channel.kind);
        return Ok((field.into(), kind.field_kind()));
    }
    Err(format!(
        "there is no channel {before:?} in \"channels\"{}",
        contact_sink_mapping::hint(before, channels.keys().map(String::as_str))
    ))
}
