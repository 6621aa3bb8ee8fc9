//! A journal in a directory of its own, a run in it, and its ends: in order, killed, and killed with the log left behind.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use contact_sink_journal::{Book, Entry, Identity, Kind, Run, State};

pub(crate) const INPUT: &str = "/data/users.csv";

/// A directory that holds a journal and a file of letters.
pub(crate) struct World {
    directory: tempfile::TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.path("growth.sqlite")
    }

    /// Goes on with the run, or begins it.
    pub(crate) fn run(&self) -> Run {
        self.resume(0)
    }

    /// The same; if it was killed, so many rows may have been in flight.
    pub(crate) fn resume(&self, in_flight: u64) -> Run {
        let book = Book::open(&self.journal()).unwrap();
        match book.last_run(INPUT).unwrap() {
            Some(record) => book.resume(record, identity(), "contact-sink sync", in_flight).unwrap(),
            None => book.begin(INPUT, identity(), "contact-sink sync", SystemTime::now()).unwrap(),
        }
    }

    /// Ends a run as a kill does: nothing is tidied up, and every file is as it was at that moment.
    pub(crate) fn kill(&self, run: Run) {
        let is_kept = |path: &Path| path.is_file() && !path.to_string_lossy().ends_with("-shm");
        let files: Vec<(PathBuf, Vec<u8>)> = fs::read_dir(self.directory.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| is_kept(path))
            .map(|path| (path.clone(), fs::read(path).unwrap()))
            .collect();
        drop(run);
        for (path, bytes) in files {
            fs::write(path, bytes).unwrap();
        }
    }

    /// A question to the journal, past the crate.
    pub(crate) fn ask(&self, query: &str) -> i64 {
        rusqlite::Connection::open(self.journal()).unwrap().query_row(query, [], |row| row.get(0)).unwrap()
    }

    /// A change of the journal, past the crate.
    pub(crate) fn tamper(&self, statements: &str) {
        rusqlite::Connection::open(self.journal()).unwrap().execute_batch(statements).unwrap();
    }
}

pub(crate) fn identity() -> Identity {
    Identity {
        host: "sandbox at 127.0.0.1".to_owned(),
        account: "project 1".to_owned(),
        account_hash: "a1".to_owned(),
        subject: "cuid".to_owned(),
        mapping: "sms = mobile".to_owned(),
    }
}

pub(crate) fn settled(rows: impl IntoIterator<Item = (u64, Kind)>) -> Entry<'static> {
    let mut entry = Entry::default();
    entry.settled = rows.into_iter().collect();
    entry
}

/// Ends a run in order with rows left to send.
pub(crate) fn finish(run: Run) {
    run.finish(State::Unfinished).unwrap();
}
