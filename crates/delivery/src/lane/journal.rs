//! What the journal is told, and when: before a request leaves, and of each outcome before its caller.

use contact_sink_core::{Applied, ContactUpdate};
use tokio::time::Instant;

use super::Lane;
use super::item::Item;
use crate::{Admission, Departing, JournalError, Outcome, Settled, Stop};

impl Lane {
    /// What of it the journal lets be sent; `None` if it cannot be asked any more.
    pub(super) fn admit(&mut self, item: &Item) -> Option<Admission> {
        let Some(journal) = self.journal.as_mut().filter(|_| !self.stopped) else { return Some(Admission::Send) };
        match journal.admit(item.number, &item.update) {
            Ok(admission) => Some(admission),
            Err(error) => {
                self.journal_failed(error);
                None
            }
        }
    }

    /// Tells the journal what is sent now; if that fails, it is not.
    pub(super) fn tell_departure(&mut self, items: &[Item], batch: &[ContactUpdate]) -> bool {
        let Some(journal) = self.journal.as_mut() else { return true };
        let departing = |(item, update): (&Item, _)| Departing { number: item.number, update };
        let departing: Vec<Departing<'_>> = items.iter().zip(batch).map(departing).collect();
        match journal.departs(&departing) {
            Ok(()) => true,
            Err(error) => {
                self.journal_failed(error);
                false
            }
        }
    }

    pub(crate) fn has_definite(&self) -> bool {
        !self.definite.is_empty()
    }

    /// Writes down what became definite, and then tells the callers.
    pub(crate) fn commit(&mut self, now: Instant) {
        while !self.definite.is_empty() {
            let mut definite = std::mem::take(&mut self.definite);
            let mut written = Ok(());
            if let Some(journal) = &mut self.journal {
                let settled = definite.iter().map(|(item, outcome)| {
                    let Item { number, update, unknown_until, .. } = item;
                    let unsure_for = unknown_until.map(|until| until.saturating_duration_since(now));
                    let unsure_for = unsure_for.filter(|unsure_for| !unsure_for.is_zero());
                    Settled { number: *number, update, outcome, unsure_for }
                });
                let outcomes: Vec<Settled<'_>> = settled.collect();
                written = journal.settled(&outcomes);
            }
            if let Err(error) = written {
                // What this gives up comes after, and finds no journal.
                self.journal_failed(error);
            }
            if self.journal_is_lost {
                for (item, outcome) in &mut definite {
                    *outcome = not_written(item, outcome);
                }
            }
            self.held -= definite.len();
            self.observer.settled(definite.iter().map(|(_, outcome)| outcome), self.held);
            let mut told = self.told();
            for (_, outcome) in &definite {
                *match outcome {
                    Outcome::Accepted => &mut told.summary.accepted,
                    Outcome::Unchanged => &mut told.summary.unchanged,
                    Outcome::Superseded => &mut told.summary.superseded,
                    Outcome::Rejected { .. } => &mut told.summary.rejected,
                    Outcome::Unsettled { .. } => &mut told.summary.unsettled,
                } += 1;
            }
            drop(told);
            for (item, outcome) in definite {
                item.ticket.settle(outcome);
            }
        }
    }

    fn journal_failed(&mut self, error: JournalError) {
        self.journal = None;
        self.journal_is_lost = true;
        let why = Stop::Journal(error);
        if self.stopped {
            // Whatever the lane stopped for: that something could not be written down is known by nobody else.
            self.observer.stops(&why);
            self.told().summary.stop = Some(why);
        } else {
            self.stop(why);
        }
    }
}

/// What is said of an outcome that could not be written down: the next run sends the update again.
fn not_written(item: &Item, outcome: &Outcome) -> Outcome {
    match outcome {
        Outcome::Unsettled { .. } => outcome.clone(),
        _ if item.sent => Outcome::Unsettled { applied: Applied::Maybe, cause: None },
        _ => Outcome::Unsettled { applied: item.applied, cause: None },
    }
}
