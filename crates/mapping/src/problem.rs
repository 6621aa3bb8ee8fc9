//! Why a record makes no update.

use std::fmt;

/// Why a record makes no update: the column, and the rule in our words. It holds no value of the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    column: Option<String>,
    reason: String,
    counted_as: String,
}

impl Problem {
    /// What is wrong with the value of one column.
    pub(crate) fn of_column(column: &str, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self { column: Some(column.to_owned()), counted_as: format!("column {column:?}: {reason}"), reason }
    }

    /// The column that identifies the record is empty.
    pub(crate) fn empty_id(column: &str) -> Self {
        let reason = format!("the id column {column:?} is empty");
        Self { column: Some(column.to_owned()), counted_as: reason.clone(), reason }
    }

    /// What is wrong with the record as a whole, and the same without a place in it.
    pub(crate) fn of_record(reason: impl Into<String>, counted_as: impl Into<String>) -> Self {
        Self { column: None, reason: reason.into(), counted_as: counted_as.into() }
    }

    /// The column, if it is one column's value.
    pub fn column(&self) -> Option<&str> {
        self.column.as_deref()
    }

    /// What is wrong.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The same for a count of records: with the name of the column, and without a place in the record.
    pub fn counted_as(&self) -> &str {
        &self.counted_as
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.column.is_some() { &self.counted_as } else { &self.reason })
    }
}

impl std::error::Error for Problem {}
