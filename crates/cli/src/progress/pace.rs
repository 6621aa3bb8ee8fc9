//! How fast a run is, and how long it still takes. Pure: the time and the counts come in.

use std::fmt;
use std::time::Duration;

use contact_sink_core::Quota;
use contact_sink_delivery::Summary;
use tokio::time::Instant;

use crate::report::{Counts, counted, grouped};
use crate::time::length;

/// What is known of a run at a moment.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    accepted: u64,
    rejected: u64,
    /// Read and without an outcome, or given up.
    pending: u64,
    /// With an outcome, whichever.
    done: u64,
    requests: u64,
    retries: u64,
    waits: Option<Duration>,
    unreachable_for: Option<Duration>,
}

/// What of a run does not change.
#[derive(Debug, Clone, Copy)]
pub struct Frame {
    /// Rows of the input, if it is a file.
    pub rows: Option<u64>,
    /// What the vendor may be asked.
    pub quota: Option<Quota>,
    /// Rows that had their outcome before: of a run that is gone on with.
    pub done: u64,
}

/// Measures the rates over the last interval.
#[derive(Debug)]
pub struct Pace {
    frame: Frame,
    since: (Instant, u64, u64),
    rates: Option<Rates>,
}

/// Rows and requests a second.
#[derive(Debug, Clone, Copy)]
struct Rates {
    rows: f64,
    requests: f64,
}

/// One line on how far a run has come.
pub struct Line<'a> {
    pace: &'a Pace,
    sample: Sample,
}

impl Sample {
    /// Of these counts, and of what was sent.
    pub fn new(counts: &Counts, lane: &Summary) -> Self {
        Self {
            accepted: counts.accepted,
            rejected: counts.rejected,
            pending: counts.pending,
            done: counts.done(),
            requests: lane.requests,
            retries: lane.retries,
            waits: lane.waits,
            unreachable_for: lane.unreachable_for,
        }
    }

    /// Rows that have their outcome.
    pub fn done(&self) -> u64 {
        self.done
    }
}

impl Pace {
    /// Of a run that begins now.
    pub fn new(frame: Frame, now: Instant) -> Self {
        Self { frame, since: (now, frame.done, 0), rates: None }
    }

    /// Takes in how far the run has come; the rates change when an interval is over.
    pub fn take(&mut self, sample: Sample, interval: Duration, now: Instant) -> Line<'_> {
        let (since, done, requests) = self.since;
        let seconds = now.saturating_duration_since(since).as_secs_f64();
        if seconds >= interval.as_secs_f64() && seconds > 0.0 {
            // Counts stay far below 2^52, where f64 is exact.
            let rate = |now: u64, before: u64| now.saturating_sub(before) as f64 / seconds;
            self.rates = Some(Rates { rows: rate(sample.done, done), requests: rate(sample.requests, requests) });
            self.since = (now, sample.done, sample.requests);
        }
        Line { pace: self, sample }
    }
}

impl Line<'_> {
    /// The same for a place beside a bar.
    pub fn short(&self) -> String {
        let Sample { accepted, rejected, pending, .. } = self.sample;
        let mut parts = Vec::new();
        if let Some(rates) = self.pace.rates {
            parts.push(format!("{:.0} rows/s", rates.rows));
            parts.extend(self.share(rates).map(|share| format!("{share:.0}% of the quota")));
        }
        parts.extend(self.left().map(|left| format!("{} left", length(left))));
        let counts = [(accepted, "accepted"), (rejected, "rejected"), (pending, "pending")];
        parts.extend(counts.map(|(count, what)| format!("{} {what}", grouped(count))));
        format!("{}{}", parts.join(", "), self.waits())
    }

    /// How much of the quota is used, in percent.
    fn share(&self, rates: Rates) -> Option<f64> {
        let quota = self.pace.frame.quota?;
        Some(rates.requests / (f64::from(quota.requests.get()) / quota.per.as_secs_f64()) * 100.0)
    }

    /// How long it still takes at the rate of the last interval.
    fn left(&self) -> Option<Duration> {
        let (rows, rates) = (self.pace.frame.rows?, self.pace.rates?);
        let seconds = rows.saturating_sub(self.sample.done) as f64 / rates.rows;
        Duration::try_from_secs_f64(seconds.round()).ok()
    }

    fn waits(&self) -> String {
        let Sample { waits, unreachable_for, .. } = self.sample;
        let down =
            unreachable_for.map_or(String::new(), |time| format!(", nothing gets through for {} s", time.as_secs()));
        let waits = waits.map_or(String::new(), |wait| format!(", waiting {} s to send again", wait.as_secs()));
        down + &waits
    }
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sample { accepted, rejected, pending, .. } = self.sample;
        if let Some(rates) = self.pace.rates {
            write!(f, "{:.0} rows/s, {:.1} requests/s", rates.rows, rates.requests)?;
            if let Some(share) = self.share(rates) {
                write!(f, " ({share:.0}% of the quota)")?;
            }
            f.write_str("; ")?;
        }
        for (count, what) in [(accepted, "accepted"), (rejected, "rejected"), (pending, "pending")] {
            write!(f, "{} {what}, ", grouped(count))?;
        }
        write!(f, "{}, ", counted(self.sample.retries, "retry"))?;
        match self.left() {
            Some(left) => write!(f, "{} left", length(left))?,
            None => f.write_str("unknown time left")?,
        }
        f.write_str(&self.waits())
    }
}
