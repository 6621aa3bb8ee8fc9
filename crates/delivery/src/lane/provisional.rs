//! Refusals that may be everybody's fault: a wrong key or label must not make a million dead letters.
//!
//! A refusal that names nobody, or whose code the vendor's table lacks, is provisional until the vendor has accepted a
//! whole update after it. After ten with no acceptance in between, single updates spread over all that is waiting are
//! tried; if none of them is accepted either, it is not the updates, and the lane stops.

use std::collections::HashMap;
use std::time::Duration;

use contact_sink_core::{BatchKey, ErrorCode, Rejection};
use tokio::time::Instant;

use super::flight::{Again, Group, Purpose};
use super::item::Item;
use super::{Lane, Request};
use crate::{MaxRejected, Stop};

/// So many refusals without an acceptance call for a trial, which has at most so many tries.
const TEN: usize = 10;
/// When nothing could be sent for so long, provisional refusals stand.
const IDLE: Duration = Duration::from_secs(1);

/// An update that was refused by an answer of its own.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) item: Item,
    pub(super) rejection: Rejection,
    /// Whether the vendor refused the request and named nobody.
    pub(super) undecided: bool,
}

#[derive(Debug, Default)]
pub(super) struct Provisional {
    /// The refusals, and the lane's event count when each came.
    refused: Vec<(u64, Refused)>,
    since_acceptance: u64,
    trial: Trial,
    idle_since: Option<Instant>,
    /// Whether the end of the input, which is kept for the tries, may go.
    end_is_free: bool,
}

#[derive(Debug, Default)]
enum Trial {
    #[default]
    None,
    /// It begins when nothing is in flight any more.
    Called,
    Running {
        /// Whom to try, the last one first: its `seq`, and its key if it was never sent. It stays where it waits until then.
        left: Vec<(u64, Option<BatchKey>)>,
        /// Whether a try has no answer yet.
        open: bool,
    },
}

impl Provisional {
    /// Says how many it are in a row now.
    pub(super) fn push(&mut self, refused: Refused, event: u64, was_try: bool) -> u64 {
        self.refused.push((event, refused));
        self.since_acceptance += 1;
        if was_try {
            self.try_ended();
        }
        self.since_acceptance
    }

    pub(super) fn is_on_trial(&self) -> bool {
        !matches!(self.trial, Trial::None)
    }

    /// The try that was under way has no acceptance to show.
    pub(super) fn try_ended(&mut self) {
        if let Trial::Running { open, .. } = &mut self.trial {
            *open = false;
        }
    }

    /// Something was accepted. Says whether it ends a trial.
    pub(super) fn end_trial(&mut self) -> bool {
        self.since_acceptance = 0;
        !matches!(std::mem::take(&mut self.trial), Trial::None)
    }

    /// Takes the refusals that came before the request with this event count left.
    pub(super) fn refused_before(&mut self, departed: u64) -> Vec<Refused> {
        let later = self.refused.partition_point(|(event, _)| *event < departed);
        self.refused.drain(..later).map(|(_, refused)| refused).collect()
    }

    pub(super) fn drain(&mut self) -> Vec<Item> {
        self.refused.drain(..).map(|(_, refused)| refused.item).collect()
    }

    /// When the refusals stand because nothing else could be sent.
    pub(super) fn concludes_at(&self) -> Option<Instant> {
        self.idle_since.map(|since| since + IDLE)
    }

    fn stop(&self) -> Stop {
        let mut counts: HashMap<(Option<&ErrorCode>, &str), u64> = HashMap::new();
        for (_, refused) in &self.refused {
            *counts.entry((refused.rejection.code(), refused.rejection.reason())).or_default() += 1;
        }
        let commonest =
            counts.into_iter().max_by_key(|((code, _), count)| (*count, *code)).map(|(commonest, _)| commonest);
        let (code, reason) = commonest.unwrap_or((None, "no reason"));
        Stop::RefusedAlike { code: code.cloned(), reason: reason.to_owned(), refused: self.since_acceptance }
    }
}

