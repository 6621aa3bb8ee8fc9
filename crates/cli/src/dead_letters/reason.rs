//! Why a row was rejected, and where it comes from.

use contact_sink_core::{Applied, ErrorCode, Rejection};
use contact_sink_mapping::{Mapping, Problem, REJECTED_BY_RUN};

/// Why a row was rejected or skipped.
#[derive(Default)]
pub struct Reason {
    /// The column to blame, if it is known.
    pub column: Option<String>,
    /// The vendor's code, if there was one.
    pub code: Option<ErrorCode>,
    /// What it means, in our words.
    pub reason: String,
    /// The same for a count of rows: with the column, and without a place in the row.
    counted_as: String,
    /// What the vendor wrote: for this file alone.
    pub vendor_text: Option<String>,
}

impl Reason {
    /// A rule on rows that are fed back.
    pub fn by_fed_back(reason: &str) -> Self {
        Self {
            column: Some(REJECTED_BY_RUN.to_owned()),
            reason: reason.to_owned(),
            counted_as: format!("column {REJECTED_BY_RUN:?}: {reason}"),
            ..Self::default()
        }
    }

    /// There is nothing to send of a row.
    pub fn to_skip(reason: &str) -> Self {
        Self { reason: reason.to_owned(), counted_as: reason.to_owned(), ..Self::default() }
    }

    /// A rule on rows.
    pub fn by_rule(problem: &Problem) -> Self {
        Self {
            column: problem.column().map(str::to_owned),
            reason: problem.reason().to_owned(),
            counted_as: problem.counted_as().to_owned(),
            ..Self::default()
        }
    }

    /// What it is counted as: the vendor's code, and the words for a count of rows.
    pub fn counted(&self) -> (Option<ErrorCode>, String) {
        (self.code.clone(), self.counted_as.clone())
    }

    /// A rule of the sink, or the vendor's word. What names no field is about the subject. An earlier attempt, whose answer was
    /// lost, may have applied what this one was refused for.
    pub fn by_sink(rejection: &Rejection, earlier: Applied, mapping: &Mapping) -> Self {
        let reason = match earlier {
            Applied::No => rejection.reason().to_owned(),
            Applied::Maybe => {
                format!("{}; an earlier attempt, whose answer was lost, may have applied it", rejection.reason())
            }
        };
        let column = rejection.field().and_then(|field| mapping.column_of(field));
        let column = column.unwrap_or_else(|| mapping.subject().blamed(rejection.subject()));
        Self {
            counted_as: format!("column {column:?}: {}", rejection.reason()),
            column: Some(column.to_owned()),
            code: rejection.code().cloned(),
            reason,
            vendor_text: rejection.vendor_text().map(str::to_owned),
        }
    }
}

/// Where a rejected row comes from.
pub struct Place<'a> {
    pub destination: &'a str,
    pub run: &'a str,
    /// Not known of a row that is fed back without it.
    pub line: Option<u64>,
}
