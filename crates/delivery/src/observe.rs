//! What a lane tells logs and metrics: all that depends on the features `tracing` and `metrics` is here.
//!
//! Nothing here sees an update: only numbers, codes and words of ours come in.
#![cfg_attr(not(all(feature = "metrics", feature = "tracing")), allow(dead_code, unused_variables))]

#[cfg(feature = "metrics")]
mod counted;
#[cfg(feature = "tracing")]
mod traced;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use contact_sink_core::{ErrorCode, Quota, SinkError, SinkErrorKind, Verdict};
use tokio::time::Instant;

use crate::{Health, Outcome, Stop};

/// Tells of one lane.
#[derive(Debug, Clone)]
pub(crate) struct Observer {
    name: Arc<str>,
}

/// A request that leaves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Leaving {
    pub(crate) purpose: &'static str,
    pub(crate) updates: usize,
    /// 1 for the first.
    pub(crate) attempt: u32,
    pub(crate) is_retry: bool,
    /// The first and the last of the callers' numbers, if they have any.
    pub(crate) numbers: Option<(u64, u64)>,
}

/// Runs a task within what the caller's logs are within.
pub(crate) fn within_current<F: Future>(task: F) -> impl Future<Output = F::Output> {
    #[cfg(feature = "tracing")]
    let task = tracing::Instrument::in_current_span(task);
    task
}

impl Observer {
    pub(crate) fn new(name: Arc<str>, quota: Option<Quota>) -> Self {
        #[cfg(feature = "metrics")]
        counted::lane(&name, quota);
        Self { name }
    }

    pub(crate) fn departs(&self, leaving: Leaving) -> Departed {
        #[cfg(feature = "metrics")]
        counted::departs(&self.name, &leaving);
        Departed {
            #[cfg(feature = "tracing")]
            span: traced::request(&self.name, &leaving),
            #[cfg(feature = "metrics")]
            _in_flight: counted::InFlight::new(&self.name),
            observer: self.clone(),
            began: Instant::now(),
        }
    }

    /// Updates have their outcome, and so many have none yet.
    pub(crate) fn settled<'o>(&self, outcomes: impl Iterator<Item = &'o Outcome> + Clone, waiting: usize) {
        #[cfg(feature = "metrics")]
        counted::settled(&self.name, outcomes.clone(), waiting);
        #[cfg(feature = "tracing")]
        traced::settled(&self.name, outcomes);
    }

    /// So many updates have no outcome.
    pub(crate) fn waits(&self, waiting: usize) {
        #[cfg(feature = "metrics")]
        counted::waiting(&self.name, waiting);
    }

    /// A request will be sent again.
    pub(crate) fn retries(&self, purpose: &'static str, updates: usize, attempt: u32, wait: Duration) {
        #[cfg(feature = "tracing")]
        traced::retries(&self.name, purpose, updates, attempt, wait);
    }

    /// Updates ran out of tries.
    pub(crate) fn gives_up(&self, updates: usize) {
        #[cfg(feature = "tracing")]
        traced::gives_up(&self.name, updates);
    }

    /// A refusal that may be everybody's fault is kept back.
    pub(crate) fn keeps_back(&self, code: Option<&ErrorCode>, in_a_row: u64) {
        #[cfg(feature = "tracing")]
        traced::keeps_back(&self.name, code, in_a_row);
    }

    /// Single updates are tried, to see whether anything is accepted.
    pub(crate) fn trial_begins(&self, tries: usize) {
        #[cfg(feature = "tracing")]
        traced::trial_begins(&self.name, tries);
    }

    /// One of them was accepted.
    pub(crate) fn trial_ends(&self) {
        #[cfg(feature = "tracing")]
        traced::trial_ends(&self.name);
    }

    /// Nothing gets through: one request at a time asks whether the vendor is there.
    pub(crate) fn probing_begins(&self, error: &SinkError) {
        #[cfg(feature = "tracing")]
        traced::probing_begins(&self.name, error);
    }

    /// Something got through again, so long after.
    pub(crate) fn probing_ends(&self, after: Duration) {
        #[cfg(feature = "tracing")]
        traced::probing_ends(&self.name, after);
    }

    /// The delivery is in this state now.
    pub(crate) fn enters(&self, health: &Health) {
        #[cfg(feature = "metrics")]
        counted::enters(&self.name, health);
    }

    pub(crate) fn stops(&self, why: &Stop) {
        #[cfg(feature = "metrics")]
        counted::stops(&self.name, stop_name(why));
        #[cfg(feature = "tracing")]
        traced::stops(&self.name, stop_name(why), why);
    }
}

/// A request that is in flight, until it is dropped.
pub(crate) struct Departed {
    observer: Observer,
    began: Instant,
    #[cfg(feature = "tracing")]
    span: tracing::Span,
    #[cfg(feature = "metrics")]
    _in_flight: counted::InFlight,
}

impl Departed {
    /// Runs the exchange within the request's span, and tells of its answer.
    pub(crate) async fn around(
        self,
        exchange: impl Future<Output = Result<Vec<Verdict>, SinkError>>,
    ) -> Result<Vec<Verdict>, SinkError> {
        #[cfg(feature = "tracing")]
        let exchange = tracing::Instrument::instrument(exchange, self.span.clone());
        let answer = exchange.await;
        let took = self.began.elapsed();
        #[cfg(feature = "metrics")]
        counted::answered(&self.observer.name, &answer, took);
        #[cfg(feature = "tracing")]
        self.span.in_scope(|| traced::answered(&self.observer.name, &answer, took));
        answer
    }
}

fn kind_name(kind: SinkErrorKind) -> &'static str {
    match kind {
        SinkErrorKind::Connect => "connect",
        SinkErrorKind::Exhausted => "exhausted",
        SinkErrorKind::Certificate => "certificate",
        SinkErrorKind::Timeout => "timeout",
        SinkErrorKind::Interrupted => "interrupted",
        SinkErrorKind::AnswerTooLarge => "answer_too_large",
        SinkErrorKind::Throttled => "throttled",
        SinkErrorKind::Unavailable => "unavailable",
        SinkErrorKind::Unreadable => "unreadable",
        SinkErrorKind::Credentials => "credentials",
        SinkErrorKind::Forbidden => "forbidden",
        SinkErrorKind::WrongAddress => "wrong_address",
        SinkErrorKind::BadRequest => "bad_request",
        SinkErrorKind::Contract => "contract",
        _ => "other",
    }
}

fn stop_name(why: &Stop) -> &'static str {
    match why {
        Stop::Failed(_) => "failed",
        Stop::Unreachable { .. } => "unreachable",
        Stop::RefusedAlike { .. } => "refused_alike",
        Stop::TooManyRejected { .. } => "too_many_rejected",
        Stop::Journal(_) => "journal",
        Stop::TooManyUndelivered { .. } => "too_many_undelivered",
        Stop::Broken => "broken",
        Stop::Halted => "halted",
    }
}
