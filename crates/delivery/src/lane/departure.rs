//! What may leave, when, and as which request.

use contact_sink_core::{BatchKey, ContactUpdate, Overlap};
use tokio::time::Instant;

use super::flight::{Again, Group, Place, Purpose};
use super::{Lane, Request};
use crate::observe::Departed;

/// A request that may leave.
#[derive(Debug)]
pub(super) enum Candidate {
    Flight(Place),
    Fresh(BatchKey),
}

impl Lane {
    /// Whether a request could leave now.
    pub(crate) fn wants_to_send(&mut self, now: Instant) -> bool {
        self.candidate(now).is_some()
    }

    /// The request that leaves now: its number, its batch, and who is told of its answer.
    pub(crate) fn depart(&mut self, now: Instant) -> Option<(u64, Vec<ContactUpdate>, Departed)> {
        let (key, mut group, rest) = match self.candidate(now)? {
            Candidate::Flight(place) => self.flights.take(place)?,
            Candidate::Fresh(key) => {
                let items = self.queues.take(&key);
                (key, Group::new(items, Purpose::Batch), Vec::new())
            }
        };
        let batch = group.batch();
        if !self.tell_departure(&group.items, &batch) {
            self.give_up(group.items.into_iter().chain(rest.into_iter().flat_map(|group| group.items)));
            return None;
        }
        self.count_departure(&group);
        let departed = self.observe_departure(&group);
        self.reach.departs(now);
        self.probes.departs(self.reach.is_outage());
        for item in group.items.iter_mut().filter(|item| !item.sent) {
            item.sent = true;
            self.rejects.sent += 1;
        }
        if self.limits.overlap == Overlap::OnePerKey {
            self.queues.occupy(&key);
        }
        self.events += 1;
        let number = self.events;
        self.in_flight.insert(number, Request { key, group, rest, departed: number });
        Some((number, batch, departed))
    }

    /// When something becomes due by the passing of time alone.
    pub(crate) fn wake_at(&mut self, now: Instant) -> Option<Instant> {
        if self.stopped {
            return None;
        }
        let concludes = self.provisional.concludes_at();
        let (due, ripe, reach) = (self.flights.next_due_after(now), self.queues.ripe_at(), self.reach_wakes_at());
        let all = [due, ripe, concludes, reach, self.reach.probe_at(), self.holds.next_at(), Some(self.quiet_until)];
        all.into_iter().flatten().filter(|at| *at > now).min()
    }

    /// Tells the handles until when nothing leaves, though updates wait: the vendor asked for it, or the pause is a long one.
    pub(crate) fn tell_wait(&mut self, wants_to_send: bool, held_until: Option<Instant>, now: Instant) {
        let idle = !self.stopped && self.in_flight.is_empty();
        let until = match idle {
            true if wants_to_send => held_until,
            true if self.reach.is_outage() => self.reach.probe_at().max(held_until),
            true if !self.flights.is_empty() || self.holds.has_waiting() => self.wake_at(now).max(held_until),
            _ => None,
        };
        let since = self.reach.unreachable_since().filter(|_| !self.stopped);
        let mut told = self.told();
        (told.waits_until, told.unreachable_since) = (until, since);
    }

    fn candidate(&mut self, now: Instant) -> Option<Candidate> {
        if self.stopped || self.in_flight.len() >= self.options.concurrency.get() {
            return None;
        }
        if self.reach.is_outage() {
            return self.probe(now);
        }
        if self.alone && !self.in_flight.is_empty() {
            return None;
        }
        let trial = self.provisional.is_on_trial();
        let queues = &self.queues;
        let may_go = |key: &BatchKey, group: &Group| (!trial || group.purpose == Purpose::Try) && !queues.is_busy(key);
        // Whatever else is due would break the quiet.
        let heard_again = self.flights.first_due(now, |key, group| group.is_heard_again() && may_go(key, group));
        let may_others = now >= self.quiet_until;
        let place = heard_again.or_else(|| self.flights.first_due(now, may_go).filter(|_| may_others));
        if let Some(place) = place {
            return Some(Candidate::Flight(place));
        }
        if trial || !may_others || (self.alone && !self.flights.is_empty()) || self.keeps_for_tries() {
            return None;
        }
        self.queues.ripe(now, self.nothing_more_comes()).cloned().map(Candidate::Fresh)
    }

    pub(super) fn nothing_more_comes(&self) -> bool {
        self.closing || self.input_is_over
    }

    fn count_departure(&self, group: &Group) {
        let mut told = self.told();
        told.summary.requests += 1;
        if group.again == Again::Yes {
            told.summary.retries += 1;
        } else if group.purpose != Purpose::Batch {
            told.summary.isolation_requests += 1;
        }
    }
}