impl Lane {
    pub(super) fn advance_trial(&mut self, now: Instant) {
        if self.options.max_rejected == MaxRejected::Any {
            return;
        }
        if !self.provisional.is_on_trial() && self.provisional.since_acceptance >= TEN as u64 {
            self.provisional.trial = Trial::Called;
        }
        if matches!(self.provisional.trial, Trial::Called) && self.in_flight.is_empty() {
            let left = self.pick_tries();
            if !left.is_empty() {
                self.observer.trial_begins(left.len());
            }
            // With nothing to try, the refusals stand at the end of the input or when it has been quiet for long enough.
            self.provisional.trial = if left.is_empty() { Trial::None } else { Trial::Running { left, open: false } };
        }
        while let Trial::Running { left, open: open @ false } = &mut self.provisional.trial {
            let Some((seq, key)) = left.pop() else {
                return self.stop(self.provisional.stop());
            };
            let picked = match key {
                Some(key) => self.queues.pick(&key, seq).map(|item| (item, Again::No, now)),
                None => self.flights.pick(seq),
            };
            if let Some((item, again, not_before)) = picked {
                *open = true;
                let key = self.sink.batch_key(&item.update);
                self.flights.push(key, vec![Group { items: vec![item], purpose: Purpose::Try, again }], not_before);
            }
        }
    }

    pub(super) fn conclude_when_idle(&mut self, now: Instant) {
        let idle = self.in_flight.is_empty()
            && self.flights.is_empty()
            && self.queues.len() == 0
            && !self.holds.has_waiting()
            && !self.provisional.is_on_trial()
            && !self.provisional.refused.is_empty();
        if !idle {
            self.provisional.idle_since = None;
            return;
        }
        let since = *self.provisional.idle_since.get_or_insert(now);
        if self.nothing_more_comes() || now >= since + IDLE {
            self.provisional.idle_since = None;
            if self.is_refused_alike() {
                return self.stop(self.provisional.stop());
            }
            // What waits behind the refused ones could not be tried: the count goes on.
            if !self.lines.has_waiting() {
                self.provisional.since_acceptance = 0;
            }
            for (_, refused) in std::mem::take(&mut self.provisional.refused) {
                self.convict_or_hear_again(refused, now);
            }
        }
    }

    /// Whether the refusals are too many to be the last few of an input, though nothing is left to try.
    fn is_refused_alike(&self) -> bool {
        let most = if self.lines.has_waiting() { TEN - 1 } else { TEN };
        self.options.max_rejected != MaxRejected::Any && self.provisional.since_acceptance > most as u64
    }

    /// Whether what waits is kept for the tries: the end of an input, until everything before it is answered and taken apart.
    ///
    /// Else a file's last good updates would be gone by the time that the bad ones, which often stand together, are found.
    pub(super) fn keeps_for_tries(&mut self) -> bool {
        let is_end = self.nothing_more_comes() && self.queues.len() < self.limits.max_updates.get() + TEN;
        let free = &mut self.provisional.end_is_free;
        // Once free it stays so: what it has in flight itself must not hold back the rest of it.
        *free = is_end
            && (*free
                || self.options.max_rejected == MaxRejected::Any
                || !(self.in_flight.values().any(Request::may_be_taken_apart) || self.flights.is_isolating()));
        is_end && !*free
    }

    /// Chooses up to ten updates: the last that is waiting, and one out of each tenth before it. Bad rows often stand
    /// together, or at regular distances.
    fn pick_tries(&mut self) -> Vec<(u64, Option<BatchKey>)> {
        let queued = self.queues.waiting().map(|(seq, key)| (seq, Some(key)));
        let mut waiting: Vec<_> = self.flights.waiting().map(|seq| (seq, None)).chain(queued).collect();
        waiting.sort_by_key(|(seq, _)| *seq);
        let (tries, len) = (TEN.min(waiting.len()), waiting.len());
        // The last one goes first: the farther from the ones that were refused, the likelier it is another case, and the
        // end of an input is kept for this.
        let places = (1..=tries).map(|nth| match nth {
            _ if nth == tries => len - 1,
            _ => ((nth - 1) * len + self.rng.usize(..len)) / tries,
        });
        places.map(|place| waiting[place]).map(|(seq, key)| (seq, key.cloned())).collect()
    }
}
