//! What came of a run: counts that add up, as text and as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use contact_sink_core::ErrorCode;
use contact_sink_delivery::Summary;
use contact_sink_journal::{Kind, Reason};
use indicatif::HumanCount;
use serde::{Serialize, Serializer};

/// The counts of one destination. `rows = accepted + rejected + skipped + unchanged + pending`.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Counts {
    /// Rows of the input.
    pub rows: u64,
    /// The vendor took them.
    pub accepted: u64,
    /// A rule refused them.
    pub rejected: u64,
    /// There was nothing to send.
    pub skipped: u64,
    /// Why.
    pub skipped_reasons: Vec<SkipCount>,
    /// They are at the vendor already.
    pub unchanged: u64,
    /// They are to be sent again.
    pub pending: u64,
    /// Requests that left.
    pub requests: u64,
    /// Of these, those that repeated a failed one.
    pub retries: u64,
    /// Of these, those that looked for the one to blame.
    pub isolation_requests: u64,
    /// How long it took.
    pub elapsed_ms: u64,
    /// Why rows were rejected, the commonest reason first.
    pub reasons: Vec<ReasonCount>,
}

/// The most reasons that are told in words; the report in JSON has all.
const MOST_REASONS: usize = 20;

/// How many rows were rejected for a reason.
#[derive(Debug, Clone, Serialize)]
pub struct ReasonCount {
    /// The vendor's code, if there was one.
    #[serde(serialize_with = "crate::error_code::serialize")]
    pub code: Option<ErrorCode>,
    /// What it means, in our words.
    pub reason: String,
    /// How many rows; a row may have several reasons.
    pub count: u64,
}

/// How many rows were skipped for a reason.
#[derive(Debug, Clone, Serialize)]
pub struct SkipCount {
    /// The reason.
    pub reason: String,
    /// How many rows.
    pub count: u64,
}

/// What came of one destination.
#[derive(Debug, Clone, Default, Serialize)]
pub struct DestinationReport {
    /// How many rows, by outcome.
    #[serde(flatten)]
    pub counts: Counts,
    /// The input, as an absolute path.
    #[serde(serialize_with = "path_in_json")]
    pub input: Option<PathBuf>,
    /// `live`, or `simulated` in this process.
    pub mode: Option<&'static str>,
    /// The name of the run.
    pub run: Option<String>,
    /// When the command began to send; a run that was resumed began earlier.
    pub started: Option<String>,
    /// When it ended.
    pub ended: Option<String>,
    /// The exit status that this destination alone would give.
    pub exit_status: u8,
    /// Why it ended before the last row, if it did.
    pub stop: Option<StopReport>,
    /// The files of rejected rows of the run, as absolute paths.
    #[serde(serialize_with = "paths_in_json")]
    pub rejected_files: Vec<PathBuf>,
    /// What to type to resume the run, if rows are left.
    pub continue_command: Option<String>,
    /// The run whose content was at the same path and was replaced before all of it was sent.
    pub replaced: Option<Replaced>,
    /// All rows were done before, and other content was sent since: the vendor may have that now.
    pub other_content_since: bool,
}

/// A path with bytes that are no text: JSON cannot have them.
fn path_in_json<S: Serializer>(path: &Option<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
    path.as_ref().map(|path| path.to_string_lossy()).serialize(serializer)
}

fn paths_in_json<S: Serializer>(paths: &[PathBuf], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(paths.iter().map(|path| path.to_string_lossy()))
}

/// Why a destination ended before its last row.
#[derive(Debug, Clone, Serialize)]
pub struct StopReport {
    /// One word, which does not change.
    pub kind: String,
    /// For a person.
    pub message: String,
}

/// A run whose content was replaced before all of it was sent.
#[derive(Debug, Clone, Serialize)]
pub struct Replaced {
    /// Its name.
    pub run: String,
    /// How many of its rows were never sent.
    pub rows_never_sent: u64,
    /// How many of its rows may have been sent and have no outcome.
    pub rows_maybe_sent: u64,
}

