//! One update inside a lane, and the promise that its caller gets exactly one outcome.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use contact_sink_core::{Applied, ContactUpdate, Field, Rejection, SinkError};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::buffer::Part;
use crate::lane::scheduler::subjects::SubjectHash;
use crate::observe::Caller;
pub(crate) use crate::slab::Key;
use crate::{Outcome, Undelivered};

/// Which updates are sent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Priority {
    /// Of [`Delivery::deliver_all`](crate::Delivery::deliver_all).
    Background,
    /// Of [`Delivery::deliver`](crate::Delivery::deliver): a caller waits.
    Interactive,
}

/// An update on its way through a lane.
#[derive(Debug)]
pub(crate) struct Item {
    /// The order in which the lane took the updates.
    pub(crate) seq: u64,
    /// The caller's number for it, which the journal is told.
    pub(crate) number: Option<u64>,
    pub(crate) update: ContactUpdate,
    /// The lane sets it.
    pub(crate) subject: SubjectHash,
    pub(crate) priority: Priority,
    pub(crate) deadline: Option<Instant>,
    /// `None` once the caller has the outcome, or has left.
    pub(crate) reply: Option<Reply>,
    /// Until its outcome is told.
    pub(crate) caller: Caller,
    /// What it has of the buffer.
    pub(crate) part: Option<Part>,
    /// Whether its part was given back before its outcome.
    pub(crate) has_no_part: bool,
    pub(crate) came: Instant,
    pub(crate) at: At,
    /// Whether it was sent at least once.
    pub(crate) sent: bool,
    /// Requests in a row that gave this update no verdict while the vendor was there.
    pub(crate) failures: u32,
    /// Of these, the ones after which a later request succeeded.
    pub(crate) outlived: u32,
    /// The latest request that failed, until a later one succeeds.
    pub(crate) failed: Option<u64>,
    /// Whether an attempt may have been applied.
    pub(crate) applied: Applied,
    /// Until when such an attempt may still arrive.
    pub(crate) maybe_until: Option<Instant>,
    /// Whether an answer left it open if it was stored: its request was refused as a whole, or it is to be sent again.
    pub(crate) left_open: bool,
    pub(crate) cause: Option<Arc<SinkError>>,
    pub(crate) split: Option<Box<Split>>,
}

/// Where an update is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    /// Behind an earlier one of its subject.
    Line,
    /// Held back: a different value of its subject may have been applied.
    Held(Instant),
    /// Among those that were never sent, under this number of its batch key.
    Queue(usize),
    /// In a group that will be sent again.
    Retry,
    /// Refused, until it is known that the refusal is the update's fault.
    Suspect,
    /// In a request, or in a group that is sent after that request.
    Flight,
    /// It has its outcome.
    Settled,
}

/// An update that is sent field by field.
#[derive(Debug, Default)]
pub(crate) struct Split {
    pub(crate) next: usize,
    pub(crate) stored: Vec<Field>,
    pub(crate) rejections: Vec<Rejection>,
}

impl Item {
    pub(crate) fn new(
        update: ContactUpdate,
        priority: Priority,
        reply: Reply,
        part: Option<Part>,
        came: Instant,
    ) -> Self {
        Self {
            seq: 0,
            number: None,
            update,
            subject: SubjectHash::default(),
            priority,
            deadline: None,
            reply: Some(reply),
            caller: Caller::default(),
            part,
            has_no_part: false,
            came,
            at: At::Line,
            sent: false,
            failures: 0,
            outlived: 0,
            failed: None,
            applied: Applied::No,
            maybe_until: None,
            left_open: false,
            cause: None,
            split: None,
        }
    }

    /// What the caller is told when the update ends without a verdict.
    pub(crate) fn undelivered(&self, cause: Undelivered) -> Outcome {
        let partly = self.split.as_ref().is_some_and(|split| !split.stored.is_empty());
        let applied = if partly || self.left_open { Applied::Maybe } else { self.applied };
        Outcome::Undelivered { applied, cause, update: self.update.clone() }
    }

    /// Gives the caller the outcome. Its part of the buffer is free when the caller takes it, and its span is no longer held.
    pub(crate) fn tell(&mut self, outcome: Outcome, post: &mut Post) {
        self.caller = Caller::default();
        let delivered = Delivered { outcome, part: self.part.take() };
        match self.reply.take() {
            // If the caller is gone, what comes back is dropped here, which frees the part.
            Some(Reply::One { to, .. }) => drop(to.send(delivered)),
            Some(Reply::Many { id, to }) => post.add(to, (id, delivered)),
            None => {}
        }
    }

    /// Whether it is a row of an input, which is delivered again if rows are left.
    pub(crate) fn is_of_an_input(&self) -> bool {
        matches!(self.reply, Some(Reply::Many { .. }))
    }

    /// Whether a caller still waits for the outcome.
    pub(crate) fn is_awaited(&self) -> bool {
        self.reply.is_some()
    }
}

impl Drop for Item {
    /// The lane has ended before the update: its caller is told so.
    fn drop(&mut self) {
        if self.is_awaited() {
            let applied = if self.sent { Applied::Maybe } else { self.applied };
            let outcome = Outcome::Undelivered { applied, cause: Undelivered::Broken, update: self.update.clone() };
            self.tell(outcome, &mut Post::default());
        }
    }
}

/// Where an outcome goes.
#[derive(Debug)]
pub(crate) enum Reply {
    /// A caller who may leave: the lane says at which place it has the update.
    One {
        to: oneshot::Sender<Delivered>,
        at: Arc<AtomicUsize>,
    },
    Many {
        id: usize,
        to: Arc<ToReader>,
    },
}

/// Where the outcomes of one input go.
pub(crate) type ToReader = mpsc::UnboundedSender<ForReader>;

/// Outcomes of one input, by the ids that its reader gave the updates.
pub(crate) type ForReader = Vec<(usize, Delivered)>;

/// Outcomes on their way to inputs; those of one input are sent together when it is dropped.
#[derive(Debug, Default)]
pub(crate) struct Post {
    to: Vec<(Arc<ToReader>, ForReader)>,
    /// How many outcomes there are in all.
    outcomes: usize,
}

impl Post {
    /// For so many outcomes at most.
    pub(crate) fn of(outcomes: usize) -> Self {
        Self { to: Vec::new(), outcomes }
    }

    fn add(&mut self, to: Arc<ToReader>, delivered: (usize, Delivered)) {
        match self.to.iter_mut().find(|(known, _)| Arc::ptr_eq(known, &to)) {
            Some((_, outcomes)) => outcomes.push(delivered),
            None => {
                // Most often all are of one input. Of many inputs few outcomes are of one.
                let room = if self.to.is_empty() { self.outcomes } else { 1 };
                let mut outcomes = Vec::with_capacity(room);
                outcomes.push(delivered);
                self.to.push((to, outcomes));
            }
        }
    }
}

impl Drop for Post {
    fn drop(&mut self) {
        for (to, outcomes) in self.to.drain(..) {
            // If the reader is gone, what comes back is dropped here, which frees the parts.
            drop(to.send(outcomes));
        }
    }
}

/// An outcome on its way to the caller, with the part of the buffer that is free once it is taken.
#[derive(Debug)]
pub(crate) struct Delivered {
    pub(crate) outcome: Outcome,
    pub(crate) part: Option<Part>,
}
