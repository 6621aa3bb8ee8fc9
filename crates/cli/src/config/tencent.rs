//! The sections of destinations at Tencent Chat: user attributes, and friends.

use contact_sink_core::{Field, FieldKind};
use contact_sink_mapping::{ConfigError, Mapping, Section, SubjectKind};
use contact_sink_tencent::{
    AttributesSink, Config, FriendField, FriendsSink, InvalidConfig, InvalidTencentField, MAX_ACCOUNTS, MAX_ATTRIBUTES,
    MAX_FRIENDS, Region, attribute,
};

use super::{Secrets, SinkBuilder, Vendor, base_url_or_region, quota};

/// The tags that a slip is held against; the key of a custom field is the app's own.
const TAGS: [&str; 3] = ["Tag_SNS_IM_Remark", "Tag_SNS_IM_Group", "Tag_SNS_Custom_"];

/// Reads `sdk_app_id`, `identifier`, `secret_key`, `region` or `base_url`, `quota`, `subject` and `set`.
pub(super) fn read_attributes(section: &Section<'_>, secrets: Secrets<'_>) -> Result<Vendor, ConfigError> {
    let (config, quota) = (config(section, secrets)?, quota(section)?);
    let mapping = Mapping::read(section, SubjectKind::User, &|written| {
        attribute(written).map(|field| (field, FieldKind::Text)).map_err(|error| error.to_string())
    })?;
    // Found at the first row that has them all, it would be found at every row.
    if mapping.fields().len() > MAX_ATTRIBUTES {
        let problem =
            format!("an app has at most {MAX_ATTRIBUTES} attributes, and these are {}", mapping.fields().len());
        return Err(section.failure_at("set", problem));
    }
    Ok(vendor(
        "im_set_attr",
        MAX_ACCOUNTS,
        &config.clone(),
        mapping,
        Box::new(move |transport| {
            let sink = AttributesSink::new(config, transport);
            Box::new(if let Some(quota) = quota { sink.with_quota(quota) } else { sink })
        }),
    ))
}

/// Reads the same, and `list_separator`.
pub(super) fn read_friends(section: &Section<'_>, secrets: Secrets<'_>) -> Result<Vendor, ConfigError> {
    let (config, quota) = (config(section, secrets)?, quota(section)?);
    // The key is known here also where no field is a list.
    section.text("list_separator")?;
    let mapping = Mapping::read(section, SubjectKind::Contact, &|written| {
        let field = written.parse::<FriendField>().map_err(|error| {
            // Whoever has a key after the prefix has a tag, and only the key is wrong.
            let hint = match error {
                InvalidTencentField::Tag => contact_sink_mapping::near(written, TAGS),
                _ => String::new(),
            };
            format!("{error}{hint}")
        })?;
        let kind = field.kind();
        Ok((Field::from(field), kind))
    })?;
    Ok(vendor(
        "friend_update",
        MAX_FRIENDS,
        &config.clone(),
        mapping,
        Box::new(move |transport| {
            let sink = FriendsSink::new(config, transport);
            Box::new(if let Some(quota) = quota { sink.with_quota(quota) } else { sink })
        }),
    ))
}

fn vendor(command: &'static str, max_updates: usize, config: &Config, mapping: Mapping, sink: SinkBuilder) -> Vendor {
    Vendor {
        // The vendor counts for each app and command.
        endpoint: command,
        account_id: config.sdk_app_id().to_string(),
        account: format!("app {}", config.sdk_app_id()),
        accepted_means: None,
        doubts: Vec::new(),
        base_url: config.base_url().clone(),
        max_updates,
        mapping,
        sink,
    }
}

fn config(section: &Section<'_>, secrets: Secrets<'_>) -> Result<Config, ConfigError> {
    let id = section.required_integer("sdk_app_id")?;
    let id = u64::try_from(id).ok().filter(|id| *id > 0).ok_or_else(|| {
        section.failure_at("sdk_app_id", "it is not above 0: write the SDKAppID as the vendor's console shows it")
    })?;
    let identifier = section.required_text("identifier")?;
    let key = secrets.fetch(section, "secret_key")?;
    let mut config = Config::new(id, identifier, key);
    if let Some(base_url) = base_url_or_region(section, Region::ALL.map(Region::name), Region::base_url)? {
        config = config.with_base_url(base_url);
    }
    if let Some(text) = section.text("usersig_lifetime")? {
        let lifetime = humantime::parse_duration(text)
            .map_err(|_| section.failure_at("usersig_lifetime", "it is a time like \"1d\" or \"12h\""))?;
        config = config.with_lifetime(lifetime);
    }
    if secrets.are_read {
        config.check().map_err(|error| {
            let key = match error {
                InvalidConfig::Lifetime => "usersig_lifetime",
                _ if error.is_about_key() => "secret_key",
                _ => "identifier",
            };
            section.failure_at(key, error.to_string())
        })?;
    }
    Ok(config)
}
