//! How updates leave the lane: with an outcome, given up one by one, or all together when it stops.

use contact_sink_core::Applied;

use tokio::time::Instant;

use super::Lane;
use super::item::Item;
use crate::backoff::after;
use crate::{Outcome, Stop};

impl Lane {
    /// Makes an outcome definite: it is told after the journal has it ([`Lane::commit`]). Stops the lane if that makes too many rejected
    /// ones.
    pub(super) fn settle(&mut self, item: Item, outcome: Outcome) {
        self.rejects.accepted += u64::from(outcome == Outcome::Accepted);
        let definite = self.remember_unknown_end(item, outcome);
        self.definite.extend(definite);
        self.check_rejects();
    }

    pub(super) fn check_rejects(&mut self) {
        if !self.stopped && self.rejects.are_too_many(self.options.max_rejected) {
            let (rejected, outcomes) = (self.rejects.rejected(), self.rejects.outcomes());
            self.stop(Stop::TooManyRejected { rejected, outcomes });
        }
    }

    /// Sends nothing more. What is in flight is still answered; everything else is given back as it is.
    pub(super) fn stop(&mut self, why: Stop) {
        if self.stopped {
            return;
        }
        self.stopped = true;
        self.release_kept();
        if let Stop::Failed(error) | Stop::Unreachable { cause: error, .. } = &why {
            self.cause = Some(error.clone());
        }
        self.observer.stops(&why);
        self.told().summary.stop = Some(why);
        let mut left = self.flights.drain();
        left.extend(self.provisional.drain());
        left.extend(self.queues.drain());
        left.extend(self.holds.drain());
        left.extend(self.lines.drain());
        left.sort_by_key(|item| item.seq);
        self.give_up(left);
    }

    /// Gives up what is in flight: its answers will not be heard.
    pub(super) fn abandon(&mut self, now: Instant) {
        let until = after(now, self.options.maybe_applied_hold);
        for (_, mut request) in std::mem::take(&mut self.in_flight) {
            for item in &mut request.group.items {
                (item.applied, item.unknown_until) = (Applied::Maybe, Some(until));
            }
            self.give_up(request.group.items);
            self.give_up(request.rest.into_iter().flat_map(|group| group.items));
        }
    }

    /// Gives these back as they are.
    pub(super) fn give_up(&mut self, items: impl IntoIterator<Item = Item>) {
        for item in items {
            self.remember_given_up(&item);
            let outcome = item.unsettled(self.cause.clone());
            self.settle(item, outcome);
        }
    }
}
