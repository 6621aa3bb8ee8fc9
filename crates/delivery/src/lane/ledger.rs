//! Outcomes on their way to the journal, the counts and the callers, in this order.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use contact_sink_core::{Applied, ContactUpdate};
use tokio::time::Instant;

use super::item::{Item, Key, Post};
use crate::backoff::after;
use crate::observe::Observer;
use crate::slab::Slab;
use crate::{Admission, Departing, Journal, JournalError, MaxRejected, Outcome, Settled, Stop, Summary, Undelivered};

/// For so long at most an outcome waits for others, so that the journal is told of them together.
const TOGETHER_WITHIN: Duration = Duration::from_millis(1);

/// What the handles are told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) summary: Summary,
    /// Until when nothing is sent, though updates wait.
    pub(crate) waits_until: Option<Instant>,
    /// Since when no answer decides anything.
    pub(crate) unreachable_since: Option<Instant>,
}

/// Outcomes, and what is known of them together.
pub(crate) struct Ledger {
    journal: Option<Box<dyn Journal>>,
    /// It failed: no outcome can be written down any more.
    lost: Option<Arc<Stop>>,
    /// Outcomes that the journal and the callers do not have yet.
    settled: Vec<(Key, Outcome)>,
    /// When the journal is told of them at the latest.
    told_at: Option<Instant>,
    /// Requests that were answered since it was told: each keeps its place until then.
    answers: usize,
    /// Updates without an outcome.
    waiting: usize,
    counts: Counts,
    max_rejected: MaxRejected,
    told: Arc<Mutex<Told>>,
    observer: Observer,
}

/// Counts of what was given to the lane and refused.
///
/// What a rule refuses has its outcome at once, what is sent has it up to `max_waiting` updates later; and of what is sent, an
/// update that is named has its outcome before the good ones beside it, which are sent again. Shares of the outcomes would be too
/// high. So each kind has a share of its own: of what was given, and of what was sent.
#[derive(Debug, Default)]
struct Counts {
    given: u64,
    /// Of these, refused by a rule, without being sent.
    unsent: u64,
    /// Of these, sent at least once.
    sent: u64,
    /// Of these, accepted by the vendor.
    accepted: u64,
    /// Of these, refused by the vendor.
    refused: u64,
}

impl Ledger {
    pub(crate) fn new(
        journal: Option<Box<dyn Journal>>,
        max_rejected: MaxRejected,
        told: Arc<Mutex<Told>>,
        observer: Observer,
    ) -> Self {
        Self {
            journal,
            lost: None,
            settled: Vec::new(),
            told_at: None,
            answers: 0,
            waiting: 0,
            counts: Counts::default(),
            max_rejected,
            told,
            observer,
        }
    }

    /// An update was given to the lane.
    pub(crate) fn takes(&mut self) {
        self.waiting += 1;
        self.counts.given += 1;
    }

    /// The caller refused an update itself, without giving it to the lane.
    pub(crate) fn refused_by_caller(&mut self) {
        self.counts.given += 1;
        self.counts.unsent += 1;
    }

    pub(crate) fn sent_first(&mut self, updates: u64) {
        self.counts.sent += updates;
    }

    /// What of an update the journal lets be sent.
    pub(crate) fn admit(&mut self, number: Option<u64>, update: &ContactUpdate) -> Result<Admission, JournalError> {
        self.journal.as_mut().map_or(Ok(Admission::Send), |journal| journal.admit(number, update))
    }

    /// Tells the journal what is sent now.
    pub(crate) fn departs(&mut self, batch: &[(Option<u64>, &ContactUpdate)]) -> Result<(), JournalError> {
        let Some(journal) = self.journal.as_mut() else { return Ok(()) };
        let departing: Vec<_> = batch.iter().map(|(number, update)| Departing { number: *number, update }).collect();
        journal.departs(&departing)
    }

    /// A request was answered. If outcomes wait to be written down, it keeps its place.
    pub(crate) fn answered(&mut self) {
        self.answers += usize::from(!self.settled.is_empty());
    }

    /// Takes an outcome, which is told when the journal has it.
    pub(crate) fn settle(&mut self, key: Key, was_sent: bool, outcome: Outcome, now: Instant) {
        match &outcome {
            Outcome::Accepted => self.counts.accepted += 1,
            Outcome::Rejected { .. } if was_sent => self.counts.refused += 1,
            Outcome::Rejected { .. } => self.counts.unsent += 1,
            _ => {}
        }
        self.told_at.get_or_insert_with(|| after(now, TOGETHER_WITHIN));
        self.settled.push((key, outcome));
    }

