//! The rows that were rejected, in a file that can be mended and fed back.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use contact_sink_core::Rejection;

use crate::config::Mapping;
use crate::input::{Columns, Problem, Row};

/// Why a row was rejected.
pub struct Reason {
    /// The column to blame, if it is known.
    pub column: Option<String>,
    /// The vendor's code, if there was one.
    pub code: Option<i64>,
    /// What it means, in our words.
    pub reason: String,
    /// What the vendor wrote: for this file alone.
    vendor_text: Option<String>,
}

impl Reason {
    /// A rule on rows.
    pub fn by_rule(problem: Problem) -> Self {
        Self { column: problem.column, code: None, reason: problem.reason, vendor_text: None }
    }

    /// A rule of the sink, or the vendor's word. What names no field is about the subject.
    pub fn by_sink(rejection: &Rejection, mapping: &Mapping) -> Self {
        let address = rejection.address();
        let column = address.and_then(|address| mapping.set.iter().find(|field| field.address == *address));
        Self {
            column: Some(column.map_or(&mapping.subject, |field| &field.column).clone()),
            code: rejection.code(),
            reason: rejection.reason().to_owned(),
            vendor_text: rejection.vendor_text().map(str::to_owned),
        }
    }
}

/// Writes dead letters; the file comes into being with the first one.
pub struct DeadLetters {
    directory: PathBuf,
    run: String,
    destination: String,
    header: Vec<String>,
    places: Vec<usize>,
    columns: usize,
    open: Option<Open>,
}

/// The file, and how much of it is whole lines.
struct Open {
    path: PathBuf,
    file: File,
    whole: u64,
}

const BOM: &[u8] = b"\xEF\xBB\xBF";

impl DeadLetters {
    /// Dead letters of this run and destination, to be written below this directory.
    pub fn new(directory: &Path, run: &str, destination: &str, columns: &Columns) -> Self {
        let added = crate::input::DEAD_LETTER_COLUMNS.into_iter().map(str::to_owned);
        let own: Vec<(usize, &str)> = columns.own().collect();
        Self {
            directory: directory.to_owned(),
            run: run.to_owned(),
            destination: destination.to_owned(),
            header: added.chain(own.iter().map(|(_, name)| (*name).to_owned())).collect(),
            places: own.iter().map(|(place, _)| *place).collect(),
            columns: columns.len(),
            open: None,
        }
    }

    /// The file, if there is one.
    pub fn path(&self) -> Option<&Path> {
        self.open.as_ref().map(|open| open.path.as_path())
    }

    /// Writes one row, whole, before it counts as rejected.
    pub fn write(&mut self, row: &Row, reasons: &[Reason]) -> io::Result<()> {
        let joined = |part: &dyn Fn(&Reason) -> Option<String>| {
            reasons.iter().map(|reason| part(reason).unwrap_or_default()).collect::<Vec<_>>().join(";")
        };
        let mut record = csv::ByteRecord::new();
        record.push_field(self.destination.as_bytes());
        record.push_field(row.line.to_string().as_bytes());
        record.push_field(joined(&|reason| reason.column.clone()).as_bytes());
        record.push_field(joined(&|reason| reason.code.map(|code| code.to_string())).as_bytes());
        record.push_field(joined(&|reason| Some(reason.reason.clone())).as_bytes());
        record.push_field(joined(&|reason| reason.vendor_text.clone()).as_bytes());
        // A row with too few or too many cells stays one: fed back unmended, it must not become another row.
        for place in self.places.iter().copied().chain(self.columns..row.len()) {
            if let Some(cell) = row.cell(place) {
                record.push_field(cell);
            }
        }
        self.append(&line(&record)?)
    }

    /// Writes lines; what cannot be written whole is taken back, so that the file ends with a whole line.
    fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => {
                fs::create_dir_all(&self.directory)?;
                let (path, mut file) = self.create()?;
                let start = [BOM, &line(&csv::ByteRecord::from(self.header.as_slice()))?].concat();
                file.write_all(&start)?;
                Open { path, file, whole: start.len() as u64 }
            }
        };
        let written = open.file.write_all(lines);
        match &written {
            Ok(()) => open.whole += lines.len() as u64,
            Err(_) => open.file.set_len(open.whole)?,
        }
        self.open = Some(open);
        written
    }

    /// A file that was not there before.
    fn create(&self) -> io::Result<(PathBuf, File)> {
        let mut nth = 1;
        loop {
            let nth_name = if nth == 1 { String::new() } else { format!("-{nth}") };
            let path = self.directory.join(format!("{}-{}{nth_name}.csv", self.run, self.destination));
            let mut options = OpenOptions::new();
            options.append(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            match options.open(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => nth += 1,
                opened => return Ok((path, opened?)),
            }
        }
    }
}

fn line(record: &csv::ByteRecord) -> io::Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    writer.write_byte_record(record)?;
    writer.into_inner().map_err(|error| io::Error::other(error.to_string()))
}
