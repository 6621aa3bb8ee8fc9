//! What has been stored and whose it is, and how many requests ended in which way.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use super::settings::{OwnValueAgain, Settings};

/// How many requests came to the path since the start or the last reset, and how they ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Counters {
    /// All of them, whatever their method.
    pub requests: u64,
    /// Answered with code 0.
    pub accepted: u64,
    /// Those of them that left a contact out, since somebody has it.
    pub partly: u64,
    /// Refused with any other code, or with 405, 413 or 415.
    pub refused: u64,
    /// Refused for the credentials.
    pub bad_credentials: u64,
    /// Refused for the quota.
    pub over_quota: u64,
    /// The users for whom something is stored.
    pub users: u64,
}

/// Name and value of each contact of a user.
type Contacts = Vec<(Box<str>, Box<str>)>;

/// The contacts.
pub(super) struct Store {
    keep: bool,
    users: BTreeMap<i64, Contacts>,
    /// Who has which value, by the names of the unique contacts.
    owners: HashMap<Box<str>, HashMap<Box<str>, i64>>,
    counters: Counters,
}

impl Store {
    /// With `keep` false it counts and forgets, and nothing is anybody's.
    pub(super) fn new(keep: bool) -> Self {
        Self { keep, users: BTreeMap::new(), owners: HashMap::new(), counters: Counters::default() }
    }

    /// Sets one contact, unless it is taken; says whether it has.
    pub(super) fn set(&mut self, euid: i64, name: &str, value: &str, settings: &Settings) -> bool {
        if !self.keep {
            return true;
        }
        let unique = settings.unique_contacts.contains(name);
        if unique {
            let owner = self.owners.get(name).and_then(|owners| owners.get(value));
            let taken = match settings.own_value_again {
                OwnValueAgain::Ok => owner.is_some_and(|&owner| owner != euid),
                OwnValueAgain::Exists => owner.is_some(),
            };
            if taken {
                return false;
            }
        }
        let contacts = self.users.entry(euid).or_default();
        let former = match contacts.iter_mut().find(|(named, _)| **named == *name) {
            Some((_, old)) => Some(std::mem::replace(old, value.into())),
            None => {
                contacts.push((name.into(), value.into()));
                None
            }
        };
        if unique {
            let owners = self.owners.entry(name.into()).or_default();
            if let Some(former) = former {
                owners.remove(&former);
            }
            owners.insert(value.into(), euid);
        }
        true
    }

    pub(super) fn contacts(&self, euid: i64) -> Option<impl Iterator<Item = (&str, &str)>> {
        Some(self.users.get(&euid)?.iter().map(|(name, value)| (name.as_ref(), value.as_ref())))
    }

    pub(super) fn euids(&self) -> impl Iterator<Item = i64> {
        self.users.keys().copied()
    }

    pub(super) fn counters(&self) -> Counters {
        Counters { users: self.users.len() as u64, ..self.counters }
    }

    pub(super) fn counters_mut(&mut self) -> &mut Counters {
        &mut self.counters
    }

    pub(super) fn forget(&mut self) {
        *self = Self::new(self.keep);
    }
}
