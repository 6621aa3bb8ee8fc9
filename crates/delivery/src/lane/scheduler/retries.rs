//! Groups of updates that are to be sent again or taken apart, each with a purpose and a time.

use std::collections::BTreeMap;

use contact_sink_core::BatchKey;
use tokio::time::Instant;

use crate::lane::item::Key;

/// Why a request is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To deliver.
    Batch,
    /// To find out which update is at fault.
    Isolation,
    /// To find out whether anything at all is accepted.
    Canary,
    /// To confirm a refusal that the vendor's table does not explain.
    Confirm,
    /// To find out which field is at fault.
    Field,
    /// The same, to confirm a refusal.
    ConfirmField,
}

impl Purpose {
    /// How logs and metrics call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Batch => "batch",
            Self::Isolation => "isolation",
            Self::Canary => "try",
            Self::Confirm => "conviction",
            Self::Field | Self::ConfirmField => "field",
        }
    }

    pub(crate) fn confirms(self) -> bool {
        matches!(self, Self::Confirm | Self::ConfirmField)
    }

    pub(crate) fn is_of_a_field(self) -> bool {
        matches!(self, Self::Field | Self::ConfirmField)
    }
}

/// Whether a request repeats one that failed, or that the vendor asked to be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    No,
    Yes,
    /// It was answered as if a person had to act: a second answer of that kind is believed.
    AtOnce,
}

/// The updates of one request to be.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) items: Vec<Key>,
    pub(crate) purpose: Purpose,
    pub(crate) again: Again,
}

impl Group {
    pub(crate) fn new(items: Vec<Key>, purpose: Purpose) -> Self {
        Self { items, purpose, again: Again::No }
    }
}

/// Groups that follow one another: the last one goes first.
#[derive(Debug)]
struct Stack {
    key: BatchKey,
    groups: Vec<Group>,
}

/// Where a stack of groups waits.
pub(crate) type Place = (Instant, u64);

/// Stacks of groups by the time at which they may be sent, first come first served.
#[derive(Debug, Default)]
pub(crate) struct Retries {
    all: BTreeMap<Place, Stack>,
    next: u64,
}

impl Retries {
    pub(crate) fn push(&mut self, key: BatchKey, groups: Vec<Group>, not_before: Instant) {
        if !groups.is_empty() {
            self.next += 1;
            self.all.insert((not_before, self.next), Stack { key, groups });
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The first stack that is due and that the caller lets go.
    pub(crate) fn first_due(&self, now: Instant, may_go: impl Fn(&BatchKey, &Group) -> bool) -> Option<Place> {
        let mut due = self.all.range(..=(now, u64::MAX));
        due.find(|(_, stack)| stack.groups.last().is_some_and(|top| may_go(&stack.key, top))).map(|(at, _)| *at)
    }

    pub(crate) fn next_due_after(&self, now: Instant) -> Option<Instant> {
        self.all.range((now, u64::MAX)..).next().map(|((at, _), _)| *at)
    }

    /// Takes the stack at this place: its key, the group that is sent, and what follows.
    pub(crate) fn take(&mut self, place: Place) -> Option<(BatchKey, Group, Vec<Group>)> {
        let mut stack = self.all.remove(&place)?;
        let group = stack.groups.pop()?;
        Some((stack.key, group, stack.groups))
    }

    /// Whether a request that was refused as a whole is still being taken apart.
    pub(crate) fn is_isolating(&self) -> bool {
        self.groups().any(|group| group.purpose == Purpose::Isolation)
    }

    /// All groups that wait here.
    pub(crate) fn groups(&self) -> impl Iterator<Item = &Group> {
        self.all.values().flat_map(|stack| &stack.groups)
    }

    /// Takes this update out, with how and when it was to be sent.
    pub(crate) fn remove(&mut self, key: Key) -> Option<(Again, Instant)> {
        let has = |group: &Group| group.items.contains(&key);
        let (place, stack) = self.all.iter_mut().find(|(_, stack)| stack.groups.iter().any(has))?;
        let place = *place;
        let again = stack.groups.iter().find(|group| has(group))?.again;
        stack.groups.iter_mut().for_each(|group| group.items.retain(|item| *item != key));
        stack.groups.retain(|group| !group.items.is_empty());
        if stack.groups.is_empty() {
            self.all.remove(&place);
        }
        Some((again, place.0))
    }
}
