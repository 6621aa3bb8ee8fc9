//! The rows of an input, one after the other.

use std::io::Read;
use std::sync::Arc;

use contact_sink_mapping::{CellsRef, Columns, Record};

use crate::csv::CsvReader;
use crate::encoding::Utf8Count;
use crate::fault::Fault;
use crate::ndjson::LineReader;
use crate::read_control::ReadControl;

/// One row of an input.
#[derive(Debug, Clone)]
pub struct Row {
    /// The line on which it begins, from 1.
    pub line: u64,
    /// Its place among the rows, from 0.
    pub number: u64,
    /// What it says.
    pub record: Record,
}

/// The rows of an input, one after the other. After a fault, or after [`ReadControl::stop`], there is none.
pub struct InputRows {
    pub(crate) reader: Reader,
    pub(crate) progress: Arc<ReadControl>,
    pub(crate) number: u64,
    /// How many the pre-flight counted.
    pub(crate) expected: Option<u64>,
    pub(crate) ended: bool,
    /// Of a pipe, which no pre-flight has checked.
    pub(crate) utf8: Option<Utf8Count>,
    /// Why they cannot be read at all.
    pub(crate) failed: Option<Fault>,
}

/// A source of bytes.
pub(crate) type ByteSource = Box<dyn Read + Send>;

/// Where the rows come from.
pub(crate) enum Reader {
    Csv(Box<CsvReader<ByteSource>>, Header),
    /// And the first line, which was read ahead.
    Ndjson(LineReader<ByteSource>, Option<(u64, Box<[u8]>)>),
}

/// The header of a CSV file, as far as rows are compared with it.
#[derive(Debug, Clone)]
pub(crate) struct Header {
    pub(crate) columns: Columns,
    id_places: Vec<usize>,
    /// The bytes with which the name of a column may begin.
    first_bytes: Box<[bool; 256]>,
}

impl Header {
    pub(crate) fn new(columns: Columns, id_places: Vec<usize>) -> Self {
        let mut first_bytes = Box::new([false; 256]);
        let names = columns.own().filter_map(|(_, name)| name.trim().as_bytes().first().copied());
        let names = names.flat_map(|byte| [byte.to_ascii_lowercase(), byte.to_ascii_uppercase()]);
        // White space may come before a name.
        names.chain(*b" \t\r\n\x0C").for_each(|byte| first_bytes[usize::from(byte)] = true);
        Self { columns, id_places, first_bytes }
    }

    /// Whether a row is the header of another file.
    pub(crate) fn fault(&self, line: u64, cells: CellsRef<'_>) -> Option<Fault> {
        // The first byte of an id shows for most rows that they are not a header.
        let may_be_name = |place: &usize| {
            cells.get(*place).and_then(|cell| cell.first()).is_some_and(|byte| self.first_bytes[usize::from(*byte)])
        };
        (self.id_places.iter().any(may_be_name) && self.columns.are_named_by(cells, &self.id_places))
            .then(|| Fault::at(line, OTHER_HEADER))
    }
}

const OTHER_HEADER: &str = "it looks like the header of another file: send the files one after the other; if it is a row, set check = \
                            false for the subject";

impl InputRows {
    /// No row but this fault.
    pub(crate) fn failed(fault: Fault, progress: Arc<ReadControl>) -> Self {
        let reader = Reader::Ndjson(LineReader::new(Box::new(std::io::empty())), None);
        Self { reader, progress, number: 0, expected: None, ended: false, utf8: None, failed: Some(fault) }
    }

    fn read(&mut self) -> Result<Option<Row>, Fault> {
        let (line, record) = match &mut self.reader {
            Reader::Csv(reader, header) => {
                let Some(raw) = reader.read()? else { return Ok(None) };
                let broken = self.utf8.as_mut().and_then(|utf8| utf8.add_to_pipe(raw.line, raw.raw));
                if let Some(fault) = broken.or_else(|| header.fault(raw.line, raw.cells)) {
                    return Err(fault);
                }
                (raw.line, Record::Cells(raw.cells.to_cells()))
            }
            Reader::Ndjson(reader, first) => {
                let (line, text) = match first.take() {
                    Some(first) => first,
                    None => match reader.read()? {
                        Some((line, text)) => (line, text.into()),
                        None => return Ok(None),
                    },
                };
                if let Some(fault) = self.utf8.as_mut().and_then(|utf8| utf8.add_to_pipe(line, &text)) {
                    return Err(fault);
                }
                (line, Record::Object(text))
            }
        };
        let row = Row { line, number: self.number, record };
        self.number += 1;
        Ok(Some(row))
    }

    fn end(&mut self) -> Option<Fault> {
        self.ended = true;
        let expected = self.expected?;
        // Each block was as before, so this is a mistake of ours: it must not end as if all were well.
        let problem = format!("{} rows were read, and {expected} when it was checked", self.number);
        (self.number != expected).then(|| Fault::of_input(problem))
    }
}

impl Iterator for InputRows {
    type Item = Result<Row, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended || self.progress.is_stopped() {
            return None;
        }
        let read = self.failed.take().map_or_else(|| self.read(), Err);
        match read {
            Ok(Some(row)) => Some(Ok(row)),
            Ok(None) => self.end().map(Err),
            Err(fault) => {
                self.ended = true;
                Some(Err(fault))
            }
        }
    }
}
