//! What a journal knows of a run.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use contact_sink_core::ErrorCode;

/// For how long an older value of a run may still be sent: until then it can be resumed whatever was sent since, and its
/// rejected rows can be fed back.
pub const OPEN_FOR: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// What a run is known by beside its content. Secrets, quota and transport may change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The vendor and the host of its API, as they may be shown.
    pub host: String,
    /// The account there, as it may be shown.
    pub account: String,
    /// What tells the account from all others: a hash. A run at another account is another run.
    pub account_hash: String,
    /// Where the subject comes from.
    pub subject: String,
    /// What is set, and where each value comes from.
    pub mapping: String,
}

impl Identity {
    /// What of the mapping differs, in words: the part, what it was, and what it is.
    pub fn differences<'a>(&'a self, now: &'a Self) -> Vec<(&'static str, &'a str, &'a str)> {
        let parts = [("subject", &self.subject, &now.subject), ("mapping", &self.mapping, &now.mapping)];
        let differs = parts.into_iter().filter(|(_, was, is)| was != is);
        differs.map(|(part, was, is)| (part, was.as_str(), is.as_str())).collect()
    }
}

/// The state of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// It is under way; or, if no process holds its lock, it was killed.
    Running,
    /// It ended in order, and rows are left to send.
    Unfinished,
    /// Every row of its input is settled.
    Finished,
}

impl State {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Unfinished => "unfinished",
            Self::Finished => "finished",
        }
    }

    pub(crate) fn of(word: &str) -> Option<Self> {
        [Self::Running, Self::Unfinished, Self::Finished].into_iter().find(|state| state.word() == word)
    }
}

/// What became of a row that is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The vendor accepted it.
    Accepted,
    /// A rule refused it.
    Rejected,
    /// There was nothing to send.
    Skipped,
    /// The vendor has it already.
    Unchanged,
}

/// How many rows of the whole input are settled, by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// The vendor accepted them.
    pub accepted: u64,
    /// A rule refused them.
    pub rejected: u64,
    /// There was nothing to send.
    pub skipped: u64,
    /// The vendor has them already.
    pub unchanged: u64,
}

impl Counts {
    /// Counts a row.
    pub fn count(&mut self, kind: Kind) {
        *match kind {
            Kind::Accepted => &mut self.accepted,
            Kind::Rejected => &mut self.rejected,
            Kind::Skipped => &mut self.skipped,
            Kind::Unchanged => &mut self.unchanged,
        } += 1;
    }

    /// All that are settled.
    pub fn settled(&self) -> u64 {
        self.accepted + self.rejected + self.skipped + self.unchanged
    }
}

impl Kind {
    /// `accepted`, `rejected`, `skipped` or `unchanged`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Skipped => "skipped",
            Self::Unchanged => "unchanged",
        }
    }

    pub(crate) fn of(word: &str) -> Option<Self> {
        [Self::Accepted, Self::Rejected, Self::Skipped, Self::Unchanged].into_iter().find(|kind| kind.word() == word)
    }
}

/// How many rows were rejected, or skipped, for a reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// What became of the rows: rejected or skipped.
    pub kind: Kind,
    /// The vendor's code, if there was one.
    pub code: Option<ErrorCode>,
    /// What it means, in our words.
    pub reason: String,
    /// How often.
    pub count: u64,
}

impl Reason {
    /// A reason of one row.
    pub fn new(kind: Kind, code: Option<ErrorCode>, reason: impl Into<String>) -> Self {
        Self { kind, code, reason: reason.into(), count: 1 }
    }
}

/// What a journal knows of the run that rejected a row which is fed back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FedBack {
    /// Its values are as old as those of this part.
    Part(u32),
    /// Its run is older than [`OPEN_FOR`]: it is not known any more what was sent since.
    TooOld,
}

/// Rows of a run that were first seen together. Their values have one age.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its place in the order in which all parts of a journal began.
    pub number: u32,
    /// Its first row, from 0.
    pub first: u64,
    /// What its rejected rows carry as `_run`.
    pub name: String,
}

