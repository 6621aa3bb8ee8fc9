//! What became of an update, and how a delivery as a whole is.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use contact_sink_core::{Applied, ContactUpdate, ErrorCode, Field, Rejection, Retry, SinkError};
use tokio::time::Instant;

use crate::JournalError;

/// What became of one update. Each update has exactly one.
#[derive(Debug, Clone, PartialEq)]
#[must_use = "an update that was not accepted is to be corrected or sent again"]
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
        /// The fields that were stored all the same.
        stored: Vec<Field>,
        /// `Maybe` if the answer to an earlier attempt was lost: it may be set as that attempt asked.
        earlier: Applied,
    },
    /// It has no verdict. Send the *current* value of its subject again: this one may be old by then.
    Undelivered {
        /// Whether an attempt may have been applied: its answer was lost, or left it open.
        applied: Applied,
        /// Why.
        cause: Undelivered,
        /// The update.
        update: ContactUpdate,
    },
}

impl Outcome {
    /// Whether the vendor took this update. [`Outcome::into_result`] also takes those as done that need not be sent.
    pub fn is_accepted(&self) -> bool {
        matches!(self, Self::Accepted)
    }

    /// `Ok` if nothing is left to do: [`Accepted`](Self::Accepted), [`Unchanged`](Self::Unchanged),
    /// [`Superseded`](Self::Superseded).
    ///
    /// # Errors
    /// [`NotAccepted`] if the update was rejected or is undelivered. It has the outcome, and with it the update.
    pub fn into_result(self) -> Result<(), NotAccepted> {
        match self {
            Self::Accepted | Self::Unchanged | Self::Superseded => Ok(()),
            Self::Rejected { .. } | Self::Undelivered { .. } => Err(NotAccepted(Box::new(self))),
        }
    }
}

/// An update was rejected or is undelivered, see [`Outcome::into_result`].
///
/// `Display` has the reasons of a rejection, and no id, value or text of the vendor's. The source is the failure or the stop
/// that left an update undelivered.
#[derive(Debug, Clone, PartialEq)]
pub struct NotAccepted(Box<Outcome>);

impl NotAccepted {
    /// The outcome.
    pub fn outcome(&self) -> &Outcome {
        &self.0
    }

    /// Gives the outcome back.
    pub fn into_outcome(self) -> Outcome {
        *self.0
    }
}

impl fmt::Display for NotAccepted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Outcome::Rejected { rejections, .. } => {
                f.write_str("the update was rejected")?;
                let mut separator = ": ";
                for rejection in rejections {
                    write!(f, "{separator}{rejection}")?;
                    separator = "; ";
                }
                Ok(())
            }
            Outcome::Undelivered { cause, .. } => write!(f, "the update is undelivered: {}", cause.summary()),
            Outcome::Accepted | Outcome::Unchanged | Outcome::Superseded => f.write_str("nothing is left to do"),
        }
    }
}

impl Error for NotAccepted {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &*self.0 {
            Outcome::Undelivered { cause: Undelivered::Stopped(stop), .. } => Some(&**stop),
            Outcome::Undelivered { cause, .. } => cause.error().map(|error| error as _),
            _ => None,
        }
    }
}

/// Why an update has no verdict.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Undelivered {
    /// [`Delivery::close`](crate::Delivery::close) or [`Delivery::halt`](crate::Delivery::halt) was called before.
    Closed,
    /// Its deadline passed, or its caller left.
    Deadline,
    /// It failed as often as [`Options::max_attempts`](crate::Options::max_attempts) allows, last with this error; or an earlier
    /// update of its subject did, which must be sent again first.
    Attempts(Arc<SinkError>),
    /// The delivery is paused: the vendor answered that a person must act. It continues by itself.
    Paused(Arc<SinkError>),
    /// The delivery has stopped for good.
    Stopped(Arc<Stop>),
    /// Code of the sink or of the journal panicked, or the runtime of the delivery is gone.
    Broken,
}

impl Undelivered {
    /// The failure of a request that led to it, if there is one.
    pub fn error(&self) -> Option<&SinkError> {
        match self {
            Self::Attempts(error) | Self::Paused(error) => Some(error),
            Self::Stopped(stop) => stop.error(),
            Self::Closed | Self::Deadline | Self::Broken => None,
        }
    }

    /// What a stop means for the updates that are left.
    pub(crate) fn by(stop: &Arc<Stop>) -> Self {
        if **stop == Stop::Halted { Self::Closed } else { Self::Stopped(stop.clone()) }
    }
}

impl Undelivered {
    /// The cause in a few words, without the failure or the stop that is behind it.
    fn summary(&self) -> &'static str {
        match self {
            Self::Closed => "the delivery was closed before",
            Self::Deadline => "its deadline passed, or its caller left",
            Self::Attempts(_) => "it failed as often as is allowed",
            Self::Paused(_) => "the delivery is paused",
            Self::Stopped(_) => "the delivery has stopped",
            Self::Broken => "code that the delivery called panicked, or its runtime is gone",
        }
    }
}

impl fmt::Display for Undelivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.summary())?;
        match self {
            Self::Attempts(error) => write!(f, ", last with: {error}"),
            Self::Paused(error) => write!(f, ": {error}: {}", error.advice()),
            Self::Stopped(stop) => write!(f, ": {stop}"),
            Self::Closed | Self::Deadline | Self::Broken => Ok(()),
        }
    }
}

