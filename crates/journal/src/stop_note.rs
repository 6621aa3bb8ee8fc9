//! A note beside the journal, for a run that stops because the journal cannot be written.
//!
//! On a full disk nothing can be committed any more: not even which rows had been sent and have no answer. The note has its place
//! on the disk from the beginning of the run and is written into that place. The next run that opens the journal takes it
//! over. Without it the run counts as killed, and every row that it may have sent as maybe applied.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use crate::error::Problem;
use crate::owner_only;
use crate::record::{Record, State, Stopped};

/// The place that a note has. What does not fit in is not written.
const BYTES: usize = 64 * 1024;
const FIRST_LINE: &str = "contact-sink stop note 1";

/// What could not be committed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct StopNote {
    /// The run in the journal.
    pub(crate) run: i64,
    /// How many bytes of whole lines the file of rejected rows has.
    pub(crate) rejected_bytes: u64,
    /// Seconds since 1970 until which an attempt without an answer may be applied.
    pub(crate) hold_until: u64,
    /// The exit status of the command.
    pub(crate) exit_status: Option<u8>,
    /// Why it stopped.
    pub(crate) stop: Option<Stopped>,
    /// Rows that may have been applied, from the first to the one after the last.
    pub(crate) maybe_applied: Vec<(u64, u64)>,
}

/// The file with the place for a note.
#[derive(Debug)]
pub(crate) struct Place(File);

/// Where the note of a journal is.
fn path_of(journal: &Path) -> PathBuf {
    journal.with_extension("stopped")
}

impl StopNote {
    /// What it says of its run.
    pub(crate) fn add_to(self, record: &mut Record) {
        record.state = State::Unfinished;
        record.hold_until = record.hold_until.max(UNIX_EPOCH + Duration::from_secs(self.hold_until));
        (record.exit_status, record.stop) = (self.exit_status, self.stop);
    }
}

impl Place {
    /// Takes the place on the disk, readable by its owner only. A note that was there was taken over before.
    pub(crate) fn reserve(journal: &Path) -> io::Result<Self> {
        let mut file = owner_only::open(&path_of(journal))?;
        file.write_all(&[0; BYTES])?;
        Ok(Self(file))
    }

    /// Writes a note; one that does not fit in is not written.
    pub(crate) fn write(&mut self, note: &StopNote) -> io::Result<()> {
        let mut text = format!(
            "{FIRST_LINE}\nrun {}\nrejected_bytes {}\nhold_until {}\n",
            note.run, note.rejected_bytes, note.hold_until
        );
        if let Some(status) = note.exit_status {
            text.push_str(&format!("exit_status {status}\n"));
        }
        if let Some(Stopped { kind, message }) = &note.stop {
            text.push_str(&format!("stop {kind} {}\n", message.replace(['\n', '\r'], " ")));
        }
        for (first, past) in &note.maybe_applied {
            text.push_str(&format!("maybe_applied {first} {past}\n"));
        }
        text.push_str("end\n");
        if text.len() > BYTES {
            return Err(io::Error::other("too many rows to note"));
        }
        self.0.rewind()?;
        self.0.write_all(text.as_bytes())?;
        self.0.sync_data()
    }
}

/// The note beside a journal, if there is a whole one.
pub(crate) fn read(journal: &Path) -> Result<Option<StopNote>, Problem> {
    let mut bytes = Vec::new();
    match File::open(path_of(journal)).and_then(|file| file.take(BYTES as u64).read_to_end(&mut bytes)) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(beside(journal, source)),
        // Of a file that is not there this is nothing.
        _ => Ok(parse(&String::from_utf8_lossy(&bytes))),
    }
}

/// Takes the note away, when it is in the journal.
pub(crate) fn remove(journal: &Path) -> Result<(), Problem> {
    match std::fs::remove_file(path_of(journal)) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(beside(journal, source)),
        _ => Ok(()),
    }
}

fn beside(journal: &Path, source: io::Error) -> Problem {
    Problem::Beside { path: path_of(journal), source }
}

fn parse(text: &str) -> Option<StopNote> {
    let mut lines = text.lines();
    let mut note = StopNote::default();
    if lines.next() != Some(FIRST_LINE) {
        return None;
    }
    for line in lines {
        let mut words = line.splitn(3, ' ');
        match (words.next()?, words.next(), words.next()) {
            ("end", None, None) => return Some(note),
            ("run", Some(run), None) => note.run = run.parse().ok()?,
            ("rejected_bytes", Some(bytes), None) => note.rejected_bytes = bytes.parse().ok()?,
            ("hold_until", Some(seconds), None) => note.hold_until = seconds.parse().ok()?,
            ("exit_status", Some(status), None) => note.exit_status = Some(status.parse().ok()?),
            ("stop", Some(kind), Some(message)) => {
                note.stop = Some(Stopped { kind: kind.to_owned(), message: message.to_owned() });
            }
            ("maybe_applied", Some(first), Some(past)) => {
                note.maybe_applied.push((first.parse().ok()?, past.parse().ok()?));
            }
            _ => return None,
        }
    }
    None
}