    /// Why the lane stops, if too much is rejected.
    pub(crate) fn too_many_rejected(&self) -> Option<Stop> {
        let (rejected, outcomes) = (self.counts.rejected(), self.counts.outcomes());
        self.counts.are_too_many(self.max_rejected).then_some(Stop::TooManyRejected { rejected, outcomes })
    }

    /// Requests that were answered and still keep their place.
    pub(crate) fn answers(&self) -> usize {
        self.answers
    }

    /// When the outcomes are to be told at the latest; `None` if there are none.
    pub(crate) fn told_at(&self) -> Option<Instant> {
        self.told_at
    }

    /// Whether outcomes are to be told now: one has waited for its time, or there is no journal.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.told_at.is_some_and(|at| at <= now || self.journal.is_none())
    }

    /// Updates without an outcome.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Writes the outcomes down, and then tells the callers. After a failure they are told that they are not delivered.
    pub(crate) fn commit(&mut self, items: &mut Slab<Item>, now: Instant) -> (Vec<Key>, Result<(), JournalError>) {
        // As many may come the next time.
        let next = Vec::with_capacity(self.settled.len());
        let mut settled = std::mem::replace(&mut self.settled, next);
        (self.told_at, self.answers) = (None, 0);
        let mut written = Ok(());
        if let Some(journal) = &mut self.journal {
            let outcomes = settled.iter().filter_map(|(key, outcome)| {
                let Item { number, update, maybe_until, .. } = items.get(*key)?;
                let left = maybe_until.map(|until| until.saturating_duration_since(now));
                let maybe_applied_for = left.filter(|left| !left.is_zero());
                Some(Settled { number: *number, update, outcome, maybe_applied_for })
            });
            let mut told = Vec::with_capacity(settled.len());
            told.extend(outcomes);
            written = journal.settled(&told);
        }
        if let Err(error) = &written {
            self.lose_journal(error);
        }
        if let Some(lost) = &self.lost {
            for (key, outcome) in &mut settled {
                if let Some(item) = items.get(*key)
                    && !matches!(outcome, Outcome::Undelivered { .. })
                {
                    let applied = if item.sent { Applied::Maybe } else { item.applied };
                    let cause = Undelivered::Stopped(lost.clone());
                    *outcome = Outcome::Undelivered { applied, cause, update: item.update.clone() };
                }
            }
        }
        self.waiting -= settled.len();
        self.observer.settled(settled.iter().map(|(_, outcome)| outcome));
        let mut told = self.told();
        for (_, outcome) in &settled {
            told.summary.count(outcome);
        }
        drop(told);
        let mut post = Post::of(settled.len());
        let tell = |(key, outcome): (Key, Outcome)| {
            if let Some(item) = items.get_mut(key) {
                item.tell(outcome, &mut post);
            }
            key
        };
        (settled.into_iter().map(tell).collect(), written)
    }

    /// The journal failed: nothing is written down any more, whatever the lane stopped for before.
    pub(crate) fn lose_journal(&mut self, error: &JournalError) {
        let stop = Stop::Journal(error.clone());
        (self.journal, self.lost) = (None, Some(Arc::new(stop.clone())));
        self.told().summary.stop = Some(stop);
    }

    /// The journal is needed no more.
    pub(crate) fn close_journal(&mut self) {
        self.journal = None;
    }

    pub(crate) fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn rejected(&self) -> u64 {
        self.unsent + self.refused
    }

    fn outcomes(&self) -> u64 {
        self.rejected() + self.accepted
    }

    fn are_too_many(&self, most: MaxRejected) -> bool {
        match most {
            MaxRejected::Count(most) => self.rejected() > most,
            MaxRejected::Share(most) => {
                let unsent = share(self.unsent, self.given);
                let refused = share(self.refused, self.sent);
                self.outcomes() >= MaxRejected::SHARE_AFTER && unsent + (1.0 - unsent) * refused > most
            }
            MaxRejected::Any => false,
        }
    }
}

/// Counts stay far below 2^52, where f64 is exact.
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
#[path = "../../tests/parts/ledger.rs"]
mod tests;
