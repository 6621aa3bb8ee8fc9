//! Runs a lane over a scripted vendor on paused time, and checks what must hold after any run.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll};
use std::time::Duration;

use contact_sink_core::{Applied, ContactUpdate, SinkError};
use contact_sink_delivery::{Delivery, Options, Outcome, Outcomes, Summary, Undelivered};
use futures_core::Stream;
use tokio::time::{Instant, timeout};

use crate::world::{World, update_of, user_of};

/// A lane that has not ended after so much paused time hangs.
const FOR_EVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// A test that takes so long on the wall clock has a lane that spins: paused time does not pass while a task is awake. On a busy
/// machine a test may take minutes.
const SPINNING: Duration = Duration::from_secs(10 * 60);

/// Whether an update without a verdict may have been applied, and why it has none.
pub(crate) fn undelivered(outcome: &Outcome) -> Option<(Applied, &Undelivered)> {
    if let Outcome::Undelivered { applied, cause, .. } = outcome { Some((*applied, cause)) } else { None }
}

/// The failure that led to an update without a verdict, and whether it may have been applied.
pub(crate) fn failure(outcome: &Outcome) -> (Applied, &SinkError) {
    let (applied, cause) = undelivered(outcome).unwrap_or_else(|| panic!("{outcome:?}"));
    (applied, cause.error().unwrap_or_else(|| panic!("{outcome:?}")))
}

/// Runs a future on paused time.
pub(crate) fn paused<F: Future>(future: F) -> F::Output {
    let (done, watched) = mpsc::channel::<()>();
    std::thread::spawn(move || {
        if watched.recv_timeout(SPINNING) == Err(mpsc::RecvTimeoutError::Timeout) {
            eprintln!("a lane spins: time stands still");
            std::process::abort();
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let output = runtime.block_on(async { timeout(FOR_EVER, future).await.expect("the lane hangs") });
    drop(done);
    output
}

/// What came of a whole input.
#[derive(Debug)]
pub(crate) struct Finished {
    /// By row.
    pub(crate) outcomes: Vec<Outcome>,
    pub(crate) summary: Summary,
    pub(crate) took: Duration,
}

impl Finished {
    pub(crate) fn rows(&self, wanted: impl Fn(&Outcome) -> bool) -> Vec<usize> {
        (0..self.outcomes.len()).filter(|row| wanted(&self.outcomes[*row])).collect()
    }

    pub(crate) fn rejected(&self) -> Vec<usize> {
        self.rows(|outcome| matches!(outcome, Outcome::Rejected { .. }))
    }

    pub(crate) fn undelivered(&self) -> Vec<usize> {
        self.rows(|outcome| matches!(outcome, Outcome::Undelivered { .. }))
    }
}

/// Delivers a file in which each row is a user of its own.
pub(crate) async fn deliver_users(world: &Arc<World>, options: Options, users: usize) -> Finished {
    deliver_rows(world, options, (0..users).map(|row| update_of(row, row, 1)).collect()).await
}

/// Delivers a file, and checks that each row has exactly one outcome and that no rule was broken on the way.
pub(crate) async fn deliver_rows(world: &Arc<World>, options: Options, rows: Vec<ContactUpdate>) -> Finished {
    let delivery = Delivery::new(world.clone(), options);
    let began = Instant::now();
    let mut outcomes = delivery.deliver_all(Feed::new(world.clone(), rows.clone()));
    let taken = take_all(world, &mut outcomes, &rows).await;
    assert_eq!(taken.len(), rows.len(), "each row has an outcome");
    let finished =
        Finished { outcomes: taken.into_values().collect(), summary: outcomes.summary(), took: began.elapsed() };
    check(world, &finished);
    drop((delivery, outcomes));
    ended(world).await;
    finished
}

/// Takes every outcome of an input.
pub(crate) async fn take_all(
    world: &World,
    outcomes: &mut Outcomes<usize>,
    rows: &[ContactUpdate],
) -> BTreeMap<usize, Outcome> {
    let mut taken = BTreeMap::new();
    while let Some((row, outcome)) = outcomes.next().await {
        world.row_taken(user_of(&rows[row]), row);
        assert!(taken.insert(row, outcome).is_none(), "row {row} has a second outcome");
    }
    taken
}

/// Waits until the lane's task has ended: it is the last to hold the sink.
pub(crate) async fn ended(world: &Arc<World>) {
    for _ in 0..10_000 {
        if Arc::strong_count(world) == 1 {
            return;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    panic!("the lane has nothing left to do and its task goes on");
}

fn check(world: &World, finished: &Finished) {
    assert_eq!(world.breaches(), [""; 0]);
    let count = |wanted: fn(&Outcome) -> bool| finished.rows(wanted).len() as u64;
    let summary = &finished.summary;
    assert_eq!(summary.accepted, count(|outcome| *outcome == Outcome::Accepted));
    assert_eq!(summary.rejected, finished.rejected().len() as u64);
    assert_eq!(summary.undelivered, finished.undelivered().len() as u64);
    assert_eq!(summary.requests, world.requests() as u64);
}

/// Rows as a stream of row numbers and updates, ready as soon as they are asked for.
pub(crate) struct Feed {
    world: Arc<World>,
    rows: Box<dyn Iterator<Item = (usize, ContactUpdate)> + Send>,
}

impl Feed {
    pub(crate) fn new<I>(world: Arc<World>, rows: I) -> Self
    where
        I: IntoIterator<Item = ContactUpdate>,
        I::IntoIter: Send + 'static,
    {
        Self { world, rows: Box::new(rows.into_iter().enumerate()) }
    }
}

impl Stream for Feed {
    type Item = (usize, ContactUpdate);

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = self.rows.next();
        if let Some((row, update)) = &next
            && !update.fields().is_empty()
        {
            self.world.row_read(user_of(update), *row);
        }
        Poll::Ready(next)
    }
}

/// A stream that whoever holds its other end feeds row by row.
pub(crate) struct Fed(pub(crate) tokio::sync::mpsc::UnboundedReceiver<(usize, ContactUpdate)>);

impl Stream for Fed {
    type Item = (usize, ContactUpdate);

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(cx)
    }
}
