//! The pre-flight: a regular file is read once to its end before its first row is used.

use std::fs::File;
use std::io;
use std::sync::Arc;

use contact_sink_mapping::Columns;

use crate::blocks::{Blocks, HashedFile};
use crate::csv::{CsvReader, Dialect};
use crate::digest::{Digest, DigestKey, Running};
use crate::encoding::Utf8Count;
use crate::fault::{Fault, MAX_LINES};
use crate::ndjson::LineReader;
use crate::read_control::ReadControl;
use crate::rows::Header;

/// What the pre-flight found out about a file that can be used.
#[derive(Debug, Clone)]
pub struct Preflight {
    rows: u64,
    digest: Digest,
    prefixes: Vec<(u64, Digest)>,
    pub(crate) blocks: Arc<Blocks>,
}

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PreflightError {
    /// [`ReadControl::stop`] ended the pre-flight.
    #[error("the pre-flight was stopped")]
    Stopped,
    /// What is wrong with the file. At least one.
    #[error("the file cannot be used")]
    Faults(Vec<Fault>),
}

impl Preflight {
    /// How many rows the file has.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The digest of the header and all rows.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The digest of the header and the first `rows` rows. `None` if it was not asked for, or if there are not as many.
    pub fn digest_of(&self, rows: u64) -> Option<Digest> {
        self.prefixes.iter().find(|(prefix, _)| *prefix == rows).map(|(_, digest)| *digest)
    }
}

/// What the header says of a CSV file, or that it is NDJSON.
pub(crate) enum Structure {
    Csv { dialect: Dialect, columns: Columns, id_places: Vec<usize> },
    Ndjson,
}

/// Reads a file to its end. `wanted`: numbers of rows of which the digest is wanted.
pub(crate) fn run(
    file: &Arc<File>,
    structure: Structure,
    wanted: &[u64],
    digest_key: DigestKey,
    progress: &ReadControl,
) -> Result<Preflight, PreflightError> {
    let hashed = |error: io::Error| PreflightError::Faults(vec![Fault::broken(1, &error)]);
    let mut source = HashedFile::new(file.clone(), progress).map_err(hashed)?;
    let mut scan = Scan::new(wanted, digest_key);
    match structure {
        Structure::Csv { dialect, columns, id_places } => {
            let reader = CsvReader::new(&mut source, dialect);
            scan.csv(reader, &Header::new(columns, id_places), progress)?;
        }
        Structure::Ndjson => scan.ndjson(LineReader::new(&mut source), progress)?,
    }
    // If the length has changed, other faults may come from the change.
    let blocks = source.finish().map_err(hashed)?.ok_or_else(|| {
        let problem = "it became longer or shorter while it was checked: send it when it is complete";
        PreflightError::Faults(vec![Fault::of_input(problem)])
    })?;
    scan.faults.extend(scan.utf8.fault());
    if !scan.faults.is_empty() {
        return Err(PreflightError::Faults(scan.faults));
    }
    let Scan { rows, mut digest, prefixes, .. } = scan;
    Ok(Preflight { rows, digest: digest.value(), prefixes, blocks: Arc::new(blocks) })
}

const CHANGED_HEADER: &str =
    "the header was changed after the file was opened: run the same command again when the file is complete";

/// What was found so far. It holds no row.
struct Scan {
    rows: u64,
    digest: Running,
    /// In descending order, each once: the next one is the last.
    wanted: Vec<u64>,
    prefixes: Vec<(u64, Digest)>,
    utf8: Utf8Count,
    faults: Vec<Fault>,
    /// InputRows that have as many cells as the header, and the first one that has not: its line and its number of cells.
    fitting: u64,
    misfit: Option<(u64, usize)>,
}

impl Scan {
    fn new(wanted: &[u64], digest_key: DigestKey) -> Self {
        let mut wanted = wanted.to_vec();
        wanted.sort_unstable_by(|one, other| other.cmp(one));
        wanted.dedup();
        Self {
            rows: 0,
            digest: Running::new(digest_key),
            wanted,
            prefixes: Vec::new(),
            utf8: Utf8Count::default(),
            faults: Vec::new(),
            fitting: 0,
            misfit: None,
        }
    }

    fn csv(
        &mut self,
        mut reader: CsvReader<&mut HashedFile<'_>>,
        header: &Header,
        progress: &ReadControl,
    ) -> Result<(), PreflightError> {
        let columns = header.columns.len();
        let are_fed_back = header.columns.are_fed_back();
        let mut is_header = true;
        loop {
            if progress.is_stopped() {
                return Err(PreflightError::Stopped);
            }
            match reader.read() {
                Ok(None) => break,
                Ok(Some(raw)) => {
                    self.utf8.add(raw.line, raw.raw);
                    self.digest.add_cells(raw.cells);
                    if std::mem::take(&mut is_header) {
                        if Columns::new(raw.cells).as_ref() != Ok(&header.columns) {
                            self.faults.push(Fault::at(raw.line, CHANGED_HEADER));
                            return Ok(());
                        }
                        reader.set_columns(columns, are_fed_back);
                        self.note_prefix();
                        continue;
                    }
                    if raw.cells.iter().any(|cell| !cell.trim_ascii().is_empty()) {
                        if raw.cells.len() == columns {
                            self.fitting += 1;
                        } else {
                            self.misfit.get_or_insert((raw.line, raw.cells.len()));
                        }
                    }
                    if let Some(fault) = header.fault(raw.line, raw.cells) {
                        self.add(fault);
                    }
                    self.rows += 1;
                    self.note_prefix();
                }
                Err(fault) => {
                    // The file itself cannot be read: there is no next line.
                    let is_final = fault.is_final() | !self.add(fault);
                    if is_final {
                        break;
                    }
                }
            }
        }
        if let (0, Some((line, cells)), false) = (self.fitting, self.misfit, are_fed_back)
            && self.faults.is_empty()
        {
            let problem = format!(
                "no row has as many cells as the header has columns: this one has {cells}, the header names {columns}: does the \
                 header lack a name, or have rows a delimiter too many at their end?"
            );
            self.faults.push(Fault::at(line, problem));
        }
        Ok(())
    }

    fn ndjson(
        &mut self,
        mut reader: LineReader<&mut HashedFile<'_>>,
        progress: &ReadControl,
    ) -> Result<(), PreflightError> {
        self.note_prefix();
        loop {
            if progress.is_stopped() {
                return Err(PreflightError::Stopped);
            }
            match reader.read() {
                Ok(None) => return Ok(()),
                Ok(Some((line, text))) => {
                    self.utf8.add(line, text);
                    self.digest.add_line(text);
                    self.rows += 1;
                    self.note_prefix();
                }
                Err(fault) => {
                    self.add(fault);
                    return Ok(());
                }
            }
        }
    }

    fn note_prefix(&mut self) {
        // Most rows are wanted by nobody, and many runs may be known.
        if self.wanted.last() == Some(&self.rows) {
            self.wanted.pop();
            self.prefixes.push((self.rows, self.digest.value()));
        }
    }

    /// Adds a fault to those of its kind; whether more are looked for.
    fn add(&mut self, fault: Fault) -> bool {
        match self.faults.iter_mut().find(|known| known.problem() == fault.problem()) {
            Some(known) => fault.lines().iter().for_each(|line| known.add_line(*line)),
            None => self.faults.push(fault),
        }
        self.faults.iter().all(|fault| fault.lines().len() < MAX_LINES)
    }
}
