//! The two sinks, and how both judge the result of one account.

mod attributes;
mod friends;

use contact_sink_core::{Applied, Code, Effect, ErrorCode, Rejection, SinkError, Verdict};
use contact_sink_transport::refusal;
use http::StatusCode;

use crate::VENDOR;
use crate::codes::{CODES, find_code};

pub use attributes::AttributesSink;
pub use friends::FriendsSink;

/// The verdict on one account by its own code. A lack of permission stops the run, also from here: of the other accounts it is
/// then open whether they were stored. Other codes that stop a request cannot mean one account of a request that went through:
/// they are refusals that the table does not explain.
fn of_item(operation: &'static str, status: StatusCode, code: Option<i64>, info: &str) -> Result<Verdict, SinkError> {
    let line = code.and_then(find_code);
    let code = code.map(ErrorCode::from);
    let rejected = |rejection: Rejection| Ok(Verdict::Rejected(rejection.with_vendor_text(info)));
    match line.map_or(Effect::Rejects, Code::effect_on_item) {
        Effect::Accepts => Ok(Verdict::Accepted),
        Effect::Retries | Effect::Throttles | Effect::Renews => Ok(Verdict::Retry { code }),
        Effect::Stops(_) => match line.filter(|line| line.item_effect.is_some()) {
            Some(line) => {
                let error = line.error_on_item(VENDOR, operation).map(|error| error.with_status(status.as_u16()));
                error.map_or_else(
                    || rejected(refusal(CODES, code, StatusCode::OK)),
                    |error| Err(error.with_applied(Applied::Maybe)),
                )
            }
            None => rejected(Rejection::unlisted(code, line.map_or("an unknown code", |line| line.meaning))),
        },
        _ => rejected(refusal(CODES, code, StatusCode::OK)),
    }
}

/// The verdicts, or the error of a quota that every account was refused for: then it is the request that is to wait.
fn unless_throttled(
    operation: &'static str,
    status: StatusCode,
    verdicts: Vec<Verdict>,
) -> Result<Vec<Verdict>, SinkError> {
    let throttling = |verdict: &Verdict| match verdict {
        Verdict::Retry { code } => code.clone().and_then(find_code).filter(|line| line.effect == Effect::Throttles),
        _ => None,
    };
    match verdicts.first().and_then(throttling).and_then(|line| line.error_on_item(VENDOR, operation)) {
        Some(error) if verdicts.iter().all(|verdict| throttling(verdict).is_some()) => {
            Err(error.with_status(status.as_u16()))
        }
        _ => Ok(verdicts),
    }
}
