//! The spans and events of `tracing`, as the crate's page lists them.

use std::time::Duration;

use contact_sink_core::{ErrorCode, Rejection, SinkError, Verdict};
use tracing::{Span, Value, debug, info, info_span, warn};

use super::{Leaving, kind_name};
use crate::{Outcome, Stop};

/// Under which all of it is filtered.
const TARGET: &str = "contact_sink_delivery";

pub(super) fn request(name: &str, leaving: &Leaving) -> Span {
    let Leaving { purpose, updates, attempt, numbers, .. } = *leaving;
    let (first, last) = (numbers.map(|(first, _)| first), numbers.map(|(_, last)| last));
    info_span!(target: TARGET, "request", destination = name, purpose, updates, attempt, first, last)
}

pub(super) fn answered(name: &str, answer: &Result<Vec<Verdict>, SinkError>, took: Duration) {
    let duration_ms = milliseconds(took);
    match answer {
        Ok(verdicts) => {
            let count = |is: fn(&Verdict) -> bool| verdicts.iter().filter(|verdict| is(verdict)).count();
            debug!(
                target: TARGET,
                destination = name,
                duration_ms,
                accepted = count(|verdict| matches!(verdict, Verdict::Accepted)),
                rejected = count(|verdict| matches!(verdict, Verdict::Rejected(_))),
                retry = count(|verdict| matches!(verdict, Verdict::Retry { .. })),
                undecided = count(|verdict| matches!(verdict, Verdict::Undecided(_))),
                code = verdicts.iter().find_map(code).map(value),
                "answer"
            );
        }
        Err(error) => info!(
            target: TARGET,
            destination = name,
            duration_ms,
            vendor = error.vendor(),
            operation = error.operation(),
            kind = kind_name(error.kind()),
            status = error.status(),
            code = error.code().map(value),
            "answer"
        ),
    }
}

pub(super) fn retries(name: &str, purpose: &str, updates: usize, attempt: u32, wait: Duration) {
    info!(target: TARGET, destination = name, purpose, updates, attempt, wait_ms = milliseconds(wait), "retry");
}

pub(super) fn gives_up(name: &str, updates: usize) {
    warn!(target: TARGET, destination = name, updates, "out of tries");
}

pub(super) fn settled<'o>(name: &str, outcomes: impl Iterator<Item = &'o Outcome>) {
    for outcome in outcomes {
        if let Outcome::Rejected { rejections, stored, .. } = outcome {
            let code = rejections.iter().find_map(Rejection::code).map(value);
            debug!(target: TARGET, destination = name, code, stored = stored.len(), "rejected");
        }
    }
}

pub(super) fn keeps_back(name: &str, code: Option<&ErrorCode>, in_a_row: u64) {
    let code = code.map(value);
    debug!(target: TARGET, destination = name, code, in_a_row, "refused, provisionally");
}

pub(super) fn trial_begins(name: &str, tries: usize) {
    info!(target: TARGET, destination = name, tries, "trial begins");
}

pub(super) fn trial_ends(name: &str) {
    info!(target: TARGET, destination = name, "trial ends");
}

pub(super) fn probing_begins(name: &str, error: &SinkError) {
    let (vendor, operation, kind) = (error.vendor(), error.operation(), kind_name(error.kind()));
    warn!(target: TARGET, destination = name, vendor, operation, kind, "probing begins");
}

pub(super) fn probing_ends(name: &str, after: Duration) {
    warn!(target: TARGET, destination = name, duration_ms = milliseconds(after), "probing ends");
}

pub(super) fn stops(name: &str, reason: &str, why: &Stop) {
    let (error, code, refused) = match why {
        Stop::Failed(error)
        | Stop::Unreachable { cause: error, .. }
        | Stop::TooManyUndelivered { cause: error, .. } => (Some(error), error.code(), None),
        Stop::RefusedAlike { code, refused, .. } => (None, code.as_ref(), Some(*refused)),
        Stop::TooManyRejected { rejected, .. } => (None, None, Some(*rejected)),
        Stop::Journal(_) | Stop::Broken | Stop::Halted => (None, None, None),
    };
    let code = code.map(value);
    let kind = error.map(|error| kind_name(error.kind()));
    let (vendor, operation) = (error.map(|error| error.vendor()), error.map(|error| error.operation()));
    let status = error.and_then(|error| error.status());
    if matches!(why, Stop::Halted) {
        info!(target: TARGET, destination = name, reason, "stop");
    } else {
        warn!(target: TARGET, destination = name, reason, vendor, operation, kind, status, code, refused, "stop");
    }
}

fn code(verdict: &Verdict) -> Option<&ErrorCode> {
    match verdict {
        Verdict::Rejected(rejection) | Verdict::Undecided(rejection) => rejection.code(),
        Verdict::Retry { code } => code.as_ref(),
        _ => None,
    }
}

/// A number stays a number in the log, and a word is text.
fn value(code: &ErrorCode) -> &dyn Value {
    match code {
        ErrorCode::Number(number) => number,
        ErrorCode::Word(word) => word,
        _ => &"another kind of code",
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
