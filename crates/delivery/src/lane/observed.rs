//! What the lane tells its observer: numbers and names of what happens, never an update.

use std::time::Duration;

use tokio::time::Instant;

use super::Lane;
use super::flight::{Again, Group, Purpose};
use super::item::Item;
use crate::observe::{Departed, Leaving};

impl Purpose {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Batch => "batch",
            Self::Isolation => "isolation",
            Self::Try => "try",
            Self::Conviction => "conviction",
            Self::Field => "field",
        }
    }
}

impl Lane {
    pub(super) fn observe_departure(&self, group: &Group) -> Departed {
        let Group { items, purpose, again } = group;
        let numbers = || items.iter().filter_map(|item| item.number);
        self.observer.waits(self.held);
        self.observer.departs(Leaving {
            purpose: purpose.name(),
            updates: items.len(),
            attempt: next_attempt(items),
            is_retry: *again == Again::Yes,
            numbers: numbers().min().zip(numbers().max()),
        })
    }

    /// Some go again, and some have run out of tries.
    pub(super) fn observe_again(&self, left: &[Item], spent: &[Item], purpose: Purpose, not_before: Instant) {
        if !spent.is_empty() {
            self.observer.gives_up(spent.len());
        }
        if !left.is_empty() {
            let wait: Duration = not_before.saturating_duration_since(Instant::now());
            self.observer.retries(purpose.name(), left.len(), next_attempt(left), wait);
        }
    }
}

fn next_attempt(items: &[Item]) -> u32 {
    items.iter().map(|item| item.attempts).max().unwrap_or_default().saturating_add(1)
}
