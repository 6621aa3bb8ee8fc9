//! A project at EngageLab: its credentials, users and contacts, and a choice wherever the document is silent.

use std::collections::BTreeSet;
use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use serde::Deserialize;

use crate::choice::{ErrorStatus, Told, UnlistedCode};
use crate::quota::{self, Quota};

/// The EUIDs that the default world does not know.
pub const UNKNOWN_EUIDS: [i64; 1] = [1_234_567];

/// A project and its vendor's manners. `Debug` prints no secret, user id or value.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// The user name of HTTP Basic. No colon. Default `sandbox`.
    pub api_key: String,
    /// The password of HTTP Basic. Default `sandbox`.
    pub api_secret: String,
    /// The names of the contacts of which no two users may have the same value. The document only says that there is such a
    /// thing. Default `email` and `mobile_phone`.
    pub unique_contacts: BTreeSet<String>,
    /// What becomes of a unique contact that the user itself has already, with the same value. Default: it is set.
    pub own_value_again: OwnValueAgain,
    /// The names of the contacts that the project has. `None` (the default): any.
    pub contact_names: Option<BTreeSet<String>>,
    /// The HTTP status of all errors but those for credentials and quota. Default 200.
    pub error_status: ErrorStatus,
    /// How wrong or missing credentials are answered: by the documented 40050 in a 200 (the default), or 401.
    pub bad_credentials: Told,
    /// How a request over the quota is answered: 429, or [`over_quota_code`](Self::over_quota_code).
    pub over_quota: Told,
    /// Default 1910.
    pub over_quota_code: UnlistedCode,
    /// For what is not of the documented shape. The document has no code for it. Default 1911.
    pub invalid_request_code: UnlistedCode,
    /// For an EUID that does not exist. The document has no code for it. Default 1912.
    pub unknown_euid_code: UnlistedCode,
    /// The limit of all requests with right credentials together; `None` (in TOML `"off"`) is no limit. Default 1,000 in any
    /// minute, which the vendor documents for a sibling. A request over it is not applied and does not count in the window.
    #[serde(deserialize_with = "quota::quota_or_off")]
    pub quota: Option<Quota>,
    /// The EUIDs that exist. `None` (the default): all but [`unknown_euids`](Self::unknown_euids).
    pub euids: Option<BTreeSet<i64>>,
    /// The EUIDs that do not exist. `None` (the default): [`UNKNOWN_EUIDS`]. Not together with [`euids`](Self::euids).
    pub unknown_euids: Option<BTreeSet<i64>>,
}

/// What becomes of a unique contact that the user itself has already, with the same value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum OwnValueAgain {
    /// It is set once more.
    Ok,
    /// It exists, as if it were somebody else's: 55014, if it leaves nothing to store.
    Exists,
}

impl Settings {
    /// Checks what no single key can show.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.api_key.contains(':') {
            return Err("`api_key` has a colon, which HTTP Basic cannot carry".to_owned());
        }
        if self.euids.is_some() && self.unknown_euids.is_some() {
            return Err("`euids` and `unknown_euids` exclude each other".to_owned());
        }
        if self.contact_names.iter().chain([&self.unique_contacts]).flatten().any(String::is_empty) {
            return Err("`contact_names` or `unique_contacts` has an empty name".to_owned());
        }
        Ok(())
    }

    pub(super) fn knows(&self, euid: i64) -> bool {
        match (&self.euids, &self.unknown_euids) {
            (Some(euids), _) => euids.contains(&euid),
            (None, Some(unknown)) => !unknown.contains(&euid),
            (None, None) => !UNKNOWN_EUIDS.contains(&euid),
        }
    }

    pub(super) fn has(&self, contact: &str) -> bool {
        self.contact_names.as_ref().is_none_or(|names| names.contains(contact))
    }
}

impl Default for Settings {
    fn default() -> Self {
        let per = Duration::from_secs(60);
        Self {
            api_key: "sandbox".to_owned(),
            api_secret: "sandbox".to_owned(),
            unique_contacts: ["email", "mobile_phone"].map(str::to_owned).into(),
            own_value_again: OwnValueAgain::Ok,
            contact_names: None,
            error_status: ErrorStatus::Ok,
            bad_credentials: Told::Code,
            over_quota: Told::Status,
            over_quota_code: UnlistedCode::new(1910),
            invalid_request_code: UnlistedCode::new(1911),
            unknown_euid_code: UnlistedCode::new(1912),
            quota: NonZeroU32::new(1000).map(|requests| Quota { requests, per }),
            euids: None,
            unknown_euids: None,
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("api_key", &self.api_key)
            .field("unique_contacts", &self.unique_contacts)
            .field("own_value_again", &self.own_value_again)
            .field("contact_names", &self.contact_names)
            .field("error_status", &self.error_status)
            .field("bad_credentials", &self.bad_credentials)
            .field("over_quota", &(self.over_quota, self.over_quota_code))
            .field("invalid_request_code", &self.invalid_request_code)
            .field("unknown_euid_code", &self.unknown_euid_code)
            .field("quota", &self.quota)
            .field("euids", &self.euids.as_ref().map(BTreeSet::len))
            .field("unknown_euids", &self.unknown_euids.as_ref().map(BTreeSet::len))
            .finish_non_exhaustive()
    }
}
