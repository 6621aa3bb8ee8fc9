//! Reads CSV record by record, strictly, and knows on which line each one began.

mod dialect;
mod parse;
mod stray_quotes;

use std::io::Read;

use contact_sink_mapping::CellsRef;

use crate::fault::Fault;
use crate::start;
pub use dialect::Dialect;
use parse::{Parsed, Wrong};

/// The most bytes that one record may have.
pub(crate) const MAX_RECORD_BYTES: usize = 1024 * 1024;
/// The most bytes of one that was rejected before: what was added to it needs space.
pub(crate) const MAX_FED_BACK_BYTES: usize = 8 * MAX_RECORD_BYTES;

/// Reads records.
pub(crate) struct CsvReader<R> {
    source: R,
    dialect: Dialect,
    /// How many columns the header has, once that is known.
    columns: Option<usize>,
    max_bytes: usize,
    buffer: Vec<u8>,
    /// What of the buffer was not taken yet.
    start: usize,
    end: usize,
    at_end: bool,
    started: bool,
    line: u64,
    /// The last line break was a CR: an LF after it belongs to it.
    after_cr: bool,
    /// The rest of the line is to be skipped: a record that began on it was a fault.
    skips_line: bool,
    cells: parse::Cells,
}

/// A record, in the buffers of its reader.
pub(crate) struct RawRecord<'r> {
    /// The line on which it begins, from 1.
    pub(crate) line: u64,
    pub(crate) cells: CellsRef<'r>,
    /// Its bytes in the file.
    pub(crate) raw: &'r [u8],
}

impl<R: Read> CsvReader<R> {
    /// A reader at the start of an input.
    pub(crate) fn new(source: R, dialect: Dialect) -> Self {
        Self {
            source,
            dialect,
            columns: None,
            max_bytes: MAX_RECORD_BYTES,
            buffer: vec![0; 32 * 1024],
            start: 0,
            end: 0,
            at_end: false,
            started: false,
            line: 1,
            after_cr: false,
            skips_line: false,
            cells: parse::Cells::default(),
        }
    }

    /// Says how many columns the header has, which was read just now. Records of a file of rejected rows may be longer.
    pub(crate) fn set_columns(&mut self, columns: usize, are_fed_back: bool) {
        self.columns = Some(columns);
        self.dialect.cr_ends_lines = self.buffer[..self.start].last() != Some(&b'\n');
        if are_fed_back {
            self.max_bytes = MAX_FED_BACK_BYTES;
        }
    }

    /// Whether the next record is in the buffer as a whole, so that [`CsvReader::read`] waits for nothing. It may say `false` of one
    /// that is.
    pub(crate) fn has_next(&mut self) -> bool {
        let rest = &self.buffer[self.start..self.end];
        let blank = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let rest = &rest[blank..];
        let may_be_mark = start::may_be_mark(rest) || rest.starts_with(start::BYTE_ORDER_MARK);
        !may_be_mark && parse::record(rest, self.at_end, self.dialect, &mut self.cells) != Parsed::Incomplete
    }

