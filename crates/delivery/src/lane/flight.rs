//! Requests that are to be sent again or taken apart: groups of updates, each with a reason and a time.

use std::collections::BTreeMap;

use contact_sink_core::{BatchKey, ContactUpdate};
use tokio::time::Instant;

use super::item::Item;

/// Why a request is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To deliver.
    Batch,
    /// To find out which update is to blame.
    Isolation,
    /// To find out whether anything at all is accepted.
    Try,
    /// To hear a refusal that the vendor's table does not explain once more.
    Conviction,
    /// To find out which field is to blame.
    Field,
}

/// Whether a request repeats one that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    No,
    /// It failed, or the vendor asked for another try.
    Failed,
    /// It was over the quota, and never looked at. The limiter makes it wait, so the retry budget need not.
    Throttled,
}

impl Again {
    pub(super) fn is_retry(self) -> bool {
        self != Self::No
    }

    pub(super) fn needs_budget(self) -> bool {
        self == Self::Failed
    }
}

/// The updates of one request to be.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) items: Vec<Item>,
    pub(super) purpose: Purpose,
    pub(super) again: Again,
}

impl Group {
    pub(super) fn new(items: Vec<Item>, purpose: Purpose) -> Self {
        Self { items, purpose, again: Again::No }
    }

    /// What the sink is given.
    pub(super) fn batch(&self) -> Vec<ContactUpdate> {
        match (self.purpose, self.items.as_slice()) {
            (Purpose::Field, [item]) => {
                let next = item.split.as_ref().map_or(0, |split| split.next);
                item.update.only(next).into_iter().collect()
            }
            (_, items) => items.iter().map(|item| item.update.clone()).collect(),
        }
    }
}

/// Groups that follow one another: the last one goes first.
#[derive(Debug)]
struct Flight {
    key: BatchKey,
    stack: Vec<Group>,
}

/// Where a flight waits.
pub(super) type Place = (Instant, u64);

/// Flights by the time at which they may leave, first come first served.
#[derive(Debug, Default)]
pub(super) struct Flights {
    waiting: BTreeMap<Place, Flight>,
    next: u64,
}

impl Flights {
    pub(super) fn push(&mut self, key: BatchKey, stack: Vec<Group>, not_before: Instant) {
        if !stack.is_empty() {
            self.next += 1;
            self.waiting.insert((not_before, self.next), Flight { key, stack });
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The first flight that is due and that the caller lets go.
    pub(super) fn first_due(&self, now: Instant, may_go: impl Fn(&BatchKey, &Group) -> bool) -> Option<Place> {
        self.due(now)
            .find(|(_, flight)| flight.stack.last().is_some_and(|top| may_go(&flight.key, top)))
            .map(|(at, _)| *at)
    }

    pub(super) fn has_due_retry(&self, now: Instant) -> bool {
        self.due(now).any(|(_, flight)| flight.stack.last().is_some_and(|top| top.again.needs_budget()))
    }

    pub(super) fn next_due_after(&self, now: Instant) -> Option<Instant> {
        self.waiting.range((now, u64::MAX)..).next().map(|((at, _), _)| *at)
    }

    /// Takes the flight at this place: its key, the group that leaves, and what follows.
    pub(super) fn take(&mut self, place: Place) -> Option<(BatchKey, Group, Vec<Group>)> {
        let mut flight = self.waiting.remove(&place)?;
        let group = flight.stack.pop()?;
        Some((flight.key, group, flight.stack))
    }

    /// The `seq` of all updates that wait here.
    pub(super) fn waiting(&self) -> impl Iterator<Item = u64> {
        self.waiting.values().flat_map(|flight| &flight.stack).flat_map(|group| &group.items).map(|item| item.seq)
    }

    /// Takes these updates out.
    pub(super) fn pick(&mut self, wanted: &[u64]) -> Vec<Item> {
        let mut picked = Vec::new();
        for flight in self.waiting.values_mut() {
            for group in &mut flight.stack {
                picked.extend(group.items.extract_if(.., |item| wanted.contains(&item.seq)));
            }
            flight.stack.retain(|group| !group.items.is_empty());
        }
        self.waiting.retain(|_, flight| !flight.stack.is_empty());
        picked
    }

    pub(super) fn drain(&mut self) -> Vec<Item> {
        let flights = std::mem::take(&mut self.waiting).into_values();
        flights.flat_map(|flight| flight.stack).flat_map(|group| group.items).collect()
    }

    fn due(&self, now: Instant) -> impl Iterator<Item = (&Place, &Flight)> {
        self.waiting.range(..=(now, u64::MAX))
    }
}
