//! Which run an input belongs to: a run is known by its content, its account and its mapping.

use std::time::SystemTime;

use crate::record::{Identity, Record, State};

/// An input, and what it is sent as.
pub struct Input<'a> {
    /// The account and the mapping.
    pub identity: Identity,
    /// What the rows that are new are named by; another name is made of it if a run has it.
    pub name: &'a str,
    /// Its absolute path, for people.
    pub path: &'a str,
    /// What to type to resume its run.
    pub command: &'a str,
    /// What it is known by; `None` if it can be read once only: then its run is never resumed.
    pub content: Option<Content<'a>>,
}

/// What an input has in it.
pub struct Content<'a> {
    /// How many rows.
    pub rows: u64,
    /// The digest of all of them.
    pub digest: &'a [u8],
    /// The digest of its first rows; `None` if it has fewer. Asked for the numbers of [`Book::rows_known`](crate::Book::rows_known).
    pub digest_of: &'a dyn Fn(u64) -> Option<Vec<u8>>,
}

/// What is wanted beside resuming a run that is not finished; at first nothing.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Wanted {
    /// A new run of all rows, whatever is known of them.
    pub restart: bool,
    /// A new run of all rows if they are those of a finished run.
    pub repeat: bool,
    /// To resume a run under another mapping too.
    pub other_mapping: bool,
}

/// What a journal knew of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Found {
    /// No run of it, or none that counts: a new one was begun.
    Nothing,
    /// This run, which is not finished: it was resumed.
    Unfinished {
        /// The run, as it was.
        record: Record,
        /// From this row on the rows were not in the input when the run was last under way.
        new_from: Option<u64>,
    },
    /// All rows are those of a finished run: nothing is to be sent. It is open for the rejected rows that its file lacks.
    Finished {
        /// Whether other content was sent since.
        other_since: bool,
    },
    /// The first rows are all those of this finished run: a new one of the others was begun.
    Grown(Record),
}

/// Why no run was opened. Nothing in the journal was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// A run of the content is not finished, under another mapping.
    #[error("a run of the same rows is not finished, and the mapping has changed since")]
    OtherMapping(Record),
    /// A run of the content is not finished and older than [`OPEN_FOR`](crate::OPEN_FOR), and other content was sent since: which of
    /// its values are older than what the vendor has is not known any more.
    #[error("a run of the same rows is not finished and older than 30 days, and other content was sent since")]
    TooOld(Record),
}

/// A run of other content at the same path that is not finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplacedRun {
    /// The run.
    pub record: Record,
    /// How many of its rows may have been sent and have no outcome.
    pub rows_maybe_sent: u64,
}

/// What is found before anything is changed.
pub(crate) struct Lookup {
    pub(crate) found: Found,
    /// The run to resume, or the one that is finished.
    pub(crate) run: Option<Record>,
    /// A run of other content at the same path that is not finished.
    pub(crate) replaced: Option<Record>,
}

/// Finds the run of an input among all of a journal, the newest first.
pub(crate) fn find(
    runs: &[Record],
    input: &Input<'_>,
    wanted: Wanted,
    now: SystemTime,
) -> Result<Lookup, Box<Refused>> {
    let Input { identity, path, content, .. } = input;
    let Some(content) = content.as_ref().filter(|_| !wanted.restart) else {
        return Ok(Lookup { found: Found::Nothing, run: None, replaced: None });
    };
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
    let (found, run) = match whole.or_else(beginning) {
        // There is nothing to keep: what has changed was probably wrong.
        Some((run, _)) if has_no_trace(run) && !has_mapping(run) => (Found::Nothing, None),
        Some((run, new_from)) if is_unfinished(run) => {
            let record = run.clone();
            match has_mapping(run) {
                false if !wanted.other_mapping => return Err(Box::new(Refused::OtherMapping(record))),
                true if run.is_old(now) && has_other_since(&of_account, run) => {
                    return Err(Box::new(Refused::TooOld(record)));
                }
                _ => (Found::Unfinished { record, new_from }, Some(run.clone())),
            }
        }
        Some((run, None)) if !wanted.repeat => {
            (Found::Finished { other_since: has_other_since(&of_account, run) }, Some(run.clone()))
        }
        Some((run, Some(_))) => (Found::Grown(run.clone()), None),
        _ => (Found::Nothing, None),
    };
    let at_path = candidates.iter().find(|run| run.input == *path).filter(|run| is_unfinished(run) && !is_whole(run));
    let replaced = at_path.filter(|run| run.pending() > 0 && !matches!(found, Found::Unfinished { .. }));
    Ok(Lookup { found, run, replaced: replaced.map(|run| (*run).clone()) })
}

/// Whether nothing came of a run that ended in order.
fn has_no_trace(run: &Record) -> bool {
    run.state == State::Unfinished && run.counts.settled() == 0
}

fn has_other_since(runs: &[&Record], than: &Record) -> bool {
    runs.iter().any(|run| run.id > than.id && run.has_sent() && !run.is_same_as(than))
}
