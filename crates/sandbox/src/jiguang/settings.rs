//! A project at Jiguang: its credentials, users and channels, and a choice wherever the document is silent.

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use serde::Deserialize;

use crate::choice::{ErrorStatus, GoodUsers, Told, UnlistedCode, check_user_name, check_users, exists};
use crate::quota::{self, Quota};
use crate::secret::Secret;
use crate::vendor::VendorSettings;

/// The CUIDs that the default world does not know: the one of the document's error example.
pub const UNKNOWN_CUIDS: [i64; 1] = [1_234_567];

/// A project and its vendor's manners. `Debug` prints no secret, user id or value.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// The user name of HTTP Basic. No colon. Default `sandbox`.
    pub project_id: String,
    /// The password of HTTP Basic. Default `sandbox`.
    pub project_secret: Secret,
    /// Whether the good users of a request that is answered 4107 or 4000 are saved. In TOML `good_users_of_a_refused_batch`.
    #[serde(rename = "good_users_of_a_refused_batch")]
    pub good_users: GoodUsers,
    /// What the bracket holds in the errors whose wording is not published. Default: the label.
    pub wording: Wording,
    /// The HTTP status of 4000, 4107, 40002 and 40011. Default 200.
    pub error_status: ErrorStatus,
    /// How wrong or missing credentials are answered: 401, or [`bad_credentials_code`](Self::bad_credentials_code).
    pub bad_credentials: Told,
    /// Default 1901.
    pub bad_credentials_code: UnlistedCode,
    /// How a request over the quota is answered: 429, or [`over_quota_code`](Self::over_quota_code).
    pub over_quota: Told,
    /// Default 1902.
    pub over_quota_code: UnlistedCode,
    /// The limit of all requests with right credentials together; `None` (in TOML `"off"`) is no limit. Default 100 in any
    /// second. A request over it is not applied and does not count in the window.
    #[serde(deserialize_with = "quota::quota_or_off")]
    pub quota: Option<Quota>,
    /// The CUIDs that exist. `None` (the default): all but [`unknown_cuids`](Self::unknown_cuids).
    pub cuids: Option<BTreeSet<i64>>,
    /// The CUIDs that do not exist. `None` (the default): [`UNKNOWN_CUIDS`]. Not together with [`cuids`](Self::cuids).
    pub unknown_cuids: Option<BTreeSet<i64>>,
    /// Registration IDs that are well formed and refused all the same. Default: none.
    pub unknown_registration_ids: BTreeSet<String>,
    /// The channels. Default: 210 for SMS, 219 for mail, 2210 for app notifications, each with the labels 默认联系 and 自定义联系.
    pub channels: Vec<Channel>,
}

/// A channel of the project.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Channel {
    /// The channel id.
    pub id: i64,
    /// What values it takes.
    pub kind: Kind,
    /// The contact labels that it has.
    pub labels: Vec<String>,
}

/// What values a channel takes, besides that none may be empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Kind {
    /// 11 digits in mobile phone format: `1`, a digit from 3 to 9, nine digits. The document says only "an 11-digit number
    /// in mobile phone number format".
    Sms,
    /// Anything: the document has no rule.
    Mail,
    /// A Registration ID. The document has no rule; taken here: 11 to 64 ASCII letters and digits, and not in
    /// [`Settings::unknown_registration_ids`].
    App,
    /// Anything.
    Other,
}

/// What stands in the bracket of an error about a channel id, a Registration ID or an SMS value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Wording {
    /// The contact label.
    Label,
    /// The value.
    Value,
    /// The channel id.
    Id,
    /// There is no bracket.
    Nothing,
}

debug_shows!(Settings: project_id, good_users, wording, error_status, bad_credentials, over_quota, quota, channels);

impl Settings {
    pub(super) fn knows(&self, cuid: i64) -> bool {
        exists(&cuid, self.cuids.as_ref(), self.unknown_cuids.as_ref(), !UNKNOWN_CUIDS.contains(&cuid))
    }
}

impl VendorSettings for Settings {
    fn check(&self) -> Result<(), String> {
        check_user_name("project_id", &self.project_id)?;
        check_users("cuids", self.cuids.as_ref(), self.unknown_cuids.as_ref())?;
        let mut ids = BTreeSet::new();
        for channel in &self.channels {
            let mut labels = BTreeSet::new();
            if !ids.insert(channel.id) {
                return Err(format!("`channels`: channel {} stands there twice", channel.id));
            }
            if channel.labels.iter().any(String::is_empty) || !channel.labels.iter().all(|label| labels.insert(label)) {
                return Err(format!("`channels`: channel {} has an empty label, or one twice", channel.id));
            }
        }
        Ok(())
    }

    fn secret(&mut self) -> &mut Secret {
        &mut self.project_secret
    }

    fn quotas(&mut self) -> Vec<&mut Option<Quota>> {
        vec![&mut self.quota]
    }

    fn login(&self) -> String {
        format!("project_id = {:?}", self.project_id)
    }
}

impl Default for Settings {
    fn default() -> Self {
        let labels = ["默认联系", "自定义联系"];
        Self {
            project_id: "sandbox".to_owned(),
            project_secret: "sandbox".into(),
            good_users: GoodUsers::Saved,
            wording: Wording::Label,
            error_status: ErrorStatus::Ok,
            bad_credentials: Told::Status,
            bad_credentials_code: UnlistedCode::new(1901),
            over_quota: Told::Status,
            over_quota_code: UnlistedCode::new(1902),
            quota: NonZeroU32::new(100).map(Quota::per_second),
            cuids: None,
            unknown_cuids: None,
            unknown_registration_ids: BTreeSet::new(),
            channels: vec![
                Channel::new(210, Kind::Sms, labels),
                Channel::new(219, Kind::Mail, labels),
                Channel::new(2210, Kind::App, labels),
            ],
        }
    }
}

impl Channel {
    /// A channel with these labels.
    pub fn new(id: i64, kind: Kind, labels: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { id, kind, labels: labels.into_iter().map(Into::into).collect() }
    }
}
