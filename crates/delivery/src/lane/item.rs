//! One update inside a lane, and the promise that its caller gets exactly one outcome.

use std::sync::Arc;

use contact_sink_core::{Applied, ContactUpdate, Field, Rejection, SinkError, Subject};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::time::Instant;

use crate::Outcome;
use crate::lane::Command;

/// An update on its way through a lane.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) seq: u64,
    /// The caller's number for it, which the journal is told.
    pub(crate) number: Option<u64>,
    pub(crate) update: ContactUpdate,
    pub(crate) ticket: Ticket,
    /// Whether it has left at least once.
    pub(crate) sent: bool,
    /// Requests in a row that gave this update no verdict.
    pub(crate) attempts: u32,
    /// Whether one of them may have been applied.
    pub(crate) applied: Applied,
    /// Until when such an attempt is taken to be still on its way.
    pub(crate) unknown_until: Option<Instant>,
    /// Whether an answer left it open if it was stored: its request was refused as a whole, or it is to be sent again.
    pub(crate) left_open: bool,
    pub(crate) cause: Option<Arc<SinkError>>,
    pub(crate) split: Option<Split>,
}

/// An update that is sent field by field.
#[derive(Debug, Default)]
pub(crate) struct Split {
    pub(crate) next: usize,
    /// Whether that field was refused once with a code that the vendor's table lacks.
    pub(crate) refused_once: bool,
    pub(crate) stored: Vec<Field>,
    pub(crate) rejections: Vec<Rejection>,
}

impl Item {
    pub(crate) fn new(seq: u64, number: Option<u64>, update: ContactUpdate, earlier: Applied, ticket: Ticket) -> Self {
        Self {
            seq,
            number,
            update,
            ticket,
            sent: false,
            attempts: 0,
            applied: earlier,
            unknown_until: None,
            left_open: false,
            cause: None,
            split: None,
        }
    }

    /// What the caller is told when the lane gives the update up.
    pub(crate) fn unsettled(&self, cause: Option<Arc<SinkError>>) -> Outcome {
        let partly = self.split.as_ref().is_some_and(|split| !split.stored.is_empty());
        let applied = if partly || self.left_open { Applied::Maybe } else { self.applied };
        Outcome::Unsettled { applied, cause: self.cause.clone().or(cause) }
    }
}

/// Where an outcome goes.
#[derive(Debug)]
pub(crate) enum Reply {
    One(oneshot::Sender<Delivered>),
    Many { id: u64, to: mpsc::UnboundedSender<(u64, Delivered)> },
}

/// An outcome on its way to the caller, with the place that it gives back once it is taken.
#[derive(Debug)]
pub(crate) struct Delivered {
    pub(crate) outcome: Outcome,
    _place: Place,
}

/// A place in the lane's memory and in its subject's order. Dropping it lets the subject's next update go.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) seq: u64,
    pub(crate) subject: Subject,
    pub(crate) lane: mpsc::UnboundedSender<Command>,
    pub(crate) _room: [OwnedSemaphorePermit; 2],
}

impl Drop for Place {
    fn drop(&mut self) {
        // A lane that is gone has nothing left to order.
        let _ = self.lane.send(Command::Released { seq: self.seq, subject: self.subject.clone() });
    }
}

/// The promise of one outcome. Dropped without one (the lane's task was ended), it says that the end is unknown.
#[derive(Debug)]
pub(crate) struct Ticket(Option<(Reply, Place)>);

impl Ticket {
    pub(crate) fn new(reply: Reply, place: Place) -> Self {
        Self(Some((reply, place)))
    }

    pub(crate) fn settle(mut self, outcome: Outcome) {
        self.deliver(outcome);
    }

    fn deliver(&mut self, outcome: Outcome) {
        let Some((reply, place)) = self.0.take() else { return };
        let delivered = Delivered { outcome, _place: place };
        // If the caller is gone, what comes back is dropped here, which frees its place.
        match reply {
            Reply::One(to) => drop(to.send(delivered)),
            Reply::Many { id, to } => drop(to.send((id, delivered))),
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.deliver(Outcome::Unsettled { applied: Applied::Maybe, cause: None });
    }
}
