//! What the vendor's crate says of itself.

use contact_sink_core::SubjectKind;
use contact_sink_transport::{InvalidValue, Key, KeyKind, Kit};

use crate::sink::QUOTA;
use crate::{CONTACTS, Config, EngageLabSink, VENDOR, contact, kind, region};

const KEYS: &[Key] = &[
    Key::required("api_key", KeyKind::BasicId("api_secret"), "The key of a data source of type API."),
    Key::required("api_secret", KeyKind::Secret, "Its secret."),
];

/// How much of an API key is shown: it is half of the credentials.
const SHOWN: usize = 4;

/// The destinations of this vendor: one, `engagelab`.
pub const KITS: &[Kit] = &[Kit {
    name: "engagelab",
    vendor: &VENDOR,
    call: "set_contacts",
    endpoint: "contacts",
    keys: KEYS,
    regions: region::ALL,
    account_key: "api_key",
    account: |values| format!("API key {}..", values.text("api_key").chars().take(SHOWN).collect::<String>()),
    subject: SubjectKind::User,
    field: |_, written| {
        let field = contact(written).map_err(InvalidValue::of_field)?;
        let kind = kind(&field);
        Ok((field, kind))
    },
    known_fields: &[CONTACTS[0].0, CONTACTS[1].0, CONTACTS[2].0, CONTACTS[3].0],
    max_fields: None,
    max_updates: 1,
    quota: QUOTA,
    accepted_means: Some(
        "accepted means success or partial success: EngageLab does not say which, nor which fields it left out",
    ),
    check: |_| Ok(()),
    open: |opening| {
        let config = Config::new(opening.values.text("api_key"), opening.values.secret("api_secret"));
        let config = config.map_err(|error| {
            InvalidValue::new(if error.is_about_secret() { "api_secret" } else { "api_key" }, error)
        })?;
        let (config, quota) = (config.with_base_url(opening.base_url.clone()), opening.quota);
        Ok(Box::new(move |transport| Box::new(EngageLabSink::new(config, transport).with_quota(quota))))
    },
    example: include_str!("example.toml"),
    docs: include_str!("docs.md"),
}];
