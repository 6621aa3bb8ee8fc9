//! What the vendor's crate says of itself.

use contact_sink_core::SubjectKind;
use contact_sink_transport::{InvalidFieldName, InvalidValue, Key, KeyKind, Kit};

use crate::sink::QUOTA;
use crate::{Config, ContactName, EngageLabSink, VENDOR, contact, region};

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
        let field = contact(written).map_err(InvalidFieldName::new)?;
        Ok((field.clone(), ContactName::from(field).kind()))
    },
    known_fields: &["email", "mobile_phone", "landline_phone", "whatsapp_phone"],
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
