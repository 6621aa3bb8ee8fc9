//! What is stored for each user: fields and their values.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

/// The users by their ids, each with fields and values in the order in which they were first set.
pub(crate) struct Users<Id, Name> {
    keep: bool,
    users: BTreeMap<Id, Vec<(Name, Box<str>)>>,
}

impl<Id: Ord + Clone, Name: AsRef<str>> Users<Id, Name> {
    /// With `keep` false it stores nothing.
    pub(crate) fn new(keep: bool) -> Self {
        Self { keep, users: BTreeMap::new() }
    }

    /// Whether anything is stored.
    pub(crate) fn keeps(&self) -> bool {
        self.keep
    }

    /// Sets a field, leaves the others as they are, and gives the former value.
    pub(crate) fn set(&mut self, id: Id, name: Name, value: &str) -> Option<Box<str>> {
        if !self.keep {
            return None;
        }
        let fields = self.users.entry(id).or_default();
        match fields.iter_mut().find(|(named, _)| named.as_ref() == name.as_ref()) {
            Some((_, old)) => Some(std::mem::replace(old, value.into())),
            None => {
                fields.push((name, value.into()));
                None
            }
        }
    }

    /// The fields of a user; `None` for a user for whom nothing is stored.
    pub(crate) fn fields<Q: Ord + ?Sized>(&self, id: &Q) -> Option<BTreeMap<String, String>>
    where
        Id: Borrow<Q>,
    {
        let fields = self.users.get(id)?.iter();
        Some(fields.map(|(name, value)| (name.as_ref().to_owned(), String::from(value.as_ref()))).collect())
    }

    /// The users for whom something is stored, in order.
    pub(crate) fn ids(&self) -> Vec<Id> {
        self.users.keys().cloned().collect()
    }

    /// How many they are.
    pub(crate) fn count(&self) -> u64 {
        self.users.len() as u64
    }

    /// Forgets them.
    pub(crate) fn clear(&mut self) {
        self.users.clear();
    }
}

impl<Id: Serialize, Name: AsRef<str>> Serialize for Users<Id, Name> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        /// The fields of one user.
        struct Fields<'a, Name>(&'a [(Name, Box<str>)]);
        impl<Name: AsRef<str>> Serialize for Fields<'_, Name> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_map(self.0.iter().map(|(name, value)| (name.as_ref(), value)))
            }
        }
        serializer.collect_map(self.users.iter().map(|(id, fields)| (id, Fields(fields))))
    }
}
