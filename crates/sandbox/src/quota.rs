//! The vendor's limit as the vendor sees it: a strict sliding window. Not a pacer.

use std::collections::VecDeque;
use std::fmt;
use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

/// At most so many requests in any span of that length.
///
/// In TOML: `{ requests = 100, per_ms = 1000 }`, or `"off"` for no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// How many requests.
    pub requests: NonZeroU32,
    /// In any span of this length.
    pub per: Duration,
}

/// Which of a sequence of arrivals are within a [`Quota`]. Pure: time comes in as an argument.
///
/// An arrival at `t` is taken if fewer than `requests` were taken in the half-open span `(t - per, t]`. Only what was
/// taken counts: a refused request does not lengthen the wait of the next one.
///
/// Given a server's arrivals in order, it also tells whether any sliding window held more than the quota.
#[derive(Debug, Clone)]
pub struct Window {
    quota: Quota,
    taken: VecDeque<Duration>,
}

impl Quota {
    /// So many requests a second.
    pub const fn per_second(requests: NonZeroU32) -> Self {
        Self { requests, per: Duration::from_secs(1) }
    }

    /// The quota that lets more requests through in the long run.
    pub(crate) fn max(self, other: Self) -> Self {
        let a_second = |quota: Self| f64::from(quota.requests.get()) / quota.per.as_secs_f64();
        if a_second(self) < a_second(other) { other } else { self }
    }
}

impl Window {
    /// A window in which nothing has been taken yet.
    pub fn new(quota: Quota) -> Self {
        Self { quota, taken: VecDeque::new() }
    }

    /// Whether a request that arrives at this time is taken, and counts it if so. Times are since any fixed moment, never
    /// earlier than the one before.
    pub fn take(&mut self, arrival: Duration) -> bool {
        while self.taken.front().is_some_and(|&oldest| arrival.saturating_sub(oldest) >= self.quota.per) {
            self.taken.pop_front();
        }
        let room = self.taken.len() < self.quota.requests.get() as usize;
        if room {
            self.taken.push_back(arrival);
        }
        room
    }
}

/// Reads a quota, or `"off"`.
pub(crate) fn quota_or_off<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Quota>, D::Error> {
    deserializer.deserialize_any(QuotaOrOff)
}

struct QuotaOrOff;

impl<'de> Visitor<'de> for QuotaOrOff {
    type Value = Option<Quota>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{ requests = .., per_ms = .. } or \"off\"")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        if text == "off" { Ok(None) } else { Err(E::invalid_value(serde::de::Unexpected::Str(text), &self)) }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Table {
            requests: NonZeroU32,
            per_ms: NonZeroU64,
        }
        let table = Table::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Some(Quota { requests: table.requests, per: Duration::from_millis(table.per_ms.get()) }))
    }
}
