//! The thread that brings to the disk what was committed: a commit is safe from a kill at once, and from a power cut after
//! this thread has been there.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags};

/// How often commits are brought to the disk at most: 20 times a second.
pub const SYNC_EVERY: Duration = Duration::from_millis(50);
/// The log is folded into the journal's file when it has grown so far. That costs two syncs more.
const FOLD_AT_BYTES: u64 = 4 * 1024 * 1024;

/// The thread. Dropping it brings the rest to the disk and ends it.
#[derive(Debug)]
pub(crate) struct Syncer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    work: Mutex<Work>,
    called: Condvar,
}

#[derive(Debug, Default)]
struct Work {
    committed: bool,
    /// The file of letters, and how much of it is written.
    letters: Option<(Arc<File>, u64)>,
    /// How much of it is on the disk.
    letters_synced: u64,
    syncs: u64,
    failed: Option<String>,
    end: bool,
}

impl Syncer {
    pub(crate) fn start(journal: &Path) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let (thread_shared, journal) = (shared.clone(), journal.to_owned());
        let thread = std::thread::Builder::new()
            .name("contact-sink journal".to_owned())
            .spawn(move || run(&thread_shared, &journal))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Something was committed, and letters were written up to here.
    pub(crate) fn committed(&self, letters: Option<(Arc<File>, u64)>) {
        let mut work = self.shared.work();
        let knows = work.committed || work.letters.is_some();
        work.committed = true;
        if letters.is_some() {
            work.letters = letters;
        }
        // Else it waits for its time already.
        if !knows {
            self.shared.called.notify_one();
        }
    }

    /// How much of the file of letters is on the disk.
    pub(crate) fn letters_synced(&self) -> u64 {
        self.shared.work().letters_synced
    }

    /// Why the disk does not take it, if it does not.
    pub(crate) fn failure(&self) -> Option<String> {
        self.shared.work().failed.clone()
    }

    /// How often something was brought to the disk.
    pub(crate) fn syncs(&self) -> u64 {
        self.shared.work().syncs
    }

    /// Brings all to the disk.
    pub(crate) fn finish(&mut self) {
        self.shared.work().end = true;
        self.shared.called.notify_one();
        if let Some(thread) = self.thread.take() {
            // A panic there has said so itself, and is a failure to sync.
            if thread.join().is_err() {
                self.shared.work().failed = Some("the thread that syncs it broke".to_owned());
            }
        }
    }
}

impl Drop for Syncer {
    fn drop(&mut self) {
        self.finish();
    }
}

impl Shared {
    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, problem: &dyn std::fmt::Display) {
        self.work().failed = Some(problem.to_string());
    }

    /// Waits until there is work and its time has come; `None` at the end.
    fn next(&self, not_before: Instant) -> Option<Option<(Arc<File>, u64)>> {
        let mut work = self.work();
        loop {
            let now = Instant::now();
            if (work.committed || work.letters.is_some()) && (now >= not_before || work.end) {
                work.committed = false;
                return Some(work.letters.take());
            }
            if work.end {
                return None;
            }
            work = if work.committed || work.letters.is_some() {
                let wait = self.called.wait_timeout(work, not_before.saturating_duration_since(now));
                wait.unwrap_or_else(PoisonError::into_inner).0
            } else {
                self.called.wait(work).unwrap_or_else(PoisonError::into_inner)
            };
        }
    }
}

fn run(shared: &Shared, journal: &Path) {
    let mut log = journal.as_os_str().to_owned();
    log.push("-wal");
    let place = Place::of(journal);
    let (log, mut folder, mut was_folded) = (PathBuf::from(log), None, false);
    let mut not_before = Instant::now();
    while let Some(letters) = shared.next(not_before) {
        let mut syncs = 1;
        let began = Instant::now();
        // Not every system brings to the disk what a file that is open for reading only has.
        if place.is_lost(journal) {
            shared.failed(&"it was taken away or replaced while the run went on");
        }
        let synced = File::options().read(true).write(true).open(&log).and_then(|log| {
            log.sync_data()?;
            Ok(log.metadata()?.len())
        });
        match synced {
            Ok(bytes) if bytes >= FOLD_AT_BYTES => {
                syncs += 2;
                // It begins again from its start with a commit that finds all of it folded. Whoever commits all the time leaves no
                // such moment: then the rest, which is short, is folded while nobody can commit.
                let mode = if was_folded { "RESTART" } else { "PASSIVE" };
                if let Err(error) = fold(&mut folder, journal, mode) {
                    shared.failed(&error);
                }
                was_folded = true;
            }
            Ok(_) => was_folded = false,
            Err(error) => shared.failed(&error),
        }
        if let Some((file, written)) = letters {
            syncs += 1;
            match file.sync_data() {
                Ok(()) => shared.work().letters_synced = written,
                Err(error) => shared.failed(&error),
            }
        }
        shared.work().syncs += u64::from(syncs);
        not_before = began + SYNC_EVERY * syncs;
    }
}

/// Which file stands at the journal's path. Another one there would be written by another run, whose lock is another one too.
struct Place(Option<(u64, u64)>);

impl Place {
    fn of(path: &Path) -> Self {
        #[cfg(unix)]
        let place = std::fs::metadata(path).ok().map(|metadata| {
            use std::os::unix::fs::MetadataExt as _;
            (metadata.dev(), metadata.ino())
        });
        // There a file that is open cannot be taken away.
        #[cfg(not(unix))]
        let place = None;
        Self(place)
    }

    fn is_lost(&self, path: &Path) -> bool {
        self.0 != Self::of(path).0
    }
}

/// Copies the log into the journal's file, so that it begins again from its start.
fn fold(folder: &mut Option<Connection>, journal: &Path, mode: &str) -> rusqlite::Result<()> {
    let connection = match folder {
        Some(connection) => connection,
        None => {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = folder.insert(Connection::open_with_flags(journal, flags)?);
            // A reader who is in the way is not waited for: nobody could commit meanwhile.
            connection.busy_timeout(Duration::ZERO)?;
            connection
        }
    };
    match connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(())) {
        // The next time.
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => Ok(()),
        folded => folded,
    }
}
