//! Whether a file is UTF-8.

use crate::fault::Fault;

/// Counts the records that have other characters than ASCII, and those of them that are UTF-8.
#[derive(Debug, Default)]
pub(crate) struct Utf8Count {
    records: u64,
    broken: u64,
    first_broken: u64,
}

/// Of a hundred records with characters beyond ASCII so many are UTF-8 at least: then the others are broken rows of a UTF-8 file.
const MIN_PERCENT: u64 = 99;

/// So many broken records of a pipe show that it is not UTF-8: fewer may be rows of it.
const MIN_BROKEN_OF_PIPE: u64 = 3;

impl Utf8Count {
    /// Counts a record, by its bytes in the file.
    pub(crate) fn add(&mut self, line: u64, bytes: &[u8]) {
        if bytes.is_ascii() {
            return;
        }
        self.records += 1;
        if std::str::from_utf8(bytes).is_err() {
            if self.broken == 0 {
                self.first_broken = line;
            }
            self.broken += 1;
        }
    }

    /// Counts a record of a pipe: it is not UTF-8 if this is not the first broken record, and too few others were UTF-8.
    pub(crate) fn add_to_pipe(&mut self, line: u64, bytes: &[u8]) -> Option<Fault> {
        let before = self.broken;
        self.add(line, bytes);
        (self.broken > before && self.broken >= MIN_BROKEN_OF_PIPE).then(|| self.fault()).flatten()
    }

    /// What is wrong with the file as a whole.
    pub(crate) fn fault(&self) -> Option<Fault> {
        let Self { records, broken, first_broken } = *self;
        if (records - broken) * 100 >= records * MIN_PERCENT {
            return None;
        }
        let of = if records == 1 {
            format!("line {first_broken}, the only one with non-ASCII characters, is broken")
        } else {
            let are = if broken == 1 { "is" } else { "are" };
            format!(
                "{broken} of {records} lines with non-ASCII characters {are} broken, the first is line {first_broken}"
            )
        };
        Some(Fault::of_input(format!(
            "it is not UTF-8: {of}: save it as UTF-8 (in Excel: CSV UTF-8), or convert it; a Chinese file is probably GB18030: iconv -f \
             GB18030 -t UTF-8 FILE > CONVERTED"
        )))
    }
}
