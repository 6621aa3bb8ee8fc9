//! What a simulated vendor states of itself, and what it has in common with all others.
//!
//! A vendor is a module with a line in the list of `lib.rs`. It has `Settings` (a [`VendorSettings`], `Deserialize`, `Clone`,
//! `PartialEq` and a `Debug` that shows no user), `Counters`, and an `Endpoint` (a [`Vendor`], and `Serialize` as what is stored)
//! with `new(settings, keep)` and `counters()`.

use std::sync::Mutex;
use std::time::Duration;

use http::request::Parts;

use crate::answer::Answer;
use crate::counters::{Counters, End};
use crate::head;
use crate::lock::lock;
use crate::quota::{Quota, Window};
use crate::secret::Secret;

/// The settings of one vendor.
pub(crate) trait VendorSettings {
    /// Checks what no single key can show.
    fn check(&self) -> Result<(), String>;

    /// The secret by which callers are known.
    fn secret(&mut self) -> &mut Secret;

    /// The quotas of its paths; `None` is no limit.
    fn quotas(&mut self) -> Vec<&mut Option<Quota>>;

    /// What else a caller has to know, as a destination's configuration writes it: `api_key = "sandbox"`.
    fn login(&self) -> String;
}

/// One vendor's endpoints.
///
/// The checks of a request are made in this order, and the first that fails answers: [`admit`](Self::admit), the quota of the
/// route, [`check_type`](Self::check_type), the size of the body, [`judge`](Self::judge).
pub(crate) trait Vendor: Send + Sync {
    /// The paths, each with its quota and its counters.
    fn routes(&self) -> &[Route];

    /// Refuses a wrong method and a caller who is not known.
    fn admit(&self, head: &Parts) -> Option<Answer>;

    /// Answers a request that has been let in, and applies it.
    fn judge(&self, head: &Parts, body: &[u8]) -> Answer;

    /// Has another secret from now on.
    fn change_secret(&self, secret: &Secret);

    /// Forgets what is stored.
    fn clear(&self);

    /// What a request over the quota is answered.
    fn over_quota(&self, _head: &Parts) -> Answer {
        Answer::too_many_requests()
    }

    /// Refuses a body that is said to be something else than JSON.
    fn check_type(&self, head: &Parts) -> Option<Answer> {
        (!head::is_json(&head.headers)).then(Answer::not_json)
    }

    /// Has a clock that is this much ahead of the system's.
    fn set_clock_ahead(&self, _ahead: Duration) {}

    /// Revokes what callers have signed so far.
    fn revoke_signatures(&self) {}

    /// The route with this path.
    fn route(&self, path: &str) -> Option<&Route> {
        self.routes().iter().find(|route| route.path == path)
    }

    /// Judges the head: the answer, if the head alone decides it, or `None` if the request is let in.
    fn arrive(&self, route: &Route, head: &Parts, arrival: Duration) -> Option<Answer> {
        lock(&route.counters).requests += 1;
        let answer = match self.admit(head) {
            Some(refusal) => refusal,
            None if route.has_room(arrival) => return None,
            None => Answer { end: End::OverQuota, ..self.over_quota(head) },
        };
        lock(&route.counters).count(answer.end);
        Some(answer)
    }

    /// Answers a request that has been let in, and applies it. `None` is a body that could not be read.
    fn answer(&self, route: &Route, head: &Parts, body: Option<&[u8]>) -> Answer {
        let refusal = self.check_type(head);
        let answer = refusal.unwrap_or_else(|| body.map_or_else(Answer::too_large, |body| self.judge(head, body)));
        lock(&route.counters).count(answer.end);
        answer
    }

    /// Forgets what is stored and counted, and the quota's windows.
    fn forget(&self) {
        for route in self.routes() {
            *lock(&route.window) = route.quota.map(Window::new);
            *lock(&route.counters) = Counters::default();
        }
        self.clear();
    }
}

/// One path of a vendor.
pub(crate) struct Route {
    path: &'static str,
    quota: Option<Quota>,
    window: Mutex<Option<Window>>,
    counters: Mutex<Counters>,
}

impl Route {
    pub(crate) fn new(path: &'static str, quota: Option<Quota>) -> Self {
        Self { path, quota, window: Mutex::new(quota.map(Window::new)), counters: Mutex::default() }
    }

    /// What was counted.
    pub(crate) fn counters(&self) -> Counters {
        *lock(&self.counters)
    }

    /// Whether there is room in the quota; the request then counts.
    fn has_room(&self, arrival: Duration) -> bool {
        lock(&self.window).as_mut().is_none_or(|window| window.take(arrival))
    }
}
