//! Why there is no whole answer, and whether the request may have been applied all the same.

use std::borrow::Cow;

use contact_sink_core::{Applied, SinkError, SinkErrorKind};

/// Why there is no whole answer.
///
/// It holds no URL, header or body, and no source that could hold one: UserSig is in a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}: {detail}", SinkErrorKind::from(*kind))]
pub struct TransportError {
    kind: TransportErrorKind,
    detail: &'static str,
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
        Self { kind, detail }
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

    /// The same as a sink reports it.
    pub fn into_sink_error(
        self,
        vendor: impl Into<Cow<'static, str>>,
        operation: impl Into<Cow<'static, str>>,
    ) -> SinkError {
        SinkError::new(vendor, operation, self.kind.into()).with_applied(self.applied()).with_detail(self.detail)
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