/// All destinations.
#[derive(Debug, Serialize)]
pub struct Report {
    schema: u32,
    /// Of the command.
    exit_status: u8,
    destinations: BTreeMap<String, DestinationReport>,
}

impl Counts {
    /// Takes over why rows were rejected or skipped.
    pub fn add_reasons(&mut self, reasons: Vec<Reason>) {
        for Reason { kind, code, reason, count } in reasons {
            match kind {
                Kind::Skipped => self.skipped_reasons.push(SkipCount { reason, count }),
                _ => self.reasons.push(ReasonCount { code, reason, count }),
            }
        }
        self.reasons.sort_by(|a, b| b.count.cmp(&a.count).then(a.code.cmp(&b.code)).then(a.reason.cmp(&b.reason)));
    }

    /// Rows that are done with, whatever became of them.
    pub fn done(&self) -> u64 {
        self.rows.saturating_sub(self.pending)
    }

    /// Of an input that has so many rows those that were not read are pending.
    pub fn include_unread(&mut self, rows: u64) {
        let unread = rows.saturating_sub(self.rows);
        (self.rows, self.pending) = (self.rows + unread, self.pending + unread);
    }

    /// Takes over what the lane counted.
    pub fn finish(&mut self, lane: &Summary, elapsed: Duration) {
        (self.requests, self.retries, self.isolation_requests) = (lane.requests, lane.retries, lane.isolation_requests);
        self.elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    }

    /// The summary in words, several lines.
    pub fn text(&self, destination: &str) -> String {
        let mut text = format!(
            "{destination}: {} = {} accepted + {} rejected + {} skipped + {} unchanged + {} pending\n",
            counted(self.rows, "row"),
            grouped(self.accepted),
            grouped(self.rejected),
            grouped(self.skipped),
            grouped(self.unchanged),
            grouped(self.pending),
        );
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "  {} ({}, {} to find what is to blame) in {:.1} s",
            counted(self.requests, "request"),
            counted(self.retries, "retry"),
            grouped(self.isolation_requests),
            Duration::from_millis(self.elapsed_ms).as_secs_f64(),
        );
        for ReasonCount { code, reason, count } in self.reasons.iter().take(MOST_REASONS) {
            let code = code.as_ref().map_or(String::new(), |code| format!("code {code}, "));
            let _ = writeln!(text, "  {}: {code}{reason}", counted(*count, "row"));
        }
        if let Some(more) = self.reasons.len().checked_sub(MOST_REASONS).filter(|more| *more > 0) {
            let _ = writeln!(text, "  and {}: --report json has all", counted(more as u64, "more reason"));
        }
        if self.reasons.iter().map(|reason| reason.count).sum::<u64>() > self.rejected {
            let _ = writeln!(text, "  (some rows have several reasons)");
        }
        for SkipCount { reason, count } in &self.skipped_reasons {
            let _ = writeln!(text, "  {} skipped: {reason}", counted(*count, "row"));
        }
        text
    }
}

impl Report {
    /// A report of these destinations.
    pub fn new(exit_status: u8, destinations: impl IntoIterator<Item = (String, DestinationReport)>) -> Self {
        Self { schema: 1, exit_status, destinations: destinations.into_iter().collect() }
    }

    /// One JSON object, one line.
    pub fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string(self).map(|json| json + "\n")
    }
}

/// `1 row`, `2,000 rows`, `2 retries`.
pub fn counted(number: u64, noun: &str) -> String {
    match (number, noun.strip_suffix('y')) {
        (1, _) => format!("1 {noun}"),
        (_, Some(stem)) => format!("{} {stem}ies", grouped(number)),
        _ => format!("{} {noun}s", grouped(number)),
    }
}

/// `1234567` as `1,234,567`.
pub fn grouped(number: u64) -> String {
    HumanCount(number).to_string()
}

/// `1 row is`, `2 rows are`.
pub fn counted_are(number: u64, noun: &str) -> String {
    format!("{} {}", counted(number, noun), if number == 1 { "is" } else { "are" })
}
