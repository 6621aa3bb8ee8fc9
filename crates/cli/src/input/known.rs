//! What is known of an input from the run before: which rows are done with, and whether it is still the same.

use std::path::Path;

use contact_sink_core::Applied;
use contact_sink_journal::Rows;

use super::digest::Digest;
use super::{Input, Row};
use crate::args::Format;
use crate::status::Failure;

/// What is known of the rows before they are read.
#[derive(Debug, Default)]
pub struct Known {
    /// They have their outcome: they are passed over.
    pub settled: Rows,
    /// They have none, and may have been applied.
    pub doubtful: Rows,
    /// So many of the first rows without an outcome may have been sent by a run that was killed: those of which nothing is known
    /// yet, since it had let go of the doubtful ones.
    pub in_flight: usize,
}

impl Known {
    /// Whether a row is to be delivered; then, whether it may have been before.
    pub(super) fn earlier(&mut self, row: &Row) -> Option<Applied> {
        if self.settled.contains(row.number) {
            return None;
        }
        if self.doubtful.contains(row.number) {
            return Some(Applied::Perhaps);
        }
        let was_in_flight = self.in_flight > 0;
        self.in_flight = self.in_flight.saturating_sub(1);
        Some(if was_in_flight { Applied::Perhaps } else { Applied::No })
    }
}

/// What an input is, held against what was read of it before.
#[derive(Debug, PartialEq, Eq)]
pub enum Same {
    /// These rows, and no more.
    Whole,
    /// It begins with these rows.
    Begins,
    /// It has other rows, or fewer.
    No,
}

/// What came of comparing.
#[derive(Debug)]
pub struct Compared {
    /// What it is.
    pub same: Same,
    /// How many rows were compared: fewer than wanted if it has no more.
    pub rows: u64,
    /// The hash of these.
    pub digest: Digest,
}

/// Reads an input as far as it was read before.
pub fn compare(path: &Path, format: Option<Format>, wanted: u64, hash: &[u8]) -> Result<Compared, Failure> {
    let mut input = Input::open(path, format)?;
    let (mut rows, mut digest) = (0, input.head);
    while rows < wanted
        && let Ok(Some(row)) = input.reader.read()
    {
        (rows, digest) = (rows + 1, digest.and(row.record()));
    }
    let same = match rows == wanted && (wanted == 0 || digest == *hash) {
        false => Same::No,
        // What cannot be read on is no end.
        true if matches!(input.reader.read(), Ok(None)) => Same::Whole,
        true => Same::Begins,
    };
    Ok(Compared { same, rows, digest })
}

impl PartialEq<[u8]> for Digest {
    fn eq(&self, other: &[u8]) -> bool {
        self.as_bytes() == other
    }
}
