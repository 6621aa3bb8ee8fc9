//! What a delivery tells a journal, so that a run that was cut off can be resumed.

use std::time::Duration;

use contact_sink_core::{Applied, ContactUpdate};

use crate::{JournalError, Outcome};

/// Writes down what becomes of updates, before a caller is told and before the place of a request is given to another one.
///
/// A delivery calls it from its own task and waits: meanwhile nothing is sent and no caller is told, so it must be quick (a write
/// to a file, not a round trip). Each line here is a promise of the delivery:
///
/// - [`Journal::admit`] is asked once for each update that is valid, when every earlier update of its subject is settled.
/// - [`Journal::departs`] is called before each request, with exactly what it will hold. If it fails, the request is not sent.
/// - [`Journal::settled`] is called with the outcomes in their order, each once; with those of several answers together, if they
///   come within a millisecond or two. Their callers are told after it has returned. Until then an answered request keeps its place
///   among those in flight, see [`Options::concurrency`](crate::Options::concurrency).
/// - After a failure none of them is called again: the delivery stops with [`Stop::Journal`](crate::Stop::Journal), also if it had
///   stopped for another reason before. Nothing new is sent, and the outcomes that could not be written are
///   [`Outcome::Undelivered`]: the next run sends these updates again.
/// - When [`Delivery::close`](crate::Delivery::close) returns, the delivery has dropped it. What is given later is not told to it.
pub trait Journal: Send + 'static {
    /// What of this update is to be sent. `number` is the caller's number for it, see [`Numbered`].
    fn admit(&mut self, number: Option<u64>, update: &ContactUpdate) -> Result<Admission, JournalError>;
    /// These are sent now, in one request.
    fn departs(&mut self, batch: &[Departing<'_>]) -> Result<(), JournalError>;
    /// These have their outcome.
    fn settled(&mut self, outcomes: &[Settled<'_>]) -> Result<(), JournalError>;
}

/// What of an update is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Admission {
    /// All of it.
    Send,
    /// This part of it: newer values of its other fields were sent before.
    SendPart(ContactUpdate),
    /// Nothing: the vendor has it already. Its outcome is [`Outcome::Unchanged`].
    Unchanged,
    /// Nothing: newer values of all its fields were sent before. Its outcome is [`Outcome::Superseded`].
    Superseded,
}

/// One update of a request that is about to be sent.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Departing<'a> {
    /// The caller's number for it, see [`Numbered`].
    pub number: Option<u64>,
    /// What the request sets: the update, or one field of it.
    pub update: &'a ContactUpdate,
}

/// One outcome for the journal.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Settled<'a> {
    /// The caller's number for it, see [`Numbered`]; an update of [`Delivery::deliver`](crate::Delivery::deliver) and of
    /// [`Delivery::deliver_all`](crate::Delivery::deliver_all) has none.
    pub number: Option<u64>,
    /// What was to be set.
    pub update: &'a ContactUpdate,
    /// What became of it.
    pub outcome: &'a Outcome,
    /// For how long an attempt of it whose answer was lost may still be applied, see
    /// [`Options::maybe_applied_hold`](crate::Options::maybe_applied_hold). A lane that is opened meanwhile must not send a different value
    /// of its subject: [`Options::first_after`](crate::Options::first_after).
    pub maybe_applied_for: Option<Duration>,
}

/// An update of a run that a journal keeps, with a number of the caller's: its place in the input.
#[derive(Debug, Clone)]
pub struct Numbered {
    pub(crate) number: u64,
    pub(crate) update: ContactUpdate,
    pub(crate) earlier: Applied,
}

impl Numbered {
    /// An update that was never sent.
    pub fn new(number: u64, update: ContactUpdate) -> Self {
        Self { number, update, earlier: Applied::No }
    }

    /// Says whether an earlier run may have sent it and did not hear the answer. Such an attempt counts as one with an unknown
    /// end: the outcome says so, and a different value of its subject waits.
    pub fn with_earlier(self, earlier: Applied) -> Self {
        Self { earlier, ..self }
    }
}
