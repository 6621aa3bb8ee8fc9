//! An input that is open: a regular file, or a pipe.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use contact_sink_core::printable;
use contact_sink_mapping::{Columns, InvalidColumns, InvalidObject, Layout, REJECTED_ERRORS, field_names};

use crate::blocks::ComparedFile;
use crate::csv::{CsvReader, Dialect};
use crate::digest::DigestKey;
use crate::encoding::Utf8Count;
use crate::fault::{Fault, STANDARD_INPUT};
use crate::format::Format;
use crate::ndjson::LineReader;
use crate::preflight::{self, Preflight, PreflightError};
use crate::read_control::ReadControl;
use crate::row_block::RowBlock;
use crate::rows::{ByteSource, Header, InputRows, Reader};

/// An input that is open, and whose header has been read.
pub struct Input {
    name: String,
    layout: Layout,
    dialect: Dialect,
    id_places: Vec<usize>,
    digest_key: DigestKey,
    origin: Origin,
}

enum Origin {
    /// A regular file, and what the pre-flight found.
    File(Arc<File>, Option<Preflight>),
    /// A pipe, until its rows are read; what was read of it is in the reader.
    Pipe(Option<Box<Reader>>),
}

/// Why an input cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The system refuses it.
    #[error("cannot be opened: {0}")]
    Open(#[from] io::Error),
    /// It is not what it should be.
    #[error("{0}")]
    Fault(Fault),
    /// Its header cannot be used: on this line.
    #[error("line {0}: {1}")]
    Columns(u64, InvalidColumns),
}

/// How an input is named in messages.
pub fn display_name(path: &Path) -> String {
    if path == Path::new("-") { STANDARD_INPUT.to_owned() } else { printable(&path.display().to_string()).into_owned() }
}

/// Whether an input is gone once it has been read: standard input, a pipe. A file that does not exist is not.
pub fn is_read_once(path: &Path) -> bool {
    path == Path::new("-") || fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
}

impl Input {
    /// Opens a file, or standard input for `-`, and reads the header. The format is `format`, else what the name says.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(path: &Path, format: Option<Format>, dialect: Dialect) -> Result<Self, OpenError> {
        let format = format.unwrap_or_else(|| Format::of(path));
        let (source, file): (ByteSource, _) = if path == Path::new("-") {
            (Box::new(io::stdin()), None)
        } else {
            let file = Arc::new(File::open(path)?);
            let metadata = file.metadata()?;
            if metadata.is_dir() {
                return Err(io::Error::other("it is a directory").into());
            }
            (Box::new(SharedFile(file.clone())), metadata.is_file().then_some(file))
        };
        let (layout, reader) = match format {
            Format::Csv => open_csv(source, dialect)?,
            Format::Ndjson => open_ndjson(source)?,
        };
        let origin = match file {
            Some(file) => Origin::File(file, None),
            None => Origin::Pipe(Some(Box::new(reader))),
        };
        let digest_key = DigestKey::random();
        Ok(Self { name: display_name(path), layout, dialect, id_places: Vec::new(), digest_key, origin })
    }

    /// As the user named it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How its records are written.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Whether it is a regular file, which can be read twice.
    pub fn is_file(&self) -> bool {
        matches!(self.origin, Origin::File(..))
    }

    /// How many bytes it has now, if it is a regular file.
    pub fn bytes(&self) -> Option<u64> {
        match &self.origin {
            Origin::File(file, _) => file.metadata().ok().map(|metadata| metadata.len()),
            Origin::Pipe(_) => None,
        }
    }

    /// With these columns, from 0, as those that identify a record: a row that has such a column's name there is the header of
    /// another file.
    #[must_use]
    pub fn with_id_places(self, id_places: Vec<usize>) -> Self {
        Self { id_places, ..self }
    }

    /// With digests under this key, so that they can be compared with those of other processes. Without it an input has a key of
    /// its own. The digests of a pipe always have.
    #[must_use]
    pub fn with_digest_key(self, key: &[u8; 32]) -> Self {
        Self { digest_key: DigestKey::of(key), ..self }
    }

    /// Reads a regular file once to its end, and finds what is wrong with it as a file. `wanted`: numbers of rows of which
    /// [`Preflight::digest_of`] will be asked.
    ///
    /// # Errors
    /// [`PreflightError`]; of a pipe, that it is one.
    pub fn preflight(&mut self, wanted: &[u64], progress: &ReadControl) -> Result<Preflight, PreflightError> {
        let Origin::File(file, done) = &mut self.origin else {
            return Err(PreflightError::Faults(vec![Fault::of_input("it can be read only once")]));
        };
        let structure = match &self.layout {
            Layout::Columns(columns) => preflight::Structure::Csv {
                dialect: self.dialect,
                columns: columns.clone(),
                id_places: self.id_places.clone(),
            },
            Layout::Objects(_) => preflight::Structure::Ndjson,
        };
        let preflight = preflight::run(file, structure, wanted, self.digest_key, progress)?;
        *done = Some(preflight.clone());
        Ok(preflight)
    }

    /// The rows: of a regular file as often as one likes, of a pipe once. A file without a pre-flight, and a pipe that was read
    /// already, give a fault.
    pub fn rows(&mut self, progress: Arc<ReadControl>) -> InputRows {
        let (reader, expected) = match &mut self.origin {
            Origin::File(file, Some(preflight)) => {
                let compared = ComparedFile::new(file.clone(), preflight.blocks.clone(), progress.clone());
                let opened = match &self.layout {
                    Layout::Columns(_) => open_csv(Box::new(compared), self.dialect),
                    Layout::Objects(_) => open_ndjson(Box::new(compared)),
                };
                match opened {
                    Ok((_, reader)) => (reader, Some(preflight.rows())),
                    Err(OpenError::Fault(fault)) => return InputRows::failed(fault, progress),
                    Err(error) => return InputRows::failed(Fault::of_input(error.to_string()), progress),
                }
            }
            Origin::Pipe(reader) => match reader.take() {
                Some(reader) => (*reader, None),
                None => return InputRows::failed(Fault::of_input("its rows were read already"), progress),
            },
            Origin::File(_, None) => {
                return InputRows::failed(Fault::of_input("it was not checked: call Input::preflight first"), progress);
            }
        };
        let reader = match reader {
            Reader::Csv(reader, header) => Reader::Csv(reader, Header::new(header.columns, self.id_places.clone())),
            ndjson @ Reader::Ndjson(_) => ndjson,
        };
        let utf8 = expected.is_none().then(Utf8Count::default);
        InputRows {
            reader,
            progress,
            number: 0,
            expected,
            ended: false,
            utf8,
            failed: None,
            block: RowBlock::default(),
        }
    }
}

