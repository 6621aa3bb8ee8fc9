//! What a journal knows of a run.

use std::path::PathBuf;
use std::time::SystemTime;

use contact_sink_core::ErrorCode;

/// What must be the same for a run to be gone on with. Secrets, quota and transport may change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The vendor and the host of its API, as they may be shown.
    pub host: String,
    /// The account there, as it may be shown.
    pub account: String,
    /// What tells the account from all others, where that is half of the credentials: a hash.
    pub account_hash: String,
    /// Where the subject comes from.
    pub subject: String,
    /// What is set, and where each value comes from.
    pub mapping: String,
}

impl Identity {
    /// What of it differs, in words: the part, what it was, and what it is.
    pub fn differences<'a>(&'a self, now: &'a Self) -> Vec<(&'static str, &'a str, &'a str)> {
        let parts = [
            ("host", &self.host, &now.host),
            ("account", &self.account, &now.account),
            ("subject", &self.subject, &now.subject),
            ("mapping", &self.mapping, &now.mapping),
        ];
        let mut differences: Vec<_> = parts
            .into_iter()
            .filter(|(_, was, is)| was != is)
            .map(|(part, was, is)| (part, was.as_str(), is.as_str()))
            .collect();
        if differences.iter().all(|(part, ..)| !["host", "account"].contains(part))
            && self.account_hash != now.account_hash
        {
            differences.push(("account", "another one", &now.account));
        }
        differences
    }
}

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// It is under way; or, if nobody holds its lock, it was killed.
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
    /// The vendor took it.
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
    /// The vendor took them.
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

/// How often rows were rejected for a reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The vendor's code, if there was one.
    pub code: Option<ErrorCode>,
    /// What it means, in our words.
    pub reason: String,
    /// How often.
    pub count: u64,
}

/// Counts reasons; gives the places of those whose count changed.
pub(crate) fn count_reasons(known: &mut Vec<Reason>, reasons: &[(Option<&ErrorCode>, &str)]) -> Vec<usize> {
    let mut changed = Vec::new();
    for (code, reason) in reasons {
        let place = known.iter().position(|known| known.code.as_ref() == *code && known.reason == *reason);
        let place = place.unwrap_or_else(|| {
            known.push(Reason { code: code.cloned(), reason: (*reason).to_owned(), count: 0 });
            known.len() - 1
        });
        known[place].count += 1;
        if !changed.contains(&place) {
            changed.push(place);
        }
    }
    changed
}

/// A run, as its journal has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub(crate) id: i64,
    /// The input, as an absolute path.
    pub input: String,
    /// What must be the same for it to be gone on with.
    pub identity: Identity,
    /// What to type to go on with it.
    pub command: String,
    /// How it stands.
    pub state: State,
    /// When it began.
    pub began: SystemTime,
    /// When something was last written down.
    pub changed: SystemTime,
    /// How many rows were read of which something is written down.
    pub read: u64,
    /// The hash of these rows.
    pub digest: Vec<u8>,
    /// The first row that is not settled.
    pub checkpoint: u64,
    /// The rows that are settled.
    pub counts: Counts,
    /// Until then an attempt of it whose answer was lost may still be applied.
    pub unsure_until: SystemTime,
    /// The file that its lines go to, if there were any.
    pub letters: Option<PathBuf>,
}
