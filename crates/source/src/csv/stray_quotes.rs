//! Whether a record of several lines is a cell of several lines, or rows between two stray quotes.

use super::dialect::Dialect;
use super::parse::{DELIMITER, QUOTE};

/// How many delimiters a line of a record has, and how many of them are within a quoted cell.
#[derive(Default, Clone, Copy)]
struct Line {
    all: usize,
    /// The most delimiters that this line has in one quoted cell.
    quoted: usize,
    in_cell: usize,
}

/// Whether a quoted cell of the record contains a line with as many delimiters as the header, or the first and the last line of the
/// record have as many each. Rows with two stray quotes look like this, whatever is between the two.
pub(super) fn look_like_rows(record: &[u8], columns: usize, dialect: Dialect) -> bool {
    let delimiters = columns.saturating_sub(1);
    let lines = lines(record, dialect);
    lines.iter().any(|line| line.quoted >= delimiters && delimiters > 0)
        || [lines.first(), lines.last()].iter().all(|line| line.is_none_or(|line| line.all >= delimiters))
}

fn lines(record: &[u8], dialect: Dialect) -> Vec<Line> {
    let (mut lines, mut line) = (Vec::new(), Line::default());
    let (mut in_quotes, mut cell_starts, mut after_cr) = (false, true, false);
    let mut bytes = record.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if after_cr && byte == b'\n' {
            after_cr = false;
            continue;
        }
        after_cr = byte == b'\r';
        let starts = std::mem::replace(&mut cell_starts, false);
        match byte {
            // An escaped line break also ends a line.
            _ if Some(byte) == dialect.escape
                && (in_quotes || !dialect.quotes)
                && !matches!(bytes.peek(), Some(b'\n' | b'\r')) =>
            {
                bytes.next();
            }
            QUOTE if in_quotes && bytes.peek() == Some(&QUOTE) => {
                bytes.next();
            }
            QUOTE if in_quotes => {
                in_quotes = false;
                line.in_cell = 0;
            }
            QUOTE if starts && dialect.quotes => in_quotes = true,
            DELIMITER => {
                line.all += 1;
                if in_quotes {
                    line.in_cell += 1;
                    line.quoted = line.quoted.max(line.in_cell);
                } else {
                    cell_starts = true;
                }
            }
            b'\n' | b'\r' => {
                lines.push(line);
                line = Line::default();
            }
            _ => {}
        }
    }
    // The line break at the end of the record begins no line.
    if !record.ends_with(b"\n") && !record.ends_with(b"\r") {
        lines.push(line);
    }
    lines
}
