//! The connections to each host: how many there may be, and which are idle.
//!
//! hyper-util's pool lets a connect that lost against a returned connection go on in the background, so it bounds
//! nothing and opens more than it needs. Here an exchange takes a turn, then an idle connection if there is one, and only
//! then a new one; it returns the connection before it returns the turn. So there are never more connections than
//! turns, one caller after the other uses one connection, and nothing can be sent twice.

use std::pin::pin;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout, timeout_at};

use super::connect::{Connector, Io};
use crate::client::idle::{Hosts, Idle, SETTLE, permit};
use crate::client::origin::Origin;
use crate::client::shortage::Shortage;
use crate::client::{Settings, failure};
use crate::{BuildError, TransportError};

/// The most bytes that the head of an answer may have.
const MAX_HEAD_BYTES: usize = 64 * 1024;

pub(super) struct Pool {
    connector: Connector,
    max_connections: usize,
    connect_timeout: Duration,
    idle_timeout: Duration,
    hosts: Hosts<Host>,
}

struct Host {
    /// One for each exchange.
    turns: Arc<Semaphore>,
    /// One for each open socket, held until it is closed.
    sockets: Arc<Semaphore>,
    /// One clone for each open connection.
    open: Arc<()>,
    idle: Idle<Link>,
}

/// Our end of a connection; the other end is driven by its own task. Dropped, it closes the connection at once.
struct Link {
    sender: SendRequest<Full<Bytes>>,
    task: AbortHandle,
}

/// A connection for one exchange. Dropped before it is given back, it closes the connection.
pub(super) struct Lease {
    link: Link,
    host: Arc<Host>,
    _turn: OwnedSemaphorePermit,
}

impl Pool {
    pub(super) fn new(settings: &Settings) -> Result<Self, BuildError> {
        Ok(Self {
            connector: Connector::new(settings)?,
            max_connections: settings.max_connections,
            connect_timeout: settings.connect_timeout,
            idle_timeout: settings.idle_timeout,
            hosts: Hosts::new(),
        })
    }

    /// Waits for a turn and takes an idle connection or a new one.
    pub(super) async fn lease(&self, origin: &Origin) -> Result<Lease, TransportError> {
        let host = self.hosts.get(origin, || Host {
            turns: Arc::new(Semaphore::new(self.max_connections)),
            sockets: Arc::new(Semaphore::new(self.max_connections)),
            open: Arc::new(()),
            idle: Idle::new(self.idle_timeout),
        });
        let mut shortage = Shortage::new(self.connect_timeout);
        loop {
            let turn = permit(&host.turns).await?;
            while let Some(link) = host.idle.take() {
                if link.sender.is_ready() {
                    return Ok(Lease { link, host, _turn: turn });
                }
            }
            // There is one, or a connection is just being closed.
            let socket = permit(&host.sockets).await?;
            match self.connector.connect(origin).await {
                Ok(io) => {
                    let link = self.start(io, socket, &host).await?;
                    return Ok(Lease { link, host, _turn: turn });
                }
                Err(error) => shortage.wait(error, Arc::strong_count(&host.open) > 1, (turn, socket)).await?,
            }
        }
    }

    async fn start(&self, io: Io, socket: OwnedSemaphorePermit, host: &Arc<Host>) -> Result<Link, TransportError> {
        let handshake = Builder::new().max_buf_size(MAX_HEAD_BYTES).handshake(io).await;
        let (sender, connection) = handshake.map_err(|error| failure::of_exchange(&error))?;
        let held = (socket, Arc::clone(&host.open));
        let task = tokio::spawn(drive(connection, Arc::downgrade(host), self.idle_timeout, held));
        Ok(Link { sender, task: task.abort_handle() })
    }
}

impl Lease {
    pub(super) async fn send(&mut self, request: Request<Full<Bytes>>) -> hyper::Result<Response<Incoming>> {
        self.link.sender.send_request(request).await
    }

    /// Makes the connection idle after a whole answer, if it can be used again.
    pub(super) async fn give_back(mut self, deadline: Instant) {
        let settled = timeout_at(deadline.min(Instant::now() + SETTLE), self.link.sender.ready()).await;
        if matches!(settled, Ok(Ok(()))) && self.link.sender.is_ready() {
            self.host.idle.put(self.link);
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Moves the bytes of one connection and closes it when it has been idle for too long. What is held goes after the socket.
async fn drive(
    connection: Connection<Io, Full<Bytes>>,
    host: Weak<Host>,
    idle_timeout: Duration,
    _held: (OwnedSemaphorePermit, Arc<()>),
) {
    let mut connection = pin!(connection);
    let mut check_after = idle_timeout;
    while timeout(check_after, connection.as_mut()).await.is_err() {
        let (Some(host), Some(task)) = (host.upgrade(), tokio::task::try_id()) else { return };
        match host.idle.expire(|link| link.task.id() == task) {
            Some(again_after) => check_after = again_after,
            None => return,
        }
    }
}
