//! Why a destination ended before its last row: in one word, and for a person.

use std::path::Path;

use contact_sink_delivery::{JournalError, Stop};

use super::interrupt::TimeLimit;
use super::ledger::FileFailed;
use crate::report::StopReport;

/// What ended a run before its time.
pub enum End {
    Stopped(Stop),
    /// A file beside the journal cannot be written.
    File(FileFailed),
    Journal(JournalError),
    Unreadable(String),
    Interrupted,
    /// The time is up that the user gave it.
    TimeIsUp(TimeLimit),
    /// A panic, which says so itself.
    Broken,
}

/// What is said of an end. `rejected`: where this command puts files of rejected rows.
pub fn report(end: &End, vendor: &str, rejected: &Path) -> StopReport {
    let message = match end {
        End::Stopped(stop @ (Stop::RefusedAlike { .. } | Stop::TooManyRejected { .. })) => {
            format!("{stop}{}; --max-rejected 100% switches this stop off", explanation(vendor, stop))
        }
        End::Stopped(stop) => stop.to_string(),
        End::File(FileFailed::RejectedRows(problem)) => format!(
            "the file of rejected rows in {} cannot be written: {problem}: make room or name another place with --rejected: what it \
             lacks is written by the next run",
            rejected.display()
        ),
        End::File(FileFailed::Outcomes(problem)) => {
            format!(
                "the file of outcomes cannot be written: {problem}: make room or name another place with --outcomes"
            )
        }
        End::Journal(problem) => {
            format!("{problem}: nothing was sent after that")
        }
        End::Unreadable(problem) => problem.clone(),
        End::Interrupted => "interrupted".to_owned(),
        End::TimeIsUp(limit) => format!("the time is up: {limit}"),
        End::Broken => {
            "a mistake in this program, which is said above: please report it; rows that are not counted are pending"
                .to_owned()
        }
    };
    StopReport { kind: kind(end).to_owned(), message }
}

fn kind(end: &End) -> &'static str {
    match end {
        End::Stopped(Stop::Failed(_)) => "vendor_error",
        End::Stopped(Stop::Unreachable { .. }) => "unreachable",
        End::Stopped(Stop::RefusedAlike { .. }) => "refused_alike",
        End::Stopped(Stop::TooManyRejected { .. }) => "too_many_rejected",
        End::Stopped(Stop::TooManyUndelivered { .. }) => "too_many_undelivered",
        End::Stopped(Stop::Journal(_)) | End::Journal(_) => "journal",
        End::Stopped(_) | End::Broken => "internal_error",
        End::File(FileFailed::RejectedRows(_)) => "rejected_rows",
        End::File(FileFailed::Outcomes(_)) => "outcomes",
        End::Unreadable(_) => "input",
        End::Interrupted => "interrupted",
        End::TimeIsUp(_) => "time_limit",
    }
}

/// Where the code is explained by which everything was refused, if the vendor's table has it.
fn explanation(vendor: &str, stop: &Stop) -> String {
    match stop {
        Stop::RefusedAlike { code: Some(code), .. } if crate::explain::knows(vendor, code) => {
            format!("; `contact-sink explain {vendor} {code}` says more")
        }
        _ => String::new(),
    }
}
