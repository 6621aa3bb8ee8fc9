//! Records from files and pipes, and a check of the whole file before its first record is used.
//!
//! An [`Input`] is a CSV or NDJSON file, or a pipe. [`Input::preflight`] reads a regular file once to its end: what is wrong with
//! the file as a file is found before anything is sent. [`Input::rows`] then gives its rows. It reads the file a second time, and
//! compares each MiB with what the pre-flight saw: a file that was changed meanwhile gives an error, and never a row that is half
//! old and half new.
//!
//! ```
//! use contact_sink_source::{Dialect, Input, ReadControl};
//!
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("users.csv");
//! std::fs::write(&path, "id,mail\n7,a@b.example\n8,c@d.example\n")?;
//! let mut input = Input::open(&path, None, Dialect::default())?.with_id_places(vec![0]);
//! let preflight = input.preflight(&[], &ReadControl::default())?;
//! assert_eq!(preflight.rows(), 2);
//! for row in input.rows(Default::default()) {
//!     println!("line {}", row?.line);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # CSV
//! Strict, since a lenient reader gives one user's values to another. Cells are between commas; a line ends with LF, CRLF or CR;
//! blank lines are skipped. A byte order mark may be before any record.
//! - A cell that begins with a quote ends with the next one that is not doubled. Then comes a comma or the end of the line.
//! - A quote in a cell that began without one is a character like any other.
//! - A quoted cell that holds a line with as many commas as the header, or a record whose first and last line have as many, is an error:
//!   two stray quotes look like this. [`Dialect::with_multiline`] allows it.
//! - A record has at most 1 MiB; of a file of rejected rows 8 MiB.

mod blocks;
mod csv;
mod digest;
mod encoding;
mod fault;
mod format;
mod input;
mod ndjson;
mod preflight;
mod read_control;
mod row_block;
mod rows;
mod start;

pub use csv::Dialect;
pub use digest::Digest;
pub use fault::Fault;
pub use format::Format;
pub use input::{Input, OpenError, display_name, is_read_once};
pub use preflight::{Preflight, PreflightError};
pub use read_control::ReadControl;
pub use row_block::RowBlock;
pub use rows::{InputRows, Row};
