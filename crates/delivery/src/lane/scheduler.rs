//! All that waits, and what of it is sent next.

pub(crate) mod queues;
pub(crate) mod retries;
pub(crate) mod subjects;

use std::collections::BTreeSet;
use std::time::Duration;

use contact_sink_core::{BatchKey, Limits, Overlap};
use tokio::time::Instant;

use super::item::{At, Item, Key, Priority};
use super::state::{Allowance, TEN};
use crate::slab::Slab;
use crate::{MaxRejected, Options};
use queues::{Order, Queues};
use retries::{Again, Group, Level, Place, Purpose, Retries};
use subjects::Subjects;

/// When the oldest update for which a caller waits has waited for so long, the newest ones are sent first: their callers are
/// still there.
const OLD: Duration = Duration::from_secs(1);
/// In a service one request in so many is for the updates that no caller waits for.
const BACKGROUND_SHARE: u64 = 10;

/// All that waits.
#[derive(Debug)]
pub(crate) struct Scheduler {
    pub(crate) subjects: Subjects,
    pub(crate) queues: Queues,
    pub(crate) retries: Retries,
    /// Updates that are held back, by when that is over.
    held: BTreeSet<(Instant, u64, Key)>,
    pub(crate) deadlines: BTreeSet<(Instant, Key)>,
    pub(crate) inputs: Inputs,
    is_service: bool,
    /// Whether the end of an input is kept for canaries.
    keeps_ends: bool,
    end_is_free: bool,
    most: usize,
    one_per_key: bool,
    turn: u64,
    /// Updates that gave their part of the buffer back before their outcome, and how many may do so.
    pub(crate) without_part: usize,
    most_without_part: usize,
}

/// Whether more updates come.
#[derive(Debug, Default)]
pub(crate) struct Inputs {
    pub(crate) open: usize,
    pub(crate) are_over: bool,
    pub(crate) closing: bool,
}

impl Inputs {
    pub(crate) fn nothing_more_comes(&self) -> bool {
        self.closing || self.are_over
    }
}

/// What is sent next.
#[derive(Debug)]
pub(crate) enum Choice {
    Again(Place),
    Fresh { queue: usize, first: Priority, order: Order, most: usize },
}

impl Scheduler {
    pub(crate) fn new(options: &Options, limits: &Limits, is_service: bool) -> Self {
        Self {
            subjects: Subjects::default(),
            queues: Queues::new(limits.max_updates.get(), options.linger),
            retries: Retries::new(Instant::now()),
            held: BTreeSet::new(),
            deadlines: BTreeSet::new(),
            inputs: Inputs::default(),
            is_service,
            keeps_ends: options.max_rejected != MaxRejected::Any,
            end_is_free: false,
            most: limits.max_updates.get(),
            one_per_key: limits.overlap == Overlap::OnePerKey,
            turn: 0,
            without_part: 0,
            most_without_part: if is_service { options.max_waiting.get() / 2 } else { 0 },
        }
    }

    /// What is sent next, if anything may be. `apart` says whether a request in flight may still be taken apart.
    pub(crate) fn next(&mut self, allowed: Allowance, apart: bool, now: Instant) -> Option<Choice> {
        match allowed {
            Allowance::Nothing => None,
            Allowance::Confirmations => self.due(Level::Urgent, now, |group| group.purpose.confirms()),
            Allowance::Canaries => self.due(Level::Urgent, now, |group| group.purpose == Purpose::Canary),
            Allowance::Canary { failed_last } => self.canary(failed_last, now).or_else(|| self.any_due(now, |_| true)),
            Allowance::Probe { fresh_first, failed_last, most } => {
                let another = |group: &Group| group.items.first().copied() != failed_last;
                self.due(Level::Urgent, now, another)
                    .or_else(|| if fresh_first { self.any_fresh(most, apart, now) } else { None })
                    .or_else(|| self.any_due(now, another))
                    .or_else(|| self.any_fresh(most, apart, now))
                    .or_else(|| self.any_due(now, |_| true))
            }
            Allowance::FreshProbe => self.any_fresh(1, apart, now),
            Allowance::Any => self.due(Level::Urgent, now, |_| true).or_else(|| self.in_turn(apart, now)),
        }
    }

