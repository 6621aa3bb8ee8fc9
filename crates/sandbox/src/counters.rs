//! How requests to one path of a vendor ended.

use serde::Serialize;

/// How many requests came to a path since the start or the last reset, and how they ended. A request that a fault kept from
/// its effect is only counted as come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Counters {
    /// All of them, whatever their method.
    pub requests: u64,
    /// Answered with success.
    pub accepted: u64,
    /// Those of them that left something out, such as a contact that another user has.
    pub partly: u64,
    /// Refused for anything that is not below, such as the method, the size or what the body says.
    pub refused: u64,
    /// Refused for the credentials.
    pub bad_credentials: u64,
    /// Refused for the quota.
    pub over_quota: u64,
    /// The users for whom something is stored.
    pub users: u64,
    /// Refused since another request for the same users was in flight. Not every vendor does that.
    #[serde(skip)]
    pub(crate) conflicts: u64,
    /// What was left out of the accepted, item by item.
    #[serde(skip)]
    pub(crate) failed_items: u64,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// With success; so many items of it failed all the same.
    Accepted {
        failed: u64,
    },
    Refused,
    BadCredentials,
    OverQuota,
    Conflict,
}

impl End {
    /// With success, and nothing of it failed.
    pub(crate) const ACCEPTED: Self = Self::Accepted { failed: 0 };
}

impl Counters {
    pub(crate) fn count(&mut self, end: End) {
        match end {
            End::Accepted { failed } => {
                self.accepted += 1;
                self.partly += u64::from(failed > 0);
                self.failed_items += failed;
            }
            End::Refused => self.refused += 1,
            End::BadCredentials => self.bad_credentials += 1,
            End::OverQuota => self.over_quota += 1,
            End::Conflict => self.conflicts += 1,
        }
    }
}
