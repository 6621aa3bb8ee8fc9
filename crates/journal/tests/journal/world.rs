//! A journal in a directory of its own, a run in it, and its ends: in order, killed, and killed with the log left behind.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use contact_sink_journal::{Book, Content, Ending, Entry, Identity, Input, Key, KilledLane, Kind, Run, State, Wanted};

const INPUT: &str = "/data/users.csv";

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
        self.open(in_flight, input("run", b"content"))
    }

    /// The same of another input.
    pub(crate) fn open(&self, in_flight: u64, input: Input<'_>) -> Run {
        let lane = KilledLane { waiting: in_flight, maybe_applied_hold: Duration::ZERO };
        let opened = self.book().resume_or_begin(input, Wanted::default(), lane, SystemTime::now());
        opened.unwrap().unwrap().run
    }

    pub(crate) fn key(&self) -> Key {
        Key::load_or_create(&self.path("index.key")).unwrap()
    }

    pub(crate) fn book(&self) -> Book {
        Book::open(&self.journal(), &self.key()).unwrap()
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

fn identity() -> Identity {
    Identity {
        host: "sandbox at 127.0.0.1".to_owned(),
        account: "project 1".to_owned(),
        account_hash: "a1".to_owned(),
        subject: "cuid".to_owned(),
        mapping: "sms = mobile".to_owned(),
    }
}

/// Forty rows.
pub(crate) fn input<'a>(name: &'a str, digest: &'a [u8]) -> Input<'a> {
    let content = Some(Content { rows: 40, digest, digest_of: &|_| None });
    Input { identity: identity(), name, path: INPUT, command: "contact-sink sync", content }
}

pub(crate) fn settled(rows: impl IntoIterator<Item = (u64, Kind)>) -> Entry<'static> {
    let mut entry = Entry::default();
    entry.settled = rows.into_iter().collect();
    entry
}

/// Ends a run in order with rows left to send.
pub(crate) fn finish(run: Run) {
    run.finish(Ending::new(State::Unfinished)).unwrap();
}
