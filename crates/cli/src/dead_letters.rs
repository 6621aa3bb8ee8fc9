//! The rows that were rejected, in a file that can be corrected and fed back.

mod csv;
mod ndjson;
mod reason;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use contact_sink_mapping::{Layout, RecordRef};

use crate::files::absolute;
use crate::reading::ReadRow;
use reason::Place;
pub use reason::Reason;

/// What a row carries as `_run` that was fed back without it. No run has this name, so the row is not taken for a new one.
const UNKNOWN_RUN: &str = "unknown";

/// Says how rejected rows are written. The journal writes them; the file comes into being with the first one.
pub struct DeadLetters {
    directory: PathBuf,
    /// The name of this command's run, which names a file that it begins: one that was moved away keeps its name for itself.
    run: String,
    destination: String,
    form: Form,
}

/// As the input is written, so that the file can be fed back.
enum Form {
    Csv(csv::Table),
    Ndjson,
}

impl DeadLetters {
    /// Rejected rows of this run and destination, to be written into this directory.
    pub fn new(directory: &Path, run: &str, destination: &str, layout: &Layout) -> Self {
        let form = match layout {
            Layout::Columns(columns) => Form::Csv(csv::Table::new(columns)),
            Layout::Objects(_) => Form::Ndjson,
        };
        let (run, destination) = (run.to_owned(), destination.to_owned());
        Self { directory: directory.to_owned(), run, destination, form }
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

    /// A place where no file is, as an absolute path: for a journal.
    pub fn free_path(&self) -> PathBuf {
        let extension = if matches!(self.form, Form::Csv(_)) { "csv" } else { "ndjson" };
        let mut nth = 1;
        loop {
            let nth_name = if nth == 1 { String::new() } else { format!("-{nth}") };
            let path = self.directory.join(format!("{}-{}{nth_name}.{extension}", self.run, self.destination));
            // A broken link is in the way too.
            if fs::symlink_metadata(&path).is_err() {
                return absolute(&path);
            }
            nth += 1;
        }
    }
}
