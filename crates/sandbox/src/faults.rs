//! Faults that requests meet on purpose: scripted for the next ones, or dealt to a seeded share of all.

mod deal;
mod kind;
mod meet;

use std::time::Duration;

use serde::{Deserialize, Deserializer};

use crate::choice::millis;
pub(crate) use deal::Dealer;
pub use kind::FaultKind;
pub(crate) use meet::{gateways, meet};

/// The faults that the next requests meet.
///
/// A fault is dealt to a request that an endpoint lets in, in order of arrival; what the head alone refuses (path, method,
/// credentials, quota) is refused as ever and meets none. Every request that is let in counts in the quota, whatever it then
/// meets: a gateway that answers first may spare the vendor's count, but a caller cannot know that, and must keep to the quota
/// by what it sends. First those of [`next`](Self::next) are dealt, one after the other; then each request draws lots for
/// [`shares`](Self::shares): the same for the same [`seed`](Self::seed), in order of arrival. The latency comes on top.
///
/// As JSON for `POST /_sandbox/faults`, and as `[faults]` in a world:
/// ```
/// use contact_sink_sandbox::{Fault, FaultKind, Faults};
/// use std::time::Duration;
///
/// let json = r#"{
///     "next": [{"fault": "429", "retry_after_s": 2, "times": 3}, {"fault": "none"}, {"fault": "silence", "applied": true}],
///     "seed": 7,
///     "shares": [{"fault": "500", "share": 0.05}],
///     "for_requests": 1000
/// }"#;
/// let faults = Faults::from_json(json.as_bytes())?;
/// let same = Faults::default()
///     .with_next(Fault::new(FaultKind::TooManyRequests).with_retry_after(Duration::from_secs(2)).times(3))
///     .with_next(Fault::new(FaultKind::None))
///     .with_next(Fault::new(FaultKind::Silence).applied(true))
///     .with_seed(7)
///     .with_share(0.05, Fault::new(FaultKind::InternalError))
///     .with_for_requests(1000);
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
    /// How many requests draw lots; the others after them meet nothing. Default: all.
    pub for_requests: Option<u64>,
    /// For how long requests draw lots, from when these faults are set. In JSON and TOML `for_ms`. Default: forever.
    #[serde(rename = "for_ms", deserialize_with = "millis")]
    pub for_time: Option<Duration>,
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
    #[serde(default, rename = "after_ms", deserialize_with = "millis")]
    pub after: Option<Duration>,
    /// In a script: how many requests meet it, one after the other. Default 1.
    pub times: Option<u32>,
    /// Among the shares: which share of the requests meets it, from 0 to 1.
    pub share: Option<f64>,
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

    /// With lots for so many requests only.
    pub fn with_for_requests(self, requests: u64) -> Self {
        Self { for_requests: Some(requests), ..self }
    }

    /// With lots for so long only.
    pub fn with_for_time(self, time: Duration) -> Self {
        Self { for_time: Some(time), ..self }
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
        if self.shares.is_empty() && (self.for_requests.is_some() || self.for_time.is_some()) {
            return Err("for_requests and for_ms belong to `shares`, and there are none".to_owned());
        }
        if self.for_requests == Some(0) || self.for_time == Some(Duration::ZERO) {
            return Err("for_requests or for_ms is 0".to_owned());
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
        Self { kind, applied: None, retry_after: None, after: None, times: None, share: None }
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
        Self { after: Some(after), ..self }
    }

    /// For so many requests, one after the other.
    pub fn times(self, times: u32) -> Self {
        Self { times: Some(times), ..self }
    }

    pub(crate) fn is_applied(&self) -> bool {
        self.applied.unwrap_or(self.kind.is_applied())
    }

    pub(crate) fn time(&self) -> Duration {
        self.after.unwrap_or(Duration::from_secs(1))
    }

    fn check(&self) -> Result<(), String> {
        let name = self.kind.name();
        if let Some(objection) = self.kind.objection(self.is_applied()) {
            return Err(format!("{name}: {objection}"));
        }
        if self.retry_after.is_some() && !self.kind.says_when() {
            return Err(format!("{name}: retry_after_s belongs to 429, 500, 502, 503 and over_quota"));
        }
        if self.retry_after.is_some_and(|wait| wait.subsec_nanos() > 0) {
            return Err(format!("{name}: retry_after_s is in whole seconds"));
        }
        if self.after.is_some() && !self.kind.takes_time() {
            return Err(format!("{name}: after_ms belongs to delay, slow_body and silence"));
        }
        Ok(())
    }
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    u64::deserialize(deserializer).map(|seconds| Some(Duration::from_secs(seconds)))
}
