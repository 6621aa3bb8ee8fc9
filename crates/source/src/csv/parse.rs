//! The grammar of one record: pure, over a slice.

use contact_sink_mapping::CellsRef;

use super::dialect::Dialect;

pub(super) const DELIMITER: u8 = b',';
pub(super) const QUOTE: u8 = b'"';

/// The cells of the record that was read last.
#[derive(Default)]
pub(super) struct Cells {
    /// The cells without their quotes, with a delimiter between two; empty if the record has no quotes.
    unquoted: Vec<u8>,
    ends: Vec<u32>,
    /// The record is as it is in the input.
    is_raw: bool,
    /// A cell has a line break in it.
    pub(super) has_line_breaks: bool,
}

/// What a slice begins with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    /// A record of so many bytes, its line break included.
    Record(usize),
    /// The beginning of a record.
    Incomplete,
    Wrong(Wrong),
}

/// Why it is no record.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// A closing quote is followed by something else than a delimiter or the end of the line.
    AfterQuote,
    /// A quoted cell ends with the input.
    Unclosed,
    /// A carriage return within a line, where lines end otherwise.
    LoneCr,
}

/// Where a cell ends, and what comes there.
enum End {
    Delimiter(usize),
    /// And how many bytes the line break has.
    Line(usize, usize),
}

impl Cells {
    /// The cells of the record that these bytes of the input are.
    pub(super) fn of<'c>(&'c self, raw: &'c [u8]) -> CellsRef<'c> {
        let length = self.ends.last().map_or(0, |end| *end as usize);
        CellsRef::new(if self.is_raw { &raw[..length] } else { &self.unquoted }, &self.ends)
    }

    fn end_cell(&mut self, at: usize) {
        // A record is shorter than 4 GiB by far.
        self.ends.push(u32::try_from(at).unwrap_or(u32::MAX));
    }
}

/// Reads one record from the start of `input`, which has no more to come if it is `at_end`.
pub(super) fn record(input: &[u8], at_end: bool, dialect: Dialect, cells: &mut Cells) -> Parsed {
    cells.unquoted.clear();
    cells.has_line_breaks = false;
    cells.is_raw = dialect.escape.is_none();
    if cells.is_raw
        && let Some(parsed) = plain(input, at_end, dialect, cells)
    {
        return parsed;
    }
    cells.is_raw = false;
    cells.ends.clear();
    let mut at = 0;
    loop {
        let end = if dialect.quotes && input.get(at) == Some(&QUOTE) {
            match quoted(input, at + 1, at_end, dialect.escape, cells) {
                Ok(Some(closed)) => end_after_quote(input, closed, at_end, dialect),
                Ok(None) if at_end => return Parsed::Wrong(Wrong::Unclosed),
                Ok(None) => return Parsed::Incomplete,
                Err(wrong) => return Parsed::Wrong(wrong),
            }
        } else {
            unquoted(input, at, at_end, dialect, cells)
        };
        match end {
            Err(wrong) => return Parsed::Wrong(wrong),
            Ok(None) => return Parsed::Incomplete,
            Ok(Some(End::Delimiter(next))) => {
                cells.end_cell(cells.unquoted.len());
                cells.unquoted.push(DELIMITER);
                at = next + 1;
            }
            Ok(Some(End::Line(next, bytes))) => {
                cells.end_cell(cells.unquoted.len());
                return Parsed::Record(next + bytes);
            }
        }
    }
}

/// A record without quoted cells, as most are: nothing of it is copied. `None` if a cell begins with a quote.
fn plain(input: &[u8], at_end: bool, dialect: Dialect, cells: &mut Cells) -> Option<Parsed> {
    cells.ends.clear();
    let is_quote = |at: usize| dialect.quotes && input.get(at) == Some(&QUOTE);
    if is_quote(0) {
        return None;
    }
    for at in memchr::memchr3_iter(DELIMITER, b'\n', b'\r', input) {
        if input[at] != DELIMITER {
            return Some(match end_at(input, at, at_end, dialect) {
                Ok(Some(End::Line(at, bytes))) => {
                    cells.end_cell(at);
                    Parsed::Record(at + bytes)
                }
                Ok(_) => Parsed::Incomplete,
                Err(wrong) => Parsed::Wrong(wrong),
            });
        }
        cells.end_cell(at);
        if is_quote(at + 1) {
            return None;
        }
    }
    if !at_end {
        return Some(Parsed::Incomplete);
    }
    cells.end_cell(input.len());
    Some(Parsed::Record(input.len()))
}

