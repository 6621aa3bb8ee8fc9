//! The handle on a delivery.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use contact_sink_core::{ContactSink, ContactUpdate};
use futures_core::Stream;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, timeout};

use crate::backoff::after;
use crate::buffer::{Buffer, Part};
use crate::lane::item::{Delivered, Item, Priority, Reply};
use crate::lane::ledger::Told;
use crate::lane::{Command, Lane, driver};
use crate::observe::{Caller, within_current};
use crate::outcomes::{Input, Read, Reader};
use crate::shared::Shared;
use crate::{Health, Journal, Limiter, Numbered, Options, Outcome, Outcomes, Stop, Summary, TryOutcomes};

/// A handle on one delivery: one sink, one limiter, one order, driven by a task of its own.
///
/// Clone it and share it. When the last handle is dropped, the delivery finishes what it was given and ends. One that stopped
/// ([`Health::Stopped`]) stays so: everything that it is given is undelivered. Open another one when the cause is corrected.
///
/// The [crate's page](crate) shows it in a service, beside a whole table, and in tests.
///
/// ```
/// # use contact_sink_core::*;
/// # struct Accepting;
/// # #[async_trait] impl ContactSink for Accepting {
/// #     fn limits(&self) -> Limits { Limits::new(std::num::NonZeroUsize::MIN) }
/// #     fn batch_key(&self, _: &ContactUpdate) -> BatchKey { BatchKey::any() }
/// #     fn validate(&self, _: &ContactUpdate) -> Result<(), Rejection> { Ok(()) }
/// #     async fn send(&self, batch: &[ContactUpdate]) -> Result<Vec<Verdict>, SinkError> { Ok(vec![Verdict::Accepted; batch.len()]) }
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// # let sink = Accepting;
/// use contact_sink_core::{ContactUpdate, Field};
/// use contact_sink_delivery::{Delivery, Options, Outcome};
///
/// let delivery = Delivery::new(sink, Options::for_run());
/// let update = ContactUpdate::user(7).with(Field::new("email")?, "a@b.example")?;
/// match delivery.deliver(update).await {
///     Outcome::Accepted => {}
///     Outcome::Rejected { rejections, .. } => println!("refused: {rejections:?}"),
///     outcome => println!("send it again later: {outcome:?}"),
/// }
///
/// // Where it does not matter why: an error that says so.
/// let update = ContactUpdate::user(7).with(Field::new("email")?, "c@d.example")?;
/// delivery.deliver(update).await.into_result()?;
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct Delivery {
    shared: Arc<Shared>,
}

impl Delivery {
    /// Opens a delivery to a sink. Must be called within a Tokio runtime with its time driver on, like `tokio::spawn`.
    ///
    /// Pace: the limiter of the options, else one of its own by the sink's quota, else none.
    pub fn new(sink: impl ContactSink + 'static, options: Options) -> Self {
        Self::open(sink, options, None)
    }

    /// The same, with a journal that is told of every outcome before the caller is, see [`Journal`].
    pub fn with_journal(sink: impl ContactSink + 'static, options: Options, journal: impl Journal) -> Self {
        Self::open(sink, options, Some(Box::new(journal)))
    }

    fn open(sink: impl ContactSink + 'static, options: Options, journal: Option<Box<dyn Journal>>) -> Self {
        let sink: Arc<dyn ContactSink> = Arc::new(sink);
        let limiter = options.limiter.clone().or_else(|| sink.limits().quota.map(Limiter::new));
        let told = Arc::new(Mutex::new(Told::default()));
        let (buffer, requests_on) = (Buffer::new(&options), options.requests_on.clone());
        let (commands, inbox) = mpsc::unbounded_channel();
        let (to, health) = watch::channel(Health::Normal);
        let alive = Alive { told: told.clone(), health: to.clone(), ended: Stop::Broken };
        let lane = Lane::new(sink.clone(), options, journal, told.clone(), to);
        tokio::spawn(within_current(async move {
            let mut alive = alive;
            driver::drive(lane, sink, limiter, requests_on, inbox).await;
            alive.ended = Stop::Halted;
        }));
        Self { shared: Arc::new(Shared { commands, buffer, told, health }) }
    }

