//! One row of the input as it stands there, and the columns of a CSV file.

use std::collections::HashMap;

use contact_sink_core::Applied;
use tokio::sync::OwnedSemaphorePermit;

use super::digest::Digest;
use crate::nearest;
use crate::status::Status;

/// One row as it stands in the input.
pub struct Row {
    /// The line on which it begins, from 1.
    pub line: u64,
    pub(super) record: Record,
    /// Its place among the rows, from 0.
    pub number: u64,
    /// The hash of the first line and of all rows up to this one.
    pub digest: Digest,
    /// Whether an earlier run may have sent it.
    pub earlier: Applied,
    /// The room that it takes of what may be read ahead; given back when the row is done with.
    pub(super) room: Option<OwnedSemaphorePermit>,
}

/// A row's text.
pub enum Record {
    /// A record of CSV.
    Cells(Cells),
    /// A line of NDJSON, without its line break.
    Line(Box<[u8]>),
}

/// The cells of a record of CSV.
pub struct Cells {
    pub(super) bytes: Box<[u8]>,
    pub(super) ends: Box<[u32]>,
}

impl Row {
    pub(super) fn cells(line: u64, bytes: &[u8], ends: &[usize]) -> Self {
        // A record is shorter than 4 GiB by far.
        let ends = ends.iter().map(|end| u32::try_from(*end).unwrap_or(u32::MAX)).collect();
        Self::new(line, Record::Cells(Cells { bytes: bytes.into(), ends }))
    }

    pub(super) fn line(line: u64, bytes: &[u8]) -> Self {
        Self::new(line, Record::Line(bytes.into()))
    }

    fn new(line: u64, record: Record) -> Self {
        Self { line, record, number: 0, digest: Digest::default(), earlier: Applied::No, room: None }
    }

    /// The text as it was read.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// How much memory it takes, about.
    pub(super) fn size(&self) -> usize {
        match &self.record {
            Record::Cells(cells) => cells.bytes.len() + cells.ends.len() * size_of::<u32>(),
            Record::Line(bytes) => bytes.len(),
        }
    }
}

impl Cells {
    /// The cell of a column, by its place.
    pub fn cell(&self, column: usize) -> Option<&[u8]> {
        let end = *self.ends.get(column)? as usize;
        let start = column.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        self.bytes.get(start..end)
    }

    /// How many cells there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }
}

/// The columns that the first line of a CSV file names.
#[derive(Debug, Clone)]
pub struct Columns(Vec<String>);

/// The columns that a dead-letter file adds; an input that has them is one that is fed back.
pub const DEAD_LETTER_COLUMNS: [&str; 6] = ["_destination", "_line", "_field", "_code", "_reason", "_vendor_text"];

/// The field of a dead letter in NDJSON that says why; an object that has it is one that is fed back.
pub const DEAD_LETTER_ERRORS: &str = "_errors";

/// Whether a name is one that a file of rejected rows uses for itself.
pub fn is_reserved(name: &str) -> bool {
    DEAD_LETTER_COLUMNS.contains(&name) || [DEAD_LETTER_ERRORS, "_raw", "_raw_base64"].contains(&name)
}

impl Columns {
    /// Reads the first line.
    pub fn new(header: &Cells) -> Result<Self, (Status, String)> {
        let mut names: Vec<String> = Vec::with_capacity(header.len());
        let mut seen = HashMap::with_capacity(header.len());
        for cell in (0..header.len()).filter_map(|column| header.cell(column)) {
            let nth = names.len() + 1;
            let not_utf8 =
                || format!("the name of column {nth} is not UTF-8: save the file as UTF-8 (in Excel: CSV UTF-8)");
            let name = std::str::from_utf8(cell).map_err(|_| (Status::Unreadable, not_utf8()))?;
            // A name without text can be meant by no mapping; spreadsheets leave such columns behind.
            if let Some(first) = seen.insert(name, nth).filter(|_| !name.is_empty()) {
                // The name is not printed: the first line may be a row by mistake.
                let problem = format!("columns {first} and {nth} have the same name: rename one of them");
                return Err((Status::Usage, problem));
            }
            names.push(name.to_owned());
        }
        let columns = Self(names);
        let reserved = columns.0.iter().find(|name| DEAD_LETTER_COLUMNS.contains(&name.as_str()));
        if let Some(name) = reserved.filter(|_| !columns.are_fed_back()) {
            let problem =
                format!("the column {name:?} has a name that the file of rejected rows uses for itself: rename it");
            return Err((Status::Usage, problem));
        }
        Ok(columns)
    }

    /// Whether they are those of a file of rejected rows.
    pub fn are_fed_back(&self) -> bool {
        DEAD_LETTER_COLUMNS.iter().all(|name| self.0.iter().any(|known| known == name))
    }

    /// The place of a column.
    pub fn place(&self, name: &str) -> Result<usize, String> {
        self.0.iter().position(|known| known == name).ok_or_else(|| {
            let near = self.own().map(|(_, known)| known).find(|known| nearest::is_near(known, name));
            match near {
                Some(near) => format!("there is no column {name:?}: did you mean {near:?}?"),
                None if self.0.first().is_some_and(|first| first.starts_with(['{', '['])) => {
                    format!("there is no column {name:?}: the file looks like JSON, which --format ndjson reads")
                }
                None if self.0.len() == 1 && self.0[0].contains([';', '\t']) => {
                    format!("there is no column {name:?}: the first line has ; or tabs between its cells: save it with commas")
                }
                // The others are not printed: the first line may be a row by mistake.
                None => format!(
                    "there is no column {name:?}, and none with a similar name among the {} of the first line: does the first \
                     line name the columns?",
                    self.len()
                ),
            }
        })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The input's own columns and their places: all but those of a dead-letter file.
    pub fn own(&self) -> impl Iterator<Item = (usize, &str)> {
        let names = self.0.iter().map(String::as_str).enumerate();
        names.filter(|(_, name)| !DEAD_LETTER_COLUMNS.contains(name))
    }
}