/// A cell without quotes, from `at` on. An escape character counts only where no cell has quotes.
fn unquoted(
    input: &[u8],
    mut at: usize,
    at_end: bool,
    dialect: Dialect,
    cells: &mut Cells,
) -> Result<Option<End>, Wrong> {
    let escape = dialect.escape.filter(|_| !dialect.quotes);
    loop {
        let rest = &input[at..];
        let found = memchr::memchr3(DELIMITER, b'\n', b'\r', rest);
        let before = &rest[..found.unwrap_or(rest.len())];
        if let Some(escaped) = escape.and_then(|escape| memchr::memchr(escape, before)) {
            cells.unquoted.extend_from_slice(&rest[..escaped]);
            let taken = take_escaped(&rest[escaped..], at_end, cells);
            if taken > 0 {
                at += escaped + taken;
                continue;
            }
            if !at_end {
                return Ok(None);
            }
            // It is the last byte of the input.
            cells.unquoted.push(rest[escaped]);
            return Ok(Some(End::Line(input.len(), 0)));
        }
        return match found {
            Some(length) => {
                cells.unquoted.extend_from_slice(before);
                end_at(input, at + length, at_end, dialect)
            }
            None if at_end => {
                cells.unquoted.extend_from_slice(rest);
                Ok(Some(End::Line(input.len(), 0)))
            }
            None => Ok(None),
        };
    }
}

/// A cell after its opening quote: where the closing one is.
fn quoted(
    input: &[u8],
    mut at: usize,
    at_end: bool,
    escape: Option<u8>,
    cells: &mut Cells,
) -> Result<Option<usize>, Wrong> {
    loop {
        let rest = input.get(at..).unwrap_or_default();
        let found = match escape {
            Some(escape) => memchr::memchr2(QUOTE, escape, rest),
            None => memchr::memchr(QUOTE, rest),
        };
        let Some(before) = found else {
            return Ok(None);
        };
        let part = &rest[..before];
        cells.unquoted.extend_from_slice(part);
        cells.has_line_breaks |= memchr::memchr2(b'\n', b'\r', part).is_some();
        if rest[before] == QUOTE {
            if rest.get(before + 1) != Some(&QUOTE) {
                return Ok(Some(at + before));
            }
            cells.unquoted.push(QUOTE);
            at += before + 2;
        } else {
            let taken = take_escaped(&rest[before..], at_end, cells);
            if taken == 0 {
                return Ok(None);
            }
            at += before + taken;
        }
    }
}

/// Takes an escape character and the character after it. Returns the number of bytes; 0 if the next byte has not been read yet.
///
/// It makes a character of a quote, a delimiter, a line break and itself. Before any other it is a character: `\N`, `C:\new`.
fn take_escaped(rest: &[u8], at_end: bool, cells: &mut Cells) -> usize {
    match rest {
        [_, b'\r'] if !at_end => 0,
        [_, b'\r', b'\n', ..] => {
            cells.unquoted.extend_from_slice(b"\r\n");
            cells.has_line_breaks = true;
            3
        }
        [escape, next, ..] if *next == *escape || matches!(*next, QUOTE | DELIMITER | b'\n' | b'\r') => {
            cells.unquoted.push(*next);
            cells.has_line_breaks |= matches!(*next, b'\n' | b'\r');
            2
        }
        [escape, _, ..] => {
            cells.unquoted.push(*escape);
            1
        }
        _ => 0,
    }
}

/// What comes after the closing quote, which is at `closed`.
fn end_after_quote(input: &[u8], closed: usize, at_end: bool, dialect: Dialect) -> Result<Option<End>, Wrong> {
    match input.get(closed + 1) {
        Some(&DELIMITER) => Ok(Some(End::Delimiter(closed + 1))),
        Some(b'\n' | b'\r') => end_at(input, closed + 1, at_end, dialect),
        Some(_) => Err(Wrong::AfterQuote),
        None if at_end => Ok(Some(End::Line(input.len(), 0))),
        // A second quote may follow, which makes both one character.
        None => Ok(None),
    }
}

/// What is at the end of a cell. Of a CR the next byte must be known: CRLF is one line break.
fn end_at(input: &[u8], at: usize, at_end: bool, dialect: Dialect) -> Result<Option<End>, Wrong> {
    match (input[at], input.get(at + 1)) {
        (DELIMITER, _) => Ok(Some(End::Delimiter(at))),
        (b'\r', Some(b'\n')) => Ok(Some(End::Line(at, 2))),
        (b'\r', None) if !at_end => Ok(None),
        (b'\r', Some(next)) if !dialect.cr_ends_lines && *next != b'\r' => Err(Wrong::LoneCr),
        _ => Ok(Some(End::Line(at, 1))),
    }
}
