//! The thread that brings to the disk what was committed: a commit is safe from a kill at once, and from a power cut after
//! this thread has been there.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode};

use crate::error::Problem;
use crate::{base, owner_only};

/// How often commits are brought to the disk at most: 20 times a second.
pub const SYNC_EVERY: Duration = Duration::from_millis(50);
/// The log is folded into the journal's file when it has grown so far. That costs two syncs more.
const FOLD_AT_BYTES: u64 = 4 * 1024 * 1024;

/// The thread. Dropping it brings the rest to the disk and ends it.
#[derive(Debug)]
pub(crate) struct Syncer {
    work: Arc<Mutex<Work>>,
    /// `None` at the end.
    calls: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Work {
    /// The thread was called, and waits for its time.
    is_called: bool,
    /// The file of letters, and how much of it is written.
    letters: Option<(Arc<File>, u64)>,
    /// How much of it is on the disk.
    letters_synced: u64,
    syncs: u64,
    failed: Option<String>,
}

impl Syncer {
    pub(crate) fn start(journal: &Path) -> Result<Self, Problem> {
        let (work, journal) = (Arc::default(), journal.to_owned());
        // A reader who is in the way of folding is not waited for: no commit would be possible meanwhile.
        let connection = base::connect(&journal)?;
        connection.busy_timeout(Duration::ZERO)?;
        let (of_thread, (calls, called)) = (Arc::clone(&work), channel());
        let thread = std::thread::Builder::new().name("contact-sink journal".to_owned());
        let thread = thread.spawn(move || run(&called, &of_thread, &journal, connection))?;
        Ok(Self { work, calls: Some(calls), thread: Some(thread) })
    }

    /// Without a thread: what is in memory is as safe as it will be.
    pub(crate) fn in_memory() -> Self {
        let work = Work { letters_synced: u64::MAX, ..Work::default() };
        Self { work: Arc::new(Mutex::new(work)), calls: None, thread: None }
    }

    /// Something was committed, and letters were written up to here.
    pub(crate) fn committed(&self, letters: Option<(Arc<File>, u64)>) {
        let Some(calls) = &self.calls else { return };
        let mut work = lock(&self.work);
        if letters.is_some() {
            work.letters = letters;
        }
        if !std::mem::replace(&mut work.is_called, true) && calls.send(()).is_err() {
            work.failed.get_or_insert_with(broke);
        }
    }

    /// How much of the file of letters is on the disk.
    pub(crate) fn letters_synced(&self) -> u64 {
        lock(&self.work).letters_synced
    }

    /// Why the disk does not take it, if it does not.
    pub(crate) fn failure(&self) -> Option<String> {
        lock(&self.work).failed.clone()
    }

    /// How often something was brought to the disk.
    pub(crate) fn syncs(&self) -> u64 {
        lock(&self.work).syncs
    }

    /// Brings all to the disk.
    pub(crate) fn finish(&mut self) {
        self.calls = None;
        // A panic there has said so itself.
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            lock(&self.work).failed = Some(broke());
        }
    }
}

impl Drop for Syncer {
    fn drop(&mut self) {
        self.finish();
    }
}

fn lock(work: &Mutex<Work>) -> MutexGuard<'_, Work> {
    work.lock().unwrap_or_else(PoisonError::into_inner)
}

fn broke() -> String {
    "the thread that syncs it broke".to_owned()
}

fn run(calls: &Receiver<()>, work: &Mutex<Work>, journal: &Path, connection: Connection) {
    let mut folder = Folder { log: owner_only::beside(journal, "-wal"), connection, was_folded: false };
    // Another file in its place would be written by another run, whose lock is another one too.
    let id = || std::fs::metadata(journal).ok().map(|metadata| owner_only::id(&metadata));
    let (first_id, mut not_before) = (id(), Instant::now());
    while calls.recv().is_ok() {
        // No other call comes before it has taken the work: only the end is sooner.
        let _ = calls.recv_timeout(not_before.saturating_duration_since(Instant::now()));
        let letters = {
            let mut work = lock(work);
            work.is_called = false;
            work.letters.take()
        };
        let began = Instant::now();
        let is_lost = id() != first_id;
        let synced = folder.sync();
        let letters_synced = letters.map(|(file, written)| file.sync_data().map(|()| written));
        let syncs = synced.as_ref().map_or(1, |syncs| *syncs) + u32::from(letters_synced.is_some());
        let mut work = lock(work);
        if is_lost {
            work.failed = Some("it was taken away or replaced while the run went on".to_owned());
        }
        if let Err(error) = synced {
            work.failed = Some(error);
        }
        match letters_synced {
            Some(Ok(written)) => work.letters_synced = written,
            Some(Err(error)) => work.failed = Some(error.to_string()),
            None => {}
        }
        work.syncs += u64::from(syncs);
        not_before = began + SYNC_EVERY * syncs;
    }
}

/// Syncs the log, and keeps it short.
struct Folder {
    log: PathBuf,
    connection: Connection,
    was_folded: bool,
}

impl Folder {
    /// Brings the log to the disk, and folds it if it is long: how many syncs that cost.
    fn sync(&mut self) -> Result<u32, String> {
        // Not every system brings to the disk what a file that is open for reading only has.
        let log = File::options().read(true).write(true).open(&self.log);
        let synced = log.and_then(|log| {
            log.sync_data()?;
            Ok(log.metadata()?.len())
        });
        if synced.map_err(|error| error.to_string())? < FOLD_AT_BYTES {
            self.was_folded = false;
            return Ok(1);
        }
        // It begins again from its start with a commit that finds all of it folded. If commits never pause there is no such moment:
        // then the rest, which is short, is folded while no commit is possible.
        let way = if self.was_folded { "RESTART" } else { "PASSIVE" };
        self.was_folded = true;
        match base::fold(&self.connection, way) {
            // The next time.
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => Ok(3),
            folded => folded.map(|_| 3).map_err(|error| error.to_string()),
        }
    }
}
