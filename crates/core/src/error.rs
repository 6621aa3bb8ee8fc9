//! Why a request gave no verdicts at all, and whether sending it again can help.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use crate::ErrorCode;

/// Whether the vendor may have applied what was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Applied {
    /// It did not.
    #[default]
    No,
    /// It may have.
    Maybe,
}

/// Whether sending again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// It cannot: somebody must act first. The run stops.
    Never,
    /// It can, after a growing pause.
    Backoff,
    /// It can, after this pause: the vendor said so.
    After(Duration),
}

/// Why a request gave no verdicts at all, and whether sending it again can help.
///
/// `Display` is one line without URL, header, body or contact value. [`SinkError::advice`] says what to do.
///
/// Texts are constants, or owned where a sink is configured and not compiled in:
///
/// ```
/// use contact_sink_core::{SinkError, SinkErrorKind};
///
/// let vendor = String::from("the hook crm");
/// let error = SinkError::new(vendor, "set contacts", SinkErrorKind::Throttled).with_status(429);
/// assert_eq!(error.to_string(), "the hook crm set contacts: over the vendor's quota (http 429)");
/// ```
// In a box: it is in the `Result` of every request, and rarely made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} {}: {}{}", _0.vendor, _0.operation, _0.kind, Particulars(_0))]
pub struct SinkError(Box<Parts>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Parts {
    vendor: Cow<'static, str>,
    operation: Cow<'static, str>,
    kind: SinkErrorKind,
    detail: Option<Cow<'static, str>>,
    advice: Option<Cow<'static, str>>,
    status: Option<u16>,
    code: Option<ErrorCode>,
    /// The media type and the length.
    answer: Option<(String, usize)>,
    is_odd: bool,
    retry: Retry,
    applied: Applied,
}

/// What went wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SinkErrorKind {
    /// No connection came about: refused, timed out, or the name is unknown.
    Connect,
    /// This machine has no file descriptor, port or memory left for a connection.
    Exhausted,
    /// The server's certificate was refused.
    Certificate,
    /// The answer did not come in time.
    Timeout,
    /// The connection ended before the answer was whole.
    Interrupted,
    /// The answer is larger than the transport takes.
    AnswerTooLarge,
    /// The vendor's quota is used up.
    Throttled,
    /// The vendor cannot answer now: a 5xx or a code that asks for another try.
    Unavailable,
    /// The answer is not one that the vendor documents.
    Unreadable,
    /// The vendor refused the credentials.
    Credentials,
    /// The credentials may not do this, or the product is not enabled.
    Forbidden,
    /// There is no such endpoint at the base URL.
    WrongAddress,
    /// The vendor says that the request itself is wrong: a bug in this library.
    BadRequest,
    /// The sink broke its contract: a bug in that sink.
    Contract,
}

impl SinkError {
    /// An error of this kind, with the verdicts that the kind implies.
    ///
    /// Default: [`Retry::Never`] for what a person must fix (a limit of this machine, certificate, credentials, permission, base URL, a bug),
    /// else [`Retry::Backoff`]; [`Applied::No`] only where nothing can have been applied.
    pub fn new(
        vendor: impl Into<Cow<'static, str>>,
        operation: impl Into<Cow<'static, str>>,
        kind: SinkErrorKind,
    ) -> Self {
        use SinkErrorKind as K;
        let retry = match kind {
            K::Exhausted
            | K::Certificate
            | K::Credentials
            | K::Forbidden
            | K::WrongAddress
            | K::BadRequest
            | K::Contract => Retry::Never,
            K::Connect
            | K::Timeout
            | K::Interrupted
            | K::AnswerTooLarge
            | K::Throttled
            | K::Unavailable
            | K::Unreadable => Retry::Backoff,
        };
        let applied = match kind {
            K::Connect
            | K::Exhausted
            | K::Certificate
            | K::Throttled
            | K::Credentials
            | K::Forbidden
            | K::WrongAddress
            | K::BadRequest => Applied::No,
            K::Timeout | K::Interrupted | K::AnswerTooLarge | K::Unavailable | K::Unreadable | K::Contract => {
                Applied::Maybe
            }
        };
        Self(Box::new(Parts {
            vendor: vendor.into(),
            operation: operation.into(),
            kind,
            detail: None,
            advice: None,
            status: None,
            code: None,
            answer: None,
            is_odd: false,
            retry,
            applied,
        }))
    }

    /// Adds a few words of ours: `connection refused`. Never a URL, a header, a body or a value.
    pub fn with_detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// Says otherwise than the kind does what to do about it, as one sentence.
    pub fn with_advice(mut self, advice: impl Into<Cow<'static, str>>) -> Self {
        self.0.advice = Some(advice.into());
        self
    }

    /// Adds the HTTP status.
    pub fn with_status(mut self, status: u16) -> Self {
        self.0.status = Some(status);
        self
    }