    /// Reads the next record, and skips blank lines. After a fault of syntax it continues with the next line, after a cell that looks
    /// like rows with the next record, so that later faults are found too.
    pub(crate) fn read(&mut self) -> Result<Option<RawRecord<'_>>, Fault> {
        if !self.started {
            self.started = true;
            self.fill_start()?;
        }
        if std::mem::take(&mut self.skips_line) {
            self.skip_line()?;
        }
        if !self.skip_blank_lines()? {
            return Ok(None);
        }
        self.skip_byte_order_mark()?;
        let line = self.line;
        let bytes = loop {
            let input = &self.buffer[self.start..self.end];
            let problem = match parse::record(input, self.at_end, self.dialect, &mut self.cells) {
                Parsed::Record(bytes) if bytes <= self.max_bytes => break bytes,
                Parsed::Incomplete if input.len() <= self.max_bytes => {
                    self.fill()?;
                    continue;
                }
                // Where the next record begins is not known.
                Parsed::Record(_) | Parsed::Incomplete => return Err(Fault::at(line, TOO_LONG).into_final()),
                Parsed::Wrong(Wrong::AfterQuote) => after_quote(self.dialect),
                Parsed::Wrong(Wrong::Unclosed) => UNCLOSED.to_owned(),
                Parsed::Wrong(Wrong::LoneCr) => LONE_CR.to_owned(),
            };
            self.skips_line = true;
            return Err(Fault::at(line, problem));
        };
        let begins = self.start;
        let raw = &self.buffer[begins..begins + bytes];
        // The header itself is not known yet when it is read.
        let columns = self.columns.unwrap_or(self.cells.of(raw).len());
        let looks_like_rows = !self.dialect.multiline
            && self.cells.has_line_breaks
            && stray_quotes::look_like_rows(raw, columns, self.dialect);
        self.take_record(bytes);
        if looks_like_rows {
            return Err(Fault::at(line, if self.dialect.quotes { LOOKS_LIKE_ROWS } else { JOINED_LINES }));
        }
        let raw = &self.buffer[begins..begins + bytes];
        Ok(Some(RawRecord { line, cells: self.cells.of(raw), raw }))
    }

    /// Skips the rest of the line.
    fn skip_line(&mut self) -> Result<(), Fault> {
        loop {
            let rest = &self.buffer[self.start..self.end];
            let end = if self.dialect.cr_ends_lines {
                memchr::memchr2(b'\n', b'\r', rest)
            } else {
                memchr::memchr(b'\n', rest)
            };
            match end {
                Some(at) => {
                    self.take(at);
                    return Ok(());
                }
                None => {
                    self.take(rest.len());
                    if self.at_end {
                        return Ok(());
                    }
                    self.fill()?;
                }
            }
        }
    }

    /// Skips line breaks; whether anything follows.
    fn skip_blank_lines(&mut self) -> Result<bool, Fault> {
        loop {
            let rest = &self.buffer[self.start..self.end];
            if rest.first().is_some_and(|byte| !matches!(byte, b'\r' | b'\n')) {
                return Ok(true);
            }
            let blank = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            self.take(blank);
            if self.start == self.end && self.at_end {
                return Ok(false);
            }
            if self.start == self.end {
                self.fill()?;
            }
        }
    }

    /// Skips a byte order mark: there may be one before any record, where one file was appended to another.
    fn skip_byte_order_mark(&mut self) -> Result<(), Fault> {
        while start::may_be_mark(&self.buffer[self.start..self.end]) && !self.at_end {
            self.fill()?;
        }
        if self.buffer[self.start..self.end].starts_with(start::BYTE_ORDER_MARK) {
            self.start += start::BYTE_ORDER_MARK.len();
        }
        Ok(())
    }

    /// Takes a record, and counts the lines in it.
    fn take_record(&mut self, bytes: usize) {
        if self.cells.has_line_breaks {
            self.take(bytes);
            return;
        }
        let last = self.buffer[self.start..self.start + bytes].last();
        self.line += u64::from(matches!(last, Some(b'\n' | b'\r')));
        self.after_cr = last == Some(&b'\r');
        self.start += bytes;
    }

    /// Takes bytes, and counts the lines in them.
    fn take(&mut self, bytes: usize) {
        let taken = &self.buffer[self.start..self.start + bytes];
        let mut from = 0;
        while let Some(at) = memchr::memchr2(b'\n', b'\r', &taken[from..]) {
            let at = from + at;
            let belongs_to_cr = taken[at] == b'\n' && if at == 0 { self.after_cr } else { taken[at - 1] == b'\r' };
            self.line += u64::from(!belongs_to_cr);
            from = at + 1;
        }
        if let Some(last) = taken.last() {
            self.after_cr = *last == b'\r';
        }
        self.start += bytes;
    }

    /// Reads more; what was not taken stays.
    fn fill(&mut self) -> Result<(), Fault> {
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        if self.end == self.buffer.len() {
            self.buffer.resize(2 * self.buffer.len(), 0);
        }
        let read = read_some(&mut self.source, &mut self.buffer[self.end..])
            .map_err(|error| Fault::broken(self.line, &error))?;
        self.end += read;
        self.at_end = read == 0;
        Ok(())
    }

    /// The start of an input shows what it is; a pipe may give it in pieces.
    fn fill_start(&mut self) -> Result<(), Fault> {
        while !self.at_end && !start::is_enough(&self.buffer[..self.end]) {
            self.fill()?;
        }
        self.start = start::check(&self.buffer[..self.end])?;
        let start = &self.buffer[self.start..self.end];
        // It is ours: as we write it, whatever the input was like.
        if start.starts_with(REJECTED_ROWS_START) {
            self.dialect = Dialect { multiline: self.dialect.multiline, ..Dialect::default() };
        }
        start::check_csv(start)
    }
}

/// Reads what there is; a signal does not end it.
fn read_some(source: &mut impl Read, buffer: &mut [u8]) -> std::io::Result<usize> {
    loop {
        match source.read(buffer) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

/// What a file of rejected rows begins with.
const REJECTED_ROWS_START: &[u8] = b"_destination,_line,_field,_code,";

const LONE_CR: &str = "a carriage return (CR) is in the middle of the line: remove it, or end all lines alike";
const UNCLOSED: &str = "a quote is opened in the record that begins here and never closed: close it, or double it if it is meant as a \
                        character";
const TOO_LONG: &str = "the record that begins here is longer than 1 MiB, the most that is read: look for a quote that is never closed, for \
                        line breaks that are missing, or leave large columns out";
const LOOKS_LIKE_ROWS: &str = "a quoted cell contains lines that look like rows, probably because of two stray quotes: double a quote that \
                               is meant as a character; if the cells really have several lines, set multiline = true in [input]";
const JOINED_LINES: &str = "an escape character at the end of a line joins it with the next: double it if it is meant as a character; if the \
                            cells really have several lines, set multiline = true in [input]";

fn after_quote(dialect: Dialect) -> String {
    let fix = "double a quote that is meant as a character, or set quote = \"none\" in [input] if all of them are";
    let escape =
        if dialect.escape.is_none() { "; if the file has \\\" for a quote, set escape = \"\\\\\"" } else { "" };
    format!("the record that begins here has text after a closing quote: {fix}{escape}")
}
