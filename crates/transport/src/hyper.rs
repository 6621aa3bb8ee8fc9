//! A transport over hyper and rustls. Its pool is our own: see `pool.rs` for what that buys.

mod connect;
mod failure;
mod origin;
mod pool;
mod tls;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body, Incoming};
use tokio::time::{Instant, timeout_at};

use self::origin::Origin;
use self::pool::Pool;
use crate::{BuildError, HttpTransport, TransportError, TransportErrorKind, TransportOptions};

/// A transport over hyper and rustls: HTTP/1.1, ring, roots compiled in.
///
/// At most [`TransportOptions::max_connections`] connections to one host are open at any time, whatever fails; further
/// exchanges wait for their turn, first come first served. A connection whose exchange ended well is used again.
///
/// It runs on tokio. Its connections belong to the runtime that opened them: give each runtime its own transport.
pub struct HyperTransport {
    pool: Pool,
    user_agent: HeaderValue,
    exchange_timeout: Duration,
    max_answer_bytes: usize,
}

/// A time limit is at most this: a longer one would be none.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

impl HyperTransport {
    /// A transport with these options. It connects to nothing yet.
    ///
    /// # Errors
    /// [`BuildError`] if a timeout is zero, or the extra roots, the proxy or the user agent cannot be used.
    pub fn new(options: TransportOptions) -> Result<Self, BuildError> {
        if options.connect_timeout.is_zero() || options.exchange_timeout.is_zero() {
            return Err(BuildError::ZeroTimeout);
        }
        Ok(Self {
            user_agent: HeaderValue::from_str(&options.user_agent).map_err(|_| BuildError::UserAgent)?,
            exchange_timeout: options.exchange_timeout.min(LONGEST),
            max_answer_bytes: options.max_answer_bytes,
            pool: Pool::new(&options, LONGEST)?,
        })
    }

    /// The request in the form in which it goes over the wire, and where it goes.
    fn prepare(&self, request: Request<Bytes>) -> Result<(Origin, Request<Full<Bytes>>), TransportError> {
        let origin = Origin::of(request.uri())
            .ok_or(TransportError::new(TransportErrorKind::Connect, "the request has no http or https url"))?;
        let (mut parts, body) = request.into_parts();
        let path_and_query = parts.uri.into_parts().path_and_query;
        parts.uri = path_and_query.map_or_else(|| http::Uri::from_static("/"), http::Uri::from);
        parts.version = http::Version::HTTP_11;
        parts.headers.entry(header::HOST).or_insert_with(|| origin.host_header().clone());
        parts.headers.entry(header::USER_AGENT).or_insert_with(|| self.user_agent.clone());
        Ok((origin, Request::from_parts(parts, Full::new(body))))
    }
}

#[async_trait]
impl HttpTransport for HyperTransport {
    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let deadline = Instant::now() + self.exchange_timeout;
        let (origin, request) = self.prepare(request)?;
        // Until here nothing has left: what goes wrong in this line is certain not to have been applied.
        let mut lease = timeout_at(deadline, self.pool.lease(&origin)).await.unwrap_or(Err(NO_TURN))?;
        let answer = timeout_at(deadline, async {
            let answer = lease.send(request).await.map_err(|error| failure::of_exchange(&error))?;
            read(answer, self.max_answer_bytes).await
        });
        let answer = answer.await.unwrap_or(Err(NO_ANSWER))?;
        lease.give_back(deadline).await;
        Ok(answer)
    }
}

const NO_TURN: TransportError = TransportError::new(TransportErrorKind::Connect, "no connection was free in time");
const NO_ANSWER: TransportError = TransportError::new(TransportErrorKind::Timeout, "the exchange timeout passed");
const TOO_LARGE: TransportError = TransportError::new(TransportErrorKind::AnswerTooLarge, "over the cap on an answer");

async fn read(answer: Response<Incoming>, max_bytes: usize) -> Result<Response<Bytes>, TransportError> {
    let (parts, body) = answer.into_parts();
    // The declared length, if there is one. A refused body is not read at all.
    if usize::try_from(body.size_hint().lower()).map_or(true, |declared| declared > max_bytes) {
        return Err(TOO_LARGE);
    }
    match Limited::new(body, max_bytes).collect().await {
        Ok(whole) => Ok(Response::from_parts(parts, whole.to_bytes())),
        Err(error) => Err(error.downcast_ref::<hyper::Error>().map_or(TOO_LARGE, failure::of_exchange)),
    }
}

impl fmt::Debug for HyperTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HyperTransport")
            .field("exchange_timeout", &self.exchange_timeout)
            .field("max_answer_bytes", &self.max_answer_bytes)
            .finish_non_exhaustive()
    }
}
