//! What makes a user's values impossible to save (4107), and how that is worded.

use std::collections::{BTreeSet, HashMap};

use super::settings::{Kind, Settings, Wording};
use super::wire::User;
use crate::strict::{Object, Texts};

/// A label of a channel, by its place among all that the project has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Field(u32);

/// The project, arranged for looking things up.
pub(super) struct Rules {
    settings: Settings,
    channels: HashMap<i64, Labels>,
    names: Vec<String>,
}

struct Labels {
    kind: Kind,
    fields: HashMap<String, Field>,
}

const REGISTRATION_ID_CHARS: std::ops::RangeInclusive<usize> = 11..=64;
const MOBILE_DIGITS: usize = 11;

impl Rules {
    pub(super) fn new(settings: &Settings) -> Self {
        let mut names = Vec::new();
        let mut channels = HashMap::new();
        for channel in &settings.channels {
            let mut fields = HashMap::new();
            for (label, number) in channel.labels.iter().zip(names.len() as u32..) {
                fields.insert(label.clone(), Field(number));
            }
            names.extend(channel.labels.iter().map(|label| format!("{}/{label}", channel.id)));
            channels.insert(channel.id, Labels { kind: channel.kind, fields });
        }
        Self { settings: settings.clone(), channels, names }
    }

    /// `210/默认联系`.
    pub(super) fn name(&self, field: Field) -> &str {
        self.names.get(field.0 as usize).map_or("", String::as_str)
    }

    /// The values to save, or the texts of all errors, in the order of the request.
    pub(super) fn judge<'a>(&self, user: &'a User<'_>) -> Result<Vec<(Field, &'a str)>, Vec<String>> {
        if !self.settings.knows(user.cuid) {
            return Err(vec![published(user.cuid, "CUID不存在")]);
        }
        let mut good = Vec::new();
        let mut errors = Vec::new();
        for Object(channel) in &user.channels {
            let labels = self.channels.get(&channel.id);
            let Texts(values) = &channel.channel_values;
            for (label, value) in values {
                match labels.map(|labels| (labels.kind, labels.fields.get(label.as_ref()))) {
                    None => errors.push(self.unpublished(channel.id, label, value, "通道ID不存在")),
                    Some((_, None)) => errors.push(published(label, "联系标签不存在")),
                    Some((Kind::Sms, _)) if !is_mobile(value) => {
                        errors.push(self.unpublished(channel.id, label, value, "短信通道值无效"));
                    }
                    Some((Kind::App, _)) if !is_registration_id(value, &self.settings.unknown_registration_ids) => {
                        errors.push(self.unpublished(channel.id, label, value, "jg_registration_id无效"));
                    }
                    Some((_, Some(&field))) => good.push((field, value.as_ref())),
                }
            }
        }
        if errors.is_empty() { Ok(good) } else { Err(errors) }
    }

    /// An error whose text no page shows; the document only lists the cause.
    fn unpublished(&self, id: i64, label: &str, value: &str, cause: &str) -> String {
        match self.settings.wording {
            Wording::Label => published(label, cause),
            Wording::Value => published(value, cause),
            Wording::Id => published(id, cause),
            Wording::Nothing => format!("通道信息保存异常!{cause}"),
        }
    }
}

/// An error worded as the document's two samples are.
fn published(token: impl std::fmt::Display, cause: &str) -> String {
    format!("通道信息保存异常![{token}] {cause}")
}

fn is_mobile(value: &str) -> bool {
    value.len() == MOBILE_DIGITS
        && value.bytes().all(|byte| byte.is_ascii_digit())
        && matches!(value.as_bytes(), [b'1', b'3'..=b'9', ..])
}

fn is_registration_id(value: &str, unknown: &BTreeSet<String>) -> bool {
    REGISTRATION_ID_CHARS.contains(&value.len())
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && !unknown.contains(value)
}
