//! What the vendor's crate says of itself.

use contact_sink_core::{Field, FieldKind, SubjectKind};
use contact_sink_transport::{InvalidValue, Key, KeyKind, Kit, Region, Values};

use crate::sink::QUOTA;
use crate::{ChannelField, ChannelKind, Config, DEFAULT_BASE_URL, JiguangSink, MAX_USERS, VENDOR, channel};

const KINDS: &[&str] = &["sms", "app", "mail", "other"];

const KEYS: &[Key] = &[
    Key::required("project_id", KeyKind::BasicId("project_secret"), "The id of the project."),
    Key::required("project_secret", KeyKind::Secret, "Its secret."),
    Key::optional("channels", KeyKind::Entries(CHANNEL), "none", "Names for channels, to be used in `set`."),
];

const CHANNEL: &[Key] = &[
    Key::required("id", KeyKind::Integer(i64::MIN), "The channel's id in the channel center."),
    Key::optional(
        "kind",
        KeyKind::OneOf(KINDS),
        "other",
        "What the channel carries: the numbers of `sms` are checked.",
    ),
];

/// The destinations of this vendor: one, `jiguang`.
pub const KITS: &[Kit] = &[Kit {
    name: "jiguang",
    vendor: &VENDOR,
    call: "set_channels",
    endpoint: "channels",
    keys: KEYS,
    regions: &[Region { name: "", url: DEFAULT_BASE_URL }],
    account_key: "project_id",
    account: |values| format!("project {}", values.text("project_id")),
    subject: SubjectKind::User,
    field,
    known_fields: &[],
    max_fields: None,
    max_updates: MAX_USERS,
    quota: QUOTA,
    accepted_means: None,
    check: check_channels,
    open: |opening| {
        let values = opening.values;
        let config = Config::new(values.text("project_id"), values.secret("project_secret")).map_err(|error| {
            InvalidValue::new(if error.is_about_secret() { "project_secret" } else { "project_id" }, error)
        })?;
        let (config, quota) = (config.with_base_url(opening.base_url.clone()), opening.quota);
        let channels: Vec<_> = channels(values).map(|(_, id, kind)| (id, kind)).collect();
        Ok(Box::new(move |transport| {
            let sink = JiguangSink::new(config, transport).with_quota(quota);
            Box::new(channels.into_iter().fold(sink, |sink, (id, kind)| sink.with_channel(id, kind)))
        }))
    },
    example: include_str!("example.toml"),
    docs: include_str!("docs.md"),
}];

/// Name, id and kind of the channels that a configuration names.
fn channels(values: &Values) -> impl Iterator<Item = (&str, i64, ChannelKind)> {
    values.entries("channels").map(|(name, channel)| {
        let kind = match channel.text("kind") {
            "sms" => ChannelKind::Sms,
            "app" => ChannelKind::App,
            "mail" => ChannelKind::Mail,
            _ => ChannelKind::Other,
        };
        (name, channel.integer("id"), kind)
    })
}

fn check_channels(values: &Values) -> Result<(), InvalidValue> {
    let refuse = |problem: String| Err(InvalidValue::new("channels", problem));
    for (name, id, kind) in channels(values) {
        if name.contains('/') || name.is_empty() || name.parse::<i64>().is_ok() {
            return refuse(format!("{name:?}: a channel's name is a word without a slash"));
        }
        let of_another_kind = channels(values).find(|(_, other, other_kind)| *other == id && *other_kind != kind);
        if let Some((other, ..)) = of_another_kind {
            return refuse(format!("{other:?} and {name:?} have the same id and different kinds: write one kind"));
        }
    }
    Ok(())
}

/// `sms/默认联系` by the name of a channel, or `210/默认联系` by its id. What the values are, the channel's kind says.
fn field(values: &Values, written: &str) -> Result<(Field, FieldKind), InvalidValue> {
    let Some((before, label)) = written.split_once('/') else {
        return Err(InvalidValue::of_field(
            "a field is a channel's name or id, a slash and a contact label: sms/默认联系, 210/默认联系",
        ));
    };
    if let Some((_, id, kind)) = channels(values).find(|(name, ..)| *name == before) {
        return Ok((channel(id, label).map_err(InvalidValue::of_field)?, kind.field_kind()));
    }
    if before.starts_with(|first: char| first.is_ascii_digit() || first == '-') {
        let field: ChannelField = written.parse().map_err(InvalidValue::of_field)?;
        let declared = channels(values).find(|(_, id, _)| *id == field.id());
        let kind = declared.map_or(ChannelKind::Other, |(.., kind)| kind);
        return Ok((field.into(), kind.field_kind()));
    }
    let problem = format!("there is no channel {before:?} in \"channels\"");
    Err(InvalidValue::of_field(problem).instead_of(before, channels(values).map(|(name, ..)| name)))
}