    /// The next canary of a pause that did not fail last: what failed once more, the oldest row, or a caller's update.
    pub(crate) fn canary(&self, failed_last: Option<Key>, now: Instant) -> Option<Choice> {
        let another = |group: &Group| group.items.first().copied() != failed_last;
        self.any_due(now, another).or_else(|| self.fresh_one(now))
    }

    /// By priority. In a service what failed and what was never sent take turns, so that neither waits for all of the other.
    fn in_turn(&mut self, apart: bool, now: Instant) -> Option<Choice> {
        use Priority::{Background, Interactive};
        let (round, nth) = (self.turn / BACKGROUND_SHARE, self.turn % BACKGROUND_SHARE);
        let is_of_background = self.is_service && nth == BACKGROUND_SHARE - 1;
        let fresh_first = self.is_service && if is_of_background { round % 2 == 1 } else { nth % 2 == 1 };
        for priority in if is_of_background { [Background, Interactive] } else { [Interactive, Background] } {
            let again = |me: &Self| me.due(Level::Of(priority), now, |_| true);
            let choice = if fresh_first {
                self.fresh(priority, usize::MAX, apart, now).or_else(|| again(self))
            } else {
                again(self).or_else(|| self.fresh(priority, usize::MAX, apart, now))
            };
            if choice.is_some() {
                return choice;
            }
        }
        None
    }

    fn due(&self, level: Level, now: Instant, may_go: impl Fn(&Group) -> bool) -> Option<Choice> {
        let may_go = |group: &Group| may_go(group) && !self.queues.is_busy(&group.key);
        self.retries.first_due(level, now, may_go).map(Choice::Again)
    }

    fn any_due(&self, now: Instant, may_go: impl Fn(&Group) -> bool) -> Option<Choice> {
        Level::ALL.into_iter().find_map(|level| self.due(level, now, &may_go))
    }

    fn any_fresh(&mut self, most: usize, apart: bool, now: Instant) -> Option<Choice> {
        self.fresh(Priority::Interactive, most, apart, now)
            .or_else(|| self.fresh(Priority::Background, most, apart, now))
    }

    fn fresh(&mut self, first: Priority, most: usize, apart: bool, now: Instant) -> Option<Choice> {
        if self.subjects.are_too_many_held() || self.keeps_end(apart) {
            return None;
        }
        let oldest = self.queues.oldest(Priority::Interactive);
        let is_old = |came: Instant| self.is_service && now.saturating_duration_since(came) >= OLD;
        let newest_first = first == Priority::Interactive && oldest.is_some_and(is_old);
        let order = match newest_first {
            // In turn the newest of all, and the newest of the batch key that has the oldest: no batch key waits for ever.
            true if self.turn.is_multiple_of(2) => Order::NewestFirst,
            true => Order::NewestBesideOldest,
            false => Order::OldestFirst,
        };
        let queue = self.queues.ripe(first, order, now, self.inputs.nothing_more_comes())?;
        Some(Choice::Fresh { queue, first, order, most })
    }

    /// The oldest row that waits, else an update for which a caller waits.
    fn fresh_one(&self, now: Instant) -> Option<Choice> {
        let one = |first| {
            let queue = self.queues.ripe(first, Order::OldestFirst, now, true)?;
            Some(Choice::Fresh { queue, first, order: Order::OldestFirst, most: 1 })
        };
        one(Priority::Background).or_else(|| one(Priority::Interactive))
    }

    /// Whether what waits is kept for canaries: the end of an input, until everything before it is answered and taken apart.
    /// Else a file's last good updates would be gone by the time that the bad ones, which often stand together, are found.
    fn keeps_end(&mut self, apart: bool) -> bool {
        let is_end = self.keeps_ends && self.inputs.nothing_more_comes() && self.queues.len() < self.most + TEN;
        // Once free it stays so: what it has in flight itself must not hold back the rest of it.
        self.end_is_free = is_end && (self.end_is_free || !(apart || self.is_isolating()));
        is_end && !self.end_is_free
    }

