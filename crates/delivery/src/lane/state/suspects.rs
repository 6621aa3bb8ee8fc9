//! Refusals that may not be the updates' fault: a wrong key or label must not reject a whole input.
//!
//! In a run, a refusal that names no update, or whose code the vendor's table lacks, is kept back until the vendor has accepted
//! an update that was sent after it. After ten with no acceptance in between, canaries are sent, spread over all that waits. If none
//! of them is accepted either, it is not the updates, and the lane stops.

use std::collections::HashMap;
use std::time::Duration;

use contact_sink_core::{ErrorCode, Rejection};
use tokio::time::Instant;

use crate::Stop;
use crate::lane::item::Key;

/// So many refusals without an acceptance call for canaries, of which there are at most so many.
pub(crate) const TEN: usize = 10;
/// When nothing could be sent for so long, suspects are believed.
const IDLE: Duration = Duration::from_secs(1);

/// An update that was refused by an answer of its own.
#[derive(Debug)]
pub(crate) struct Suspect {
    pub(crate) key: Key,
    pub(crate) rejection: Rejection,
    /// Whether the vendor refused the request and named no update.
    pub(crate) undecided: bool,
}

/// The updates that were refused, until it is known that the refusal is their fault.
#[derive(Debug, Default)]
pub(crate) struct Suspects {
    /// The latest departure when each was refused.
    refused: Vec<(u64, Suspect)>,
    /// Since the last acceptance.
    pub(crate) in_a_row: u64,
    idle_since: Option<Instant>,
}

impl Suspects {
    pub(crate) fn push(&mut self, suspect: Suspect, departed: u64) {
        self.refused.push((departed, suspect));
        self.in_a_row += 1;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.refused.is_empty()
    }

    /// Takes the ones that were refused before the request with this number was sent.
    pub(crate) fn refused_before(&mut self, departed: u64) -> Vec<Suspect> {
        let later = self.refused.partition_point(|(last, _)| *last < departed);
        self.refused.drain(..later).map(|(_, suspect)| suspect).collect()
    }

    pub(crate) fn take_all(&mut self) -> Vec<Suspect> {
        self.refused.drain(..).map(|(_, suspect)| suspect).collect()
    }

    pub(crate) fn remove(&mut self, key: Key) {
        self.refused.retain(|(_, suspect)| suspect.key != key);
    }

    /// Nothing else can be sent. Whether that is so for long enough, or whatever comes next.
    pub(crate) fn are_idle(&mut self, nothing_more_comes: bool, now: Instant) -> bool {
        let since = *self.idle_since.get_or_insert(now);
        let ends = nothing_more_comes || now >= since + IDLE;
        self.idle_since.take_if(|_| ends);
        ends
    }

    pub(crate) fn are_busy(&mut self) {
        self.idle_since = None;
    }

    /// When the suspects are believed because nothing else could be sent.
    pub(crate) fn idle_until(&self) -> Option<Instant> {
        self.idle_since.map(|since| since + IDLE)
    }

    /// Why the lane stops if it is not the updates' fault.
    pub(crate) fn stop(&self) -> Stop {
        let mut counts: HashMap<(Option<&ErrorCode>, &str), u64> = HashMap::new();
        for (_, suspect) in &self.refused {
            *counts.entry((suspect.rejection.code(), suspect.rejection.reason())).or_default() += 1;
        }
        let commonest =
            counts.into_iter().max_by_key(|((code, _), count)| (*count, *code)).map(|(commonest, _)| commonest);
        let (code, reason) = commonest.unwrap_or((None, "no reason"));
        Stop::RefusedAlike { code: code.cloned(), reason: reason.to_owned(), refused: self.in_a_row }
    }
}
