//! Drives any [`ContactSink`](contact_sink_core::ContactSink): order, batches, pace, retries, isolation of bad updates, and
//! stopping when the run as a whole is wrong.
//!
//! A [`Delivery`] is a handle on one sink, one limiter and one order. Clone it and share it; every update that is given to it ends in
//! exactly one [`Outcome`].
//!
//! 1. An update is validated before anything is sent.
//! 2. Two updates of one subject are never in flight together, and a later one is never sent before an earlier one has its outcome.
//! 3. Updates share requests by the sink's key and limit, by count or linger time, whichever comes first. A batch that failed three
//!    times while other requests succeeded is halved.
//! 4. Departures follow the sink's quota, see [`Limiter`].
//! 5. What failed is sent again, with full jitter.
//! 6. After an attempt without an answer a different value of its subject is held back, see [`Options::maybe_applied_hold`].
//! 7. A request that the vendor refused as a whole is taken apart until each update has its own answer.
//! 8. An update of [`Delivery::deliver`] is sent before those of [`Delivery::deliver_all`].
//!
//! A run ends and is delivered again; a service never ends. What they do not share is in the table of [`Options`].
//!
//! Nothing is kept on disk here, and no memory grows with the length of the input or the life of the delivery. What must outlive the
//! process is told to a [`Journal`] before the callers: the crate `contact-sink-journal` has one.
#![doc = include_str!("usage.md")]
#![doc = include_str!("observe.md")]

mod backoff;
mod buffer;
mod delivery;
mod journal;
mod journal_error;
mod lane;
mod limiter;
mod observe;
mod options;
mod outcome;
mod outcomes;
mod shared;
mod slab;

/// Types of other crates that are in signatures here.
pub use futures_core::Stream;
pub use tokio::{sync::watch, time::Instant};

pub use delivery::{Delivery, Full, Ticket};
pub use journal::{Admission, Departing, Journal, Numbered, Settled};
pub use journal_error::JournalError;
pub use limiter::{Limiter, Permit};
pub use options::{MaxRejected, Options};
pub use outcome::{Health, NotAccepted, Outcome, Stop, Summary, Undelivered};
pub use outcomes::{Outcomes, TryOutcomes};