type Opened = (Layout, Reader);

fn open_csv(source: ByteSource, dialect: Dialect) -> Result<Opened, OpenError> {
    let mut reader = CsvReader::new(source, dialect);
    let Some(raw) = reader.read().map_err(OpenError::Fault)? else {
        return Err(OpenError::Fault(Fault::of_input("it is empty: the first line must name the columns")));
    };
    let columns = Columns::new(raw.cells).map_err(|invalid| OpenError::Columns(raw.line, invalid))?;
    reader.set_columns(columns.len(), columns.are_fed_back());
    let header = Header::new(columns.clone(), Vec::new());
    Ok((Layout::Columns(columns), Reader::Csv(Box::new(reader), header)))
}

/// The first line shows whether this is NDJSON at all; a later one that is not is that row's problem.
fn open_ndjson(source: ByteSource) -> Result<Opened, OpenError> {
    let mut reader = LineReader::new(source);
    let first = reader.read().map_err(OpenError::Fault)?;
    let fields = match first.map(|(line, text)| (line, field_names(text))) {
        // What is not UTF-8 is one row's problem, and shows nothing of the others.
        None | Some((_, Err(InvalidObject::NotUtf8(_)))) => None,
        Some((line, Err(invalid))) => {
            let all = "each line must be one JSON object";
            let problem = format!("{invalid}: {all} (`jq -c .` writes it so, `jq -c '.[]'` from a list)");
            return Err(OpenError::Fault(Fault::at(line, problem)));
        }
        // A rejected row that is fed back may have lacked anything.
        Some((_, Ok(fields))) => Some(fields).filter(|fields| !fields.iter().any(|field| field == REJECTED_ERRORS)),
    };
    if first.is_some() {
        reader.give_again();
    }
    Ok((Layout::Objects(fields), Reader::Ndjson(reader)))
}

/// A file that others read too; by its own position.
struct SharedFile(Arc<File>);

impl Read for SharedFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self.0).read(buffer)
    }
}
