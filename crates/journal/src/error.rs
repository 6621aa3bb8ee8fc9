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
    /// What the file is to be: `journal` or `index`.
    of: &'static str,
    path: PathBuf,
    pub(crate) problem: Problem,
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

    pub(crate) fn journal<P: Into<Problem>>(path: impl Into<PathBuf>) -> impl FnOnce(P) -> Self {
        let path = path.into();
        move |problem| Self { of: "journal", path, problem: problem.into() }
    }

    pub(crate) fn index<P: Into<Problem>>(path: impl Into<PathBuf>) -> impl FnOnce(P) -> Self {
        let path = path.into();
        move |problem| Self { of: "index", path, problem: problem.into() }
    }
}

impl std::error::Error for StoreError {}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LOST: &str = "then it is not known any more what was sent, and everything is sent again";
        let of = self.of;
        write!(f, "{}: ", self.path.display())?;
        match &self.problem {
            Problem::Foreign => write!(f, "it is no {of} of contact-sink: move it away"),
            Problem::Version { version, known } => {
                let advice = match of {
                    _ if version > known => "use the program that wrote it",
                    "index" => "move it away: everything is sent again",
                    _ => {
                        "finish its runs with the program that wrote it, then move it away; what is not finished is sent again"
                    }
                };
                write!(f, "its format is version {version}, and this program knows version {known}: {advice}")
            }
            Problem::OtherKey => write!(
                f,
                "it was made under another key than the one in index.key beside it: put that key back, or move the {of} away: {LOST}"
            ),
            Problem::InUse(by) => write!(f, "it is in use by {by}"),
            Problem::Damaged(problem) => {
                write!(f, "{problem}: it is damaged: put a copy back, or move it away: {LOST}")
            }
            Problem::Beside { path, source } => write!(f, "{}: {source}", path.display()),
            Problem::Io(error) => write!(f, "{error}{}", self.problem.advice()),
            Problem::Sqlite(error) => write!(f, "{error}{}", self.problem.advice()),
        }
    }
}

impl Problem {
    /// What to do about what the system or SQLite refused.
    fn advice(&self) -> &'static str {
        use io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem, StorageFull};
        let (io, sqlite) = match self {
            Self::Io(error) => (Some(error.kind()), None),
            Self::Sqlite(error) => (None, error.sqlite_error_code()),
            _ => (None, None),
        };
        match (io, sqlite) {
            (Some(StorageFull), _) | (_, Some(ErrorCode::DiskFull)) => ": make room",
            (Some(PermissionDenied | ReadOnlyFilesystem), _) | (_, Some(ErrorCode::ReadOnly)) => {
                ": make the file and its directory writable"
            }
            _ => "",
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
