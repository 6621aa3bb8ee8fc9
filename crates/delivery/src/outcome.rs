//! What became of an update, and of a lane as a whole.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use contact_sink_core::{Applied, ErrorCode, Field, Rejection, Retry, SinkError};

use crate::JournalError;

/// What became of one update. Definite: each update has exactly one.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// The vendor took it.
    Accepted,
    /// The vendor has it already, as the [`Journal`](crate::Journal) says: it was not sent.
    Unchanged,
    /// Newer values of all its fields were sent before, as the [`Journal`](crate::Journal) says: it was not sent.
    Superseded,
    /// A rule of ours or of the vendor refused it.
    Rejected {
        /// Why; several if it was sent field by field.
        rejections: Vec<Rejection>,
        /// The fields that did go through all the same.
        stored: Vec<Field>,
        /// `Maybe` if the answer to an earlier attempt was lost: it may be set as that attempt asked.
        earlier: Applied,
    },
    /// Given up or never sent. It is safe to send it again.
    Unsettled {
        /// Whether an attempt may have been applied: its answer was lost, or left it open.
        applied: Applied,
        /// The last failure, if there was one.
        cause: Option<Arc<SinkError>>,
    },
}

/// What a lane has done so far.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Summary {
    /// Updates that the vendor took.
    pub accepted: u64,
    /// Updates that were not sent, because the vendor has them already.
    pub unchanged: u64,
    /// Updates that were not sent, because newer values were sent before.
    pub superseded: u64,
    /// Updates that were refused.
    pub rejected: u64,
    /// Updates that were given up or never sent.
    pub unsettled: u64,
    /// Requests that left, all kinds together.
    pub requests: u64,
    /// Of these, requests that sent again what had failed.
    pub retries: u64,
    /// Of these, requests that were made to find out which update is to blame.
    pub isolation_requests: u64,
    /// For how long nothing leaves, though updates wait and none is in flight: the vendor asked for it (`Retry-After`, an hour
    /// at most), throttled, or failed so often that the pause has grown. `None` if it is under a second.
    pub waits: Option<Duration>,
    /// For how long nothing has got through, if the lane takes the vendor for down and probes with one request at a time, see
    /// [`Options::unreachable_after`](crate::Options::unreachable_after) and [`Options::patience`](crate::Options::patience).
    pub unreachable_for: Option<Duration>,
    /// Why the lane stopped, if it did.
    pub stop: Option<Stop>,
}

impl Summary {
    /// The shortest wait that [`Summary::waits`] tells.
    pub(crate) const SHORTEST_WAIT: Duration = Duration::from_secs(1);
}

/// Why a lane sends nothing any more.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Stop {
    /// An error that sending again cannot mend.
    Failed(Arc<SinkError>),
    /// Nothing gets through to the vendor: no answer decides anything about an update. See
    /// [`Options::unreachable_after`](crate::Options::unreachable_after) and [`Options::patience`](crate::Options::patience).
    Unreachable {
        /// Requests that did not get through.
        tried: u32,
        /// How long the lane went on: since the first of them left, or if something had got through before, failed.
        after: Duration,
        /// Whether something had got through before.
        reached_before: bool,
        /// The last failure.
        cause: Arc<SinkError>,
    },
    /// Everything was refused, and so were tries spread over what was waiting: the mapping or an account is wrong, not the
    /// updates. None of them counts as rejected.
    RefusedAlike {
        /// The commonest code among them.
        code: Option<ErrorCode>,
        /// What it means, in our words.
        reason: String,
        /// How many were refused in a row.
        refused: u64,
    },
    /// More was rejected than [`MaxRejected`](crate::MaxRejected) allows.
    TooManyRejected {
        /// How many were rejected.
        rejected: u64,
        /// Of how many outcomes.
        outcomes: u64,
    },
    /// The [`Journal`](crate::Journal) cannot be read or written: nothing new is sent that could not be written down.
    Journal(JournalError),
    /// The lane's task has ended before its work: its runtime is gone, or code that it called panicked, such as a journal's.
    Broken,
    /// [`Delivery::halt`](crate::Delivery::halt) was called, or the time given to
    /// [`Delivery::close`](crate::Delivery::close) was over.
    Halted,
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => write!(f, "{error}: {}", error.advice()),
            Self::Unreachable { tried, after, reached_before, cause } => {
                let requests = if *tried == 1 { "request" } else { "requests" };
                let time = match whole_seconds(*after) {
                    seconds @ ..120 => format!("{seconds} s"),
                    seconds => format!("{} min", seconds / 60),
                };
                match reached_before {
                    true => write!(f, "nothing got through for {time}, {tried} {requests}")?,
                    false => write!(f, "nothing got through, {tried} {requests} within {time}")?,
                }
                write!(f, "; the last failure: {cause}")?;
                if cause.applied() == Applied::Maybe {
                    f.write_str("; the requests may have been stored")?;
                }
                if let Retry::After(wait) = cause.retry() {
                    write!(f, ", to be sent again after {} s", whole_seconds(wait))?;
                }
                write!(f, ": {}", cause.advice())
            }
            Self::RefusedAlike { code, reason, refused } => {
                write!(f, "{refused} updates in a row were refused and none was accepted, most of them with ")?;
                match code {
                    Some(code) => write!(f, "code {code} ({reason})")?,
                    None => write!(f, "no code ({reason})")?,
                }
                f.write_str(": compare the credentials, the quota, and the channels, labels and names of the mapping with the vendor's console")
            }
            Self::TooManyRejected { rejected, outcomes } => {
                write!(f, "{rejected} of {outcomes} updates were rejected: compare the mapping with the input")
            }
            Self::Journal(error) => write!(f, "{error}"),
            Self::Broken => f.write_str("its task has ended: its runtime is gone, or code that it called panicked"),
            Self::Halted => f.write_str("it was asked to stop"),
        }
    }
}

/// To the nearest second, and never none.
fn whole_seconds(duration: Duration) -> u64 {
    duration.saturating_add(Duration::from_millis(500)).as_secs().max(1)
}
