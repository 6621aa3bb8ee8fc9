//! What an input begins with: a byte order mark is passed over, and what is no text in UTF-8 is refused by its name.

use std::fmt;
use std::io::{BufRead, BufReader, Read};

const UTF8_BOM: &[u8] = b"\xEF\xBB\xBF";

/// What a file can be taken for, by its first bytes, and what to do about it.
const NO_TEXT: &[(&[u8], &str)] = &[
    (b"PK\x03\x04", "it is a workbook or an archive: save it as CSV UTF-8"),
    (b"\xD0\xCF\x11\xE0", "it is an old workbook: save it as CSV UTF-8"),
    (b"\x1F\x8B", "it is compressed with gzip: unpack it first, `gzip -dc FILE | contact-sink sync - ..`"),
    (b"\x28\xB5\x2F\xFD", "it is compressed with zstd: unpack it first, `zstd -dc FILE | contact-sink sync - ..`"),
];
const UTF_16: &str = "the file is UTF-16: save it as UTF-8 (in Excel: CSV UTF-8)";

/// Why an input cannot be read on.
#[derive(Debug)]
pub struct Unreadable {
    line: u64,
    problem: String,
}

impl Unreadable {
    /// What is wrong, and the line on which it begins.
    pub(super) fn new(line: u64, problem: impl Into<String>) -> Self {
        Self { line, problem: problem.into() }
    }

    /// The system's word.
    pub(super) fn broken(line: u64, error: &std::io::Error) -> Self {
        Self::new(line, format!("the input cannot be read on: {error}"))
    }

    /// What is wrong, where, and what to do.
    pub fn message(&self, file: &str) -> String {
        format!("{file}:{self}")
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.line, self.problem)
    }
}

/// Passes a byte order mark over, and refuses what no line of text begins with.
pub fn check(source: &mut BufReader<impl Read>) -> Result<(), Unreadable> {
    let buffer = source.fill_buf().map_err(|error| Unreadable::broken(1, &error))?;
    if buffer.starts_with(UTF8_BOM) {
        source.consume(UTF8_BOM.len());
        return Ok(());
    }
    // A text in UTF-16 without a mark begins with a character of which one byte is zero.
    let utf_16 = matches!(buffer, [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] | [0, _, ..] | [_, 0, ..]);
    let problem = NO_TEXT.iter().find(|(start, _)| buffer.starts_with(start)).map(|(_, problem)| *problem);
    match problem.or(utf_16.then_some(UTF_16)) {
        Some(problem) => Err(Unreadable::new(1, problem)),
        None => Ok(()),
    }
}
