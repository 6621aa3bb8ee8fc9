//! A transport over reqwest. It uses reqwest one connection at a time: see `link.rs` for why.

mod connect;
mod link;

use std::fmt;
use std::sync::Arc;

use ::reqwest::{Request as Call, Url};
use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response, Uri, uri::Scheme};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use self::link::{Host, Link, client};
use crate::client::idle::{Hosts, Idle, permit};
use crate::client::origin::Origin;
use crate::client::shortage::Shortage;
use crate::client::{NO_ANSWER, NO_TURN, NO_URL, Settings, failure};
use crate::{BuildError, HttpTransport, TransportError, TransportErrorKind as Kind, TransportOptions};

/// A transport over reqwest and rustls: HTTP/1.1, ring, roots compiled in.
///
/// It is for a service that builds reqwest anyhow; whatever features of reqwest that service turns on, this transport
/// decompresses nothing, keeps no cookies, follows no redirect and sends nothing twice. It makes the same promises as
/// `HyperTransport`: at most [`TransportOptions::max_connections`] exchanges with one host go on at any time, further ones
/// wait for their turn, first come first served, and there is at most one connection for each. A connection whose exchange
/// ended well is used again.
///
/// What differs:
/// - reqwest closes the connection of an exchange that failed or was given up in a task of its own. So for a moment, until
///   that task has run, the next connection may be open beside it.
/// - If a server closes a connection right after an answer without saying so, the next exchange may wait for 0.1 s.
/// - The head of an answer may have 100 headers and about 400 KiB.
/// - `Accept: */*` is added to a request that has no `Accept`.
/// - The URL is written as browsers write it: `/a/../b` as `/b`, a `'` in the query as `%27`.
/// - With a proxy, a request over plain HTTP is refused: reqwest would show all of it to the proxy.
///
/// It runs on tokio. Its connections belong to the runtime that opened them: give each runtime its own transport.
///
/// ```
/// use std::time::Duration;
///
/// use contact_sink_transport::{Proxy, ReqwestTransport, TransportOptions};
///
/// let transport = ReqwestTransport::new()?;
///
/// let options = TransportOptions::default()
///     .with_exchange_timeout(Duration::from_secs(20))
///     .with_proxy(Proxy::new("http://user:password@proxy.example:3128")?);
/// let through_a_proxy = ReqwestTransport::with_options(options)?;
/// # Ok::<(), contact_sink_transport::BuildError>(())
/// ```
pub struct ReqwestTransport {
    settings: Settings,
    hosts: Hosts<Host>,
}

const UNSENT: TransportError = TransportError::new(Kind::Interrupted, "closed as the request was about to leave");
const NO_CLIENT: TransportError = TransportError::new(Kind::Connect, "reqwest could not be set up");
const IN_THE_CLEAR: TransportError =
    TransportError::new(Kind::Connect, "a request over plain http does not go through a proxy");

impl ReqwestTransport {
    /// A transport with the default options. It connects to nothing yet.
    ///
    /// # Errors
    /// [`BuildError`] if TLS cannot be set up, or the platform's certificates cannot be read where they are trusted.
    pub fn new() -> Result<Self, BuildError> {
        Self::with_options(TransportOptions::default())
    }

    /// A transport with these options. It connects to nothing yet.
    ///
    /// # Errors
    /// As [`new`](Self::new), and if a timeout is zero, or the extra roots, the proxy or the user agent cannot be used.
    pub fn with_options(options: TransportOptions) -> Result<Self, BuildError> {
        let settings = Settings::new(options)?;
        // What is wrong with it is told now, not at the first exchange.
        client(&settings, Arc::default())?;
        Ok(Self { settings, hosts: Hosts::new() })
    }

    /// The request in reqwest's form.
    fn call(&self, origin: &Origin, request: &Request<Bytes>) -> Result<Call, TransportError> {
        if self.settings.proxy.is_some() && origin.uri().scheme() == Some(&Scheme::HTTP) {
            return Err(IN_THE_CLEAR);
        }
        let mut call = Call::new(request.method().clone(), url(origin.uri(), request.uri()).ok_or(NO_URL)?);
        *call.headers_mut() = request.headers().clone();
        *call.body_mut() = Some(request.body().clone().into());
        Ok(call)
    }

    /// One exchange over this connection, which is idle afterwards if it can be used again. `None` if it was closed before
    /// the request left.
    async fn exchange_over(
        &self,
        link: Link,
        host: &Host,
        call: Call,
        deadline: Instant,
    ) -> Result<Option<Response<Bytes>>, TransportError> {
        let answer = timeout_at(deadline, async {
            match link.client.execute(call).await {
                Ok(answer) => self.settings.read(answer.into()).await.map(Some),
                Err(error) if connect::is_spent(&error) => Ok(None),
                Err(error) if link.once.is_made() => Err(failure::of_exchange(&error)),
                // Until there is a connection nothing has left.
                Err(error) => Err(connect::failure(&error)),
            }
        });
        let late = |_| Err(if link.once.is_made() { NO_ANSWER } else { NO_TURN });
        let answer = answer.await.unwrap_or_else(late)?;
        if answer.as_ref().is_some_and(link::goes_on) {
            link.give_back(host);
        }
        Ok(answer)
    }
}

#[async_trait]
impl HttpTransport for ReqwestTransport {
    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let deadline = Instant::now() + self.settings.exchange_timeout;
        let (origin, request) = self.settings.prepare(request)?;
        let call = || self.call(&origin, &request);
        let host = self.hosts.get(&origin, || Host {
            turns: Arc::new(Semaphore::new(self.settings.max_connections)),
            open: Arc::new(()),
            idle: Idle::new(self.settings.idle_timeout),
        });
        let mut shortage = Shortage::new(self.settings.connect_timeout);
        loop {
            let turn = timeout_at(deadline, permit(&host.turns)).await.unwrap_or(Err(NO_TURN))?;
            while let Some(link) = host.idle.take() {
                if let Some(answer) = self.exchange_over(link, &host, call()?, deadline).await? {
                    return Ok(answer);
                }
            }
            let link = Link::new(&self.settings, &host).map_err(|_| NO_CLIENT)?;
            match self.exchange_over(link, &host, call()?, deadline).await {
                Ok(answer) => return answer.ok_or(UNSENT),
                Err(error) => shortage.wait(error, Arc::strong_count(&host.open) > 1, turn).await?,
            }
        }
    }
}

fn url(origin: &Uri, path_and_query: &Uri) -> Option<Url> {
    format!("{}://{}{path_and_query}", origin.scheme()?, origin.authority()?).parse().ok()
}

impl fmt::Debug for ReqwestTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.settings.debug("ReqwestTransport", f)
    }
}
