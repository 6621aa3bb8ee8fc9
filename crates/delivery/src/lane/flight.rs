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

/// Whether a request repeats one that failed, or that the vendor asked to be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    No,
    Yes,
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

    /// Whether it repeats a refusal that the vendor's table does not explain.
    pub(super) fn is_heard_again(&self) -> bool {
        let field = |item: &Item| item.split.as_ref().is_some_and(|split| split.refused_once);
        self.purpose == Purpose::Conviction || (self.purpose == Purpose::Field && self.items.iter().any(field))
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
    all: BTreeMap<Place, Flight>,
    next: u64,
}

impl Flights {
    pub(super) fn push(&mut self, key: BatchKey, stack: Vec<Group>, not_before: Instant) {
        if stack.is_empty() {
            return;
        }
        self.next += 1;
        self.all.insert((not_before, self.next), Flight { key, stack });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The first flight that is due and that the caller lets go.
    pub(super) fn first_due(&self, now: Instant, may_go: impl Fn(&BatchKey, &Group) -> bool) -> Option<Place> {
        let mut due = self.all.range(..=(now, u64::MAX));
        due.find(|(_, flight)| flight.stack.last().is_some_and(|top| may_go(&flight.key, top))).map(|(at, _)| *at)
    }

    pub(super) fn next_due_after(&self, now: Instant) -> Option<Instant> {
        self.all.range((now, u64::MAX)..).next().map(|((at, _), _)| *at)
    }

    /// Takes the flight at this place: its key, the group that leaves, and what follows.
    pub(super) fn take(&mut self, place: Place) -> Option<(BatchKey, Group, Vec<Group>)> {
        let mut flight = self.all.remove(&place)?;
        let group = flight.stack.pop()?;
        Some((flight.key, group, flight.stack))
    }

    /// Whether a request that was refused as a whole is still being taken apart.
    pub(super) fn is_isolating(&self) -> bool {
        self.all.values().flat_map(|flight| &flight.stack).any(|group| group.purpose == Purpose::Isolation)
    }

    /// The `seq` of all whole updates that wait here.
    pub(super) fn waiting(&self) -> impl Iterator<Item = u64> {
        let groups = self.all.values().flat_map(|flight| &flight.stack).filter(|group| group.purpose != Purpose::Field);
        groups.flat_map(|group| &group.items).map(|item| item.seq)
    }

    /// Takes this update out, with how and when it was to be sent.
    pub(super) fn pick(&mut self, seq: u64) -> Option<(Item, Again, Instant)> {
        let (place, (item, again)) =
            self.all.iter_mut().find_map(|(place, flight)| Some((*place, flight.pick(seq)?)))?;
        if self.all.get(&place).is_some_and(|flight| flight.stack.is_empty()) {
            self.all.remove(&place);
        }
        Some((item, again, place.0))
    }

    pub(super) fn drain(&mut self) -> Vec<Item> {
        std::mem::take(&mut self.all)
            .into_values()
            .flat_map(|flight| flight.stack)
            .flat_map(|group| group.items)
            .collect()
    }
}

impl Flight {
    fn pick(&mut self, seq: u64) -> Option<(Item, Again)> {
        let wanted = |group: &Group| group.items.iter().position(|item| item.seq == seq);
        let (nth, place) = self.stack.iter().enumerate().find_map(|(nth, group)| Some((nth, wanted(group)?)))?;
        let group = &mut self.stack[nth];
        let picked = (group.items.remove(place), group.again);
        if group.items.is_empty() {
            self.stack.remove(nth);
        }
        Some(picked)
    }
}
