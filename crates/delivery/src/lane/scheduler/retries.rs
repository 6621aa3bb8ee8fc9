//! Groups of updates that are to be sent again or taken apart, each with a purpose and a time.

use std::collections::BTreeMap;

use contact_sink_core::BatchKey;
use tokio::time::Instant;

use crate::lane::item::{Key, Priority};

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
    /// How logs and metrics call it. Users rely on these words, so they stay.
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

/// The updates of one request.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) key: BatchKey,
    pub(crate) items: Vec<Key>,
    pub(crate) purpose: Purpose,
    pub(crate) again: Again,
}

impl Group {
    /// Whether it may still have to be taken apart.
    pub(crate) fn may_be_taken_apart(&self) -> bool {
        matches!(self.purpose, Purpose::Batch | Purpose::Isolation)
    }

    /// Whether it can be sent in two halves.
    pub(crate) fn may_be_halved(&self) -> bool {
        self.may_be_taken_apart() && self.items.len() > 1
    }

    /// Whether it goes before all others: a decision waits for it.
    fn is_urgent(&self) -> bool {
        self.purpose.confirms() || self.purpose == Purpose::Canary || self.again == Again::AtOnce
    }
}

/// Which groups go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    Of(Priority),
    Urgent,
}

impl Level {
    /// All of them, the first one first.
    pub(crate) const ALL: [Self; 3] = [Self::Urgent, Self::Of(Priority::Interactive), Self::Of(Priority::Background)];

    fn index(self) -> usize {
        match self {
            Self::Of(priority) => priority as usize,
            Self::Urgent => 2,
        }
    }
}

/// Where a group waits.
pub(crate) type Place = (Level, (Instant, i64));

/// Groups by level and by the time at which they may be sent, first come first served; but what is taken apart goes first, the
/// smallest groups before the larger ones, so that a refusal of everything is noticed soon.
#[derive(Debug)]
pub(crate) struct Retries {
    levels: [BTreeMap<(Instant, i64), Group>; 3],
    opened: Instant,
    next: i64,
}

impl Retries {
    pub(crate) fn new(now: Instant) -> Self {
        Self { levels: Default::default(), opened: now, next: 0 }
    }

    pub(crate) fn push(&mut self, group: Group, priority: Priority, not_before: Instant) {
        self.next += 1;
        let level = if group.is_urgent() { Level::Urgent } else { Level::Of(priority) };
        let is_apart = group.purpose == Purpose::Isolation && group.again == Again::No;
        let at = if is_apart { (self.opened, -self.next) } else { (not_before, self.next) };
        self.levels[level.index()].insert(at, group);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.levels.iter().all(BTreeMap::is_empty)
    }

    /// The first group of a level that is due and that the caller lets go.
    pub(crate) fn first_due(&self, level: Level, now: Instant, may_go: impl Fn(&Group) -> bool) -> Option<Place> {
        let mut due = self.levels[level.index()].range(..=(now, i64::MAX));
        due.find(|(_, group)| may_go(group)).map(|(at, _)| (level, *at))
    }

    pub(crate) fn next_due_after(&self, now: Instant) -> Option<Instant> {
        let next = |level: &BTreeMap<(Instant, i64), Group>| Some(level.range((now, i64::MAX)..).next()?.0.0);
        self.levels.iter().filter_map(next).min()
    }

    pub(crate) fn take(&mut self, (level, at): Place) -> Option<Group> {
        self.levels[level.index()].remove(&at)
    }

    /// All groups that wait here.
    pub(crate) fn groups(&self) -> impl Iterator<Item = &Group> {
        self.levels.iter().flat_map(BTreeMap::values)
    }

    /// Gives the group of this update the priority of one that a caller waits for.
    pub(crate) fn promote(&mut self, key: Key) {
        let [background, interactive, _] = &mut self.levels;
        interactive.extend(background.extract_if(.., |_, group| group.items.contains(&key)));
    }

    /// Takes this update out, with how and when it was to be sent.
    pub(crate) fn remove(&mut self, key: Key) -> Option<(Again, Instant)> {
        let mut all = self
            .levels
            .iter_mut()
            .enumerate()
            .flat_map(|(level, groups)| groups.iter_mut().map(move |group| (level, group)));
        let (level, (at, group)) = all.find(|(_, (_, group))| group.items.contains(&key))?;
        let (at, again) = (*at, group.again);
        group.items.retain(|item| *item != key);
        if group.items.is_empty() {
            self.levels[level].remove(&at);
        }
        Some((again, at.0))
    }
}
