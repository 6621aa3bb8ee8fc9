//! What is written down together, and the one place that says which row an outcome makes.

use std::time::SystemTime;

use contact_sink_core::{Applied, ContactUpdate, ErrorCode};
use contact_sink_delivery::{Outcome, Settled};

use crate::newest::Position;
use crate::record::{Kind, Reason};

/// Why a row is skipped of which nothing is sent, since newer values of all its fields were sent before.
pub const SUPERSEDED: &str = "a run that began later has sent newer values of all its fields";

/// What is to be written down together.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Entry<'a> {
    /// How many rows were read so far; it must cover the rows that are settled.
    pub read: u64,
    /// Rows with their outcome.
    pub settled: Vec<(u64, Kind)>,
    /// Rows without an outcome that may have been applied.
    pub maybe_applied: Vec<u64>,
    /// Until when an attempt of theirs whose answer was lost may still be applied.
    pub hold_until: Option<SystemTime>,
    /// Why rows were rejected or skipped, once for each time.
    pub reasons: Vec<Reason>,
    /// Whole lines for the file of rejected rows.
    pub letters: Vec<u8>,
    /// Outcomes of updates, with the age of their values.
    pub outcomes: Vec<(Position, &'a ContactUpdate, &'a Outcome)>,
}

impl<'a> Entry<'a> {
    /// Adds what became of the update of a row: what kind of row that makes, if it is settled. `reasons`: why it was rejected, each
    /// with the vendor's code. `position`: how old its values are, if the run [keeps the newest](crate::Run::keeps_newest).
    pub fn settle(
        &mut self,
        row: u64,
        position: Option<Position>,
        settled: &Settled<'a>,
        reasons: impl IntoIterator<Item = (Option<ErrorCode>, String)>,
    ) -> Option<Kind> {
        let Settled { update, outcome, maybe_applied_for, .. } = settled;
        let hold_until = maybe_applied_for.map(|maybe_applied_for| SystemTime::now() + maybe_applied_for);
        self.hold_until = self.hold_until.max(hold_until);
        self.outcomes.extend(position.map(|position| (position, *update, *outcome)));
        let kind = match outcome {
            Outcome::Accepted => Kind::Accepted,
            Outcome::Unchanged => Kind::Unchanged,
            Outcome::Superseded => {
                self.add(row, Kind::Skipped, [(None, SUPERSEDED.to_owned())]);
                return Some(Kind::Skipped);
            }
            Outcome::Rejected { .. } => Kind::Rejected,
            Outcome::Undelivered { applied: Applied::Maybe, .. } => {
                self.maybe_applied.push(row);
                return None;
            }
            // What was not sent is sent by the next run.
            _ => return None,
        };
        self.add(row, kind, reasons);
        Some(kind)
    }

    /// Adds a row that is settled. `reasons`: why it was rejected or skipped, each with the vendor's code if there was one.
    pub fn add(&mut self, row: u64, kind: Kind, reasons: impl IntoIterator<Item = (Option<ErrorCode>, String)>) {
        self.settled.push((row, kind));
        self.reasons.extend(reasons.into_iter().map(|(code, reason)| Reason::new(kind, code, reason)));
    }

    /// Whether it says of no row what became of it.
    pub fn is_empty(&self) -> bool {
        self.settled.is_empty() && self.maybe_applied.is_empty() && self.outcomes.is_empty()
    }
}
