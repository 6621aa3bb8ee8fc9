//! Reads NDJSON line by line.

use std::io::{BufRead, BufReader, Read};

use crate::csv::{MAX_FED_BACK_BYTES, MAX_RECORD_BYTES};
use crate::fault::Fault;
use crate::start;

/// What a line of a file of rejected rows begins with.
const FED_BACK: &[u8] = b"{\"_destination\":";
const TOO_LONG: &str = "the line is longer than 1 MiB, the most that is read: NDJSON is one object on each line (`jq -c` writes it); leave large fields out";

/// Reads lines.
pub(crate) struct LineReader<R> {
    source: BufReader<R>,
    /// How many lines were read.
    lines: u64,
    bytes: Vec<u8>,
    /// The line that was read last is to be given again.
    gives_again: bool,
}

impl<R: Read> LineReader<R> {
    /// A reader at the start of an input.
    pub(crate) fn new(source: R) -> Self {
        Self { source: BufReader::with_capacity(64 * 1024, source), lines: 0, bytes: Vec::new(), gives_again: false }
    }

    /// Gives the line that was read last once more.
    pub(crate) fn give_again(&mut self) {
        self.gives_again = true;
    }

    /// Whether the next line is in the buffer as a whole, so that [`LineReader::read`] waits for nothing. It may say `false` of one
    /// that is.
    pub(crate) fn has_next(&self) -> bool {
        let buffer = self.source.buffer();
        let Some(end) = memchr::memchr(b'\n', buffer) else { return self.gives_again };
        // After a blank line the next one is read too.
        let line = buffer[..end].trim_ascii();
        self.gives_again || !line.is_empty() && !line.starts_with(start::BYTE_ORDER_MARK)
    }

    /// The next line that is not blank, and its number from 1.
    pub(crate) fn read(&mut self) -> Result<Option<(u64, &[u8])>, Fault> {
        if std::mem::take(&mut self.gives_again) {
            return Ok(Some((self.lines, self.bytes.trim_ascii())));
        }
        while self.read_line()? {
            if self.lines == 1 {
                start::check(&self.bytes)?;
            }
            // A byte order mark may come before any line, where one file was appended to another.
            if self.bytes.starts_with(start::BYTE_ORDER_MARK) {
                self.bytes.drain(..start::BYTE_ORDER_MARK.len());
            }
            if !self.bytes.trim_ascii().is_empty() {
                return Ok(Some((self.lines, self.bytes.trim_ascii())));
            }
        }
        Ok(None)
    }

    /// Reads one line; whether there was one.
    fn read_line(&mut self) -> Result<bool, Fault> {
        let line = self.lines + 1;
        self.bytes.clear();
        loop {
            let buffer = self.source.fill_buf().map_err(|error| Fault::broken(line, &error))?;
            let end = memchr::memchr(b'\n', buffer);
            let part = &buffer[..end.unwrap_or(buffer.len())];
            let fed_back = self.bytes.starts_with(FED_BACK) || part.starts_with(FED_BACK);
            let max_bytes = if fed_back { MAX_FED_BACK_BYTES } else { MAX_RECORD_BYTES };
            if self.bytes.len() + part.len() > max_bytes {
                // A file that is no text has no lines either.
                if line == 1 {
                    start::check(if self.bytes.is_empty() { part } else { &self.bytes })?;
                }
                return Err(Fault::at(line, TOO_LONG));
            }
            self.bytes.extend_from_slice(part);
            let (read, at_end) = (part.len() + usize::from(end.is_some()), buffer.is_empty());
            self.source.consume(read);
            if end.is_some() || at_end {
                let any = end.is_some() || !self.bytes.is_empty();
                self.lines += u64::from(any);
                return Ok(any);
            }
        }
    }
}
