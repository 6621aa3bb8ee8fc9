//! Updates of an input behind one of their subject that was given up: the next run sends that one again, so nothing of this
//! run may overtake it, or an old value would end up above a newer one.

use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use super::Lane;
use super::item::Item;

/// Subjects with a numbered update that was given up. Only hashes: two subjects that share one leave an update pending.
#[derive(Debug, Default)]
pub(super) struct Behind {
    hasher: RandomState,
    subjects: HashSet<u64>,
}

impl Lane {
    /// Remembers an update that is given up. What has no number is sent again by nobody, so nothing waits for it.
    pub(super) fn remember_given_up(&mut self, item: &Item) {
        if item.number.is_some() && !self.stopped {
            let subject = self.behind.hasher.hash_one(item.update.subject());
            self.behind.subjects.insert(subject);
        }
    }

    /// Whether this one is left to the next run, like the one before it.
    pub(super) fn is_behind(&self, item: &Item) -> bool {
        let Behind { hasher, subjects } = &self.behind;
        item.number.is_some() && !subjects.is_empty() && subjects.contains(&hasher.hash_one(item.update.subject()))
    }
}
