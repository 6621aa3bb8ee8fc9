//! Crash-safe resume of a run, and the index that lets a run send what has changed only.
//!
//! A [`Book`] is one destination's journal: one SQLite file that its owner can open with `sqlite3`. It holds runs. A run is the
//! content of one input, sent to one account under one mapping: [`Book::resume_or_begin`] finds it by a keyed digest of the rows,
//! whatever the input is called, or begins one. A [`Run`] knows which of its rows are settled: all below a checkpoint, and spans of
//! rows ahead of it; and the counts of all of them. [`Run::commit`] writes down what became of rows, in one transaction. After a kill
//! the next command resumes from there; after a power cut at most [`SYNC_EVERY`] more is forgotten, and what is forgotten is sent
//! again.
//!
//! **A newer run wins.** While an older value could still be sent (a run is not finished, or has rejected rows, and is not older
//! than [`OPEN_FOR`]), the journal notes, before sending, which fields of which subjects are set, and how old the values are
//! ([`Position`]). [`Run::admit`] leaves out fields for which a newer value was sent.
//!
//! Lines for a file beside the journal, such as rejected rows, go through it too ([`Entry::letters`]): they are in the journal
//! before they are in the file, so that a crash tears, doubles or loses none, and a file that its owner edited
//! meanwhile is not touched.
//!
//! Locks ([`Lock`]) keep two processes from one journal, and from one account. The crate is for unix: it relies on its permissions
//! and on its identity of files.
//!
//! No value of a contact is in a journal, but for the lines that wait for a few milliseconds to be in their file. What was
//! deleted may stand in the log beside it (`-wal`) until that begins again, at the latest when the run ends in order.
//!
//! A service that sends a table of its own, and after a crash sends what is left:
//!
//! ```
//! use std::path::Path;
//! use std::time::{Duration, SystemTime};
//!
//! use contact_sink_core::{Applied, ContactSink, ContactUpdate};
//! use contact_sink_delivery::{Delivery, Numbered, Options, Outcome};
//! use contact_sink_journal::{
//!     Book, Content, Counts, Ending, Found, Identity, Input, Key, KilledLane, Lock, RunJournal, State, Wanted, make_directory,
//! };
//! use futures_util::stream;
//!
//! async fn send(
//!     sink: impl ContactSink + 'static,
//!     table: Vec<ContactUpdate>,
//!     directory: &Path,
//! ) -> Result<Counts, Box<dyn std::error::Error>> {
//!     make_directory(directory)?;
//!     let _lock = Lock::take(&directory.join("growth.lock"), "the nightly table")?;
//!     let key = Key::load_or_create(&directory.join("index.key"))?;
//!     let book = Book::open(&directory.join("growth.sqlite"), &key)?;
//!     let word = |text: &str| text.to_owned();
//!     let identity = Identity {
//!         host: word("jiguang"),
//!         account: word("project 100102"),
//!         account_hash: word("jiguang 100102"),
//!         subject: word("cuid"),
//!         mapping: word("phone, e-mail"),
//!     };
//!     // The table's content is known by its version; its rows stay in their order.
//!     let (version, rows, options) = ("users of 2026-11-25", table.len() as u64, Options::for_run());
//!     let content = Some(Content { rows, digest: version.as_bytes(), digest_of: &|_| None });
//!     let input = Input { identity, name: version, path: version, command: "", content };
//!     // After a crash any of the first rows without an outcome may have been sent, as many as a lane holds.
//!     let lane = KilledLane::of(&options);
//!     let opened = book.resume_or_begin(input, Wanted::default(), lane, SystemTime::now())??;
//!     if let Found::Finished { .. } = opened.found {
//!         return Ok(opened.run.counts());
//!     }
//!     let (settled, maybe_applied) = (opened.run.settled().clone(), opened.run.maybe_applied().clone());
//!     let left = (0..).zip(table).filter(move |(row, _)| !settled.contains(*row)).map(move |(row, update)| {
//!         let earlier = if maybe_applied.contains(row) { Applied::Maybe } else { Applied::No };
//!         Numbered::new(row, update).with_earlier(earlier)
//!     });
//!
//!     let journal = RunJournal::new(opened.run);
//!     let delivery = Delivery::with_journal(sink, options.with_first_after(opened.first_after), journal.clone());
//!     let mut outcomes = delivery.deliver_numbered(stream::iter(left));
//!     while let Some((row, outcome)) = outcomes.next().await {
//!         // The journal has it already.
//!         if let Outcome::Rejected { rejections, .. } = outcome {
//!             println!("row {row}: {rejections:?}");
//!         }
//!     }
//!     drop(outcomes);
//!     delivery.close(Duration::from_secs(30)).await;
//!     let counts = journal.look(|run| run.counts()).unwrap_or_default();
//!     let state = if counts.settled() == rows { State::Finished } else { State::Unfinished };
//!     journal.finish(Ending::new(state))?;
//!     Ok(counts)
//! }
//! # use std::sync::{Arc, Mutex};
//! # use contact_sink_core::*;
//! # use contact_sink_journal::{Entry, Kind};
//! # #[derive(Clone, Default)]
//! # struct Accepting(Arc<Mutex<usize>>);
//! # #[async_trait::async_trait] impl ContactSink for Accepting {
//! #     fn limits(&self) -> Limits { Limits::new(std::num::NonZeroUsize::MIN) }
//! #     fn batch_key(&self, _: &ContactUpdate) -> BatchKey { BatchKey::any() }
//! #     fn validate(&self, _: &ContactUpdate) -> Result<(), Rejection> { Ok(()) }
//! #     async fn send(&self, batch: &[ContactUpdate]) -> Result<Vec<Verdict>, SinkError> {
//! #         *self.0.lock().unwrap() += batch.len();
//! #         Ok(vec![Verdict::Accepted; batch.len()])
//! #     }
//! # }
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! # let table: Vec<_> = (0..3_i64)
//! #     .map(|id| ContactUpdate::user(id).with(Field::new("email").unwrap(), "a@b.example").unwrap())
//! #     .collect();
//! # let directory = tempfile::tempdir().unwrap();
//! # // One that crashed after its first row.
//! # let word = |text: &str| text.to_owned();
//! # let identity = Identity {
//! #     host: word("jiguang"), account: word("project 100102"), account_hash: word("jiguang 100102"), subject: word("cuid"),
//! #     mapping: word("phone, e-mail"),
//! # };
//! # let key = Key::load_or_create(&directory.path().join("index.key")).unwrap();
//! # let book = Book::open(&directory.path().join("growth.sqlite"), &key).unwrap();
//! # let version = "users of 2026-11-25";
//! # let content = Some(Content { rows: 3, digest: version.as_bytes(), digest_of: &|_| None });
//! # let (input, lane) = (Input { identity, name: version, path: "", command: "", content }, KilledLane::of(&Options::for_run()));
//! # let mut run = book.resume_or_begin(input, Wanted::default(), lane, SystemTime::now()).unwrap().unwrap().run;
//! # let mut entry = Entry::default();
//! # entry.settled.push((1, Kind::Accepted));
//! # run.commit(entry).unwrap();
//! # drop(run);
//! # let sink = Accepting::default();
//! # for _ in 0..2 {
//! #     assert_eq!(send(sink.clone(), table.clone(), directory.path()).await.unwrap().accepted, 3);
//! #     assert_eq!(*sink.0.lock().unwrap(), 2);
//! # }
//! # });
//! ```

mod base;
mod book;
mod cells;
mod entry;
mod error;
#[cfg(feature = "failpoints")]
#[doc(hidden)]
pub mod failpoint;
mod fields;
mod format;
mod hash;
mod hook;
mod index;
mod key;
mod letters;
mod lock;
mod lookup;
mod newest;
mod owner_only;
mod record;
mod rows;
mod run;
mod saved;
mod stop_note;
mod sync;

pub use book::{Book, Opened, list};
pub use entry::{Entry, SUPERSEDED};
pub use error::{Problem, StoreError};
pub use hook::RunJournal;
pub use index::{FoundAhead, Index, IndexOptions, LookAhead};
pub use key::{Key, KeyError};
pub use letters::Recovered;
pub use lock::{Held, Lock};
pub use lookup::{Content, Found, Input, Refused, ReplacedRun, Wanted};
pub use newest::Position;
pub use owner_only::make_directory;
pub use record::{Counts, FedBack, Identity, Kind, OPEN_FOR, Part, Reason, Record, State, Stopped};
pub use rows::Rows;
pub use run::{Ending, Run};
pub use saved::KilledLane;
pub use sync::SYNC_EVERY;