/// Why a command stopped before the last row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopped {
    /// One word.
    pub kind: String,
    /// For a person, without a contact's data.
    pub message: String,
}

impl Stopped {
    const CUT_OFF: &str = "cut_off";

    /// Of a run that was killed, or whose machine failed.
    pub fn cut_off() -> Self {
        Self { kind: Self::CUT_OFF.to_owned(), message: "it was killed, or the machine failed".to_owned() }
    }

    /// Whether it is [`Stopped::cut_off`].
    pub fn is_cut_off(&self) -> bool {
        self.kind == Self::CUT_OFF
    }
}

/// A run, as its journal has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub(crate) id: i64,
    /// Its parts, the oldest first; there is one at least. Rows are added to an input while its run is unfinished.
    pub parts: Vec<Part>,
    /// The input as it was last given, as an absolute path.
    pub input: String,
    /// Whether the input can be read again: a pipe cannot.
    pub is_resumable: bool,
    /// What the run is known by beside its content.
    pub identity: Identity,
    /// What to type to resume it.
    pub command: String,
    /// Its state.
    pub state: State,
    /// When it began.
    pub began: SystemTime,
    /// When something was last written down.
    pub changed: SystemTime,
    /// The first row that belongs to it, from 0: those before it belong to earlier runs.
    pub first: u64,
    /// How many rows the whole input has; 0 if that is not known.
    pub rows: u64,
    /// The digest of all these rows.
    pub content: Vec<u8>,
    /// How many rows were read of which something is written down.
    pub read: u64,
    /// The first row that is not settled.
    pub checkpoint: u64,
    /// The rows that are settled.
    pub counts: Counts,
    /// Until then an attempt whose answer was lost may still be applied.
    pub hold_until: SystemTime,
    /// The file that its rejected rows go to, if there were any.
    pub letters: Option<PathBuf>,
    /// All files of its rejected rows.
    pub rejected_files: Vec<PathBuf>,
    /// The exit status of the last command that ended in order.
    pub exit_status: Option<u8>,
    /// Why that stopped before the last row, if it did.
    pub stop: Option<Stopped>,
    /// It is not wanted any more, and only kept because others must know that it was.
    pub(crate) is_forgotten: bool,
}

impl Record {
    /// The part that a row belongs to.
    pub(crate) fn part_of(&self, row: u64) -> Option<&Part> {
        self.parts.iter().rev().find(|part| part.first <= row).or(self.parts.first())
    }

    /// What names the run in reports.
    pub fn name(&self) -> &str {
        self.parts.first().map_or("", |part| &part.name)
    }

    /// How many of its rows are not settled, if the length of the input is known.
    pub fn pending(&self) -> u64 {
        self.rows.saturating_sub(self.first + self.counts.settled())
    }

    /// Whether an older value of it may still be sent: its rows are left to send, or its rejected rows may be fed back.
    pub fn is_open(&self, now: SystemTime) -> bool {
        let is_unfinished = self.is_resumable && self.state != State::Finished;
        !self.is_forgotten && !self.is_old(now) && (is_unfinished || self.counts.rejected > 0)
    }

    /// Whether nothing was written down for longer than [`OPEN_FOR`].
    pub fn is_old(&self, now: SystemTime) -> bool {
        now.duration_since(self.changed).is_ok_and(|since| since > OPEN_FOR)
    }

    /// How many rows had been read by the last commit and have no outcome.
    pub(crate) fn read_without_outcome(&self) -> u64 {
        self.read.saturating_sub(self.first + self.counts.settled())
    }

    pub(crate) fn has_sent(&self) -> bool {
        self.counts.settled() > 0 || self.state == State::Running
    }

    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        (self.rows, &self.content, &self.identity.account_hash)
            == (other.rows, &other.content, &other.identity.account_hash)
            && self.identity.differences(&other.identity).is_empty()
    }
}
