//! What has been saved, and how many requests ended in which way.

use std::collections::BTreeMap;

use serde::Serialize;

use super::rules::Field;

/// How many requests came to the path since the start or the last reset, and how they ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Counters {
    /// All of them, whatever their method.
    pub requests: u64,
    /// Answered with code 0.
    pub accepted: u64,
    /// Refused with 4000, 4107, 40002 or 40011, or with 405, 413 or 415.
    pub refused: u64,
    /// Refused for the credentials.
    pub bad_credentials: u64,
    /// Refused for the quota.
    pub over_quota: u64,
    /// The users for whom something is stored.
    pub users: u64,
}

/// The saved values: a few dozen bytes for each beside its text.
pub(super) struct Store {
    keep: bool,
    users: BTreeMap<i64, Vec<(Field, Box<str>)>>,
    counters: Counters,
}

impl Store {
    /// With `keep` false it counts and forgets.
    pub(super) fn new(keep: bool) -> Self {
        Self { keep, users: BTreeMap::new(), counters: Counters::default() }
    }

    /// Sets the values that are named and leaves the others as they are.
    pub(super) fn set(&mut self, cuid: i64, values: &[(Field, &str)]) {
        if !self.keep {
            return;
        }
        let stored = self.users.entry(cuid).or_insert_with(|| Vec::with_capacity(values.len()));
        for &(field, value) in values {
            match stored.iter_mut().find(|(named, _)| *named == field) {
                Some((_, old)) => *old = value.into(),
                None => stored.push((field, value.into())),
            }
        }
    }

    pub(super) fn values(&self, cuid: i64) -> Option<impl Iterator<Item = (Field, &str)>> {
        Some(self.users.get(&cuid)?.iter().map(|(field, value)| (*field, value.as_ref())))
    }

    pub(super) fn cuids(&self) -> impl Iterator<Item = i64> {
        self.users.keys().copied()
    }

    pub(super) fn counters(&self) -> Counters {
        Counters { users: self.users.len() as u64, ..self.counters }
    }

    pub(super) fn counters_mut(&mut self) -> &mut Counters {
        &mut self.counters
    }

    pub(super) fn forget(&mut self) {
        self.users.clear();
        self.counters = Counters::default();
    }
}
