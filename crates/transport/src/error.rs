//! Why there is no whole answer, and whether the request may have been applied all the same.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use contact_sink_core::{Applied, SinkError, SinkErrorKind};

/// Why there is no whole answer.
///
/// Its `Display` and `Debug` show no URL, no host, header or body. Its [`source`](Error::source) is the client's own error, for a
/// debugger: that one may show a host name, so do not log it.
#[derive(Clone)]
pub struct TransportError {
    kind: TransportErrorKind,
    detail: &'static str,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// What went wrong with an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransportErrorKind {
    /// No connection came about: refused, timed out, the name is unknown, the handshake broke off. Not applied.
    Connect,
    /// This machine has no file descriptor, port or memory left for a connection, and none is open. Not applied.
    Exhausted,
    /// The server's certificate was refused. Not applied, and trying again cannot help.
    Certificate,
    /// The answer did not come within the exchange timeout. Maybe applied.
    Timeout,
    /// The connection ended before the answer was whole. Maybe applied.
    Interrupted,
    /// The answer is larger than the cap. Maybe applied.
    AnswerTooLarge,
    /// What came is not HTTP. Maybe applied.
    NotHttp,
}

impl TransportError {
    /// An error of this kind. The detail is a few words of ours: `connection refused`.
    pub const fn new(kind: TransportErrorKind, detail: &'static str) -> Self {
        Self { kind, detail, source: None }
    }

    /// With the client's own error as its source.
    pub fn with_source(self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { source: Some(Arc::from(source.into())), ..self }
    }

    /// The same if the request was being sent: then it may be applied, whatever failed afterwards.
    #[cfg(any(feature = "hyper", feature = "reqwest"))]
    pub(crate) fn once_sent(self) -> Self {
        match self.applied() {
            Applied::No => Self { kind: TransportErrorKind::Interrupted, ..self },
            Applied::Maybe => self,
        }
    }

    /// What went wrong.
    pub fn kind(&self) -> TransportErrorKind {
        self.kind
    }

    /// A few words more.
    pub fn detail(&self) -> &'static str {
        self.detail
    }

    /// Whether the vendor may have applied the request. [`Applied::No`] only if there was no connection.
    pub fn applied(&self) -> Applied {
        match self.kind {
            TransportErrorKind::Connect | TransportErrorKind::Exhausted | TransportErrorKind::Certificate => {
                Applied::No
            }
            TransportErrorKind::Timeout
            | TransportErrorKind::Interrupted
            | TransportErrorKind::AnswerTooLarge
            | TransportErrorKind::NotHttp => Applied::Maybe,
        }
    }

    /// The same as a sink reports it, without its source.
    pub fn into_sink_error(
        self,
        vendor: impl Into<Cow<'static, str>>,
        operation: impl Into<Cow<'static, str>>,
    ) -> SinkError {
        SinkError::new(vendor, operation, self.kind.into()).with_applied(self.applied()).with_detail(self.detail)
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", SinkErrorKind::from(self.kind), self.detail)
    }
}

impl fmt::Debug for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TransportError({:?}: {})", self.kind, self.detail)
    }
}

impl Error for TransportError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl From<TransportErrorKind> for SinkErrorKind {
    fn from(kind: TransportErrorKind) -> Self {
        match kind {
            TransportErrorKind::Connect => Self::Connect,
            TransportErrorKind::Exhausted => Self::Exhausted,
            TransportErrorKind::Certificate => Self::Certificate,
            TransportErrorKind::Timeout => Self::Timeout,
            TransportErrorKind::Interrupted => Self::Interrupted,
            TransportErrorKind::AnswerTooLarge => Self::AnswerTooLarge,
            TransportErrorKind::NotHttp => Self::Unreadable,
        }
    }
}

/// Why a transport cannot be built from its options.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A time limit is zero.
    #[error("a timeout is zero: the time limits cannot be switched off")]
    ZeroTimeout,
    /// The extra root is not a PEM certificate.
    #[error("the extra root holds no certificate in PEM form")]
    ExtraRoot,
    /// The proxy is not one that can be used.
    #[error("a proxy has the form http://host:port or http://user:password@host:port")]
    Proxy,
    /// A client of the service's own has its own proxy and roots.
    #[error("the proxy and the roots are those of the client: set them there")]
    OwnClient,
    /// The user agent cannot stand in a header.
    #[error("the user agent has a character that no header may have")]
    UserAgent,
    /// TLS could not be set up.
    #[error("tls could not be set up")]
    Tls,
    /// The platform's certificates could not be read.
    #[error("the platform's root certificates could not be read")]
    NativeRoots,
}
