//! Faults that requests meet on purpose: scripted for the next ones, or dealt to a seeded share of all.

mod deal;
mod meet;

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub(crate) use deal::Dealer;
pub(crate) use meet::{gateways, meet};

/// The faults that the next requests meet.
///
/// A fault is dealt to a request that an endpoint lets in, in order of arrival; what the head alone refuses (path, method,
/// credentials, quota) is refused as ever and meets none. Every request that is let in counts in the quota, whatever it then
/// meets. First those of [`next`](Self::next) are dealt, one after the other; then each request draws lots for
/// [`shares`](Self::shares): the same for the same [`seed`](Self::seed).
///
/// As JSON for `POST /_sandbox/faults`, and as `[faults]` in a world:
/// ```
/// use contact_sink_sandbox::{Fault, FaultKind, Faults};
/// use std::time::Duration;
///
/// let json = r#"{
///     "next": [{"fault": "429", "retry_after_s": 2, "times": 3}, {"fault": "none"}, {"fault": "silence", "applied": true}],
///     "seed": 7,
///     "shares": [{"fault": "500", "share": 0.05}]
/// }"#;
/// let faults = Faults::from_json(json.as_bytes())?;
/// let same = Faults::default()
///     .with_next(Fault::new(FaultKind::TooManyRequests).with_retry_after(Duration::from_secs(2)).times(3))
///     .with_next(Fault::new(FaultKind::None))
///     .with_next(Fault::new(FaultKind::Silence).applied(true))
///     .with_seed(7)
///     .with_share(0.05, Fault::new(FaultKind::InternalError));
/// assert_eq!(faults, same);
/// # Ok::<(), contact_sink_sandbox::InvalidFaults>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Faults {
    /// For the next requests, in this order.
    pub next: Vec<Fault>,
    /// The seed of the lots. Default 0.
    pub seed: u64,
    /// For all requests after those: each fault with its share of them.
    pub shares: Vec<Fault>,
}

/// One fault, and how it is dealt.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Fault {
    /// What happens. In JSON and TOML `fault`.
    #[serde(rename = "fault")]
    pub kind: FaultKind,
    /// Whether the request has its effect all the same. Default: [`FaultKind::is_applied`].
    pub applied: Option<bool>,
    /// The header `Retry-After` of the answer. In JSON and TOML `retry_after_s`, in whole seconds. Default: none.
    #[serde(default, rename = "retry_after_s", deserialize_with = "seconds")]
    pub retry_after: Option<Duration>,
    /// For `delay` how long the answer is held back, for `slow_body` how long the body takes, for `silence` after what
    /// time the request has its effect, if it has one. In JSON and TOML `after_ms`. Default 1 s.
    #[serde(default = "second", rename = "after_ms", deserialize_with = "millis")]
    pub after: Duration,
    /// In a script: how many requests meet it, one after the other. Default 1.
    pub times: Option<u32>,
    /// Among the shares: which share of the requests meets it, from 0 to 1.
    pub share: Option<f64>,
}

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[non_exhaustive]
pub enum FaultKind {
    /// `none`: nothing. It keeps a place in a script.
    #[serde(rename = "none")]
    None,
    /// `delay`: the answer is right and late.
    #[serde(rename = "delay")]
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
    /// `reset`: the connection is reset (TCP RST) without an answer.
    #[serde(rename = "reset")]
    Reset,
    /// `close`: the connection is closed without an answer.
    #[serde(rename = "close")]
    Close,
    /// `silence`: there is never an answer; the connection stays open until the caller closes it.
    #[serde(rename = "silence")]
    Silence,
    /// `slow_body`: the body comes in ten pieces.
    #[serde(rename = "slow_body")]
    SlowBody,
    /// `broken_body`: the connection is reset after half of the body.
    #[serde(rename = "broken_body")]
    BrokenBody,
    /// `truncated_json`: half of the body, under its true length.
    #[serde(rename = "truncated_json")]
    TruncatedJson,
    /// `wrong_type`: the whole body, said to be HTML.
    #[serde(rename = "wrong_type")]
    WrongType,
    /// `empty`: 200 without a body.
    #[serde(rename = "empty")]
    Empty,
    /// `{}`: 200 with an empty object.
    #[serde(rename = "{}")]
    EmptyObject,
}

/// Why faults cannot be dealt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct InvalidFaults {
    problem: String,
}

impl Faults {
    /// Reads what `POST /_sandbox/faults` takes.
    ///
    /// # Errors
    /// [`InvalidFaults`] with the place.
    pub fn from_json(json: &[u8]) -> Result<Self, InvalidFaults> {
        let faults: Self =
            serde_json::from_slice(json).map_err(|error| InvalidFaults { problem: error.to_string() })?;
        faults.checked()
    }

