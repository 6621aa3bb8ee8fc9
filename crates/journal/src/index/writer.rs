//! The thread that writes what an index remembers, so that no lane waits for it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use rusqlite::Connection;

use super::entry::Entry;
use super::{IndexProblem, file, rows};

/// So many rows are one commit: whoever wants to remove some waits for one at most.
const ROWS: usize = 200;

/// The log is folded into the file when it has so many pages: 8 MiB of the usual size.
const FOLD_AT_PAGES: i64 = 2_000;

/// Fields by row.
pub(super) type Batch = BTreeMap<i64, Vec<Entry>>;

/// The thread, and the batch that it is at. Dropping it waits for that.
pub(super) struct Writer {
    /// `None` only while it is dropped.
    batches: Option<SyncSender<Arc<Batch>>>,
    written: Receiver<Result<(), IndexProblem>>,
    thread: Option<JoinHandle<()>>,
    writing: Option<Arc<Batch>>,
    gate: Arc<Gate>,
}

/// Whose turn it is to write. SQLite has a wait of its own, but whoever waits there looks up now and then only, and finds the
/// next commit of a busy thread each time.
#[derive(Default)]
struct Gate {
    turn: Mutex<()>,
    wanted: AtomicBool,
    given_back: Condvar,
}

impl Writer {
    /// Starts it on the file of an index that is open.
    pub(super) fn start(path: &Path) -> Result<Self, IndexProblem> {
        let mut database = file::connect(path, "NORMAL")?;
        let (batches, work) = sync_channel::<Arc<Batch>>(1);
        let (done, written) = sync_channel(1);
        let gate = Arc::new(Gate::default());
        let thread_gate = gate.clone();
        let write = move || {
            for batch in work {
                let result = write(&mut database, &batch, &thread_gate);
                // Let go of before it is said to be written: by then only the index holds it.
                drop(batch);
                if done.send(result).is_err() {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("contact-sink index".to_owned()).spawn(write)?;
        Ok(Self { batches: Some(batches), written, thread: Some(thread), writing: None, gate })
    }

    /// What it may not have committed yet.
    pub(super) fn writing(&self) -> Option<&Batch> {
        self.writing.as_deref()
    }

    /// Gives it a batch, after the one that it is at.
    pub(super) fn write(&mut self, batch: Batch) -> Result<(), IndexProblem> {
        self.wait()?;
        let batch = Arc::new(batch);
        self.writing = Some(batch.clone());
        match &self.batches {
            Some(batches) if batches.send(batch).is_ok() => Ok(()),
            _ => Err(broken()),
        }
    }

    /// Does something while the thread does not write, at the next moment between two of its commits.
    pub(super) fn between<T>(&self, work: impl FnOnce() -> T) -> T {
        self.gate.wanted.store(true, Ordering::SeqCst);
        let turn = self.gate.turn();
        let done = work();
        self.gate.wanted.store(false, Ordering::SeqCst);
        drop(turn);
        self.gate.given_back.notify_all();
        done
    }

    /// Hears whether it has written, without waiting for it.
    pub(super) fn poll(&mut self) -> Result<(), IndexProblem> {
        if self.writing.is_none() {
            return Ok(());
        }
        match self.written.try_recv() {
            Err(TryRecvError::Empty) => Ok(()),
            result => self.end(result.unwrap_or_else(|_| Err(broken()))),
        }
    }

    /// Waits until it has written.
    pub(super) fn wait(&mut self) -> Result<(), IndexProblem> {
        if self.writing.is_none() {
            return Ok(());
        }
        let result = self.written.recv();
        self.end(result.unwrap_or_else(|_| Err(broken())))
    }

    fn end(&mut self, result: Result<(), IndexProblem>) -> Result<(), IndexProblem> {
        self.writing = None;
        result
    }
}

impl Gate {
    fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread's turn: when nobody else wants it.
    fn idle_turn(&self) -> MutexGuard<'_, ()> {
        let wanted = |_: &mut ()| self.wanted.load(Ordering::SeqCst);
        self.given_back.wait_while(self.turn(), wanted).unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.batches = None;
        if let Some(thread) = self.thread.take() {
            // A panic there has said so itself.
            let _ = thread.join();
        }
    }
}

fn broken() -> IndexProblem {
    IndexProblem::File(std::io::Error::other("the thread that writes it broke"))
}

fn write(database: &mut Connection, batch: &Batch, gate: &Gate) -> Result<(), IndexProblem> {
    let mut rows = batch.iter().peekable();
    while rows.peek().is_some() {
        let turn = gate.idle_turn();
        rows::put(database, rows.by_ref().take(ROWS))?;
        drop(turn);
        fold(database)?;
    }
    fold(database)
}

/// Folds the log into the file if it has grown long. Readers and the other connection go on meanwhile.
fn fold(database: &Connection) -> Result<(), IndexProblem> {
    let pages = |mode| database.query_row(mode, [], |row| row.get::<_, i64>(1));
    if pages("PRAGMA wal_checkpoint(NOOP)")? >= FOLD_AT_PAGES {
        pages("PRAGMA wal_checkpoint(PASSIVE)")?;
    }
    Ok(())
}
