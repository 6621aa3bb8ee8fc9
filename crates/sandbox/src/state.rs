//! All that the running server holds: its vendors, the log, and the faults and changes to come.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use http::StatusCode;
use http::request::Parts;
use tokio::sync::watch;

use crate::answer::Answer;
use crate::changes::{Change, Changes};
use crate::counters::End;
use crate::faults::{Dealer, Fault, FaultKind, Faults};
use crate::lock::lock;
use crate::log::Log;
use crate::vendor::{Route, Vendor};
use crate::vendors::Vendors;
use crate::world::World;

/// All that the running server holds.
pub(crate) struct State {
    started: Instant,
    pub(crate) latency: Duration,
    pub(crate) has_pages: bool,
    pub(crate) vendors: Vendors,
    log: Mutex<Log>,
    faults: Mutex<Dealer>,
    changes: Mutex<Changes>,
    /// Changes or ends when the server stops.
    stop: watch::Receiver<()>,
}

debug_shows!(State: vendors);

impl State {
    pub(crate) fn new(world: World, stop: watch::Receiver<()>) -> Self {
        Self {
            started: Instant::now(),
            latency: world.latency,
            has_pages: world.pages,
            vendors: Vendors::new(&world),
            log: Mutex::new(Log::new(world.request_log)),
            faults: Mutex::new(Dealer::new(world.faults)),
            changes: Mutex::default(),
            stop,
        }
    }

    /// The time since the server started.
    pub(crate) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    pub(crate) fn log(&self) -> MutexGuard<'_, Log> {
        lock(&self.log)
    }

    /// How many requests met each kind of fault.
    pub(crate) fn faults_met(&self) -> BTreeMap<FaultKind, u64> {
        lock(&self.faults).met()
    }

    /// Takes faults that are checked, instead of what is left of others.
    pub(crate) fn replace_faults(&self, faults: Faults) {
        lock(&self.faults).replace(faults, self.now());
    }

    /// Takes changes instead of those that are still to come.
    pub(crate) fn replace_changes(&self, changes: Changes) {
        let mut held = lock(&self.changes);
        *held = changes;
        self.make(held.due());
    }

    fn make(&self, changes: Vec<Change>) {
        for change in changes {
            for vendor in self.vendors.all() {
                if let Some(secret) = &change.secret {
                    vendor.change_secret(secret);
                }
                if let Some(ahead) = change.clock_ahead {
                    vendor.set_clock_ahead(ahead);
                }
                if change.revoke_signatures {
                    vendor.revoke_signatures();
                }
            }
        }
    }

    /// Returns when the server stops.
    pub(crate) async fn stopped(&self) {
        let _ = self.stop.clone().changed().await;
    }

    pub(crate) fn forget(&self) {
        self.log().forget();
        lock(&self.faults).forget();
        for vendor in self.vendors.all() {
            vendor.forget();
        }
    }

    /// Which vendor has this path, and as which of its routes.
    fn route(&self, path: &str) -> Option<(&dyn Vendor, &Route)> {
        self.vendors.all().into_iter().find_map(|vendor| Some((vendor, vendor.route(path)?)))
    }

    /// What can be decided from the head alone: the time is taken and the quota judged under one lock, so that the log, the
    /// clock and the quota agree on the order.
    pub(crate) fn arrive(&self, head: &Parts) -> (u64, Result<Option<Fault>, Answer>) {
        let mut log = self.log();
        let mut changes = lock(&self.changes);
        self.make(changes.due());
        changes.count_request();
        drop(changes);
        let arrival = self.now();
        let refusal = match self.route(head.uri.path()) {
            Some((vendor, route)) => vendor.arrive(route, head, arrival),
            None => Some(nowhere()),
        };
        let met = match refusal {
            Some(refusal) => Err(refusal),
            None => Ok(lock(&self.faults).deal(arrival)),
        };
        let number = log.arrive(arrival, head.method.as_str(), head.uri.path(), met.is_ok());
        if let (Ok(Some(fault)), Some(record)) = (&met, log.find(number)) {
            record.fault = Some(fault.kind);
        }
        (number, met)
    }

    /// Lets the endpoint judge a request and give it its effect, and writes down what came of it.
    pub(crate) fn judge(&self, number: u64, head: &Parts, body: Option<&[u8]>) -> Answer {
        let mut answer = match self.route(head.uri.path()) {
            Some((vendor, route)) => vendor.answer(route, head, body),
            None => nowhere(),
        };
        if let Some(record) = self.log().find(number) {
            record.applied = true;
            record.accepted = matches!(answer.end, End::Accepted { .. });
            record.code = answer.code;
            record.users = answer.subjects.len();
            record.owner = answer.owner.take();
            record.subjects = std::mem::take(&mut answer.subjects);
        }
        answer
    }

    /// What the vendor answers to a request over the quota.
    pub(crate) fn over_quota(&self, head: &Parts) -> Answer {
        self.route(head.uri.path()).map_or_else(nowhere, |(vendor, _)| vendor.over_quota(head))
    }
}

fn nowhere() -> Answer {
    Answer::plain(StatusCode::NOT_FOUND, "no endpoint has this path")
}
