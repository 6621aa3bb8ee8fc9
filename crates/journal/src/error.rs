//! Why a journal or an index cannot be used.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use contact_sink_delivery::JournalError;
use rusqlite::ErrorCode;

/// Why a journal or an index cannot be opened, read or written: which file, and what is wrong with it. It holds no contact's data.
/// What cannot be opened was not changed.
#[derive(Debug)]
pub struct StoreError {
    of: Store,
    path: PathBuf,
    problem: Problem,
}

/// Which of the two a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Store {
    /// A journal, or a lock.
    Journal,
    Index,
}

/// What is wrong with a journal or an index.
#[derive(Debug)]
#[non_exhaustive]
pub enum Problem {
    /// It is a file of something else.
    Foreign,
    /// Another version of this crate wrote it.
    Version {
        /// What it says.
        version: u32,
        /// What is known here.
        known: u32,
    },
    /// It was made under another key, so nothing in it can be found.
    OtherKey,
    /// Another process has it open: what that says of itself.
    InUse(String),
    /// It was changed by something else, or a part of it is gone.
    Damaged(String),
    /// A file beside it cannot be read or written.
    Beside {
        /// That file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The system refused.
    Io(io::Error),
    /// SQLite refused for another reason.
    Sqlite(rusqlite::Error),
}

impl StoreError {
    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is wrong with it.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }

    pub(crate) fn into_problem(self) -> Problem {
        self.problem
    }

    pub(crate) fn journal<P: Into<Problem>>(path: impl Into<PathBuf>) -> impl FnOnce(P) -> Self {
        let path = path.into();
        move |problem| Self { of: Store::Journal, path, problem: problem.into() }
    }

    pub(crate) fn index<P: Into<Problem>>(path: impl Into<PathBuf>) -> impl FnOnce(P) -> Self {
        let path = path.into();
        move |problem| Self { of: Store::Index, path, problem: problem.into() }
    }
}

impl std::error::Error for StoreError {}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match self.of {
            Store::Journal => write!(f, "{path}: {}", self.problem.of_journal()),
            Store::Index => write!(f, "the index {path} {}", self.problem.of_index()),
        }
    }
}

impl Problem {
    fn of_journal(&self) -> String {
        match self {
            Self::Foreign => "it is no journal of contact-sink: move it away".to_owned(),
            Self::Version { version, known } => {
                let advice = if version > known {
                    "use the program that wrote it"
                } else {
                    "finish its runs with the program that wrote it, then move the journal away; what is not finished is sent again"
                };
                format!("its format is version {version}, and this program knows version {known}: {advice}")
            }
            Self::OtherKey => {
                "it was made under another key than the one in index.key beside it: put that key back, or move the \
                journal away: then it is not known any more what was sent, and everything is sent again"
                    .to_owned()
            }
            Self::InUse(by) => by.clone(),
            Self::Damaged(problem) => format!(
                "{problem}: it is damaged: put a copy back, or move it away: then it is not known any more what was sent"
            ),
            Self::Beside { path, source } => format!("{}: {source}", path.display()),
            Self::Io(error) => error.to_string(),
            Self::Sqlite(error) => error.to_string(),
        }
    }

    fn of_index(&self) -> String {
        const AGAIN: &str = "and everything is sent once more";
        match self {
            Self::Foreign => "is a file of something else: it is left as it is; choose another place".to_owned(),
            Self::Version { version, .. } => format!(
                "has the version {version}, which is not known here: use the program that wrote it, or delete the index, {AGAIN}"
            ),
            Self::OtherKey => format!("was made with another key: put that key back, or delete the index, {AGAIN}"),
            Self::InUse(by) => format!("is in use by {by}"),
            Self::Damaged(_) => format!("is damaged: delete it, {AGAIN}"),
            Self::Beside { path, source } => {
                format!("has beside it {}, which cannot be read or written: {source}", path.display())
            }
            _ if self.is_full() => "cannot be written: the disk is full: make room".to_owned(),
            _ if self.is_read_only() => {
                "cannot be written: the file or its directory is read-only: make it writable".to_owned()
            }
            Self::Io(error) => format!("cannot be opened: {error}"),
            Self::Sqlite(error) => format!("cannot be used: {error}"),
        }
    }

    fn is_full(&self) -> bool {
        match self {
            Self::Io(error) => error.kind() == io::ErrorKind::StorageFull,
            Self::Sqlite(error) => error.sqlite_error_code() == Some(ErrorCode::DiskFull),
            _ => false,
        }
    }

    fn is_read_only(&self) -> bool {
        match self {
            Self::Io(error) => {
                matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
            }
            Self::Sqlite(error) => error.sqlite_error_code() == Some(ErrorCode::ReadOnly),
            _ => false,
        }
    }
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<rusqlite::Error> for Problem {
    fn from(error: rusqlite::Error) -> Self {
        match (error.sqlite_error_code(), &error) {
            (Some(ErrorCode::NotADatabase), _) => Self::Foreign,
            (Some(ErrorCode::DatabaseCorrupt), _) | (_, rusqlite::Error::FromSqlConversionFailure(..)) => {
                Self::Damaged(error.to_string())
            }
            _ => Self::Sqlite(error),
        }
    }
}

impl From<StoreError> for JournalError {
    fn from(error: StoreError) -> Self {
        Self::new(error.to_string())
    }
}
