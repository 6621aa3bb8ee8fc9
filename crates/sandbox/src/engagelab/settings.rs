//! A project at EngageLab: its credentials, users and contacts, and a choice wherever the document is silent.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::time::Duration;

use serde::Deserialize;

use crate::choice::{ErrorStatus, Told, UnlistedCode, check_user_name, check_users, exists};
use crate::quota::{self, Quota};
use crate::secret::Secret;
use crate::vendor::VendorSettings;

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
    pub api_secret: Secret,
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

debug_shows!(Settings: api_key, unique_contacts, own_value_again, contact_names, error_status, bad_credentials, over_quota, quota);

impl Settings {
    pub(super) fn knows(&self, euid: i64) -> bool {
        exists(&euid, self.euids.as_ref(), self.unknown_euids.as_ref(), !UNKNOWN_EUIDS.contains(&euid))
    }

    pub(super) fn has(&self, contact: &str) -> bool {
        self.contact_names.as_ref().is_none_or(|names| names.contains(contact))
    }
}

impl VendorSettings for Settings {
    fn check(&self) -> Result<(), String> {
        check_user_name("api_key", &self.api_key)?;
        check_users("euids", self.euids.as_ref(), self.unknown_euids.as_ref())?;
        if self.contact_names.iter().chain([&self.unique_contacts]).flatten().any(String::is_empty) {
            return Err("`contact_names` or `unique_contacts` has an empty name".to_owned());
        }
        Ok(())
    }

    fn secret(&mut self) -> &mut Secret {
        &mut self.api_secret
    }

    fn quotas(&mut self) -> Vec<&mut Option<Quota>> {
        vec![&mut self.quota]
    }

    fn login(&self) -> String {
        format!("api_key = {:?}", self.api_key)
    }
}

impl Default for Settings {
    fn default() -> Self {
        let per = Duration::from_secs(60);
        Self {
            api_key: "sandbox".to_owned(),
            api_secret: "sandbox".into(),
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
