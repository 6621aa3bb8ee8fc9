//! The two sinks, and how both judge the result of one account.

mod attributes;
mod friends;

use contact_sink_core::{Applied, Code, Effect, Rejection, SinkError, Verdict};
use contact_sink_transport::refusal;
use http::StatusCode;

use crate::VENDOR;
use crate::codes::{CODES, find_code};

pub use attributes::AttributesSink;
pub use friends::FriendsSink;

/// The verdict on one account by its own code. What concerns the run as a whole stops it, also from here: of the other
/// accounts it is then open whether they were stored.
fn of_item(operation: &'static str, status: StatusCode, code: Option<i64>, info: &str) -> Result<Verdict, SinkError> {
    let line = code.and_then(find_code);
    let effect = line.map_or(Effect::Rejects, Code::effect_on_item);
    match effect {
        Effect::Accepts => Ok(Verdict::Accepted),
        Effect::Retries | Effect::Throttles | Effect::Renews => Ok(Verdict::Retry { code }),
        Effect::Stops(_) => {
            let error = line.and_then(|line| line.error(effect, VENDOR, operation));
            let error = error.map(|error| error.with_status(status.as_u16()).with_applied(Applied::Perhaps));
            error.map_or_else(|| Ok(Verdict::Rejected(rejection(code, info))), Err)
        }
        _ => Ok(Verdict::Rejected(rejection(code, info))),
    }
}

fn rejection(code: Option<i64>, info: &str) -> Rejection {
    refusal(CODES, code, StatusCode::OK).with_vendor_text(info)
}
