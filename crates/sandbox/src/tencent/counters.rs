//! How many requests ended in which way.

use serde::Serialize;

use super::command::Command;

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

impl Counters {
    pub(super) fn of(&mut self, command: Command) -> &mut Tally {
        match command {
            Command::SetAttr => &mut self.im_set_attr,
            Command::GetAttr => &mut self.im_get_attr,
            Command::RemoveAttr => &mut self.im_remove_attr,
            Command::SetAttrName => &mut self.im_set_attr_name,
            Command::GetAttrName => &mut self.im_get_attr_name,
            Command::FriendUpdate => &mut self.friend_update,
        }
    }
}
