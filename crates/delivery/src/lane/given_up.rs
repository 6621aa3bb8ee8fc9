//! Whose update was given up while the lane goes on: no later one of a journal's run may overtake it, or the next run, which sends
//! it again, would undo what came after it.

use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;

use super::Lane;
use super::item::Item;
use crate::Outcome;

/// Subjects of which a numbered update has no end. Those of an update without a number go on: its caller knows what is newer.
#[derive(Debug, Default)]
pub(super) struct GivenUp {
    hasher: RandomState,
    /// Only hashes: nobody's data is kept. Two subjects that share one are both pending, no more.
    subjects: HashSet<u64>,
}

impl GivenUp {
    fn hash(&self, item: &Item) -> u64 {
        self.hasher.hash_one(item.update.subject())
    }
}

impl Lane {
    /// Takes in that an update leaves the lane with this outcome.
    pub(super) fn note_given_up(&mut self, item: &Item, outcome: &Outcome) {
        // After a stop nothing leaves any more.
        if !self.stopped && item.number.is_some() && matches!(outcome, Outcome::Unsettled { .. }) {
            self.given_up.subjects.insert(self.given_up.hash(item));
        }
    }

    /// Whether an earlier update of its subject is to be sent again before this one.
    pub(super) fn overtakes(&self, item: &Item) -> bool {
        item.number.is_some() && self.given_up.subjects.contains(&self.given_up.hash(item))
    }
}
