//! The outcomes of a stream of updates.

use std::collections::HashMap;
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
use crate::{Delivery, Numbered, Outcome, Summary};

type Input<T> = Pin<Box<dyn Stream<Item = Read<T>> + Send>>;
type Waiting = Pin<Box<dyn Future<Output = Permit> + Send>>;

/// The outcomes of [`Delivery::deliver_all`], as they become definite: a stream of the caller's tags with their outcomes.
///
/// It must be polled to its end; dropping it stops the reading, and what was read already may still be sent.
#[must_use = "a stream does nothing unless it is polled"]
pub struct Outcomes<T> {
    delivery: Delivery,
    input: Option<Input<T>>,
    /// For a place for one update, or for the text of the one that was read.
    waiting: Option<Waiting>,
    place: Option<OwnedSemaphorePermit>,
    read: Option<Read<T>>,
    tags: HashMap<u64, T>,
    next_id: u64,
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

/// A stream of updates with tags, and without numbers for a journal.
pub(crate) struct Unnumbered<S> {
    pub(crate) updates: Pin<Box<S>>,
}

impl<T, S: Stream<Item = (T, ContactUpdate)>> Stream for Unnumbered<S> {
    type Item = Read<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Read<T>>> {
        let read = |(tag, update)| Read { tag, number: None, update, earlier: Applied::No };
        self.updates.as_mut().poll_next(cx).map(|next| next.map(read))
    }
}

/// A stream of updates with numbers, which are their tags.
pub(crate) struct ByNumber<S> {
    pub(crate) updates: Pin<Box<S>>,
}

impl<S: Stream<Item = Numbered>> Stream for ByNumber<S> {
    type Item = Read<u64>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Read<u64>>> {
        let read = |Numbered { number, update, earlier }| Read { tag: number, number: Some(number), update, earlier };
        self.updates.as_mut().poll_next(cx).map(|next| next.map(read))
    }
}

impl<T> Outcomes<T> {
    pub(crate) fn new(delivery: Delivery, input: Input<T>) -> Self {
        let (to, results) = mpsc::unbounded_channel();
        Self {
            delivery,
            input: Some(input),
            waiting: None,
            place: None,
            read: None,
            tags: HashMap::new(),
            next_id: 0,
            to,
            results,
        }
    }

    /// The next outcome, or `None` after the last one.
    pub async fn next(&mut self) -> Option<(T, Outcome)> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// What the lane has done so far. After the end of the stream: the summary.
    pub fn summary(&self) -> Summary {
        self.delivery.summary()
    }

    /// Gives the lane one more update, or says that there is none now.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<()> {
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
                (item.number, item.applied) = (number, earlier);
                self.delivery.submit(item);
            }
            return Poll::Ready(());
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
            Poll::Ready(Some(read)) => self.read = Some(read),
            Poll::Ready(None) => self.end_input(),
        }
        Poll::Ready(())
    }

    fn end_input(&mut self) {
        if self.input.take().is_some() {
            self.place = None;
            self.delivery.command(Command::InputEnded);
        }
    }
}

// Nothing in it is pinned in place: the input is in a box of its own, and a tag is only ever moved.
impl<T> Unpin for Outcomes<T> {}

impl<T> Stream for Outcomes<T> {
    type Item = (T, Outcome);

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Poll::Ready(Some((id, delivered))) = self.results.poll_recv(cx)
                && let Some(tag) = self.tags.remove(&id)
            {
                return Poll::Ready(Some((tag, delivered.outcome)));
            }
            if self.input.is_none() && self.tags.is_empty() {
                return Poll::Ready(None);
            }
            ready!(self.poll_read(cx));
        }
    }
}

impl<T> Drop for Outcomes<T> {
    fn drop(&mut self) {
        self.end_input();
    }
}

impl<T> fmt::Debug for Outcomes<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outcomes").field("waiting", &self.tags.len()).finish_non_exhaustive()
    }
}
