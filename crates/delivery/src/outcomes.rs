//! The outcomes of a stream of updates.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use contact_sink_core::{Applied, ContactUpdate};
use futures_core::Stream;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::buffer::{Freed, Part};
use crate::lane::Command;
use crate::lane::item::{Delivered, ForReader, Item, Priority, Reply, ToReader};
use crate::observe::Caller;
use crate::shared::Shared;
use crate::slab::Slab;
use crate::{Numbered, Outcome, Summary};

type Updates<T, E> = Pin<Box<dyn Stream<Item = Result<Read<T>, E>> + Send>>;
type Waiting = Pin<Box<dyn Future<Output = Part> + Send>>;

/// So many updates are given to the lane at once.
const MOST_AT_ONCE: usize = 256;

/// The outcomes of [`Delivery::deliver_all`](crate::Delivery::deliver_all), as they become definite: a stream of the caller's tags with their outcomes.
///
/// It must be polled to its end; dropping it stops the reading, and what was read already may still be sent.
#[must_use = "a stream does nothing unless it is polled"]
pub struct Outcomes<T>(pub(crate) Reader<T, Infallible>);

/// The outcomes of [`Delivery::try_deliver_all`](crate::Delivery::try_deliver_all), as they become definite: a stream of the caller's tags with their outcomes, and
/// of the errors of the input.
///
/// It must be polled to its end, beyond errors too; dropping it stops the reading, and what was read already may still be sent.
#[must_use = "a stream does nothing unless it is polled"]
pub struct TryOutcomes<T, E>(pub(crate) Reader<T, E>);

/// Reads an input as far as the buffer has places, and gives each of its tags the outcome.
pub(crate) struct Reader<T, E> {
    delivery: Arc<Shared>,
    input: Option<Updates<T, E>>,
    /// It was read to its end.
    input_ended: bool,
    /// For a place for one update, or for the text of the one that was read.
    waiting: Option<Waiting>,
    part: Option<Part>,
    read: Option<Read<T>>,
    /// By the ids of the updates.
    tags: Slab<T>,
    caller: Caller,
    to: Arc<ToReader>,
    results: mpsc::UnboundedReceiver<ForReader>,
    /// Of these, the ones that the caller takes next.
    told: std::vec::IntoIter<(usize, Delivered)>,
    freed: Freed,
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

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.updates.size_hint()
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
    /// [`Delivery::count_refused`](crate::Delivery::count_refused).
    pub fn summary(&self) -> Summary {
        self.0.delivery.summary()
    }
}

impl<T, E> Reader<T, E> {
    pub(crate) fn new(delivery: Arc<Shared>, input: Updates<T, E>) -> Self {
        let (to, results) = mpsc::unbounded_channel();
        Self {
            delivery,
            input: Some(input),
            input_ended: false,
            waiting: None,
            part: None,
            read: None,
            tags: Slab::new(),
            caller: Caller::current(),
            to: Arc::new(to),
            results,
            told: Vec::new().into_iter(),
            freed: Freed::default(),
        }
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<(T, Outcome), E>>> {
        loop {
            if let Some((id, Delivered { outcome, part })) = self.told.next() {
                part.into_iter().for_each(|part| self.freed.add(part));
                if self.told.as_slice().is_empty() {
                    self.freed.flush();
                }
                let Some(tag) = self.tags.remove(id) else { continue };
                return Poll::Ready(Some(Ok((tag, outcome))));
            }
            if let Poll::Ready(Some(told)) = self.results.poll_recv(cx) {
                self.told = told.into_iter();
                continue;
            }
            if self.input.is_none() && self.tags.is_empty() {
                return Poll::Ready(None);
            }
            if let Err(error) = ready!(self.poll_read(cx)) {
                return Poll::Ready(Some(Err(error)));
            }
        }
    }

    /// Gives the lane the updates that are there, or says that there is none now. An error of the input is passed on.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), E>> {
        // What the caller has taken frees places.
        self.freed.flush();
        let ready = self.input.as_ref().map_or(0, |input| input.size_hint().0);
        let (mut items, now) = (Vec::new(), Instant::now());
        let read = loop {
            match self.poll_update(cx, now) {
                Poll::Ready(Some(Ok(item))) => {
                    if items.is_empty() {
                        items.reserve(ready.min(MOST_AT_ONCE));
                    }
                    items.push(item);
                }
                Poll::Ready(Some(Err(error))) => break Poll::Ready(Err(error)),
                Poll::Ready(None) => break Poll::Ready(Ok(())),
                Poll::Pending if items.is_empty() => break Poll::Pending,
                Poll::Pending => break Poll::Ready(Ok(())),
            }
            if items.len() == MOST_AT_ONCE {
                break Poll::Ready(Ok(()));
            }
        };
        if !items.is_empty() {
            self.delivery.submit(items);
        }
        if self.input_ended {
            self.end_input();
        }
        read
    }

    /// One more update with its part of the buffer; `None` if no more come.
    fn poll_update(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<Option<Result<Item, E>>> {
        let Some(input) = &mut self.input else { return Poll::Pending };
        if let Some(waiting) = &mut self.waiting {
            self.part = Some(ready!(waiting.as_mut().poll(cx)));
            self.waiting = None;
        } else if self.part.is_none() {
            let places = &self.delivery.buffer.background;
            self.part = places.place_now();
            if self.part.is_none() {
                let waiting = self.waiting.insert(Box::pin(places.clone().place()));
                self.part = Some(ready!(waiting.as_mut().poll(cx)));
                self.waiting = None;
            }
        }
        let read = match self.read.take() {
            // The part that was waited for has its text.
            Some(read) => read,
            None => match input.as_mut().poll_next(cx) {
                Poll::Ready(Some(Ok(read))) => {
                    let Some(part) = self.part.take() else { return Poll::Pending };
                    match part.with_text_now(&read.update) {
                        Ok(part) => self.part = Some(part),
                        Err((part, bytes)) => {
                            self.read = Some(read);
                            self.waiting = Some(Box::pin(part.with_text(bytes)));
                            return self.poll_update(cx, now);
                        }
                    }
                    read
                }
                Poll::Pending => {
                    // An input that has nothing now must not keep others out.
                    self.part = None;
                    return Poll::Pending;
                }
                Poll::Ready(Some(Err(error))) => {
                    // The caller may take its time with it.
                    self.part = None;
                    return Poll::Ready(Some(Err(error)));
                }
                Poll::Ready(None) => {
                    (self.part, self.input_ended) = (None, true);
                    return Poll::Ready(None);
                }
            },
        };
        let Read { tag, number, update, earlier } = read;
        let reply = Reply::Many { id: self.tags.insert(tag), to: self.to.clone() };
        let mut item = Item::new(update, Priority::Background, reply, self.part.take(), now);
        (item.number, item.applied, item.caller) = (number, earlier, self.caller.clone());
        Poll::Ready(Some(Ok(item)))
    }

    fn end_input(&mut self) {
        if self.input.take().is_some() {
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
