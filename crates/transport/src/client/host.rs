//! What is known of one host: the turns of its exchanges, and how many connections there are.

use std::collections::HashMap;
use std::convert::Infallible;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Uri;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};

/// How long a connection may be on its way back into the client's pool after an answer. It is microseconds but on a busy machine.
const SETTLE: Duration = Duration::from_millis(100);

pub(crate) struct Hosts {
    turns: usize,
    hosts: Mutex<HashMap<Uri, Arc<Host>>>,
}

pub(crate) struct Host {
    /// One for each exchange, first come first served.
    turns: Arc<Semaphore>,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    exchanges: usize,
    connecting: usize,
    /// Connections that came about, without those whose end is known.
    open: usize,
    /// When a connection was last on its way back into the pool.
    returned: Option<Instant>,
}

/// An exchange that has its turn. Dropped before [`end_well`](Self::end_well), its connection is closed.
pub(crate) struct Exchange<'a> {
    host: &'a Host,
    sent: Arc<AtomicBool>,
    is_empty: bool,
    returns: bool,
}

/// The body of a request, which notes that it was asked for: until then nothing is sent.
pub(crate) struct SentBody {
    rest: Option<Bytes>,
    sent: Arc<AtomicBool>,
}

/// An attempt to open a connection. Dropped before [`succeed`](Self::succeed), it has failed.
pub(crate) struct Attempt(Arc<Host>);

impl Hosts {
    pub(crate) fn new(turns: NonZeroUsize) -> Self {
        Self { turns: turns.get().min(Semaphore::MAX_PERMITS), hosts: Mutex::default() }
    }

    pub(crate) fn get(&self, origin: Uri) -> Arc<Host> {
        let new = || Arc::new(Host { turns: Arc::new(Semaphore::new(self.turns)), counts: Mutex::default() });
        Arc::clone(lock(&self.hosts).entry(origin).or_insert_with(new))
    }
}

impl Host {
    /// Waits for a turn. `None` is never returned: the semaphore is not closed.
    pub(crate) async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.turns).acquire_owned().await.ok()
    }

    /// Whether a connection is open, as far as is known.
    pub(crate) fn is_connected(&self) -> bool {
        lock(&self.counts).open > 0
    }

    /// An attempt to open a connection, at once if all open ones are in use. Else one may be on its way back into the client's pool:
    /// then the client is given the time to use that one. `is_wanted` says whether it is still without a connection.
    pub(crate) async fn attempt(self: &Arc<Self>, is_wanted: impl Fn() -> bool) -> Option<Attempt> {
        while let Some(later) = self.begin_attempt() {
            sleep_until(later).await;
            if !is_wanted() {
                return None;
            }
        }
        Some(Attempt(Arc::clone(self)))
    }

    /// Counts an attempt, or says until when to wait for a connection.
    fn begin_attempt(&self) -> Option<Instant> {
        let mut counts = lock(&self.counts);
        if counts.open + counts.connecting >= counts.exchanges {
            let settled = counts.returned.map(|returned| returned + SETTLE);
            if settled.is_some_and(|settled| settled > Instant::now()) {
                return settled;
            }
            // None came back, so they were closed.
            counts.open = counts.exchanges.saturating_sub(1 + counts.connecting);
        }
        counts.connecting += 1;
        None
    }
}

impl Attempt {
    pub(crate) fn succeed(self) {
        lock(&self.0.counts).open += 1;
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        lock(&self.0.counts).connecting -= 1;
    }
}

impl<'a> Exchange<'a> {
    pub(crate) fn begin(host: &'a Host, body: &Bytes) -> Self {
        lock(&host.counts).exchanges += 1;
        Self { host, sent: Arc::default(), is_empty: body.is_empty(), returns: false }
    }

    pub(crate) fn note(&self, body: Bytes) -> SentBody {
        SentBody { rest: Some(body).filter(|body| !body.is_empty()), sent: Arc::clone(&self.sent) }
    }

    /// Whether the request was being sent.
    pub(crate) fn has_sent(&self) -> bool {
        self.sent.load(Ordering::Acquire)
    }

    /// The same; a client does not ask for a body that is empty.
    pub(crate) fn may_have_sent(&self) -> bool {
        self.is_empty || self.has_sent()
    }

    /// After a whole answer; says whether its connection is used again.
    pub(crate) fn end_well(mut self, returns: bool) {
        self.returns = returns;
    }
}

impl Drop for Exchange<'_> {
    fn drop(&mut self) {
        let mut counts = lock(&self.host.counts);
        counts.exchanges -= 1;
        if self.returns {
            counts.returned = Some(Instant::now());
        } else if self.may_have_sent() {
            counts.open = counts.open.saturating_sub(1);
        }
    }
}

impl Body for SentBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.sent.store(true, Ordering::Release);
        Poll::Ready(self.rest.take().map(|body| Ok(Frame::data(body))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.as_ref().map_or(0, Bytes::len) as u64)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