    /// Adds the vendor's code.
    pub fn with_code(mut self, code: impl Into<ErrorCode>) -> Self {
        self.0.code = Some(code.into());
        self
    }

    /// Adds the media type and the length of an answer that could not be read.
    pub fn with_answer(mut self, media_type: impl Into<String>, bytes: usize) -> Self {
        self.0.answer = Some((media_type.into(), bytes));
        self
    }

    /// Says that the answer may not be the vendor's, see [`SinkError::is_odd`].
    pub fn with_odd_answer(mut self) -> Self {
        self.0.is_odd = true;
        self
    }

    /// Says otherwise than the kind does whether sending again can help.
    pub fn with_retry(mut self, retry: Retry) -> Self {
        self.0.retry = retry;
        self
    }

    /// Says otherwise than the kind does whether it may have been applied.
    pub fn with_applied(mut self, applied: Applied) -> Self {
        self.0.applied = applied;
        self
    }

    /// The vendor: `jiguang`.
    pub fn vendor(&self) -> &str {
        &self.0.vendor
    }

    /// The call: `set channels`.
    pub fn operation(&self) -> &str {
        &self.0.operation
    }

    /// What went wrong.
    pub fn kind(&self) -> SinkErrorKind {
        self.0.kind
    }

    /// The HTTP status, if there was an answer.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// The vendor's code, if the answer had one.
    pub fn code(&self) -> Option<&ErrorCode> {
        self.0.code.as_ref()
    }

    /// Whether the answer may be of something between, a gateway for example: it has no code of the vendor's, and the vendor does not
    /// document it. With a vendor that has accepted updates before, that is an outage.
    pub fn is_odd(&self) -> bool {
        self.0.is_odd
    }

    /// Whether sending again can help.
    pub fn retry(&self) -> Retry {
        self.0.retry
    }

    /// Whether the vendor may have applied the request.
    pub fn applied(&self) -> Applied {
        self.0.applied
    }

    /// What to do about it, as one sentence.
    pub fn advice(&self) -> &str {
        self.0.advice.as_deref().unwrap_or(self.0.kind.advice())
    }
}

impl SinkErrorKind {
    /// What to do about an error of this kind, as one sentence.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Connect => "check the base URL, the network and the proxy",
            Self::Exhausted => {
                "raise the limit of open files (ulimit -n), or end what holds this machine's files, ports or memory"
            }
            Self::Certificate => {
                "check the base URL, the clock of this machine, and whether a private root must be added"
            }
            Self::Timeout | Self::Interrupted | Self::Unavailable => {
                "the vendor or the network is in trouble: try again later"
            }
            Self::AnswerTooLarge | Self::Unreadable => {
                "check that the base URL is the vendor's and that no gateway answers in its place"
            }
            Self::Throttled => "lower the quota, or ask the vendor for more",
            Self::Credentials => "compare the credentials with the vendor's console",
            Self::Forbidden => "have the permission or the product enabled in the vendor's console",
            Self::WrongAddress => "check the base URL",
            Self::BadRequest | Self::Contract => "report it: this is a bug in contact-sink or in the sink",
        }
    }
}

impl fmt::Display for SinkErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "no connection",
            Self::Exhausted => "no connection can be opened on this machine",
            Self::Certificate => "the server's certificate was refused",
            Self::Timeout => "no answer in time",
            Self::Interrupted => "the connection ended before the answer was whole",
            Self::AnswerTooLarge => "the answer is too large",
            Self::Throttled => "over the vendor's quota",
            Self::Unavailable => "the vendor cannot answer now",
            Self::Unreadable => "the answer is not one that the vendor documents",
            Self::Credentials => "the vendor refused the credentials",
            Self::Forbidden => "the vendor does not allow this",
            Self::WrongAddress => "there is no such endpoint at the base URL",
            Self::BadRequest => "the vendor says that the request is malformed",
            Self::Contract => "the sink broke its contract",
        })
    }
}

struct Particulars<'a>(&'a Parts);

impl fmt::Display for Particulars<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts { detail, status, code, answer, .. } = self.0;
        let mut separator = " (";
        let mut part = |f: &mut fmt::Formatter<'_>, text: fmt::Arguments<'_>| {
            f.write_str(separator)?;
            separator = ", ";
            f.write_fmt(text)
        };
        if let Some(detail) = detail {
            part(f, format_args!("{detail}"))?;
        }
        if let Some(status) = status {
            part(f, format_args!("http {status}"))?;
        }
        if let Some(code) = code {
            part(f, format_args!("code {code}"))?;
        }
        if let Some((media_type, bytes)) = answer {
            part(f, format_args!("{media_type}, {bytes} bytes"))?;
        }
        if separator == ", " { f.write_str(")") } else { Ok(()) }
    }
}
