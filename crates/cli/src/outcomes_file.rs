//! The file of outcomes: one line of NDJSON for each row, so that what happened to a user is found by its id.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use contact_sink_core::ErrorCode;
use serde::Serialize;

use crate::exit_status::Failure;

/// The file, which all destinations of a command share. Lines are added at its end.
#[derive(Clone)]
pub struct OutcomesFile(Arc<Mutex<File>>);

/// What became of a row. A row that was rejected for several reasons has a line for each.
#[derive(Serialize)]
pub struct OutcomeLine<'a> {
    /// The line in the input.
    pub line: u64,
    /// The user's id as it is in the input; of a friend its id.
    pub id: Option<&'a str>,
    /// Of a friend the id of the owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<&'a str>,
    /// The destination.
    pub destination: &'a str,
    /// The name of the run.
    pub run: &'a str,
    /// `accepted`, `rejected`, `skipped`, `unchanged` or `pending`.
    pub outcome: &'static str,
    /// The vendor's code.
    #[serde(serialize_with = "crate::error_code::serialize")]
    pub code: &'a Option<ErrorCode>,
    /// The column that is to blame.
    pub field: Option<&'a str>,
    /// Why it was rejected or skipped, in our words.
    pub reason: Option<&'a str>,
    /// When.
    pub time: &'a str,
}

impl OutcomesFile {
    /// Opens it, or makes it, for its owner only. Half a line at its end, which a kill has left, is cut off.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let cannot = |problem: String| Failure::usage(format!("--outcomes {}: {problem}", path.display()));
        if path == Path::new("-") {
            return Err(cannot("it takes the name of a file".to_owned()));
        }
        // A write to a pipe whose reader hangs would block the command, and no signal would end it.
        if is_pipe(path) {
            return Err(cannot("it is a pipe: name a file".to_owned()));
        }
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path).map_err(|error| cannot(format!("it cannot be opened: {error}")))?;
        if file.metadata().is_ok_and(|metadata| metadata.is_file()) {
            let bytes = match whole_lines(&mut file) {
                Ok(Some(bytes)) => bytes,
                Ok(None) => return Err(cannot("the file has something else in it: name another".to_owned())),
                Err(error) => return Err(cannot(format!("it cannot be read: {error}"))),
            };
            // One that was there may be readable by others.
            file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))
                .map_err(|error| cannot(format!("it cannot be made readable by its owner only: {error}")))?;
            file.set_len(bytes).map_err(|error| cannot(error.to_string()))?;
        }
        Ok(Self(Arc::new(Mutex::new(file))))
    }

    /// Adds lines; what cannot be written whole is taken back.
    pub fn write(&self, lines: &[u8]) -> io::Result<()> {
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = file.metadata()?;
        let written = file.write_all(lines);
        if written.is_err() && before.is_file() {
            // If it cannot be cut either, the next run does it.
            let _ = file.set_len(before.len());
        }
        written
    }
}

fn is_pipe(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    let kind = std::fs::metadata(path).map(|metadata| metadata.file_type());
    kind.is_ok_and(|kind| kind.is_fifo() || kind.is_socket())
}

/// How many bytes of whole lines the file has; `None` if it is no file of outcomes.
fn whole_lines(file: &mut File) -> io::Result<Option<u64>> {
    const START: &[u8] = b"{\"line\":";
    const LONGEST: u64 = 64 * 1024;
    let mut start = Vec::new();
    Read::by_ref(file).take(START.len() as u64).read_to_end(&mut start)?;
    if !START.starts_with(&start) {
        return Ok(None);
    }
    let length = file.seek(SeekFrom::End(0))?;
    let tail_start = length.saturating_sub(LONGEST);
    file.seek(SeekFrom::Start(tail_start))?;
    let mut tail = Vec::new();
    Read::by_ref(file).take(LONGEST).read_to_end(&mut tail)?;
    let end = tail.iter().rposition(|byte| *byte == b'\n').map(|place| tail_start + place as u64 + 1);
    Ok(match end {
        Some(end) => Some(end),
        None => (tail_start == 0).then_some(0),
    })
}
