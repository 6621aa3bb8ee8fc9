//! What has been stored and whose it is.

use std::collections::HashMap;

use super::settings::{OwnValueAgain, Settings};
use crate::users::Users;

/// The contacts.
pub(super) struct Store {
    pub(super) users: Users<i64, Box<str>>,
    /// Who has which value, by the names of the unique contacts.
    owners: HashMap<Box<str>, HashMap<Box<str>, i64>>,
}

impl Store {
    /// With `keep` false it stores nothing, and nothing is anybody's.
    pub(super) fn new(keep: bool) -> Self {
        Self { users: Users::new(keep), owners: HashMap::new() }
    }

    /// Sets one contact, unless it is taken; says whether it has.
    pub(super) fn set(&mut self, euid: i64, name: &str, value: &str, settings: &Settings) -> bool {
        let unique = self.users.keeps() && settings.unique_contacts.contains(name);
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
        let former = self.users.set(euid, name.into(), value);
        if unique {
            let owners = self.owners.entry(name.into()).or_default();
            if let Some(former) = former {
                owners.remove(&former);
            }
            owners.insert(value.into(), euid);
        }
        true
    }

    pub(super) fn clear(&mut self) {
        self.users.clear();
        self.owners.clear();
    }
}
