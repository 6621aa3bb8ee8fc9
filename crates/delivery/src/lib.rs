//! Drives any [`ContactSink`](contact_sink_core::ContactSink): order, batches, pace, retries, isolation of bad updates, and
//! stopping when the run as a whole is wrong.
//!
//! A [`Delivery`] is a handle on one lane: one sink, one limiter, one order. Clone it and share it; every update that is
//! given to it ends in exactly one [`Outcome`].
//!
//! 1. An update is validated before anything is sent.
//! 2. Two updates of one subject are never in flight together, and the later never overtakes the earlier.
//! 3. Updates share requests by the sink's key and limit, by count or linger time, whichever comes first.
//! 4. Departures follow the sink's quota, see [`Limiter`].
//! 5. What failed is sent again, with full jitter and within a budget; what ran out of tries is [`Outcome::Unsettled`].
//! 6. A request that the vendor refused as a whole is taken apart until each update has its own answer.
//! 7. The lane stops when a person must act (credentials, a wrong base URL), when everything is refused alike (a wrong key or
//!    label must not make a million dead letters), or when too much is rejected, see [`MaxRejected`]. To tell a wrong key from
//!    bad rows that stand together, the last batch of an input leaves when what left before it is answered and taken apart.
//!
//! Nothing is kept on disk here and no memory grows with the length of the input.

mod backoff;
mod delivery;
mod lane;
mod limiter;
mod options;
mod outcome;
mod outcomes;
mod room;

pub use delivery::Delivery;
pub use limiter::{Limiter, Permit};
pub use options::{MaxRejected, Options};
pub use outcome::{Outcome, Stop, Summary};
pub use outcomes::Outcomes;
