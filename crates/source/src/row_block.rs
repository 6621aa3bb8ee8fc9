//! Rows that were read together.

use std::fmt;
use std::sync::Arc;

use contact_sink_mapping::{CellsRef, RecordRef};

/// So many rows are read together. A row is some hundred bytes, and a request has a hundred of them.
const MAX_ROWS: usize = 256;
/// With so many bytes a block is full, however few rows it has.
const FULL_BYTES: usize = 32 * 1024;

/// Rows that were read together, one after the other. Their text is in one piece of memory.
///
/// `Debug` prints no value.
#[derive(Clone, Default)]
pub struct RowBlock {
    /// The number of the first row.
    first: u64,
    are_objects: bool,
    /// What the rows say, if it is UTF-8; else it is empty.
    text: Arc<str>,
    /// What they say otherwise.
    bytes: Vec<u8>,
    /// Of rows of cells: where each cell ends, from the start of its row.
    ends: Vec<u32>,
    rows: Vec<End>,
}

/// A row, and where what it has ends in the block.
#[derive(Clone, Copy)]
struct End {
    line: u64,
    bytes: usize,
    ends: usize,
}

impl RowBlock {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The line on which the row at this place begins, from 1.
    ///
    /// # Panics
    /// There is no such row.
    pub fn line(&self, place: usize) -> u64 {
        self.rows[place].line
    }

    /// The place among all rows of the input, from 0, of the row at this place of the block.
    pub fn number(&self, place: usize) -> u64 {
        self.first + place as u64
    }

    /// What the row at this place says.
    ///
    /// # Panics
    /// There is no such row.
    pub fn record(&self, place: usize) -> RecordRef<'_> {
        let end = self.rows[place];
        let (bytes, ends) = place.checked_sub(1).map_or((0, 0), |before| {
            let End { bytes, ends, .. } = self.rows[before];
            (bytes, ends)
        });
        let text = &self.all()[bytes..end.bytes];
        if self.are_objects {
            RecordRef::Object(text)
        } else {
            RecordRef::Cells(CellsRef::new(text, &self.ends[ends..end.ends]))
        }
    }

    /// The text in which all records stand, if it is UTF-8; else an empty one.
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    fn all(&self) -> &[u8] {
        if self.bytes.is_empty() { self.text.as_bytes() } else { &self.bytes }
    }

    /// How many bytes it takes in memory.
    pub fn size_bytes(&self) -> usize {
        size_of::<Self>() + self.all().len() + size_of_val(&*self.ends) + size_of_val(&*self.rows)
    }

    /// Removes all rows; the first one to come has this number.
    pub(crate) fn clear(&mut self, first: u64) {
        self.first = first;
        self.bytes.clear();
        self.ends.clear();
        self.rows.clear();
    }

    /// Adds a row. All rows of a block are cells, or all are objects.
    pub(crate) fn push(&mut self, line: u64, record: RecordRef<'_>) {
        match record {
            RecordRef::Cells(cells) => {
                self.bytes.extend_from_slice(cells.bytes());
                self.ends.extend_from_slice(cells.ends());
            }
            RecordRef::Object(text) => self.bytes.extend_from_slice(text),
        }
        self.are_objects = matches!(record, RecordRef::Object(_));
        self.rows.push(End { line, bytes: self.bytes.len(), ends: self.ends.len() });
    }

    /// A copy that takes no more memory than it needs.
    pub(crate) fn to_block(&self) -> Self {
        match std::str::from_utf8(&self.bytes) {
            Ok(text) => {
                Self { text: text.into(), bytes: Vec::new(), ends: self.ends.clone(), rows: self.rows.clone(), ..*self }
            }
            Err(_) => self.clone(),
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.rows.len() >= MAX_ROWS || self.bytes.len() >= FULL_BYTES
    }
}

impl fmt::Debug for RowBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowBlock").field("first", &self.first).field("rows", &self.rows.len()).finish_non_exhaustive()
    }
}