    pub(crate) fn checked(self) -> Result<Self, InvalidFaults> {
        match self.check() {
            Ok(()) => Ok(self),
            Err(problem) => Err(InvalidFaults { problem }),
        }
    }

    /// With one more in the script.
    pub fn with_next(mut self, fault: Fault) -> Self {
        self.next.push(fault);
        self
    }

    /// With this seed.
    pub fn with_seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// With a fault that this share of the requests meets.
    pub fn with_share(mut self, share: f64, fault: Fault) -> Self {
        self.shares.push(Fault { share: Some(share), ..fault });
        self
    }

    /// Checks what no single key can show.
    pub(crate) fn check(&self) -> Result<(), String> {
        for (nth, fault) in self.next.iter().enumerate() {
            fault.check().map_err(|problem| format!("next[{nth}]: {problem}"))?;
            if fault.share.is_some() {
                return Err(format!("next[{nth}]: a share belongs to `shares`"));
            }
            if fault.times == Some(0) {
                return Err(format!("next[{nth}]: times is 0"));
            }
        }
        for (nth, fault) in self.shares.iter().enumerate() {
            fault.check().map_err(|problem| format!("shares[{nth}]: {problem}"))?;
            if fault.times.is_some() {
                return Err(format!("shares[{nth}]: times belongs to `next`"));
            }
            if !fault.share.is_some_and(|share| (0.0..=1.0).contains(&share)) {
                return Err(format!("shares[{nth}]: share must be a number from 0 to 1"));
            }
        }
        // What ten shares of a tenth add up to is not exactly one.
        if self.shares.iter().filter_map(|fault| fault.share).sum::<f64>() > 1.0 + 1e-9 {
            return Err("the shares are more than 1 together".to_owned());
        }
        Ok(())
    }
}

impl Fault {
    /// A fault with the defaults of its kind.
    pub fn new(kind: FaultKind) -> Self {
        Self { kind, applied: None, retry_after: None, after: second(), times: None, share: None }
    }

    /// With or without the request's effect.
    pub fn applied(self, applied: bool) -> Self {
        Self { applied: Some(applied), ..self }
    }

    /// With a `Retry-After`, in whole seconds.
    pub fn with_retry_after(self, wait: Duration) -> Self {
        Self { retry_after: Some(wait), ..self }
    }

    /// With this time.
    pub fn with_after(self, after: Duration) -> Self {
        Self { after, ..self }
    }

    /// For so many requests, one after the other.
    pub fn times(self, times: u32) -> Self {
        Self { times: Some(times), ..self }
    }

    pub(crate) fn is_applied(&self) -> bool {
        self.applied.unwrap_or(self.kind.is_applied())
    }

    fn check(&self) -> Result<(), String> {
        use FaultKind::{
            BadGateway, BrokenBody, Delay, InternalError, None, SlowBody, TooManyRequests, TruncatedJson, Unavailable,
            WrongType,
        };
        let name = self.kind.name();
        let whole = matches!(self.kind, None | Delay | SlowBody | BrokenBody | TruncatedJson | WrongType);
        if whole && self.applied == Some(false) {
            return Err(format!("{name}: the answer is the endpoint's own, so the request has its effect"));
        }
        let says_when = matches!(self.kind, InternalError | BadGateway | Unavailable | TooManyRequests);
        if self.retry_after.is_some() && !says_when {
            return Err(format!("{name}: retry_after_s belongs to 429, 500, 502 and 503"));
        }
        Ok(())
    }
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

    /// Whether a request that meets it has its effect, unless [`Fault::applied`] says otherwise: yes where the answer is the
    /// endpoint's own or a 200, no for the others, which a gateway in front may have given.
    pub fn is_applied(self) -> bool {
        match self {
            Self::None | Self::Delay | Self::SlowBody | Self::BrokenBody | Self::TruncatedJson | Self::WrongType => {
                true
            }
            Self::Empty | Self::EmptyObject => true,
            Self::InternalError | Self::BadGateway | Self::Unavailable | Self::TooManyRequests => false,
            Self::Reset | Self::Close | Self::Silence => false,
        }
    }

    /// Whether the caller gets an answer, whole or not.
    pub(crate) fn is_answered(self) -> bool {
        !matches!(self, Self::Reset | Self::Close | Self::Silence)
    }
}

impl Serialize for FaultKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

fn second() -> Duration {
    Duration::from_secs(1)
}

fn millis<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_millis)
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    u64::deserialize(deserializer).map(|seconds| Some(Duration::from_secs(seconds)))
}
