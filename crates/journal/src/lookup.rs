//! Which run an input belongs to: a run is known by its content, its account and its mapping.

use std::time::SystemTime;

use crate::record::{Identity, Record, State};

/// An input, before anything of it is sent.
pub struct Content<'a> {
    /// Its absolute path, for people.
    pub path: &'a str,
    /// How many rows it has.
    pub rows: u64,
    /// The digest of all of them.
    pub digest: &'a [u8],
    /// The digest of its first rows; `None` if it has fewer. Asked for the numbers of [`Book::rows_known`](crate::Book::rows_known).
    pub digest_of: &'a dyn Fn(u64) -> Option<Vec<u8>>,
}

/// What a journal knows of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Found {
    /// No run of it: a new one begins.
    Nothing,
    /// A run that is not finished: it is resumed.
    Unfinished {
        /// The run.
        record: Record,
        /// From this row on the rows were not in the input when the run was last under way.
        new_from: Option<u64>,
    },
    /// A run that is not finished, under another mapping.
    OtherMapping {
        /// The run.
        record: Record,
        /// As for [`Found::Unfinished`].
        new_from: Option<u64>,
    },
    /// A run that is not finished and older than [`OPEN_FOR`](crate::OPEN_FOR), and other content was sent since: which of its
    /// values are older than what the vendor has is not known any more.
    TooOld(Record),
    /// All rows are those of a finished run.
    Finished {
        /// The run.
        record: Record,
        /// Whether other content was sent since.
        other_since: bool,
    },
    /// The first rows are all those of a finished run.
    Grown(Record),
}

/// What a journal knows of an input and of its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    /// The run that the input belongs to.
    pub found: Found,
    /// A run of other content at the same path that is not finished.
    pub replaced: Option<Record>,
}

/// Finds the run of an input among all of a journal, the newest first.
pub(crate) fn find(runs: &[Record], content: &Content<'_>, identity: &Identity, now: SystemTime) -> Lookup {
    let of_account: Vec<&Record> =
        runs.iter().filter(|run| run.identity.account_hash == identity.account_hash).collect();
    let candidates: Vec<&Record> =
        of_account.iter().copied().filter(|run| run.is_resumable && !run.is_forgotten).collect();
    let has_mapping = |run: &Record| run.identity.differences(identity).is_empty();
    let is_unfinished = |run: &Record| run.state != State::Finished;
    // A finished run under another mapping says nothing of this one.
    let counts = |run: &&&Record| has_mapping(run) || is_unfinished(run);
    let is_whole = |run: &&&Record| run.rows == content.rows && run.content == content.digest;
    let is_beginning = |run: &&&Record| {
        (1..content.rows).contains(&run.rows)
            && (content.digest_of)(run.rows).is_some_and(|digest| digest == run.content)
    };
    let whole = candidates.iter().filter(counts).find(is_whole).map(|run| (*run, None));
    let beginning = || {
        // Of several with the same rows the newest; they are in that order.
        let longest = candidates.iter().filter(counts).filter(is_beginning).rev().max_by_key(|run| run.rows);
        longest.map(|run| (*run, Some(run.rows)))
    };
    let found = match whole.or_else(beginning) {
        None => Found::Nothing,
        Some((run, new_from)) if is_unfinished(run) => {
            let record = run.clone();
            match has_mapping(run) {
                // There is nothing to keep: what has changed was probably wrong.
                false if run.counts.settled() == 0 && run.state != State::Running => Found::Nothing,
                false => Found::OtherMapping { record, new_from },
                true if run.is_old(now) && has_other_since(&of_account, run) => Found::TooOld(record),
                true => Found::Unfinished { record, new_from },
            }
        }
        Some((run, None)) => Found::Finished { record: run.clone(), other_since: has_other_since(&of_account, run) },
        Some((run, Some(_))) => Found::Grown(run.clone()),
    };
    let at_path =
        candidates.iter().find(|run| run.input == content.path).filter(|run| is_unfinished(run) && !is_whole(run));
    let replaced = at_path.filter(|_| matches!(found, Found::Nothing | Found::Finished { .. } | Found::Grown(_)));
    Lookup { found, replaced: replaced.map(|run| (*run).clone()) }
}

fn has_other_since(runs: &[&Record], than: &Record) -> bool {
    runs.iter().any(|run| run.id > than.id && run.has_sent() && !run.is_same_as(than))
}