    /// Delivers one update. It joins a request with whatever else waits.
    ///
    /// Waits for the vendor for as long as retrying takes. A caller of a service who does not wait any longer drops the future: an
    /// update that was never sent is then not sent at all. One that is in flight may be applied.
    pub async fn deliver(&self, update: ContactUpdate) -> Outcome {
        let part = self.shared.buffer.interactive.now(&update);
        self.give(update, None, part).await
    }

    /// Delivers one update, and waits for at most so long. Then it is [`Undelivered::Deadline`](crate::Undelivered::Deadline): not applied if it was never
    /// sent, maybe applied if it is in flight. It is sent only if enough time is left for an answer.
    pub async fn deliver_within(&self, update: ContactUpdate, within: Duration) -> Outcome {
        let part = self.shared.buffer.interactive.now(&update);
        self.give(update, Some(after(Instant::now(), within)), part).await
    }

    /// Gives one update to the delivery without waiting for a place in the buffer. The ticket is a future of its outcome.
    ///
    /// # Errors
    /// [`Full`] if there is no place now. It has the update.
    pub fn try_deliver(&self, update: ContactUpdate) -> Result<Ticket, Full> {
        match self.shared.buffer.interactive.now(&update) {
            None => Err(Full(update)),
            part => Ok(self.give(update, None, part)),
        }
    }

    /// Delivers a stream of updates, each with a tag of the caller's own, and gives each tag its outcome. Updates of
    /// [`Delivery::deliver`] are sent first; one request in ten is for these all the same.
    ///
    /// It reads only as far as the buffer has places, and only while the returned stream is polled. The end of the input
    /// tells the delivery that nothing more comes.
    pub fn deliver_all<T>(&self, updates: impl Stream<Item = (T, ContactUpdate)> + Send + 'static) -> Outcomes<T> {
        Outcomes(self.read(updates, |(tag, update)| Ok(Read::new(tag, update))))
    }

    /// Delivers a stream like [`Delivery::deliver_all`] whose items may be errors: rows of a query, or of a file that is parsed.
    ///
    /// An error of the input is passed on as soon as it is read. It ends nothing: what was read before keeps its outcome, and
    /// reading continues until the input ends.
    ///
    /// ```
    /// # use contact_sink_core::*;
    /// # struct Accepting;
    /// # #[async_trait] impl ContactSink for Accepting {
    /// #     fn limits(&self) -> Limits { Limits::new(std::num::NonZeroUsize::MIN) }
    /// #     fn batch_key(&self, _: &ContactUpdate) -> BatchKey { BatchKey::any() }
    /// #     fn validate(&self, _: &ContactUpdate) -> Result<(), Rejection> { Ok(()) }
    /// #     async fn send(&self, batch: &[ContactUpdate]) -> Result<Vec<Verdict>, SinkError> { Ok(vec![Verdict::Accepted; batch.len()]) }
    /// # }
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// # let delivery = contact_sink_delivery::Delivery::new(Accepting, contact_sink_delivery::Options::for_run());
    /// use futures_util::stream;
    ///
    /// let rows = ["7", "seven", "8"].into_iter().zip(1..);
    /// let updates = rows.map(|(id, line)| -> Result<_, Box<dyn std::error::Error + Send + Sync>> {
    ///     let id: i64 = id.parse().map_err(|_| format!("line {line}: the id is no whole number"))?;
    ///     Ok((line, ContactUpdate::user(id).with("email".parse()?, "a@b.example")?))
    /// });
    /// let mut outcomes = delivery.try_deliver_all(stream::iter(updates));
    /// while let Some(next) = outcomes.next().await {
    ///     match next {
    ///         Ok((line, outcome)) => println!("line {line}: {outcome:?}"),
    ///         Err(error) => eprintln!("{error}"),
    ///     }
    /// }
    /// assert_eq!(outcomes.summary().accepted, 2);
    /// # });
    /// ```
    pub fn try_deliver_all<T, E>(
        &self,
        updates: impl Stream<Item = Result<(T, ContactUpdate), E>> + Send + 'static,
    ) -> TryOutcomes<T, E> {
        TryOutcomes(self.read(updates, |next| next.map(|(tag, update)| Read::new(tag, update))))
    }

