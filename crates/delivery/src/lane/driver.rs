//! The task that drives a lane: it feeds it events and the time, and sends what the lane wants sent.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use contact_sink_core::{ContactSink, ContactUpdate, Retry, SinkError, SinkErrorKind, Verdict};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use super::{Command, Lane};
use crate::limiter::{Limiter, Permit};
use crate::observe::Departed;

type Answer = Result<Vec<Verdict>, SinkError>;
type Departure = Pin<Box<dyn Future<Output = Option<Permit>> + Send>>;

/// Drives a lane until its handles are gone and everything in it has an outcome.
pub(crate) async fn drive(
    mut lane: Lane,
    sink: Arc<dyn ContactSink>,
    limiter: Option<Limiter>,
    requests_on: Option<Handle>,
    mut commands: mpsc::UnboundedReceiver<Command>,
) {
    let mut flying: JoinSet<(u64, Answer)> = JoinSet::new();
    let mut numbers: HashMap<Id, u64> = HashMap::new();
    let mut departure: Option<Departure> = None;
    let (mut handles_gone, mut is_open) = (false, true);
    loop {
        while let Ok(command) = commands.try_recv() {
            handles_gone |= matches!(command, Command::HandlesGone);
            obey(&mut lane, &mut flying, command).await;
        }
        let now = Instant::now();
        if lane.is_overdue(now) {
            flying.shutdown().await;
            lane.stop_overdue(now);
        }
        lane.commit(Instant::now());
        lane.advance(now);
        // What the advance ended is told in the next round, which begins at once.
        if lane.commit_is_due(now) {
            continue;
        }
        if handles_gone && lane.is_finished() {
            return;
        }
        let wants_to_send = lane.wants_to_send(now);
        lane.tell_wait(wants_to_send, limiter.as_ref().and_then(|limiter| limiter.held_until(now)), now);
        if !wants_to_send {
            // A place in the queue for a permit that is dropped costs the others nothing.
            departure = None;
        } else if departure.is_none() {
            departure = Some(next_departure(limiter.clone()));
        }
        let wake_at = lane.wakes_at(now);
        tokio::select! {
            command = commands.recv(), if is_open => match command {
                Some(command) => {
                    handles_gone |= matches!(command, Command::HandlesGone);
                    obey(&mut lane, &mut flying, command).await;
                }
                // What the lane has is still delivered.
                None => is_open = false,
            },
            Some(joined) = flying.join_next_with_id(), if !flying.is_empty() => {
                let (mut next, mut is_cancelled) = (Some(joined), false);
                // What came meanwhile is written down with it.
                while let Some(joined) = next {
                    is_cancelled |= joined.as_ref().is_err_and(JoinError::is_cancelled);
                    land(&mut lane, &mut numbers, joined);
                    next = flying.try_join_next_with_id();
                }
                // Only the end of its runtime cancels a request here.
                if is_cancelled {
                    lane.cannot_send(Instant::now());
                }
            }
            permit = granted(&mut departure) => {
                departure = None;
                let Some((number, batch, departed)) = lane.depart(Instant::now()) else {
                    permit.into_iter().for_each(Permit::unanswered);
                    continue;
                };
                if let Some(permit) = &permit {
                    permit.leaves();
                }
                let exchange = exchange(sink.clone(), number, batch, departed, permit);
                let task = match &requests_on {
                    Some(runtime) => flying.spawn_on(exchange, runtime),
                    None => flying.spawn(exchange),
                };
                numbers.insert(task.id(), number);
            }
            () = until(wake_at) => {}
        }
    }
}

/// A request ended, with an answer or a panic.
fn land(lane: &mut Lane, numbers: &mut HashMap<Id, u64>, joined: Result<(Id, (u64, Answer)), JoinError>) {
    match joined {
        Ok((id, (number, answer))) => {
            numbers.remove(&id);
            lane.answered(number, answer, Instant::now());
        }
        // The caller ends it, with all others that are in flight.
        Err(error) if error.is_cancelled() => {}
        Err(error) => {
            if let Some(number) = numbers.remove(&error.id()) {
                lane.panicked(number, Instant::now());
            }
        }
    }
}

async fn obey(lane: &mut Lane, flying: &mut JoinSet<(u64, Answer)>, command: Command) {
    if matches!(command, Command::Abandon) {
        flying.shutdown().await;
    }
    lane.handle(command, Instant::now());
}

fn next_departure(limiter: Option<Limiter>) -> Departure {
    Box::pin(async move {
        match limiter {
            Some(limiter) => Some(limiter.permit().await),
            None => None,
        }
    })
}

async fn granted(departure: &mut Option<Departure>) -> Option<Permit> {
    match departure {
        Some(departure) => departure.await,
        None => std::future::pending().await,
    }
}

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

/// One request, from its departure to its answer. The permit learns here whether the vendor throttled.
async fn exchange(
    sink: Arc<dyn ContactSink>,
    number: u64,
    batch: Vec<ContactUpdate>,
    departed: Departed,
    permit: Option<Permit>,
) -> (u64, Answer) {
    let answer = departed.around(sink.send(&batch)).await;
    if let (Err(error), Some(permit)) = (&answer, permit) {
        match (error.kind(), error.retry()) {
            (SinkErrorKind::Throttled, Retry::After(wait)) => permit.throttled(Some(wait)),
            (SinkErrorKind::Throttled, _) => permit.throttled(None),
            // The vendor took the request.
            (_, Retry::Never) => {}
            _ => permit.unanswered(),
        }
    }
    (number, answer)
}