    /// Whether a request that was refused as a whole is still being taken apart.
    fn is_isolating(&self) -> bool {
        self.retries.groups().any(|group| group.purpose == Purpose::Isolation)
    }

    /// The updates that are sent now.
    pub(crate) fn take(&mut self, choice: Choice) -> Option<Group> {
        if !matches!(choice, Choice::Again((Level::Urgent, _))) {
            self.turn = self.turn.wrapping_add(1);
        }
        let group = match choice {
            Choice::Again(place) => self.retries.take(place)?,
            Choice::Fresh { queue, first, order, most } => {
                let (key, items) = self.queues.take(queue, first, order, most);
                Group { key, items, purpose: Purpose::Batch, again: Again::No }
            }
        };
        if self.one_per_key {
            self.queues.occupy(&group.key);
        }
        Some(group)
    }

    /// A request of this key was answered.
    pub(crate) fn answered(&mut self, key: &BatchKey) {
        if self.one_per_key {
            self.queues.free(key);
        }
    }

    /// Holds this update back until a different value of its subject cannot arrive any more; false if it need not wait.
    pub(crate) fn hold(&mut self, item: &mut Item, key: Key, now: Instant) -> bool {
        let until = self.subjects.held_until(item.subject, &item.update, now);
        if let Some(until) = until {
            self.held.insert((until, item.seq, key));
            item.at = At::Held(until);
        }
        until.is_some()
    }

    /// Takes one update that was held back for long enough.
    pub(crate) fn release_held(&mut self, now: Instant) -> Option<Key> {
        self.subjects.advance(now);
        self.held.first().filter(|(until, ..)| *until <= now)?;
        self.held.pop_first().map(|(_, _, key)| key)
    }

    pub(crate) fn has_held(&self) -> bool {
        !self.held.is_empty()
    }

    /// Gives the earlier updates of this subject the priority of one that a caller waits for.
    pub(crate) fn promote_before(&mut self, key: Key, items: &mut Slab<Item>) {
        let Some(subject) = items.get(key).map(|item| item.subject) else { return };
        let earlier: Vec<Key> = self.subjects.of(subject).take_while(|other| *other != key).collect();
        for key in earlier {
            let Some(item) = items.get_mut(key).filter(|item| item.priority == Priority::Background) else { continue };
            item.priority = Priority::Interactive;
            match item.at {
                At::Queue(queue) => self.queues.promote(queue, item.seq),
                At::Retry => self.retries.promote(key),
                _ => {}
            }
        }
    }

    /// Gives the part of the buffer back that an update has which failed while the vendor is down. If this update always fails,
    /// others must come in to show that the vendor is there.
    pub(crate) fn give_part_back(&mut self, item: &mut Item) {
        if self.without_part < self.most_without_part && item.part.take().is_some() {
            item.has_no_part = true;
            self.without_part += 1;
        }
    }

    /// Takes an update out of where it waits.
    pub(crate) fn withdraw(&mut self, item: &Item, key: Key) {
        match item.at {
            At::Queue(queue) => self.queues.remove(queue, item.seq),
            At::Retry => drop(self.retries.remove(key)),
            At::Held(until) => drop(self.held.remove(&(until, item.seq, key))),
            // What waits in line leaves it when its outcome is told.
            At::Line | At::Suspect | At::Flight | At::Settled => {}
        }
    }

    /// When something becomes due by the passing of time alone.
    pub(crate) fn wakes_at(&self, now: Instant) -> impl Iterator<Item = Instant> {
        let held = self.held.first().map(|(until, ..)| *until);
        let too_many = self.subjects.next_hold_ends().filter(|_| self.subjects.are_too_many_held());
        [self.retries.next_due_after(now), self.queues.ripe_at(), held, too_many].into_iter().flatten()
    }
}

#[cfg(test)]
#[path = "../../tests/parts/scheduler.rs"]
mod tests;
