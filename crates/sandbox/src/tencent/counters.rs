//! How many requests ended in which way.

use serde::Serialize;

use crate::counters;

/// For each command, since the start or the last reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Counters {
    /// `im_set_attr`.
    pub im_set_attr: Tally,
    /// `im_get_attr`.
    pub im_get_attr: Tally,
    /// `im_remove_attr`.
    pub im_remove_attr: Tally,
    /// `im_set_attr_name`.
    pub im_set_attr_name: Tally,
    /// `im_get_attr_name`.
    pub im_get_attr_name: Tally,
    /// `friend_update`.
    pub friend_update: Tally,
}

/// How many requests came to one path, and how they ended. A request that a fault kept from its effect is only counted as come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Tally {
    /// All of them, whatever their method.
    pub requests: u64,
    /// Answered with `ErrorCode` 0, also where items have failed.
    pub accepted: u64,
    /// Refused for anything that is not below, or with 413.
    pub refused: u64,
    /// Refused for a UserSig that is there: 70001, 70003, 70009, 70013, 70014 or 70052.
    pub bad_signature: u64,
    /// Refused for the quota.
    pub over_quota: u64,
    /// Refused with 30008: another request for the same `From_Account` was in flight.
    pub conflicts: u64,
    /// Items of accepted requests that failed, in `ResultItem` or `ErrorList`.
    pub failed_items: u64,
}

impl From<counters::Counters> for Tally {
    fn from(counters: counters::Counters) -> Self {
        Self {
            requests: counters.requests,
            accepted: counters.accepted,
            refused: counters.refused,
            bad_signature: counters.bad_credentials,
            over_quota: counters.over_quota,
            conflicts: counters.conflicts,
            failed_items: counters.failed_items,
        }
    }
}
