//! The handle on a lane.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use contact_sink_core::{Applied, ContactSink, ContactUpdate};
use futures_core::Stream;
use tokio::sync::mpsc::error::SendError;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::time::{Instant, timeout};

use crate::lane::item::{Place, Reply, Ticket};
use crate::lane::{Command, Lane, Told, driver};
use crate::observe::within_current;
use crate::outcomes::{ByNumber, Unnumbered};
use crate::room::Room;
use crate::{Journal, Limiter, Numbered, Options, Outcome, Outcomes, Stop, Summary};

/// A handle on one lane: one sink, one limiter, one order, driven by a task of its own.
///
/// Clone it and share it. When the last handle is dropped, the lane finishes what it was given and ends. A lane that stopped
/// ([`Summary::stop`]) stays so: everything that it is given is unsettled. Open another one when the cause is mended.
///
/// The [crate's page](crate) shows it in a service, beside a whole table, and in tests.
///
/// ```
/// # use contact_sink_core::*;
/// # struct Accepting;
/// # #[async_trait::async_trait] impl ContactSink for Accepting {
/// #     fn limits(&self) -> Limits { Limits::new(std::num::NonZeroUsize::MIN) }
/// #     fn batch_key(&self, _: &ContactUpdate) -> BatchKey { BatchKey::any() }
/// #     fn validate(&self, _: &ContactUpdate) -> Result<(), Rejection> { Ok(()) }
/// #     async fn send(&self, batch: &[ContactUpdate]) -> Result<Vec<Verdict>, SinkError> { Ok(vec![Verdict::Accepted; batch.len()]) }
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// # let sink = Accepting;
/// use contact_sink_core::{Field, ContactUpdate, Subject, UserId};
/// use contact_sink_delivery::{Delivery, Options, Outcome};
///
/// let delivery = Delivery::new(sink, Options::default());
/// let update = ContactUpdate::new(Subject::User(UserId::from(7))).with(Field::new("email")?, "a@b.example")?;
/// match delivery.deliver(update).await {
///     Outcome::Accepted => {}
///     Outcome::Rejected { rejections, .. } => println!("refused: {rejections:?}"),
///     outcome => println!("send it again later: {outcome:?}"),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct Delivery {
    shared: Arc<Shared>,
}

struct Shared {
    commands: mpsc::UnboundedSender<Command>,
    room: Room,
    told: Arc<Mutex<Told>>,
    next: AtomicU64,
}

impl Drop for Shared {
    fn drop(&mut self) {
        let _ = self.commands.send(Command::HandlesGone);
    }
}

impl Delivery {
    /// Opens a lane to a sink. Must be called within a Tokio runtime with its time driver on, like `tokio::spawn`.
    ///
    /// Pace: the limiter of the options, else one of the lane's own by the sink's quota, else none.
    pub fn new(sink: impl ContactSink + 'static, options: Options) -> Self {
        Self::open(sink, options, None)
    }

    /// The same, with a journal that is told of every outcome before anybody else, see [`Journal`].
    pub fn with_journal(sink: impl ContactSink + 'static, options: Options, journal: impl Journal) -> Self {
        Self::open(sink, options, Some(Box::new(journal)))
    }

    fn open(sink: impl ContactSink + 'static, options: Options, journal: Option<Box<dyn Journal>>) -> Self {
        let sink: Arc<dyn ContactSink> = Arc::new(sink);
        let limiter = options.limiter.clone().or_else(|| sink.limits().quota.map(Limiter::new));
        let told = Arc::new(Mutex::new(Told::default()));
        let room = Room::new(&options);
        let (commands, inbox) = mpsc::unbounded_channel();
        let lane = Lane::new(sink.clone(), options, journal, limiter.is_some(), told.clone(), Instant::now());
        let alive = Alive { told: told.clone(), is_done: false };
        tokio::spawn(within_current(async move {
            let mut alive = alive;
            driver::drive(lane, sink, limiter, inbox).await;
            alive.is_done = true;
        }));
        Self { shared: Arc::new(Shared { commands, room, told, next: AtomicU64::new(0) }) }
    }

