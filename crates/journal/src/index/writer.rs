//! The thread that does all writing of an index, on the one connection that writes, so that no lane waits for what is remembered.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};

use rusqlite::Connection;

use super::entry::Entry;
use super::rows;
use crate::base;
use crate::error::Problem;
use crate::worker::Worker;

/// So many rows are one commit: a job waits for one at most.
const ROWS: usize = 200;

/// The log is folded into the file when it has so many pages: 8 MiB of the usual size.
const FOLD_AT_PAGES: i64 = 2_000;

/// Fields by row.
pub(super) type Batch = BTreeMap<i64, Vec<Entry>>;

/// The thread, and the batch that it is at. Dropping it waits for that.
pub(super) struct Writer {
    thread: Worker<Message>,
    written: Receiver<Result<(), Problem>>,
    writing: Option<Arc<Batch>>,
}

enum Message {
    Batch(Arc<Batch>),
    Job(Job),
}

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

impl Writer {
    /// Gives the connection that writes to a thread.
    pub(super) fn start(mut database: Connection) -> Result<Self, Problem> {
        let (done, written) = sync_channel(1);
        let body = move |messages: &Receiver<Message>| run(&mut database, messages, &done);
        Ok(Self { thread: Worker::start("contact-sink index", body)?, written, writing: None })
    }

    /// What it may not have committed yet.
    pub(super) fn writing(&self) -> Option<&Batch> {
        self.writing.as_deref()
    }

    /// Gives it a batch, after the one that it is at.
    pub(super) fn write(&mut self, batch: Batch) -> Result<(), Problem> {
        self.wait()?;
        let batch = Arc::new(batch);
        self.writing = Some(batch.clone());
        if self.thread.send(Message::Batch(batch)) { Ok(()) } else { Err(broken()) }
    }

    /// Does something on the connection that writes, at the next moment between two of its commits, and waits for it.
    pub(super) fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Connection) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let (done, result) = sync_channel(1);
        self.thread.send(Message::Job(Box::new(move |database| drop(done.send(job(database))))));
        // If the thread broke, the job is dropped, and with it the sender.
        result.recv().unwrap_or_else(|_| Err(broken()))
    }

    /// Finds out whether it has written, without waiting for it.
    pub(super) fn poll(&mut self) -> Result<(), Problem> {
        if self.writing.is_none() {
            return Ok(());
        }
        match self.written.try_recv() {
            Err(TryRecvError::Empty) => Ok(()),
            result => self.end(result.unwrap_or_else(|_| Err(broken()))),
        }
    }

    /// Waits until it has written.
    pub(super) fn wait(&mut self) -> Result<(), Problem> {
        if self.writing.is_none() {
            return Ok(());
        }
        let result = self.written.recv();
        self.end(result.unwrap_or_else(|_| Err(broken())))
    }

    fn end(&mut self, result: Result<(), Problem>) -> Result<(), Problem> {
        self.writing = None;
        result
    }
}

fn broken() -> Problem {
    Problem::Io(std::io::Error::other("the thread that writes it broke"))
}

fn run(database: &mut Connection, messages: &Receiver<Message>, done: &SyncSender<Result<(), Problem>>) {
    for message in messages {
        match message {
            Message::Job(job) => job(database),
            Message::Batch(batch) => {
                let result = write(database, &batch, messages);
                // Let go of before it is said to be written: by then only the index holds it.
                drop(batch);
                if done.send(result).is_err() {
                    return;
                }
            }
        }
    }
}

/// Writes a batch, and does what is asked for meanwhile.
fn write(database: &mut Connection, batch: &Batch, messages: &Receiver<Message>) -> Result<(), Problem> {
    let mut rows = batch.iter().peekable();
    while rows.peek().is_some() {
        rows::put(database, rows.by_ref().take(ROWS))?;
        fold(database)?;
        // No other batch comes before this one is written.
        while let Ok(Message::Job(job)) = messages.try_recv() {
            job(database);
        }
    }
    fold(database)
}

/// Folds the log into the file if it has grown long. Reading connections do not wait for it.
fn fold(database: &Connection) -> Result<(), Problem> {
    if base::fold(database, "NOOP")? >= FOLD_AT_PAGES {
        base::fold(database, "PASSIVE")?;
    }
    Ok(())
}
