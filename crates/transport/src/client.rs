//! What the transports have in common: their settings, the form of a request, the cap on an answer, failures, TLS, idling.

pub(crate) mod failure;
pub(crate) mod idle;
pub(crate) mod origin;
pub(crate) mod proxy;
pub(crate) mod shortage;
pub(crate) mod tls;

use std::error::Error;
use std::fmt;
use std::pin::pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Request, Response, Uri, Version, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Body;
use rustls::ClientConfig;
use tokio::sync::Semaphore;

use self::origin::Origin;
use crate::{BuildError, Proxy, TransportError, TransportErrorKind, TransportOptions};

/// A time limit is at most this: a longer one would be none.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

pub(crate) const NO_TURN: TransportError =
    TransportError::new(TransportErrorKind::Connect, "no connection was free in time");
pub(crate) const NO_CONNECTION: TransportError =
    TransportError::new(TransportErrorKind::Connect, "the connect timeout passed");
pub(crate) const NO_ANSWER: TransportError =
    TransportError::new(TransportErrorKind::Timeout, "the exchange timeout passed");
pub(crate) const NO_URL: TransportError =
    TransportError::new(TransportErrorKind::Connect, "the request has no http or https url");
const TOO_LARGE: TransportError = TransportError::new(TransportErrorKind::AnswerTooLarge, "over the cap on an answer");

/// The options, checked.
pub(crate) struct Settings {
    pub(crate) connect_timeout: Duration,
    pub(crate) exchange_timeout: Duration,
    pub(crate) idle_timeout: Duration,
    pub(crate) max_answer_bytes: usize,
    pub(crate) max_connections: usize,
    pub(crate) proxy: Option<Proxy>,
    pub(crate) tls: ClientConfig,
    user_agent: HeaderValue,
}

impl Settings {
    pub(crate) fn new(options: TransportOptions) -> Result<Self, BuildError> {
        if options.connect_timeout.is_zero() || options.exchange_timeout.is_zero() {
            return Err(BuildError::ZeroTimeout);
        }
        Ok(Self {
            connect_timeout: options.connect_timeout.min(LONGEST),
            exchange_timeout: options.exchange_timeout.min(LONGEST),
            idle_timeout: options.idle_timeout.min(LONGEST),
            max_answer_bytes: options.max_answer_bytes,
            max_connections: options.max_connections.get().min(Semaphore::MAX_PERMITS),
            user_agent: HeaderValue::from_str(&options.user_agent).map_err(|_| BuildError::UserAgent)?,
            tls: tls::client_config(options.extra_roots_pem.as_deref())?,
            proxy: options.proxy,
        })
    }

    /// The request as it goes over the wire, with nothing but path and query as its URL, and where it goes.
    pub(crate) fn prepare(&self, request: Request<Bytes>) -> Result<(Origin, Request<Bytes>), TransportError> {
        let origin = Origin::of(request.uri()).ok_or(NO_URL)?;
        let (mut parts, body) = request.into_parts();
        let path_and_query = parts.uri.into_parts().path_and_query;
        parts.uri = path_and_query.map_or_else(|| Uri::from_static("/"), Uri::from);
        parts.version = Version::HTTP_11;
        parts.headers.entry(header::HOST).or_insert_with(|| origin.host_header().clone());
        parts.headers.entry(header::USER_AGENT).or_insert_with(|| self.user_agent.clone());
        Ok((origin, Request::from_parts(parts, body)))
    }

    /// Reads the whole answer, up to the cap. What the client noted beside it, such as the URL, is left off.
    pub(crate) async fn read<B>(&self, answer: Response<B>) -> Result<Response<Bytes>, TransportError>
    where
        B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>>,
    {
        let (mut parts, body) = answer.into_parts();
        parts.extensions.clear();
        // The declared length, if there is one. A refused body is not read at all.
        if usize::try_from(body.size_hint().lower()).map_or(true, |declared| declared > self.max_answer_bytes) {
            return Err(TOO_LARGE);
        }
        let mut body = pin!(Limited::new(body, self.max_answer_bytes));
        // One buffer: an answer may come byte by byte, and each chunk holds memory of its own.
        let mut whole = BytesMut::new();
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(frame) => whole.extend_from_slice(frame.data_ref().map_or(&[], AsRef::as_ref)),
                Err(error) if error.is::<LengthLimitError>() => return Err(TOO_LARGE),
                Err(error) => return Err(failure::of_exchange(error.as_ref())),
            }
        }
        Ok(Response::from_parts(parts, whole.freeze()))
    }

    /// The `Debug` of a transport: no proxy, no roots.
    pub(crate) fn debug(&self, transport: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(transport)
            .field("exchange_timeout", &self.exchange_timeout)
            .field("max_answer_bytes", &self.max_answer_bytes)
            .finish_non_exhaustive()
    }
}
