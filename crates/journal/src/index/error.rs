//! Why an index cannot be used.

use std::io;
use std::path::{Path, PathBuf};

use contact_sink_delivery::JournalError;
use rusqlite::ErrorCode;

use crate::{Held, OpenError};

/// Why an index cannot be opened, read or written: which file, and what is wrong with it. It holds no contact's data.
#[derive(Debug, thiserror::Error)]
#[error("the index {} {problem}", path.display())]
pub struct IndexError {
    path: PathBuf,
    problem: IndexProblem,
}

/// What is wrong with an index.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexProblem {
    /// The file is something else.
    #[error("is a file of something else: it is left as it is; choose another place")]
    Foreign,
    /// The file is an index of a version that this one does not know.
    #[error(
        "has the version {0}, which is not known here: use the program that wrote it, or delete the index, and everything is sent once more"
    )]
    Version(u32),
    /// The file was made with another key, so nothing in it can be found.
    #[error("was made with another key: put that key back, or delete the index, and everything is sent once more")]
    OtherKey,
    /// Another process has it open.
    #[error("is in use by {0}")]
    InUse(Held),
    /// The file is damaged.
    #[error("is damaged: delete it, and everything is sent once more")]
    Damaged,
    /// There is no room for it.
    #[error("cannot be written: the disk is full: make room")]
    Full,
    /// It may not be written.
    #[error("cannot be written: the file or its directory is read-only: make it writable")]
    ReadOnly,
    /// The file beside it that says how often it was opened cannot be read or written.
    #[error("has beside it {}, which cannot be read or written: {problem}", path.display())]
    Seen {
        /// That file.
        path: PathBuf,
        /// What the system said.
        problem: io::Error,
    },
    /// The system refused.
    #[error("cannot be opened: {0}")]
    File(io::Error),
    /// The database refused for another reason.
    #[error("cannot be used: {0}")]
    Database(rusqlite::Error),
}

impl IndexError {
    /// What is wrong.
    pub fn problem(&self) -> &IndexProblem {
        &self.problem
    }

    /// The index's file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn new(path: &Path, problem: impl Into<IndexProblem>) -> Self {
        Self { path: path.to_owned(), problem: problem.into() }
    }
}

impl From<io::Error> for IndexProblem {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull => Self::Full,
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly,
            _ => Self::File(error),
        }
    }
}

impl From<Held> for IndexProblem {
    fn from(held: Held) -> Self {
        match held {
            Held::Failed(OpenError::Io { source, .. }) => source.into(),
            held => Self::InUse(held),
        }
    }
}

impl From<rusqlite::Error> for IndexProblem {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged,
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::ReadOnly) => Self::ReadOnly,
            _ => Self::Database(error),
        }
    }
}

impl From<IndexError> for JournalError {
    fn from(error: IndexError) -> Self {
        Self::new(error.to_string())
    }
}
