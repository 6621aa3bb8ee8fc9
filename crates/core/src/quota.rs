//! How many requests a vendor takes in a span of time.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

/// A vendor's limit: so many requests in any span of that length.
///
/// As text: `100/s`, `1000/m`, `50/10s` (a count, a slash, and a unit `s`, `m` or `h` with an optional number before it).
///
/// ```
/// use contact_sink_core::Quota;
///
/// let quota: Quota = "1000/m".parse()?;
/// assert_eq!((quota.requests.get(), quota.per.as_secs()), (1000, 60));
/// assert_eq!(quota.to_string(), "1000/m");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// How many requests.
    pub requests: NonZeroU32,
    /// In any span of this length; never zero.
    pub per: Duration,
}

/// Why a text is not a [`Quota`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a quota is a count from 1 to 4294967295, a slash and a span of up to 24 hours: 100/s, 1000/m, 50/10s")]
pub struct InvalidQuota;

const LONGEST_SECONDS: u64 = 24 * 60 * 60;

impl Quota {
    /// So many requests a second.
    pub const fn per_second(requests: NonZeroU32) -> Self {
        Self { requests, per: Duration::from_secs(1) }
    }
}

impl FromStr for Quota {
    type Err = InvalidQuota;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (count, span) = text.split_once('/').ok_or(InvalidQuota)?;
        let unit = match span.chars().last() {
            Some('s') => 1,
            Some('m') => 60,
            Some('h') => 60 * 60,
            _ => return Err(InvalidQuota),
        };
        let units = match &span[..span.len() - 1] {
            "" => 1,
            number => digits::<u64>(number)?,
        };
        let seconds = units.checked_mul(unit).filter(|seconds| (1..=LONGEST_SECONDS).contains(seconds));
        Ok(Self { requests: digits(count)?, per: Duration::from_secs(seconds.ok_or(InvalidQuota)?) })
    }
}

/// `str::parse` without the sign that it would take.
fn digits<T: FromStr>(text: &str) -> Result<T, InvalidQuota> {
    if text.starts_with('+') {
        return Err(InvalidQuota);
    }
    text.parse().map_err(|_| InvalidQuota)
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.per.as_secs();
        match seconds {
            1 => write!(f, "{}/s", self.requests),
            60 => write!(f, "{}/m", self.requests),
            3600 => write!(f, "{}/h", self.requests),
            _ => write!(f, "{}/{}s", self.requests, seconds),
        }
    }
}
