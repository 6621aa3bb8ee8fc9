//! What an input begins with: a byte order mark is passed over, and what is no text in UTF-8 is named.

use crate::fault::Fault;

/// What some programs begin a text in UTF-8 with.
pub(crate) const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";
/// As long as the longest text that is looked for: the start of a file of rejected rows.
const ENOUGH_BYTES: usize = 32;

/// What a file is by its first bytes, and the command that converts it. `FILE` is the user's file.
const NO_TEXT: &[(&[u8], &str)] = &[
    (b"PK\x03\x04", "it is a workbook or a zip archive: save it as CSV UTF-8, or unpack it with `unzip FILE`"),
    (b"\xD0\xCF\x11\xE0", "it is an old workbook: save it as CSV UTF-8"),
    (b"\x1F\x8B", "it is compressed with gzip: unpack it first, `gzip -dc FILE > UNPACKED`"),
    (b"\x28\xB5\x2F\xFD", "it is compressed with zstd: unpack it first, `zstd -dc FILE > UNPACKED`"),
    (b"\xFD7zXZ\0", "it is compressed with xz: unpack it first, `xz -dc FILE > UNPACKED`"),
    (b"\x04\x22\x4D\x18", "it is compressed with LZ4: unpack it first, `lz4 -dc FILE > UNPACKED`"),
    (b"\x1F\x9D", "it is compressed with compress: unpack it first, `uncompress -c < FILE > UNPACKED`"),
    (b"7z\xBC\xAF\x27\x1C", "it is a 7z archive: unpack it first, `7z x FILE`"),
    (b"Rar!\x1A\x07", "it is a RAR archive: unpack it first, `unrar x FILE`"),
    (
        b"PAR1\x15",
        "it is Parquet: convert it first, `duckdb -c \"COPY (FROM read_parquet('FILE')) TO 'converted.csv'\"`",
    ),
    (b"Obj\x01", "it is Avro: convert it to CSV or NDJSON first"),
    (b"ARROW1\0\0", "it is Arrow or Feather: convert it to CSV or NDJSON first"),
    (
        b"SQLite format 3\0",
        "it is an SQLite database: export a table, `sqlite3 -csv -header FILE 'SELECT ..' > exported.csv`",
    ),
    (b"%PDF-", "it is a PDF: export the table as CSV UTF-8"),
    (b"{\\rtf", "it is a text in RTF: save it as CSV UTF-8"),
    (b"<?xml", "it is XML, as some programs write workbooks: open it in a spreadsheet, and save it as CSV UTF-8"),
    (
        b"<html",
        "it is a web page, as some programs write workbooks: open it in a spreadsheet, and save it as CSV UTF-8",
    ),
    (b"<!DOCTYPE", "it is a web page: was the export refused? Else open it in a spreadsheet, and save it as CSV UTF-8"),
];
const BZIP2: &str = "it is compressed with bzip2: unpack it first, `bzip2 -dc FILE > UNPACKED`";
const ORC: &str = "it is ORC: convert it to CSV or NDJSON first";
const JSON: &str = "it is JSON: --format ndjson reads it, one object on each line (`jq -c '.[]'` writes a list so)";
const UTF_16: &str = "the file is UTF-16: save it as UTF-8 (in Excel: CSV UTF-8)";
const NO_TEXT_AT_ALL: &str = "it begins with NUL bytes: it is no text, or it was not written whole";
const UTF_32: &str = "the file is UTF-32: save it as UTF-8";

/// Whether these first bytes show what the input is.
pub(crate) fn is_enough(start: &[u8]) -> bool {
    start.len() >= ENOUGH_BYTES || start.contains(&b'\n')
}

/// Whether these bytes may be the beginning of a byte order mark.
pub(crate) fn may_be_mark(bytes: &[u8]) -> bool {
    bytes.len() < BYTE_ORDER_MARK.len() && BYTE_ORDER_MARK.starts_with(bytes)
}

/// How many bytes a byte order mark has at the start.
///
/// # Errors
/// The input is not text in UTF-8; what it is, and what to do.
pub(crate) fn check(start: &[u8]) -> Result<usize, Fault> {
    if start.starts_with(BYTE_ORDER_MARK) {
        return Ok(BYTE_ORDER_MARK.len());
    }
    let problem = NO_TEXT.iter().find(|(magic, _)| begins(start, magic)).map(|(_, problem)| *problem);
    let other = match start {
        [b'B', b'Z', b'h', b'1'..=b'9', b'1', b'A', b'Y', b'&', ..] => Some(BZIP2),
        // A header may begin with these letters; what follows them in such a file is no text.
        [b'O', b'R', b'C', 0..=8 | 0x0E..=0x1F | 0x7F.., ..] => Some(ORC),
        [0xFF, 0xFE, 0, 0, ..] | [0, 0, 0xFE, 0xFF, ..] => Some(UTF_32),
        [0, 0, ..] => Some(NO_TEXT_AT_ALL),
        // A text in UTF-16 without a mark begins with a character of which one byte is zero.
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] | [0, _, ..] | [_, 0, ..] => Some(UTF_16),
        _ => None,
    };
    match problem.or(other) {
        Some(problem) => Err(Fault::at(1, problem)),
        None => Ok(0),
    }
}

/// Refuses JSON under the name of CSV, by what follows the byte order mark.
///
/// # Errors
/// It is JSON.
pub(crate) fn check_csv(start: &[u8]) -> Result<(), Fault> {
    let mut bytes = start.iter().filter(|byte| !byte.is_ascii_whitespace());
    match (bytes.next(), bytes.next()) {
        (Some(b'{'), Some(b'"')) | (Some(b'['), Some(b'{')) => Err(Fault::at(1, JSON)),
        _ => Ok(()),
    }
}

/// Names of tags are written in any case.
fn begins(start: &[u8], magic: &[u8]) -> bool {
    start
        .get(..magic.len())
        .is_some_and(|start| if magic[0] == b'<' { start.eq_ignore_ascii_case(magic) } else { start == magic })
}