    /// Delivers a stream of updates like [`Delivery::deliver_all`], and tells the [`Journal`] the number of each. The numbers
    /// are the caller's, and each is given once.
    pub fn deliver_numbered(&self, updates: impl Stream<Item = Numbered> + Send + 'static) -> Outcomes<u64> {
        Outcomes(self.read(updates, |numbered| Ok(numbered.into())))
    }

    /// Counts an update that the caller refused itself into [`Options::max_rejected`]: a row that cannot be read, say. The
    /// [`Summary`] counts only what the delivery was given.
    pub fn count_refused(&self) {
        self.shared.command(Command::RefusedByCaller);
    }

    /// In which state the delivery is, and every change of it.
    pub fn health(&self) -> watch::Receiver<Health> {
        self.shared.health.clone()
    }

    /// What the delivery has done so far, over all its handles.
    pub fn summary(&self) -> Summary {
        self.shared.summary()
    }

    /// Sends nothing new from now on. What is in flight is still settled; everything else is undelivered.
    pub fn halt(&self) {
        self.shared.command(Command::Halt);
    }

    /// Takes no more updates, waits until all have their outcome, and ends what has none within the given time. The
    /// [`Journal`] is dropped by then.
    pub async fn close(self, within: Duration) -> Summary {
        let (to, closed) = oneshot::channel();
        self.shared.command(Command::Close(to));
        if timeout(within, closed).await.is_err() {
            let (to, closed) = oneshot::channel();
            self.shared.command(Command::Abandon);
            self.shared.command(Command::Close(to));
            // An error means that the task is gone: nothing is left in it.
            let _ = closed.await;
        }
        self.summary()
    }

    fn read<S: Stream + Send + 'static, T, E>(
        &self,
        updates: S,
        read: impl Fn(S::Item) -> Result<Read<T>, E> + Send + 'static,
    ) -> Reader<T, E> {
        self.shared.command(Command::InputOpened);
        Reader::new(self.shared.clone(), Box::pin(Input { updates: Box::pin(updates), read }))
    }

    fn give(&self, update: ContactUpdate, deadline: Option<Instant>, part: Option<Part>) -> Ticket {
        let (to, outcome) = oneshot::channel();
        let at = Arc::new(AtomicUsize::new(usize::MAX));
        let reply = Reply::One { to, at: at.clone() };
        let mut item = Item::new(update, Priority::Interactive, reply, part, Instant::now());
        (item.deadline, item.caller) = (deadline, Caller::current());
        self.shared.submit(vec![item]);
        Ticket { outcome, at, lane: self.shared.commands.clone(), is_open: true }
    }
}

/// A future of the outcome of [`Delivery::try_deliver`]. Dropping it means that the caller does not wait any longer: an update
/// that was never sent is not sent then.
#[derive(Debug)]
#[must_use = "dropping it takes the update back, if it was never sent"]
pub struct Ticket {
    outcome: oneshot::Receiver<Delivered>,
    at: Arc<AtomicUsize>,
    lane: mpsc::UnboundedSender<Command>,
    is_open: bool,
}

impl Future for Ticket {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let delivered = ready!(Pin::new(&mut self.outcome).poll(cx));
        self.is_open = false;
        match delivered {
            Ok(delivered) => Poll::Ready(delivered.outcome),
            Err(_) => unreachable!("an update tells its outcome, also when it is dropped"),
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.is_open {
            self.outcome.close();
            let _ = self.lane.send(Command::Left(self.at.clone()));
        }
    }
}

/// There is no place in the buffer now. It has the update that was not taken.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("the buffer of the delivery is full: wait with deliver, or send the update again later")]
pub struct Full(pub ContactUpdate);

/// Held by the delivery's task. When it is dropped, nothing is sent any more.
struct Alive {
    told: Arc<Mutex<Told>>,
    health: watch::Sender<Health>,
    ended: Stop,
}

impl Drop for Alive {
    fn drop(&mut self) {
        let ended = std::mem::replace(&mut self.ended, Stop::Broken);
        if ended == Stop::Broken {
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            told.summary.stop.get_or_insert(Stop::Broken);
        }
        let has_stopped = |health: &Health| matches!(health, Health::Stopped(_));
        self.health.send_if_modified(|health| {
            let changes = !has_stopped(health);
            if changes {
                *health = Health::Stopped(Arc::new(ended));
            }
            changes
        });
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery").field("summary", &self.summary()).finish_non_exhaustive()
    }
}
