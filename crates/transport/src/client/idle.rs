//! The hosts that a transport speaks to, and the connections to one of them that wait for their next exchange.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::Uri;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::origin::Origin;
use crate::{TransportError, TransportErrorKind};

/// How long a connection may take, after a whole answer, to be ready for the next request. It is microseconds but for a
/// server that answers before it has read the request.
pub(crate) const SETTLE: Duration = Duration::from_millis(100);

/// What is kept for each host.
pub(crate) struct Hosts<H>(Mutex<HashMap<Uri, Arc<H>>>);

/// The idle connections to one host. What is dropped here closes its connection.
pub(crate) struct Idle<L> {
    timeout: Duration,
    links: Mutex<Vec<(L, Instant)>>,
}

impl<H> Hosts<H> {
    pub(crate) fn new() -> Self {
        Self(Mutex::default())
    }

    pub(crate) fn get(&self, origin: &Origin, new: impl FnOnce() -> H) -> Arc<H> {
        Arc::clone(lock(&self.0).entry(origin.uri().clone()).or_insert_with(|| Arc::new(new())))
    }
}

impl<L> Idle<L> {
    pub(crate) fn new(timeout: Duration) -> Self {
        Self { timeout, links: Mutex::default() }
    }

    pub(crate) fn put(&self, link: L) {
        lock(&self.links).push((link, Instant::now()));
    }

    /// The connection that was used last: the one that the server is least likely to have closed.
    pub(crate) fn take(&self) -> Option<L> {
        let (link, since) = lock(&self.links).pop()?;
        if since.elapsed() < self.timeout {
            return Some(link);
        }
        // The others have been here for longer.
        let expired = std::mem::take(&mut *lock(&self.links));
        drop((link, expired));
        None
    }

    /// Takes this connection off if it has been here for too long: `None`. Else when to look again.
    pub(crate) fn expire(&self, is_it: impl Fn(&L) -> bool) -> Option<Duration> {
        let mut links = lock(&self.links);
        let Some(at) = links.iter().position(|(link, _)| is_it(link)) else {
            return Some(self.timeout.max(SETTLE));
        };
        let left = self.timeout.saturating_sub(links[at].1.elapsed());
        if left.is_zero() {
            links.remove(at);
            return None;
        }
        Some(left)
    }
}

/// One of these permits, first come first served.
pub(crate) async fn permit(of: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, TransportError> {
    let closed = |_| TransportError::new(TransportErrorKind::Connect, "the transport is closed");
    Arc::clone(of).acquire_owned().await.map_err(closed)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