    /// Delivers one update. It joins a request with whatever else is waiting.
    ///
    /// Waits for room when the lane holds as much as it may, and for the vendor for as long as retrying takes: put a timeout
    /// around it if somebody waits. Dropping the future loses nothing for others; the update itself may be sent all the same.
    pub async fn deliver(&self, update: ContactUpdate) -> Outcome {
        let never_sent = Outcome::Unsettled { applied: Applied::No, cause: None };
        let Ok(one) = self.room().for_one().await else { return never_sent };
        let Ok(text) = self.room().for_text(&update).await else { return never_sent };
        let (to, outcome) = oneshot::channel();
        self.submit(None, update, Applied::No, Reply::One(to), [one, text]);
        // The lane answers even if its task is ended: the ticket does when it is dropped.
        outcome.await.map_or(never_sent, |delivered| delivered.outcome)
    }

    /// Delivers a stream of updates, each with a tag of the caller's own, and gives each tag its outcome.
    ///
    /// It reads only as far as the lane has room, and only while the returned stream is polled. The end of the input
    /// tells the lane that nothing more is coming. A subject's next update waits until the outcome of the one before was taken.
    pub fn deliver_all<T>(&self, updates: impl Stream<Item = (T, ContactUpdate)> + Send + 'static) -> Outcomes<T> {
        self.command(Command::InputOpened);
        Outcomes::new(self.clone(), Box::pin(Unnumbered { updates: Box::pin(updates) }))
    }

    /// Delivers a stream of updates like [`Delivery::deliver_all`], and tells the [`Journal`] the number of each. The numbers
    /// are the caller's, and each is given once.
    ///
    /// An update that ran out of tries is to be sent again by the next run, which must not undo what came after it: later
    /// ones of its subject are given back unsettled, unsent.
    pub fn deliver_numbered(&self, updates: impl Stream<Item = Numbered> + Send + 'static) -> Outcomes<u64> {
        self.command(Command::InputOpened);
        Outcomes::new(self.clone(), Box::pin(ByNumber { updates: Box::pin(updates) }))
    }

    /// Counts an update that the caller refused itself into [`Options::max_rejected`]: a row that cannot be read, say. The
    /// [`Summary`] counts what the lane was given only.
    pub fn count_refused(&self) {
        self.command(Command::RefusedByCaller);
    }

    /// What the lane has done so far, over all its handles.
    pub fn summary(&self) -> Summary {
        let told = self.shared.told.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let wait = told.waits_until.map(|until| until.saturating_duration_since(now));
        Summary {
            waits: wait.filter(|wait| *wait >= Summary::SHORTEST_WAIT),
            unreachable_for: told.unreachable_since.map(|since| now.saturating_duration_since(since)),
            ..told.summary.clone()
        }
    }

    /// Sends nothing new from now on. What is in flight is still settled; everything else is unsettled.
    pub fn halt(&self) {
        self.command(Command::Halt);
    }

    /// Takes no more updates, waits until all have their outcome, and gives up what has none within the given time. A lane with a
    /// [`Journal`] has dropped it by then.
    pub async fn close(self, within: Duration) -> Summary {
        let (to, closed) = oneshot::channel();
        self.command(Command::Close(to));
        if timeout(within, closed).await.is_err() {
            let (to, closed) = oneshot::channel();
            self.command(Command::Abandon);
            self.command(Command::Close(to));
            // An error means that the lane's task is gone: nothing is left in it.
            let _ = closed.await;
        }
        self.summary()
    }

    pub(crate) fn room(&self) -> &Room {
        &self.shared.room
    }

    pub(crate) fn submit(
        &self,
        number: Option<u64>,
        update: ContactUpdate,
        earlier: Applied,
        reply: Reply,
        room: [OwnedSemaphorePermit; 2],
    ) {
        let seq = self.shared.next.fetch_add(1, Ordering::Relaxed);
        let lane = self.shared.commands.clone();
        let place = Place { seq, subject: update.subject().clone(), lane, _room: room };
        let command = Command::Submit { seq, number, update, earlier, ticket: Ticket::new(reply, place) };
        if let Err(SendError(Command::Submit { ticket, .. })) = self.shared.commands.send(command) {
            // The lane's task is gone: this update was never sent.
            ticket.settle(Outcome::Unsettled { applied: Applied::No, cause: None });
        }
    }

    pub(crate) fn command(&self, command: Command) {
        // If the lane's task is gone, there is nobody to tell.
        let _ = self.shared.commands.send(command);
    }
}

/// Held by the lane's task. Dropped before its end, it says that the lane is broken.
struct Alive {
    told: Arc<Mutex<Told>>,
    is_done: bool,
}

impl Drop for Alive {
    fn drop(&mut self) {
        if !self.is_done {
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            told.summary.stop.get_or_insert(Stop::Broken);
        }
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery").field("summary", &self.summary()).finish_non_exhaustive()
    }
}
