//! The rows that were rejected, in a file that can be corrected and fed back.

mod csv;
mod ndjson;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use contact_sink_core::{Applied, ErrorCode, Rejection};

use contact_sink_mapping::{Layout, Mapping, Problem, REJECTED_BY_RUN, RecordRef};

use crate::reading::ReadRow;

/// Why a row was rejected.
pub struct Reason {
    /// The column to blame, if it is known.
    pub column: Option<String>,
    /// The vendor's code, if there was one.
    pub code: Option<ErrorCode>,
    /// What it means, in our words.
    pub reason: String,
    /// The same for a count of rows: with the column, and without a place in the row.
    counted_as: String,
    /// What the vendor wrote: for this file alone.
    vendor_text: Option<String>,
}

impl Reason {
    /// A rule on rows that are fed back.
    pub fn by_fed_back(reason: &str) -> Self {
        Self {
            column: Some(REJECTED_BY_RUN.to_owned()),
            code: None,
            reason: reason.to_owned(),
            counted_as: format!("column {REJECTED_BY_RUN:?}: {reason}"),
            vendor_text: None,
        }
    }

    /// A rule on rows.
    pub fn by_rule(problem: &Problem) -> Self {
        Self {
            column: problem.column().map(str::to_owned),
            code: None,
            reason: problem.reason().to_owned(),
            counted_as: problem.counted_as().to_owned(),
            vendor_text: None,
        }
    }

    /// What it is counted as.
    pub fn counted_as(&self) -> &str {
        &self.counted_as
    }

    /// A rule of the sink, or the vendor's word. What names no field is about the subject. An earlier attempt, whose answer was
    /// lost, may have applied what this one was refused for.
    pub fn by_sink(rejection: &Rejection, earlier: Applied, mapping: &Mapping) -> Self {
        let reason = match earlier {
            Applied::No => rejection.reason().to_owned(),
            Applied::Maybe => {
                format!("{}; an earlier attempt, whose answer was lost, may have applied it", rejection.reason())
            }
        };
        let column = rejection.field().and_then(|field| mapping.column_of(field));
        let column = column.unwrap_or_else(|| mapping.subject().blamed(rejection.subject()));
        Self {
            counted_as: format!("column {column:?}: {}", rejection.reason()),
            column: Some(column.to_owned()),
            code: rejection.code().cloned(),
            reason,
            vendor_text: rejection.vendor_text().map(str::to_owned),
        }
    }
}

/// What a row carries as `_run` that was fed back without it. No run has this name, so the row is not taken for a new one.
const UNKNOWN_RUN: &str = "unknown";

/// Writes rejected rows; the file comes into being with the first one.
pub struct DeadLetters {
    directory: PathBuf,
    /// The name of this command's run, which names a file that it begins: one that was moved away keeps its name for itself.
    run: String,
    destination: String,
    form: Form,
    open: Option<Open>,
}

/// Where a rejected row comes from.
pub(super) struct Place<'a> {
    pub(super) destination: &'a str,
    pub(super) run: &'a str,
    /// Not known of a row that is fed back without it.
    pub(super) line: Option<u64>,
}

/// As the input is written, so that the file can be fed back.
enum Form {
    Csv(csv::Table),
    Ndjson,
}

/// The file, and how much of it is whole lines.
struct Open {
    path: PathBuf,
    file: File,
    whole: u64,
}

impl DeadLetters {
    /// Rejected rows of this run and destination, to be written into this directory.
    pub fn new(directory: &Path, run: &str, destination: &str, layout: &Layout) -> Self {
        let form = match layout {
            Layout::Columns(columns) => Form::Csv(csv::Table::new(columns)),
            Layout::Objects(_) => Form::Ndjson,
        };
        let (run, destination) = (run.to_owned(), destination.to_owned());
        Self { directory: directory.to_owned(), run, destination, form, open: None }
    }

    /// The file that [`DeadLetters::append`] has made, if there is one.
    pub fn path(&self) -> Option<&Path> {
        self.open.as_ref().map(|open| open.path.as_path())
    }

    /// The lines of one rejected row. `run`: the name of the part of a run that it belongs to. One that was fed back belongs to the
    /// run that rejected it first.
    pub fn lines(&self, row: &ReadRow, run: &str, reasons: &[Reason]) -> io::Result<Vec<u8>> {
        let (run, line) = match row.fed_back.as_ref().map(|origin| &origin.rejected_by) {
            None => (run, Some(row.line)),
            Some(by) => (by.run.as_deref().unwrap_or(UNKNOWN_RUN), by.line),
        };
        let place = Place { destination: &self.destination, run, line };
        match (row.record(), &self.form) {
            (RecordRef::Cells(cells), Form::Csv(table)) => table.line(&place, cells, reasons),
            (RecordRef::Object(object), _) => ndjson::line(&place, object, reasons),
            (RecordRef::Cells(_), Form::Ndjson) => Err(io::Error::other("a row of CSV among NDJSON")),
        }
    }

    /// What a file begins with.
    pub fn head(&self) -> io::Result<Vec<u8>> {
        match &self.form {
            Form::Csv(table) => table.start(),
            Form::Ndjson => Ok(Vec::new()),
        }
    }

    /// A place where no file is.
    pub fn free_path(&self) -> PathBuf {
        let extension = if matches!(self.form, Form::Csv(_)) { "csv" } else { "ndjson" };
        let mut nth = 1;
        loop {
            let nth_name = if nth == 1 { String::new() } else { format!("-{nth}") };
            let path = self.directory.join(format!("{}-{}{nth_name}.{extension}", self.run, self.destination));
            // A broken link is in the way too.
            if fs::symlink_metadata(&path).is_err() {
                return path;
            }
            nth += 1;
        }
    }

    /// The same, to be found from any directory: for a journal.
    pub fn free_absolute_path(&self) -> PathBuf {
        let path = self.free_path();
        std::path::absolute(&path).unwrap_or(path)
    }

    /// Writes lines; what cannot be written whole is taken back, so that the file ends with a whole line. For a run that keeps
    /// no journal: a crash may tear the last line.
    pub fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => {
                contact_sink_journal::make_directory(&self.directory)?;
                let (path, mut file) = self.create()?;
                let start = self.head()?;
                file.write_all(&start)?;
                Open { path, file, whole: start.len() as u64 }
            }
        };
        let written = open.file.write_all(lines);
        match &written {
            Ok(()) => open.whole += lines.len() as u64,
            // The file stays named in the report, also if it cannot be cut.
            Err(_) => drop(open.file.set_len(open.whole)),
        }
        self.open = Some(open);
        written
    }

    /// A file that was not there before.
    fn create(&self) -> io::Result<(PathBuf, File)> {
        loop {
            let path = self.free_path();
            let mut options = OpenOptions::new();
            options.append(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            match options.open(&path) {
                // Somebody else was faster.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                opened => return Ok((path, opened?)),
            }
        }
    }
}
