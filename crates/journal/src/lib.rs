//! Crash-safe resume of a run, and the index that lets a run send what has changed only.
//!
//! A [`Book`] is one destination's journal: one SQLite file that its owner can open with `sqlite3`. It holds runs: one for each
//! input. A [`Run`] knows which rows of its input are settled: all below a checkpoint, and spans of rows ahead of it; and the
//! counts of all of them. [`Run::commit`] writes down what became of rows, in one transaction. After a kill the next run goes
//! on from there; after a power cut at most [`SYNC_EVERY`] more is forgotten, and what is forgotten is sent again.
//!
//! Lines for a file beside the journal, such as rejected rows, go through it too ([`Entry::letters`]): they are in the journal
//! before they are in the file, so that a crash leaves none torn, doubled or lost, and a file that its owner edited
//! meanwhile is not touched.
//!
//! Locks ([`Lock`]) keep two processes from one journal, and from one account.
//!
//! No value of a contact is in a journal, but for the lines that wait for a few milliseconds to be in their file.

mod book;
mod error;
#[cfg(feature = "failpoints")]
#[doc(hidden)]
pub mod failpoint;
mod hook;
mod letters;
mod lock;
mod record;
mod rows;
mod run;
mod schema;
mod sync;
mod write;

pub use book::{Book, list};
pub use error::OpenError;
pub use hook::RunJournal;
pub use letters::Recovered;
pub use lock::{Held, Lock};
pub use record::{Counts, Identity, Kind, Reason, Record, State};
pub use rows::Rows;
pub use run::{Entry, Run};
pub use schema::make_directory;
pub use sync::SYNC_EVERY;
