//! The input: a file or standard input, read on a thread of its own.

mod csv;
mod row;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

pub use csv::{CsvReader, Unreadable};
pub use row::{Columns, DEAD_LETTER_COLUMNS, Mapped, Plan, Problem, Row};
use tokio::sync::mpsc;

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
    reader: CsvReader<Counted>,
    columns: Columns,
}

/// What the reading thread gives: the rows to send and, apart, those that are done with already.
pub struct Rows {
    /// To be sent.
    pub updates: mpsc::Receiver<(Row, contact_sink_core::ContactUpdate)>,
    /// Rejected by a rule on rows, or with nothing to send.
    pub aside: mpsc::Receiver<(Row, Option<Problem>)>,
    /// Whether the input could be read to its end.
    pub end: tokio::task::JoinHandle<Result<(), Unreadable>>,
}

const WAITING_ROWS: usize = 512;

impl Input {
    /// Opens a file, or standard input for `-`, and reads the first line.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let name = if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() };
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
        let mut reader = CsvReader::new(Counted { source, progress: progress.clone() });
        let columns = match reader.read() {
            Ok(Some(header)) => Columns::new(&header)
                .map_err(|(status, problem)| (status, format!("{name}:{}: {problem}", header.line))),
            Ok(None) => Err((Status::Unreadable, format!("{name}: it is empty: the first line must name the columns"))),
            Err(error) => Err((Status::Unreadable, error.message(&name))),
        };
        let columns = columns.map_err(|(status, problem)| Failure::new(status, problem))?;
        Ok(Self { name, size, progress, reader, columns })
    }

    /// The columns, as the first line names them.
    pub fn columns(&self) -> &Columns {
        &self.columns
    }

    /// Reads on, on a thread of its own, as fast as the rows are taken.
    pub fn read_rows(mut self, plan: Plan) -> Rows {
        let (to_send, updates) = mpsc::channel(WAITING_ROWS);
        let (to_side, aside) = mpsc::channel(WAITING_ROWS);
        let end = tokio::task::spawn_blocking(move || {
            while !self.progress.is_stopped()
                && let Some(row) = self.reader.read()?
            {
                let taken = match plan.map(&row) {
                    Mapped::Update(update) => to_send.blocking_send((row, update)).is_ok(),
                    Mapped::Skip => to_side.blocking_send((row, None)).is_ok(),
                    Mapped::Reject(problem) => to_side.blocking_send((row, Some(problem))).is_ok(),
                };
                if !taken {
                    break;
                }
            }
            Ok(())
        });
        Rows { updates, aside, end }
    }
}

/// Counts what is read.
struct Counted {
    source: Box<dyn Read + Send>,
    progress: Arc<Progress>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.progress.bytes.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}
