//! What the transports have in common: one exchange with its turn and its time limits, and the cap on an answer.

pub(crate) mod connector;
pub(crate) mod failure;
mod host;
mod origin;
mod proxy;
pub(crate) mod tls;

use std::error::Error;
use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Request, Response, StatusCode, Version, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Body;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, timeout_at};

use self::connector::{PAUSE, SCOPE};
pub(crate) use self::host::SentBody;
use self::host::{Exchange, Hosts};
use crate::{BuildError, TransportError, TransportErrorKind as Kind, TransportOptions};

/// A time limit is at most this: a longer one would be none.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

const NO_TURN: TransportError = TransportError::new(Kind::Connect, "no connection was free in time");
pub(crate) const NO_ANSWER: TransportError = TransportError::new(Kind::Timeout, "the exchange timeout passed");
pub(crate) const NO_URL: TransportError = TransportError::new(Kind::Connect, "the request has no http or https url");
const TOO_LARGE: TransportError = TransportError::new(Kind::AnswerTooLarge, "over the cap on an answer");

/// The exchanges of one transport.
pub(crate) struct Exchanges {
    pub(crate) options: TransportOptions,
    user_agent: HeaderValue,
    hosts: Hosts,
}

impl Exchanges {
    pub(crate) fn new(mut options: TransportOptions) -> Result<Self, BuildError> {
        if options.connect_timeout.is_zero() || options.exchange_timeout.is_zero() {
            return Err(BuildError::ZeroTimeout);
        }
        for limit in [&mut options.connect_timeout, &mut options.exchange_timeout, &mut options.idle_timeout] {
            *limit = LONGEST.min(*limit);
        }
        Ok(Self {
            user_agent: HeaderValue::from_str(&options.user_agent).map_err(|_| BuildError::UserAgent)?,
            hosts: Hosts::new(options.max_connections),
            options,
        })
    }

    /// One exchange: waits for its turn, and has `send` send the request and read the answer.
    pub(crate) async fn exchange<F>(
        &self,
        mut request: Request<Bytes>,
        send: impl Fn(Request<SentBody>) -> F,
    ) -> Result<Response<Bytes>, TransportError>
    where
        F: Future<Output = Result<Response<Bytes>, TransportError>>,
    {
        let deadline = Instant::now() + self.options.exchange_timeout;
        let host = self.hosts.get(origin::write_out(request.uri_mut()).ok_or(NO_URL)?);
        *request.version_mut() = Version::HTTP_11;
        request.headers_mut().entry(header::USER_AGENT).or_insert_with(|| self.user_agent.clone());
        let _turn = timeout_at(deadline, host.turn()).await.map_err(|_| NO_TURN)?;
        let mut shortage_ends = None;
        loop {
            let exchange = Exchange::begin(&host, request.body());
            let request = request.clone().map(|body| exchange.note(body));
            let error = match timeout_at(deadline, SCOPE.scope(Arc::clone(&host), send(request))).await {
                Ok(Ok(answer)) => {
                    exchange.end_well(self.goes_on(&answer));
                    // The client's task that takes the connection back runs before the next exchange looks for it.
                    yield_now().await;
                    return Ok(answer);
                }
                // A client that follows redirects or sends again may fail to connect after it has sent.
                Ok(Err(error)) if exchange.has_sent() => return Err(error.once_sent()),
                Ok(Err(error)) => error,
                Err(_) => return Err(if exchange.may_have_sent() { NO_ANSWER } else { NO_TURN }),
            };
            // `few_files`: the machine has nothing left for a connection.
            if error.kind() != Kind::Exhausted {
                return Err(error);
            }
            if !host.is_connected() {
                let now = Instant::now();
                if now >= *shortage_ends.get_or_insert(now + self.options.connect_timeout) {
                    return Err(error);
                }
                sleep(PAUSE).await;
            }
        }
    }

    /// Whether the connection can carry another request after this answer.
    fn goes_on(&self, answer: &Response<Bytes>) -> bool {
        let mut closing = answer.headers().get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
        answer.version() == Version::HTTP_11
            && answer.status() != StatusCode::SWITCHING_PROTOCOLS
            && !self.options.idle_timeout.is_zero()
            && !closing.any(|list| list.split(',').any(|word| word.trim().eq_ignore_ascii_case("close")))
    }

    /// Reads the whole answer, up to the cap. What the client noted beside it, such as the URL, is left off.
    pub(crate) async fn read<B>(&self, answer: Response<B>) -> Result<Response<Bytes>, TransportError>
    where
        B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>>,
    {
        let (mut parts, body) = answer.into_parts();
        parts.extensions.clear();
        // The declared length, if there is one. A refused body is not read at all.
        let cap = self.options.max_answer_bytes;
        if usize::try_from(body.size_hint().lower()).map_or(true, |declared| declared > cap) {
            return Err(TOO_LARGE);
        }
        let mut body = pin!(Limited::new(body, cap));
        // One buffer: an answer may come byte by byte, and each chunk holds memory of its own.
        let mut whole = BytesMut::new();
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(frame) => whole.extend_from_slice(frame.data_ref().map_or(&[], AsRef::as_ref)),
                Err(error) if error.is::<LengthLimitError>() => return Err(TOO_LARGE),
                Err(error) => return Err(failure::of_exchange(error)),
            }
        }
        Ok(Response::from_parts(parts, whole.freeze()))
    }
}

/// No proxy, no roots.
impl fmt::Debug for Exchanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TransportOptions { exchange_timeout, max_answer_bytes, .. } = &self.options;
        write!(f, "within {exchange_timeout:?}, at most {max_answer_bytes} bytes")
    }
}