/// The state of a delivery, see [`Delivery::health`](crate::Delivery::health).
///
/// A readiness check fails for [`Health::Stopped`] only: in all other states the delivery continues by itself.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Health {
    /// Nothing was accepted yet: one request at a time is sent.
    Starting {
        /// Nothing is sent before, see [`Options::first_after`](crate::Options::first_after).
        until: Instant,
    },
    /// All is well.
    Normal,
    /// The vendor is down: one request at a time probes.
    Outage {
        /// When it was noticed.
        since: Instant,
        /// The failure that it was noticed by.
        cause: Arc<SinkError>,
    },
    /// Everything is refused alike: canaries find out whether anything is accepted. Runs only.
    Probing,
    /// The vendor answered that a person must act, about the credentials for example: one canary at a time is sent. Services only.
    Paused {
        /// When it was noticed.
        since: Instant,
        /// What the vendor answered.
        cause: Arc<SinkError>,
    },
    /// Nothing is sent any more.
    Stopped(Arc<Stop>),
}

impl Health {
    /// All names of a state, as metrics use them.
    pub(crate) const NAMES: [&str; 6] = ["starting", "normal", "outage", "probing", "paused", "stopped"];

    /// The name of the state in one word: `outage`.
    pub fn name(&self) -> &'static str {
        let nth = match self {
            Self::Starting { .. } => 0,
            Self::Normal => 1,
            Self::Outage { .. } => 2,
            Self::Probing => 3,
            Self::Paused { .. } => 4,
            Self::Stopped(_) => 5,
        };
        Self::NAMES[nth]
    }
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
    /// Updates that have no verdict.
    pub undelivered: u64,
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
    /// [`Options::with_unreachable_after`](crate::Options::with_unreachable_after) and [`Options::with_patience`](crate::Options::with_patience).
    pub unreachable_for: Option<Duration>,
    /// Why the lane stopped, if it did.
    pub stop: Option<Stop>,
}

impl Summary {
    /// The shortest wait that [`Summary::waits`] tells.
    pub(crate) const SHORTEST_WAIT: Duration = Duration::from_secs(1);

    pub(crate) fn count(&mut self, outcome: &Outcome) {
        *match outcome {
            Outcome::Accepted => &mut self.accepted,
            Outcome::Unchanged => &mut self.unchanged,
            Outcome::Superseded => &mut self.superseded,
            Outcome::Rejected { .. } => &mut self.rejected,
            Outcome::Undelivered { .. } => &mut self.undelivered,
        } += 1;
    }
}

/// Why a delivery sends nothing any more.
///
/// It is an error. `Display` is one line for a person, which says what to do and so names the cause too; the source is that
/// cause for programs: a [`SinkError`] or a [`JournalError`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Stop {
    /// An error that sending again cannot correct.
    Failed(Arc<SinkError>),
    /// Nothing gets through to the vendor: no answer decides anything about an update. See
    /// [`Options::with_unreachable_after`](crate::Options::with_unreachable_after) and [`Options::with_patience`](crate::Options::with_patience).
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
    /// So many subjects have an update that ran out of attempts that the rest is left to the next run.
    TooManyUndelivered {
        /// How many subjects.
        subjects: usize,
        /// The latest failure.
        cause: Arc<SinkError>,
    },
    /// The [`Journal`](crate::Journal) cannot be read or written: nothing new is sent that could not be written down.
    Journal(JournalError),
    /// The lane's task has ended before its work: its runtime is gone, or code that it called panicked, such as a journal's. Or the
    /// runtime of its requests is gone, see [`Options::requests_on`](crate::Options::requests_on).
    Broken,
    /// [`Delivery::halt`](crate::Delivery::halt) was called, or the time given to
    /// [`Delivery::close`](crate::Delivery::close) was over.
    Halted,
}

impl Stop {
    /// The kind in one word, as logs and metrics use it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Failed(_) => "failed",
            Self::Unreachable { .. } => "unreachable",
            Self::RefusedAlike { .. } => "refused_alike",
            Self::TooManyRejected { .. } => "too_many_rejected",
            Self::TooManyUndelivered { .. } => "too_many_undelivered",
            Self::Journal(_) => "journal",
            Self::Broken => "broken",
            Self::Halted => "halted",
        }
    }

    /// The failure of a request that led to it, if there is one.
    pub fn error(&self) -> Option<&SinkError> {
        match self {
            Self::Failed(error) => Some(error),
            Self::Unreachable { cause, .. } | Self::TooManyUndelivered { cause, .. } => Some(cause),
            _ => None,
        }
    }
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
            Self::TooManyUndelivered { subjects, cause } => {
                write!(f, "updates of {subjects} users ran out of attempts, last with: {cause}: {}", cause.advice())
            }
            Self::Journal(error) => write!(f, "{error}"),
            Self::Broken => f.write_str("its task has ended: its runtime is gone, or code that it called panicked"),
            Self::Halted => f.write_str("it was asked to stop"),
        }
    }
}

impl Error for Stop {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Journal(error) => Some(error),
            _ => self.error().map(|error| error as _),
        }
    }
}

/// To the nearest second, and never none.
fn whole_seconds(duration: Duration) -> u64 {
    duration.saturating_add(Duration::from_millis(500)).as_secs().max(1)
}
