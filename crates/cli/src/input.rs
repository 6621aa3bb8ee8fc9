//! The input: a file or standard input, read on a thread of its own.

mod csv;
mod digest;
mod known;
pub mod ndjson;
mod plan;
mod row;
mod start;
mod value;

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use csv::CsvReader;
pub use digest::Digest;
pub use known::{Compared, Known, Same, compare};
use ndjson::NdjsonReader;
pub use plan::{Mapped, Plan, Problem, Shape};
pub use row::{Cells, Columns, DEAD_LETTER_COLUMNS, DEAD_LETTER_ERRORS, Record, Row};
pub use start::Unreadable;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc};

use crate::args::Format;
use crate::status::{Failure, Status};

/// How far the reading has come, and whether it is to end; shared with the thread that reads.
#[derive(Debug, Default)]
pub struct Progress {
    bytes: AtomicU64,
    stop: AtomicBool,
}

impl Progress {
    /// The bytes that were read so far.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Ends the reading after the row at hand.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Whether the reading is to end.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// An input that is open, with its size if it has one.
pub struct Input {
    /// As the user named it.
    pub name: String,
    /// In bytes.
    pub size: Option<u64>,
    /// How far the reading has come.
    pub progress: Arc<Progress>,
    reader: Reader,
    shape: Shape,
    /// The hash of the first line, if it is no row.
    head: Digest,
}

enum Reader {
    Csv(Box<CsvReader<Counted>>),
    /// And the first line, which was read ahead.
    Ndjson(NdjsonReader<Counted>, Option<Row>),
}

/// What the reading thread gives: the rows to send and, apart, those that are done with already.
pub struct Rows {
    /// To be sent.
    pub updates: mpsc::Receiver<(Row, contact_sink_core::ContactUpdate)>,
    /// Rejected by a rule on rows, or with nothing to send.
    pub aside: mpsc::Receiver<(Row, Option<Problem>)>,
    /// Whether the input could be read to its end; then the columns of the mapping that no row had.
    pub end: tokio::task::JoinHandle<Result<Vec<String>, Unreadable>>,
}

const WAITING_ROWS: usize = 512;
/// The most bytes of rows without an outcome: rows are few hundred bytes, and some are a megabyte.
const ROOM_BYTES: usize = 16 * 1024 * 1024;

/// How an input is called.
pub fn name(path: &Path) -> String {
    if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() }
}

/// Whether an input is gone once it has been read: standard input, a pipe. What is not there is none.
pub fn is_read_once(path: &Path) -> bool {
    path == Path::new("-") || fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
}

impl Input {
    /// Opens a file, or standard input for `-`, and reads the first line.
    pub fn open(path: &Path, format: Option<Format>) -> Result<Self, Failure> {
        let name = name(path);
        let cannot =
            |error: &dyn std::fmt::Display| Failure::new(Status::NoInput, format!("{name}: cannot be opened: {error}"));
        let (source, size): (Box<dyn Read + Send>, _) = if path == Path::new("-") {
            (Box::new(io::stdin()), None)
        } else {
            let file = File::open(path).map_err(|error| cannot(&error))?;
            let metadata = file.metadata().map_err(|error| cannot(&error))?;
            if metadata.is_dir() {
                return Err(cannot(&"it is a directory"));
            }
            (Box::new(file), metadata.is_file().then_some(metadata.len()))
        };
        let progress = Arc::new(Progress::default());
        let counted = Counted { source, progress: progress.clone(), begun: false };
        let (reader, shape, head) = match format.unwrap_or_else(|| Format::of(path)) {
            Format::Csv => open_csv(&name, counted)?,
            Format::Ndjson => {
                let (reader, shape) = open_ndjson(&name, counted)?;
                (reader, shape, Digest::default())
            }
        };
        Ok(Self { name, size, progress, reader, shape, head })
    }

