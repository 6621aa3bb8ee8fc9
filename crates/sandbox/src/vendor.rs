//! What the server asks of each vendor's endpoint.

use std::time::Duration;

use http::request::Parts;

use crate::answer::Answer;

/// One vendor's endpoints.
pub(crate) trait Vendor: Send + Sync {
    /// Judges the head: the answer, if the head alone decides it, or `None` if the request is let in.
    fn arrive(&self, head: &Parts, arrival: Duration) -> Option<Answer>;

    /// Answers a request that has been let in, and applies it. `None` is a body that could not be read.
    fn answer(&self, head: &Parts, body: Option<&[u8]>) -> Answer;

    /// What a request over the quota is answered.
    fn over_quota(&self, head: &Parts) -> Answer;

    /// Has another secret from now on.
    fn change_secret(&self, secret: &str);

    /// Forgets what is stored and counted, and the quota's window.
    fn forget(&self);
}
