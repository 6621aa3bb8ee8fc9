//! What the vendor's crate says of itself: one kit for user attributes, one for friends.

use contact_sink_core::{Field, FieldKind, SubjectKind};
use contact_sink_transport::{InvalidValue, Key, KeyKind, Kit, Opening, Values};

use crate::sink::{attributes, friends};
use crate::{
    AttributesSink, Config, FriendField, FriendsSink, InvalidConfig, InvalidTencentField, MAX_ACCOUNTS, MAX_ATTRIBUTES,
    MAX_FRIENDS, VENDOR, attribute, region,
};

const APP_ID: Key = Key::required("sdk_app_id", KeyKind::Integer(1), "The SDKAppID as the vendor's console shows it.");
const IDENTIFIER: Key = Key::required("identifier", KeyKind::Text, "The account that calls: an app admin.");
const SECRET_KEY: Key = Key::required("secret_key", KeyKind::Secret, "The app's secret key.");
const LIFETIME: Key = Key::optional(
    "usersig_lifetime",
    KeyKind::Duration,
    "1d",
    "How long a UserSig lives: 5 minutes to 100 years. It is made anew at 80 % of that.",
);
const SEPARATOR: Key =
    Key::optional("list_separator", KeyKind::Text, ";", "What is between the entries of a list in one cell.");

/// The tags that a slip is compared with; the key of a custom field is the app's own.
const TAGS: [&str; 3] = ["Tag_SNS_IM_Remark", "Tag_SNS_IM_Group", "Tag_SNS_Custom_KEY"];

/// The destinations of this vendor: `tencent-attributes` and `tencent-friends`.
pub const KITS: &[Kit] = &[ATTRIBUTES, FRIENDS];

const ATTRIBUTES: Kit = Kit {
    name: "tencent-attributes",
    vendor: &VENDOR,
    call: "set_attributes",
    endpoint: "im_set_attr",
    keys: &[APP_ID, IDENTIFIER, SECRET_KEY, LIFETIME],
    regions: region::ALL,
    account_key: "sdk_app_id",
    account: |values| format!("app {}", values.integer("sdk_app_id")),
    subject: SubjectKind::User,
    field: |_, written| attribute(written).map(|field| (field, FieldKind::Text)).map_err(InvalidValue::of_field),
    known_fields: &[],
    max_fields: Some(MAX_ATTRIBUTES),
    max_updates: MAX_ACCOUNTS,
    quota: attributes::QUOTA,
    accepted_means: None,
    check: |_| Ok(()),
    open: |opening| {
        let (config, quota) = (config(opening)?, opening.quota);
        Ok(Box::new(move |transport| Box::new(AttributesSink::new(config, transport).with_quota(quota))))
    },
    example: include_str!("attributes.toml"),
    docs: include_str!("docs.md"),
};

const FRIENDS: Kit = Kit {
    name: "tencent-friends",
    call: "update_friends",
    endpoint: "friend_update",
    keys: &[APP_ID, IDENTIFIER, SECRET_KEY, LIFETIME, SEPARATOR],
    subject: SubjectKind::Contact,
    field: friend_field,
    max_fields: None,
    max_updates: MAX_FRIENDS,
    quota: friends::QUOTA,
    open: |opening| {
        let (config, quota) = (config(opening)?, opening.quota);
        Ok(Box::new(move |transport| Box::new(FriendsSink::new(config, transport).with_quota(quota))))
    },
    example: include_str!("friends.toml"),
    ..ATTRIBUTES
};

fn friend_field(_: &Values, written: &str) -> Result<(Field, FieldKind), InvalidValue> {
    match written.parse::<FriendField>() {
        Ok(field) => {
            let kind = field.kind();
            Ok((field.into(), kind))
        }
        // With a key after the prefix it is a tag, and only the key is wrong.
        Err(InvalidTencentField::Tag) => {
            Err(InvalidValue::of_field("a friend has no such field").instead_of(written, TAGS))
        }
        Err(error) => Err(InvalidValue::of_field(error)),
    }
}

fn config(opening: &Opening<'_>) -> Result<Config, InvalidValue> {
    let values = opening.values;
    let of_key = |error| {
        let key = match error {
            InvalidConfig::Lifetime => LIFETIME,
            InvalidConfig::NoApp => APP_ID,
            error if error.is_about_key() => SECRET_KEY,
            _ => IDENTIFIER,
        };
        InvalidValue::new(key.name, error)
    };
    let app = values.integer(APP_ID.name).unsigned_abs();
    let config = Config::new(app, values.text(IDENTIFIER.name), values.secret(SECRET_KEY.name)).map_err(of_key)?;
    let lifetime = values.duration(LIFETIME.name).unwrap_or(Config::DEFAULT_LIFETIME);
    let clock = opening.clock.clone();
    let config = config.with_lifetime(lifetime).map_err(of_key)?;
    Ok(config.with_base_url(opening.base_url.clone()).with_clock(move || clock()))
}
