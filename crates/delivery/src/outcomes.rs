//! The outcomes of a stream of updates.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use contact_sink_core::{Applied, ContactUpdate};
use futures_core::Stream;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use crate::buffer::Permit;
use crate::lane::Command;
use crate::lane::item::{Delivered, Item, Priority, Reply};
use crate::observe::Caller;
use crate::{Delivery, Numbered, Outcome, Summary};

type Updates<T, E> = Pin<Box<dyn Stream<Item = Result<Read<T>, E>> + Send>>;
type Waiting = Pin<Box<dyn Future<Output = Permit> + Send>>;

/// The outcomes of [`Delivery::deliver_all`], as they become definite: a stream of the caller's tags with their outcomes.
///
/// It must be polled to its end; dropping it stops the reading, and what was read already may still be sent.
#[must_use = "a stream does nothing unless it is polled"]
pub struct Outcomes<T>(pub(crate) Reader<T, Infallible>);

/// The outcomes of [`Delivery::try_deliver_all`], as they become definite: a stream of the caller's tags with their outcomes, and
/// of the errors of the input.
///
/// It must be polled to its end, beyond errors too; dropping it stops the reading, and what was read already may still be sent.
#[must_use = "a stream does nothing unless it is polled"]
pub struct TryOutcomes<T, E>(pub(crate) Reader<T, E>);

/// Reads an input as far as the buffer has places, and gives each of its tags the outcome.
pub(crate) struct Reader<T, E> {
    delivery: Delivery,
    input: Option<Updates<T, E>>,
    /// For a place for one update, or for the text of the one that was read.
    waiting: Option<Waiting>,
    place: Option<OwnedSemaphorePermit>,
    read: Option<Read<T>>,
    tags: HashMap<u64, T>,
    next_id: u64,
    caller: Caller,
    to: mpsc::UnboundedSender<(u64, Delivered)>,
    results: mpsc::UnboundedReceiver<(u64, Delivered)>,
}

/// One update as it was read.
pub(crate) struct Read<T> {
    tag: T,
    number: Option<u64>,
    update: ContactUpdate,
    earlier: Applied,
}

impl<T> Read<T> {
    /// One without a number for a journal.
    pub(crate) fn new(tag: T, update: ContactUpdate) -> Self {
        Self { tag, number: None, update, earlier: Applied::No }
    }
}

/// The number is the tag too.
impl From<Numbered> for Read<u64> {
    fn from(Numbered { number, update, earlier }: Numbered) -> Self {
        Self { tag: number, number: Some(number), update, earlier }
    }
}

/// A caller's stream of updates, in one form.
pub(crate) struct Input<S, F> {
    pub(crate) updates: Pin<Box<S>>,
    pub(crate) read: F,
}

// The stream is in a box of its own, and the function is never pinned.
impl<S, F> Unpin for Input<S, F> {}

impl<S: Stream, R, F: Fn(S::Item) -> R> Stream for Input<S, F> {
    type Item = R;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<R>> {
        let next = ready!(self.updates.as_mut().poll_next(cx));
        Poll::Ready(next.map(&self.read))
    }
}

impl<T> Outcomes<T> {
    /// The next outcome, or `None` after the last one.
    pub async fn next(&mut self) -> Option<(T, Outcome)> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// What the delivery has done so far. After the end of the stream: the summary.
    pub fn summary(&self) -> Summary {
        self.0.delivery.summary()
    }
}

impl<T, E> TryOutcomes<T, E> {
    /// The next outcome or error of the input, or `None` after the last one.
    pub async fn next(&mut self) -> Option<Result<(T, Outcome), E>> {
        std::future::poll_fn(|cx| self.0.poll_next(cx)).await
    }

    /// What the delivery has done so far. After the end of the stream: the summary. Errors of the input are not in it, see
    /// [`Delivery::count_refused`].
    pub fn summary(&self) -> Summary {
        self.0.delivery.summary()
    }
}

impl<T, E> Reader<T, E> {
    pub(crate) fn new(delivery: Delivery, input: Updates<T, E>) -> Self {
        let (to, results) = mpsc::unbounded_channel();
        Self {
            delivery,
            input: Some(input),
            waiting: None,
            place: None,
            read: None,
            tags: HashMap::new(),
            next_id: 0,
            caller: Caller::current(),
            to,
            results,
        }
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<(T, Outcome), E>>> {
        loop {
            if let Poll::Ready(Some((id, delivered))) = self.results.poll_recv(cx)
                && let Some(tag) = self.tags.remove(&id)
            {
                return Poll::Ready(Some(Ok((tag, delivered.outcome))));
            }
            if self.input.is_none() && self.tags.is_empty() {
                return Poll::Ready(None);
            }
            if let Err(error) = ready!(self.poll_read(cx)) {
                return Poll::Ready(Some(Err(error)));
            }
        }
    }

    /// Gives the lane one more update, or says that there is none now. An error of the input is passed on.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), E>> {
        let Some(input) = &mut self.input else { return Poll::Pending };
        if let Some(Read { update, .. }) = &self.read {
            let waiting =
                self.waiting.get_or_insert_with(|| Box::pin(self.delivery.buffer().background.for_text(update)));
            let text = ready!(waiting.as_mut().poll(cx));
            self.waiting = None;
            if let (Some(one), Ok(text), Some(Read { tag, number, update, earlier })) =
                (self.place.take(), text, self.read.take())
            {
                self.tags.insert(self.next_id, tag);
                let reply = Reply::Many { id: self.next_id, to: self.to.clone() };
                self.next_id += 1;
                let mut item = Item::new(update, Priority::Background, reply, Some([one, text]));
                (item.number, item.applied, item.caller) = (number, earlier, self.caller.clone());
                self.delivery.submit(item);
            }
            return Poll::Ready(Ok(()));
        }
        if self.place.is_none() {
            let waiting = self.waiting.get_or_insert_with(|| Box::pin(self.delivery.buffer().background.for_one()));
            let place = ready!(waiting.as_mut().poll(cx));
            self.waiting = None;
            // The semaphore is never closed; if it were, nothing more could be read.
            self.place = place.ok();
        }
        match input.as_mut().poll_next(cx) {
            Poll::Pending => {
                // An input that has nothing now must not keep others out.
                self.place = None;
                return Poll::Pending;
            }
            Poll::Ready(Some(Ok(read))) => self.read = Some(read),
            Poll::Ready(Some(Err(error))) => {
                // The caller may take its time with it.
                self.place = None;
                return Poll::Ready(Err(error));
            }
            Poll::Ready(None) => self.end_input(),
        }
        Poll::Ready(Ok(()))
    }

    fn end_input(&mut self) {
        if self.input.take().is_some() {
            self.place = None;
            self.delivery.command(Command::InputEnded);
        }
    }
}

// Nothing in it is pinned in place: the input is in a box of its own, and a tag is only ever moved.
impl<T, E> Unpin for Reader<T, E> {}

impl<T> Stream for Outcomes<T> {
    type Item = (T, Outcome);

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next(cx).map(|next| next.map(|Ok(outcome)| outcome))
    }
}

impl<T, E> Stream for TryOutcomes<T, E> {
    type Item = Result<(T, Outcome), E>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next(cx)
    }
}

impl<T, E> Drop for Reader<T, E> {
    fn drop(&mut self) {
        self.end_input();
    }
}

impl<T> fmt::Debug for Outcomes<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outcomes").field("waiting", &self.0.tags.len()).finish_non_exhaustive()
    }
}

impl<T, E> fmt::Debug for TryOutcomes<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TryOutcomes").field("waiting", &self.0.tags.len()).finish_non_exhaustive()
    }
}
