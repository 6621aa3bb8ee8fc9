//! Who meets which fault: the script first, then lots.

use std::collections::{BTreeMap, VecDeque};

use super::{Fault, FaultKind, Faults};

/// What is left to deal, and what was dealt.
pub(crate) struct Dealer {
    /// Each with how often it is still to be met.
    next: VecDeque<(Fault, u32)>,
    shares: Vec<Fault>,
    lots: fastrand::Rng,
    met: BTreeMap<FaultKind, u64>,
}

impl Dealer {
    pub(crate) fn new(faults: Faults) -> Self {
        let mut dealer =
            Self { next: VecDeque::new(), shares: Vec::new(), lots: fastrand::Rng::with_seed(0), met: BTreeMap::new() };
        dealer.replace(faults);
        dealer
    }

    /// Takes others instead of what is left. What was met stays counted.
    pub(crate) fn replace(&mut self, faults: Faults) {
        self.next = faults.next.into_iter().map(|fault| (fault.clone(), fault.times.unwrap_or(1))).collect();
        self.shares = faults.shares;
        self.lots = fastrand::Rng::with_seed(faults.seed);
    }

    /// What the request at hand meets.
    pub(crate) fn deal(&mut self) -> Option<Fault> {
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
            None => {
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
