//! Who meets which fault: the script first, then lots.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::{Fault, FaultKind, Faults};

/// What is left to deal, and what was dealt.
#[derive(Default)]
pub(crate) struct Dealer {
    /// Each with how often it is still to be met.
    next: VecDeque<(Fault, u32)>,
    shares: Vec<Fault>,
    lots: fastrand::Rng,
    /// How many requests still draw lots, and until when; `None` is no bound.
    left: Option<u64>,
    until: Option<Duration>,
    met: BTreeMap<FaultKind, u64>,
}

impl Dealer {
    pub(crate) fn new(faults: Faults) -> Self {
        let mut dealer = Self::default();
        dealer.replace(faults, Duration::ZERO);
        dealer
    }

    /// Takes others instead of what is left. What was met stays counted. Times are since the server started.
    pub(crate) fn replace(&mut self, faults: Faults, now: Duration) {
        self.next = faults.next.into_iter().map(|fault| (fault.clone(), fault.times.unwrap_or(1))).collect();
        self.shares = faults.shares;
        self.lots = fastrand::Rng::with_seed(faults.seed);
        self.left = faults.for_requests;
        self.until = faults.for_time.map(|time| now.saturating_add(time));
    }

    /// What the request that arrives now meets.
    pub(crate) fn deal(&mut self, arrival: Duration) -> Option<Fault> {
        let fault = match self.next.front_mut() {
            Some((fault, left)) => {
                let fault = fault.clone();
                *left -= 1;
                if *left == 0 {
                    self.next.pop_front();
                }
                fault
            }
            None if self.shares.is_empty() => return None,
            None if self.left == Some(0) || self.until.is_some_and(|until| arrival >= until) => {
                self.shares.clear();
                return None;
            }
            None => {
                self.left = self.left.map(|left| left - 1);
                let lot = self.lots.f64();
                let mut until = 0.0;
                let hit = self.shares.iter().find(|fault| {
                    until += fault.share.unwrap_or_default();
                    lot < until
                });
                hit?.clone()
            }
        };
        if fault.kind == FaultKind::None {
            return None;
        }
        *self.met.entry(fault.kind).or_default() += 1;
        Some(fault)
    }

    /// How many requests met each kind.
    pub(crate) fn met(&self) -> BTreeMap<FaultKind, u64> {
        self.met.clone()
    }

    pub(crate) fn forget(&mut self) {
        self.met.clear();
    }
}
