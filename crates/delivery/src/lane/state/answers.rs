//! What the latest answers say of the vendor: whether it was there, and what failed since.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use contact_sink_core::{SinkError, SinkErrorKind};
use tokio::time::Instant;

/// So many failures in a row are an outage, if attempts are more than that. Half of the attempts that an update has by default: one
/// that meets the outage alone has the other half left, and a vendor that fails one request in ten is hardly ever taken for down.
const IN_A_ROW: u32 = 4;
/// A service is not in an outage while an answer decided something so lately: updates that fail for ever may stand together.
const LATELY: Duration = Duration::from_secs(1);
/// So many of the latest answers are remembered.
const RECENT: usize = 20;

/// The latest answers, by the number of the request, which is the order of departures.
#[derive(Debug)]
pub(crate) struct Answers {
    /// So many failures in a row are an outage.
    enough: usize,
    pub(crate) departed: u64,
    /// Whether an answer ever decided anything, and whether one accepted anything.
    pub(crate) reached: bool,
    pub(crate) accepted: bool,
    /// When the first request was sent; once one was decided, when the first one failed after that.
    pub(crate) began: Option<Instant>,
    /// Requests that were sent while none was decided; once one was, those that failed after it.
    pub(crate) tried: u32,
    pub(crate) last: Option<Arc<SinkError>>,
    /// The latest request that was decided, and when its answer came.
    latest_decided: u64,
    decided_at: Option<Instant>,
    /// The latest requests that failed and were sent after that one, as many as count.
    pub(crate) failed: VecDeque<u64>,
    /// Whether the latest answers were successes: something in the request was accepted.
    recent: VecDeque<bool>,
}

impl Answers {
    pub(crate) fn new(max_attempts: u32) -> Self {
        Self {
            enough: IN_A_ROW.min(max_attempts.saturating_sub(1)).max(1) as usize,
            departed: 0,
            reached: false,
            accepted: false,
            began: None,
            tried: 0,
            last: None,
            latest_decided: 0,
            decided_at: None,
            failed: VecDeque::new(),
            recent: VecDeque::new(),
        }
    }

    pub(crate) fn departs(&mut self, now: Instant) -> u64 {
        if !self.reached {
            self.began.get_or_insert(now);
            self.tried = self.tried.saturating_add(1);
        }
        self.departed += 1;
        self.departed
    }

    /// What failed and was sent after this request may still be an outage, whose time begins anew.
    pub(crate) fn decided(&mut self, departed: u64, is_accepted: bool, confirms: bool, now: Instant) {
        // What confirms a refusal was asked for because of one: it says nothing of the others.
        if !confirms {
            self.push(is_accepted);
        }
        self.reached = true;
        self.accepted |= is_accepted;
        self.latest_decided = self.latest_decided.max(departed);
        self.decided_at = Some(now);
        self.failed.retain(|failed| *failed > departed);
        // There are few of them.
        self.tried = u32::try_from(self.failed.len()).unwrap_or(u32::MAX);
        self.began = (self.tried > 0).then_some(now);
        if self.tried == 0 {
            self.last = None;
        }
    }

    pub(crate) fn failed(&mut self, departed: u64, error: &Arc<SinkError>, is_outage: bool, now: Instant) {
        self.push(false);
        if !self.reached {
            self.last = Some(error.clone());
            return;
        }
        // A vendor that throttles is there and says so: that is the limiter's business.
        let throttled = error.kind() == SinkErrorKind::Throttled && !is_outage;
        if throttled || departed < self.latest_decided {
            return;
        }
        self.last = Some(error.clone());
        self.began.get_or_insert(now);
        self.tried = self.tried.saturating_add(1);
        let place = self.failed.partition_point(|failed| *failed < departed);
        self.failed.insert(place, departed);
        if self.failed.len() > self.enough {
            self.failed.pop_front();
        }
    }

    fn push(&mut self, is_success: bool) {
        self.recent.push_back(is_success);
        if self.recent.len() > RECENT {
            self.recent.pop_front();
        }
    }

    /// Whether a request that was sent after this one was decided.
    pub(crate) fn outlived(&self, departed: u64) -> bool {
        departed < self.latest_decided
    }

    /// Whether at least half of the latest answers were successes.
    pub(crate) fn succeed(&self) -> bool {
        2 * self.recent.iter().filter(|is_success| **is_success).count() >= self.recent.len()
    }

    /// Whether so much failed in a row that the vendor is down.
    pub(crate) fn is_outage(&self) -> bool {
        self.reached && self.failed.len() >= self.enough
    }

    /// Whether an answer decided something in the last second.
    pub(crate) fn decided_lately(&self, now: Instant) -> bool {
        self.decided_at.is_some_and(|at| now.saturating_duration_since(at) < LATELY)
    }

    pub(crate) fn forget_failures(&mut self) {
        self.failed.clear();
        (self.began, self.tried, self.last) = (None, 0, None);
    }
}
