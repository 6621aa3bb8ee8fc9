//! Why a journal cannot be used.

use std::path::PathBuf;

use contact_sink_delivery::JournalError;

/// Why a journal cannot be opened. Nothing in it was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The file system says no.
    #[error("{}: {source}", path.display())]
    Io {
        /// What was to be opened or made.
        path: PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
    /// It is a file of something else.
    #[error("{}: it is no journal of contact-sink: move it away", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// Another version of this crate wrote it.
    #[error("{}: its format is version {version}, and this program knows version {known}: {}", path.display(), what_to_do(*version, *known))]
    Version {
        /// The file.
        path: PathBuf,
        /// What it says.
        version: i64,
        /// What is known here.
        known: i64,
    },
    /// It was made under another key.
    #[error(
        "{}: it was made under another key than the one in index.key beside it: put that key back, or move the journal \
         away: then it is not known any more what was sent, and everything is sent again",
        path.display()
    )]
    OtherKey {
        /// The file.
        path: PathBuf,
    },
    /// It was changed by something else, or a part of it is gone.
    #[error("{}: {problem}: it is damaged: put a copy back, or move it away: then it is not known any more what was sent", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// SQLite's word.
        problem: String,
    },
    /// SQLite cannot read or write it.
    #[error("{}: {problem}", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// SQLite's word.
        problem: String,
    },
}

impl OpenError {
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        |source| Self::Io { path, source }
    }

    pub(crate) fn sqlite(path: impl Into<PathBuf>) -> impl FnOnce(rusqlite::Error) -> Self {
        let path = path.into();
        move |error| match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::NotADatabase) => Self::Foreign { path },
            Some(rusqlite::ErrorCode::DatabaseCorrupt) => Self::Damaged { path, problem: error.to_string() },
            _ => Self::Broken { path, problem: error.to_string() },
        }
    }
}

fn what_to_do(version: i64, known: i64) -> &'static str {
    if version > known {
        "use the program that wrote it"
    } else {
        "finish its runs with the program that wrote it, then move the journal away; what is not finished is sent again"
    }
}

/// A failure while a run is under way.
pub(crate) fn failed(path: &std::path::Path, error: &dyn std::fmt::Display) -> JournalError {
    JournalError::new(format!(
        "the journal {} cannot be written: {error}: make room, or end what holds the file",
        path.display()
    ))
}
