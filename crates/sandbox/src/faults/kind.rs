//! What can happen to a request, by its name in JSON.

use serde::{Deserialize, Serialize};

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FaultKind {
    /// `none`: nothing. It keeps a place in a script.
    None,
    /// `delay`: the answer is right and late.
    Delay,
    /// `500`, with a JSON body of a gateway's own.
    #[serde(rename = "500")]
    InternalError,
    /// `502`, with an HTML body.
    #[serde(rename = "502")]
    BadGateway,
    /// `503`, without a body.
    #[serde(rename = "503")]
    Unavailable,
    /// `429`, in plain text.
    #[serde(rename = "429")]
    TooManyRequests,
    /// `over_quota`: what the vendor itself answers over its quota, as its settings have it. Never applied.
    OverQuota,
    /// `reset`: the connection is reset (TCP RST) without an answer.
    Reset,
    /// `close`: the connection is closed without an answer.
    Close,
    /// `silence`: there is never an answer; the connection stays open until the caller closes it.
    Silence,
    /// `slow_body`: the body comes in ten pieces.
    SlowBody,
    /// `broken_body`: the connection is reset after half of the body.
    BrokenBody,
    /// `truncated_json`: half of the body, under its true length.
    TruncatedJson,
    /// `wrong_type`: the whole body, said to be HTML.
    WrongType,
    /// `empty`: 200 without a body.
    Empty,
    /// `{}`: 200 with an empty object.
    #[serde(rename = "{}")]
    EmptyObject,
}

impl FaultKind {
    /// As it is written in JSON and TOML.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Delay => "delay",
            Self::InternalError => "500",
            Self::BadGateway => "502",
            Self::Unavailable => "503",
            Self::TooManyRequests => "429",
            Self::OverQuota => "over_quota",
            Self::Reset => "reset",
            Self::Close => "close",
            Self::Silence => "silence",
            Self::SlowBody => "slow_body",
            Self::BrokenBody => "broken_body",
            Self::TruncatedJson => "truncated_json",
            Self::WrongType => "wrong_type",
            Self::Empty => "empty",
            Self::EmptyObject => "{}",
        }
    }

    /// Whether a request that meets it has its effect, unless [`Fault::applied`](crate::Fault::applied) says otherwise: yes where the answer is the
    /// endpoint's own or a 200 in its place, no for the others, which a gateway in front may have given.
    pub fn is_applied(self) -> bool {
        self.is_endpoints_own() || matches!(self, Self::Empty | Self::EmptyObject)
    }

    fn is_endpoints_own(self) -> bool {
        matches!(self, Self::None | Self::Delay)
            || matches!(self, Self::SlowBody | Self::BrokenBody | Self::TruncatedJson | Self::WrongType)
    }

    /// Why it cannot be had with or without the effect, if so.
    pub(crate) fn objection(self, applied: bool) -> Option<&'static str> {
        match self {
            own if own.is_endpoints_own() && !applied => {
                Some("the answer is the endpoint's own, so the request has its effect")
            }
            Self::OverQuota if applied => Some("the vendor refuses it, so the request has no effect"),
            _ => None,
        }
    }

    /// Whether it has a `Retry-After`.
    pub(crate) fn says_when(self) -> bool {
        matches!(
            self,
            Self::InternalError | Self::BadGateway | Self::Unavailable | Self::TooManyRequests | Self::OverQuota
        )
    }

    /// Whether it has a time.
    pub(crate) fn takes_time(self) -> bool {
        matches!(self, Self::Delay | Self::SlowBody | Self::Silence)
    }

    /// Whether the caller gets an answer, whole or not.
    pub(crate) fn is_answered(self) -> bool {
        !matches!(self, Self::Reset | Self::Close | Self::Silence)
    }
}
