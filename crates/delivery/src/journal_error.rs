//! Why a journal failed.

use std::fmt;

/// Why a journal could not be read or written: in words for a person, without a contact's data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalError(String);

impl JournalError {
    /// In lower case, without a full stop: `the journal growth.sqlite cannot be written: disk full`.
    pub fn new(problem: impl Into<String>) -> Self {
        Self(problem.into())
    }
}

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for JournalError {}
