//! Shows how far a run has come, how fast it is, and how long it still takes.

use std::time::Duration;

use contact_sink_core::Quota;
use contact_sink_delivery::Summary;
use tokio::time::Instant;

use crate::progress::{LINE, Progress};
use crate::report::{Counts, counted, grouped};
use crate::time::length;

/// How far one run has come. The rates are measured anew after each interval.
pub struct RunProgress {
    progress: Progress,
    /// Rows of the input, if it is a file.
    rows: Option<u64>,
    /// What the vendor may be asked.
    quota: Option<Quota>,
    /// When the interval began, with the settled rows and the requests until then.
    since: (Instant, u64, u64),
    rates: Option<Rates>,
}

/// Rows and requests a second.
#[derive(Debug, Clone, Copy)]
struct Rates {
    rows: f64,
    requests: f64,
}

impl RunProgress {
    /// Of a run that begins now. `done`: rows that are settled already, of a run that is resumed.
    pub fn new(progress: Progress, rows: Option<u64>, quota: Option<Quota>, done: u64) -> Self {
        Self { progress, rows, quota, since: (Instant::now(), done, 0), rates: None }
    }

    /// When it is to be shown again.
    pub fn next(&self) -> Instant {
        self.progress.next()
    }

    /// Shows these counts, and what was sent.
    pub fn show(&mut self, counts: &Counts, lane: &Summary) {
        self.measure(counts.done(), lane.requests);
        let share = self.share().map(|share| format!("{share:.0}% of the quota"));
        let left = self.left(counts.done()).map(|left| format!("{} left", length(left)));
        let settled = [(counts.accepted, "accepted"), (counts.rejected, "rejected"), (counts.pending, "pending")];
        let settled = settled.map(|(count, what)| format!("{} {what}", grouped(count))).join(", ");
        let waits = waits(lane);
        let rates = self.rates.map_or(String::new(), |Rates { rows, requests }| {
            let share = share.as_ref().map_or(String::new(), |share| format!(" ({share})"));
            format!("{rows:.0} rows/s, {requests:.1} requests/s{share}; ")
        });
        let (retries, time) = (counted(lane.retries, "retry"), left.as_deref().unwrap_or("unknown time left"));
        let line = format!("{rates}{settled}, {retries}, {time}{waits}");
        let rows = self.rates.map(|rates| format!("{:.0} rows/s", rates.rows));
        let parts: Vec<String> = [rows, share, left, Some(settled)].into_iter().flatten().collect();
        self.progress.show(counts.done(), parts.join(", ") + &waits, &line);
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.progress.finish();
    }

    fn measure(&mut self, done: u64, requests: u64) {
        let (now, (since, done_before, requests_before)) = (Instant::now(), self.since);
        let interval = now.saturating_duration_since(since);
        if interval >= LINE {
            // Counts stay far below 2^52, where f64 is exact.
            let rate = |now: u64, before: u64| now.saturating_sub(before) as f64 / interval.as_secs_f64();
            self.rates = Some(Rates { rows: rate(done, done_before), requests: rate(requests, requests_before) });
            self.since = (now, done, requests);
        }
    }

    /// How much of the quota is used, in percent.
    fn share(&self) -> Option<f64> {
        let (quota, rates) = (self.quota?, self.rates?);
        Some(rates.requests / (f64::from(quota.requests.get()) / quota.per.as_secs_f64()) * 100.0)
    }

    /// How long it still takes at the rate of the last interval.
    fn left(&self, done: u64) -> Option<Duration> {
        let seconds = self.rows?.saturating_sub(done) as f64 / self.rates?.rows;
        Duration::try_from_secs_f64(seconds.round()).ok()
    }
}

fn waits(lane: &Summary) -> String {
    let down =
        lane.unreachable_for.map_or(String::new(), |time| format!(", nothing gets through for {} s", time.as_secs()));
    let waits = lane.waits.map_or(String::new(), |wait| format!(", waiting {} s to send again", wait.as_secs()));
    down + &waits
}
