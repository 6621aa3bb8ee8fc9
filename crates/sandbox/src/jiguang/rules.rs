//! What makes a user's values impossible to save (4107), and how that is worded.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::settings::{Channel, Kind, Settings, Wording};
use super::wire::User;
use crate::strict::{Object, Texts};

/// The project, arranged for looking things up.
pub(super) struct Rules {
    settings: Settings,
    channels: HashMap<i64, Labels>,
}

struct Labels {
    kind: Kind,
    /// The name of each in what is stored: `210/默认联系`.
    fields: HashMap<String, Arc<str>>,
}

const REGISTRATION_ID_CHARS: std::ops::RangeInclusive<usize> = 11..=64;
const MOBILE_DIGITS: usize = 11;

impl Rules {
    pub(super) fn new(settings: &Settings) -> Self {
        let labels = |channel: &Channel| Labels {
            kind: channel.kind,
            fields: channel
                .labels
                .iter()
                .map(|label| (label.clone(), format!("{}/{label}", channel.id).into()))
                .collect(),
        };
        let channels = settings.channels.iter().map(|channel| (channel.id, labels(channel))).collect();
        Self { settings: settings.clone(), channels }
    }

    /// The values to save, or the texts of all errors, in the order of the request.
    pub(super) fn judge<'a>(&self, user: &'a User<'_>) -> Result<Vec<(Arc<str>, &'a str)>, Vec<String>> {
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
                    Some((_, Some(field))) => good.push((field.clone(), value.as_ref())),
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
