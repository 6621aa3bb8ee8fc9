//! Reads CSV record by record and knows on which line each one began.
//!
//! The parsing is `csv-core`'s. The lines are counted here, since a parser's own count is off after blank lines, and so is
//! the end of the input looked at: an unclosed quote must not swallow the rest of a file silently.

use std::io::{BufRead, BufReader, Read};

use csv_core::ReadRecordResult;

use super::row::Row;
use super::start::{self, Unreadable};

/// The most bytes that one record may have.
pub const MOST_BYTES: usize = 1024 * 1024;
/// The most bytes of one that was rejected before: what was added to it needs room.
pub const MOST_BYTES_FED_BACK: usize = 8 * MOST_BYTES;

/// Reads records.
pub struct CsvReader<R> {
    source: BufReader<R>,
    parser: csv_core::Reader,
    lines: Lines,
    started: bool,
    bytes: Vec<u8>,
    ends: Vec<usize>,
    most_bytes: usize,
}

impl<R: Read> CsvReader<R> {
    /// A reader at the start of an input.
    pub fn new(source: R) -> Self {
        Self {
            source: BufReader::with_capacity(64 * 1024, source),
            parser: csv_core::Reader::new(),
            lines: Lines { line: 1, after_cr: false },
            started: false,
            bytes: vec![0; 1024],
            ends: vec![0; 32],
            most_bytes: MOST_BYTES,
        }
    }

    /// Takes longer records: those of a file of rejected rows, which has more columns than the input had.
    pub fn allow_longer(&mut self) {
        self.most_bytes = MOST_BYTES_FED_BACK;
    }

    /// The next record, blank lines passed over.
    pub fn read(&mut self) -> Result<Option<Row>, Unreadable> {
        if !self.started {
            self.started = true;
            start::check(&mut self.source)?;
        }
        if !self.pass_blank_lines()? {
            return Ok(None);
        }
        let began = self.lines.line;
        let (mut written, mut ended, mut taken) = (0, 0, 0);
        loop {
            let buffer = self.source.fill_buf().map_err(|error| Unreadable::broken(self.lines.line, &error))?;
            // At the end of the input a line break ends the last record, unless it stands within quotes.
            let at_end = buffer.is_empty();
            let input = if at_end { b"\n" } else { buffer };
            let (result, read, wrote, ends) =
                self.parser.read_record(input, &mut self.bytes[written..], &mut self.ends[ended..]);
            if !at_end {
                self.lines.count(&buffer[..read]);
                self.source.consume(read);
            }
            taken += read;
            if taken > self.most_bytes {
                return Err(too_long(began));
            }
            (written, ended) = (written + wrote, ended + ends);
            match result {
                ReadRecordResult::Record => break,
                ReadRecordResult::InputEmpty if at_end => return Err(unclosed(began)),
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => self.bytes.resize(self.bytes.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::End => return Ok(None),
            }
        }
        Ok(Some(Row::cells(began, &self.bytes[..written], &self.ends[..ended])))
    }

    /// Passes line breaks over; whether anything follows.
    fn pass_blank_lines(&mut self) -> Result<bool, Unreadable> {
        loop {
            let buffer = self.source.fill_buf().map_err(|error| Unreadable::broken(self.lines.line, &error))?;
            if buffer.is_empty() {
                return Ok(false);
            }
            let blank = buffer.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            let more = blank < buffer.len();
            self.lines.count(&buffer[..blank]);
            self.source.consume(blank);
            if more {
                return Ok(true);
            }
        }
    }
}

/// Counts lines that end in LF, CRLF or CR.
struct Lines {
    line: u64,
    after_cr: bool,
}

impl Lines {
    fn count(&mut self, bytes: &[u8]) {
        for byte in bytes {
            let breaks = match byte {
                b'\n' => !self.after_cr,
                b'\r' => true,
                _ => false,
            };
            self.line += u64::from(breaks);
            self.after_cr = *byte == b'\r';
        }
    }
}

fn unclosed(line: u64) -> Unreadable {
    let problem = "a quote is opened in the record that begins here and never closed: close it, or double it if it is meant \
                   as a character";
    Unreadable::new(line, problem)
}

fn too_long(line: u64) -> Unreadable {
    Unreadable::new(line, "the record that begins here is longer than 1 MiB: look for a quote that is never closed")
}
