//! The rows of an input, one after the other.

use std::io::Read;
use std::sync::Arc;

use contact_sink_mapping::{CellsRef, Columns, Record, RecordRef};

use crate::csv::CsvReader;
use crate::encoding::Utf8Count;
use crate::fault::Fault;
use crate::ndjson::LineReader;
use crate::read_control::ReadControl;
use crate::row_block::RowBlock;

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
    /// Why there is no other row: it is not told yet.
    pub(crate) failed: Option<Fault>,
    /// The block that is being read.
    pub(crate) block: RowBlock,
}

/// A source of bytes.
pub(crate) type ByteSource = Box<dyn Read + Send>;

/// Where the rows come from.
pub(crate) enum Reader {
    Csv(Box<CsvReader<ByteSource>>, Header),
    Ndjson(LineReader<ByteSource>),
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
        let reader = Reader::Ndjson(LineReader::new(Box::new(std::io::empty())));
        let (failed, block) = (Some(fault), RowBlock::default());
        Self { reader, progress, number: 0, expected: None, ended: false, utf8: None, failed, block }
    }

    /// The next rows: as many as there are, up to a few hundred. Of a pipe the block ends where the next row would have to be
    /// waited for. A fault comes after the rows before it.
    pub fn next_block(&mut self) -> Option<Result<RowBlock, Fault>> {
        let mut block = std::mem::take(&mut self.block);
        block.clear(self.number);
        while !self.is_over() && self.failed.is_none() && !block.is_full() && (block.is_empty() || self.has_next()) {
            match self.read() {
                Ok(Some((line, record))) => {
                    block.push(line, record);
                    self.number += 1;
                }
                Ok(None) => self.failed = self.end(),
                Err(fault) => self.failed = Some(fault),
            }
        }
        let next = if block.is_empty() { self.fault().map(Err) } else { Some(Ok(block.to_block())) };
        self.block = block;
        next
    }

    fn is_over(&self) -> bool {
        self.ended || self.progress.is_stopped()
    }

    /// Whether the next row can be read without waiting for it. A file waits for nothing.
    fn has_next(&mut self) -> bool {
        self.expected.is_some()
            || match &mut self.reader {
                Reader::Csv(reader, _) => reader.has_next(),
                Reader::Ndjson(reader) => reader.has_next(),
            }
    }

    fn read(&mut self) -> Result<Option<(u64, RecordRef<'_>)>, Fault> {
        match &mut self.reader {
            Reader::Csv(reader, header) => {
                let Some(raw) = reader.read()? else { return Ok(None) };
                let broken = self.utf8.as_mut().and_then(|utf8| utf8.add_to_pipe(raw.line, raw.raw));
                match broken.or_else(|| header.fault(raw.line, raw.cells)) {
                    Some(fault) => Err(fault),
                    None => Ok(Some((raw.line, RecordRef::Cells(raw.cells)))),
                }
            }
            Reader::Ndjson(reader) => {
                let Some((line, text)) = reader.read()? else { return Ok(None) };
                match self.utf8.as_mut().and_then(|utf8| utf8.add_to_pipe(line, text)) {
                    Some(fault) => Err(fault),
                    None => Ok(Some((line, RecordRef::Object(text)))),
                }
            }
        }
    }

    /// What is wrong at the end, if something is.
    fn end(&mut self) -> Option<Fault> {
        let expected = self.expected;
        // Each block was as before, so this is a mistake of ours: it must not end as if all were well.
        let problem = |expected| format!("{} rows were read, and {expected} when it was checked", self.number);
        let fault =
            expected.filter(|expected| self.number != *expected).map(|expected| Fault::of_input(problem(expected)));
        self.ended = fault.is_none();
        fault
    }

    /// The fault after which there is no other row, once.
    fn fault(&mut self) -> Option<Fault> {
        if self.is_over() {
            return None;
        }
        let fault = self.failed.take();
        self.ended = fault.is_some();
        fault
    }
}

impl Iterator for InputRows {
    type Item = Result<Row, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over() {
            return None;
        }
        if self.failed.is_none() {
            let number = self.number;
            match self.read() {
                Ok(Some((line, record))) => {
                    let record = record.to_record();
                    self.number += 1;
                    return Some(Ok(Row { line, number, record }));
                }
                Ok(None) => self.failed = self.end(),
                Err(fault) => self.failed = Some(fault),
            }
        }
        self.fault().map(Err)
    }
}
