//! The connections to each host: how many there may be, and which are idle.
//!
//! hyper-util's pool lets a connect that lost against a returned connection go on in the background, so it bounds
//! nothing and opens more than it needs. Here an exchange takes a turn, then an idle connection if there is one, and only
//! then a new one; it returns the connection before it returns the turn. So there are never more connections than
//! turns, one caller after the other uses one connection, and nothing can be sent twice.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout, timeout_at};

use super::connect::{Connector, Io};
use super::failure;
use super::origin::Origin;
use crate::{BuildError, TransportError, TransportErrorKind, TransportOptions};

/// The most bytes that the head of an answer may have.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// How long a connection may take, after a whole answer, to be ready for the next request. It is microseconds but for a
/// server that answers before it has read the request.
const SETTLE: Duration = Duration::from_millis(100);

pub(super) struct Pool {
    connector: Connector,
    max_connections: usize,
    idle_timeout: Duration,
    hosts: Mutex<HashMap<Uri, Arc<Host>>>,
}

struct Host {
    /// One for each exchange.
    turns: Arc<Semaphore>,
    /// One for each open socket, held until it is closed.
    sockets: Arc<Semaphore>,
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    link: Link,
    since: Instant,
}

/// Our end of a connection; the other end is driven by its own task.
struct Link {
    sender: SendRequest<Full<Bytes>>,
    task: AbortHandle,
}

/// A connection for one exchange. Dropped before it is given back, it closes the connection at once.
pub(super) struct Lease {
    link: Option<Link>,
    host: Arc<Host>,
    _turn: OwnedSemaphorePermit,
}

impl Pool {
    pub(super) fn new(options: &TransportOptions, longest: Duration) -> Result<Self, BuildError> {
        Ok(Self {
            connector: Connector::new(options, longest)?,
            max_connections: options.max_connections.get().min(Semaphore::MAX_PERMITS),
            idle_timeout: options.idle_timeout.min(longest),
            hosts: Mutex::default(),
        })
    }

    /// Waits for a turn and gives out an idle connection or a new one.
    pub(super) async fn lease(&self, origin: &Origin) -> Result<Lease, TransportError> {
        let host = self.host(origin);
        let turn = permit(&host.turns).await?;
        let link = match host.take_idle(self.idle_timeout) {
            Some(link) => link,
            None => {
                // There is one, or a connection is just being closed.
                let socket = permit(&host.sockets).await?;
                let io = self.connector.connect(origin).await?;
                self.start(io, socket, &host).await?
            }
        };
        Ok(Lease { link: Some(link), host, _turn: turn })
    }

    fn host(&self, origin: &Origin) -> Arc<Host> {
        let mut hosts = lock(&self.hosts);
        let host = hosts.entry(origin.uri().clone()).or_insert_with(|| {
            Arc::new(Host {
                turns: Arc::new(Semaphore::new(self.max_connections)),
                sockets: Arc::new(Semaphore::new(self.max_connections)),
                idle: Mutex::default(),
            })
        });
        Arc::clone(host)
    }

    async fn start(&self, io: Io, socket: OwnedSemaphorePermit, host: &Arc<Host>) -> Result<Link, TransportError> {
        let (sender, connection) = Builder::new()
            .max_buf_size(MAX_HEAD_BYTES)
            .handshake(io)
            .await
            .map_err(|error| failure::of_exchange(&error))?;
        let task = tokio::spawn(drive(connection, Arc::downgrade(host), self.idle_timeout, socket));
        Ok(Link { sender, task: task.abort_handle() })
    }
}

impl Host {
    /// The connection that was used last: the one that the server is least likely to have closed.
    fn take_idle(&self, idle_timeout: Duration) -> Option<Link> {
        let mut idle = lock(&self.idle);
        while let Some(Idle { link, since }) = idle.pop() {
            if since.elapsed() < idle_timeout && link.sender.is_ready() {
                return Some(link);
            }
            link.task.abort();
        }
        None
    }

    /// Takes the connection of this task off the idle ones if it has been there for too long: `None`. Else when to look
    /// again.
    fn keep(&self, task: tokio::task::Id, idle_timeout: Duration) -> Option<Duration> {
        let mut idle = lock(&self.idle);
        let Some(at) = idle.iter().position(|idle| idle.link.task.id() == task) else {
            return Some(idle_timeout.max(SETTLE));
        };
        let left = idle_timeout.saturating_sub(idle[at].since.elapsed());
        if left.is_zero() {
            idle.remove(at);
            return None;
        }
        Some(left)
    }
}

impl Lease {
    pub(super) async fn send(&mut self, request: Request<Full<Bytes>>) -> hyper::Result<Response<Incoming>> {
        match &mut self.link {
            Some(link) => link.sender.send_request(request).await,
            None => std::future::pending().await,
        }
    }

    /// Makes the connection idle after a whole answer, if it can be used again.
    pub(super) async fn give_back(mut self, deadline: Instant) {
        let Some(link) = &mut self.link else { return };
        let settled = timeout_at(deadline.min(Instant::now() + SETTLE), link.sender.ready()).await;
        if let (Ok(Ok(())), Some(link)) = (settled, self.link.take_if(|link| link.sender.is_ready())) {
            lock(&self.host.idle).push(Idle { link, since: Instant::now() });
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(link) = &self.link {
            link.task.abort();
        }
    }
}

/// Moves the bytes of one connection and closes it when it has been idle for too long. The permit goes after the socket.
async fn drive(
    connection: Connection<Io, Full<Bytes>>,
    host: Weak<Host>,
    idle_timeout: Duration,
    _socket: OwnedSemaphorePermit,
) {
    let mut connection = pin!(connection);
    let mut check_after = idle_timeout;
    while timeout(check_after, connection.as_mut()).await.is_err() {
        let (Some(host), Some(task)) = (host.upgrade(), tokio::task::try_id()) else { return };
        match host.keep(task, idle_timeout) {
            Some(again_after) => check_after = again_after,
            None => return,
        }
    }
}

async fn permit(of: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, TransportError> {
    let closed = |_| TransportError::new(TransportErrorKind::Connect, "the transport is closed");
    Arc::clone(of).acquire_owned().await.map_err(closed)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