    /// How the rows are written.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Reads on, on a thread of its own, as fast as the rows are taken. Rows that are known to be done with are passed over.
    pub fn read_rows(mut self, mut plan: Plan, mut known: Known) -> Rows {
        let (to_send, updates) = mpsc::channel(WAITING_ROWS);
        let (to_side, aside) = mpsc::channel(WAITING_ROWS);
        let (runtime, room) = (Handle::current(), Arc::new(Semaphore::new(ROOM_BYTES)));
        let end = tokio::task::spawn_blocking(move || {
            let (mut any, mut number, mut digest) = (false, 0, self.head);
            while !self.progress.is_stopped()
                && let Some(mut row) = self.reader.read()?
            {
                digest = digest.and(row.record());
                (row.number, row.digest) = (number, digest);
                number += 1;
                let Some(earlier) = known.earlier(&row) else { continue };
                row.earlier = earlier;
                any = true;
                let bytes = u32::try_from(row.size().min(ROOM_BYTES)).unwrap_or(u32::MAX);
                row.room = runtime.block_on(room.clone().acquire_many_owned(bytes)).ok();
                let taken = match plan.map(&row) {
                    Mapped::Update(update) => to_send.blocking_send((row, update)).is_ok(),
                    Mapped::Skip => to_side.blocking_send((row, None)).is_ok(),
                    Mapped::Reject(problem) => to_side.blocking_send((row, Some(problem))).is_ok(),
                };
                if !taken {
                    break;
                }
            }
            // Of an input that was read in part before, nobody knows what the other rows had.
            Ok(if any && known.settled.is_empty() { plan.never_met() } else { Vec::new() })
        });
        Rows { updates, aside, end }
    }
}

impl Format {
    /// What a file's name says it is.
    fn of(path: &Path) -> Self {
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
        match extension.as_deref() {
            Some("ndjson" | "jsonl") => Self::Ndjson,
            _ => Self::Csv,
        }
    }
}

impl Reader {
    fn read(&mut self) -> Result<Option<Row>, Unreadable> {
        match self {
            Self::Csv(reader) => reader.read(),
            Self::Ndjson(reader, first) => first.take().map_or_else(|| reader.read(), |row| Ok(Some(row))),
        }
    }
}

fn open_csv(name: &str, source: Counted) -> Result<(Reader, Shape, Digest), Failure> {
    let mut reader = CsvReader::new(source);
    let header = reader.read().map_err(|error| Failure::new(Status::Unreadable, error.message(name)))?;
    let head = header.as_ref().map(|row| Digest::default().and(&row.record)).unwrap_or_default();
    let Some((line, Record::Cells(cells))) = header.map(|row| (row.line, row.record)) else {
        let problem = format!("{name}: it is empty: the first line must name the columns");
        return Err(Failure::new(Status::Unreadable, problem));
    };
    let columns =
        Columns::new(&cells).map_err(|(status, problem)| Failure::new(status, format!("{name}:{line}: {problem}")))?;
    if columns.are_fed_back() {
        reader.allow_longer();
    }
    Ok((Reader::Csv(Box::new(reader)), Shape::Csv(columns), head))
}

/// The first line shows whether this is NDJSON at all; a later one that is not is that row's problem.
fn open_ndjson(name: &str, source: Counted) -> Result<(Reader, Shape), Failure> {
    let mut reader = NdjsonReader::new(source);
    let first = reader.read().map_err(|error| Failure::new(Status::Unreadable, error.message(name)))?;
    let Some((line, Record::Line(bytes))) = first.as_ref().map(|row| (row.line, row.record())) else {
        return Ok((Reader::Ndjson(reader, None), Shape::Ndjson(None)));
    };
    let fields = match ndjson::names(bytes) {
        // That is one row's problem, and shows nothing of the others.
        Err(ndjson::Wrong::NotUtf8(_)) => return Ok((Reader::Ndjson(reader, first), Shape::Ndjson(None))),
        fields => fields,
    };
    let fields = fields.map_err(|wrong| {
        let all = "each line must be one JSON object";
        let problem = format!("{name}:{line}: {wrong}: {all} (`jq -c .` writes it so, `jq -c '.[]'` from a list)");
        Failure::new(Status::Unreadable, problem)
    })?;
    // A rejected row that is fed back may have lacked anything.
    let fed_back = fields.iter().any(|field| field == DEAD_LETTER_ERRORS);
    Ok((Reader::Ndjson(reader, first), Shape::Ndjson((!fed_back).then_some(fields))))
}

/// Counts what is read.
struct Counted {
    source: Box<dyn Read + Send>,
    progress: Arc<Progress>,
    begun: bool,
}

/// The most bytes by which the beginning of a file is known.
const MARK_BYTES: usize = 4;

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut count = self.source.read(buffer)?;
        // A pipe may give a byte order mark in pieces.
        while !self.begun && count > 0 && count < MARK_BYTES.min(buffer.len()) {
            match self.source.read(&mut buffer[count..])? {
                0 => break,
                more => count += more,
            }
        }
        self.begun = true;
        self.progress.bytes.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}
