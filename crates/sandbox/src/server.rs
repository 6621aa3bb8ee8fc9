//! The HTTP side: who arrived when, and which endpoint answers.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::CONNECTION;
use http::request::Parts;
use http::{HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt as _, Collected, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{error::Elapsed, timeout};

use crate::answer::{Answer, Response};
use crate::changes::{Change, Changes};
use crate::door::{Door, Link, Reins};
use crate::faults::{self, Dealer, Fault, FaultKind, Faults};
use crate::log::Log;
use crate::vendor::Vendor;
use crate::world::World;
use crate::{engagelab, jiguang, pages, tencent};

/// A hundred users with 80 KB each: far more than any client has a use for. Beyond it: 413.
const MAX_BODY_BYTES: usize = 8 * 1024 * 1024;

/// A head that takes longer is not waited for, and so long a connection may be at rest. Clients close theirs earlier.
const LONGEST_HEAD: Duration = Duration::from_secs(60);

/// A body that takes longer is not waited for.
const LONGEST_BODY: Duration = Duration::from_secs(30);

/// All that the running server holds.
pub(crate) struct Server {
    started: Instant,
    latency: Duration,
    has_pages: bool,
    log: Mutex<Log>,
    faults: Mutex<Dealer>,
    changes: Mutex<Changes>,
    /// Changes, or is given up, when the server stops.
    stop: watch::Receiver<()>,
    pub(crate) jiguang: jiguang::Endpoint,
    pub(crate) engagelab: engagelab::Endpoint,
    pub(crate) tencent: tencent::Endpoint,
}

impl Server {
    pub(crate) fn new(world: World, stop: watch::Receiver<()>) -> Arc<Self> {
        Arc::new(Self {
            started: Instant::now(),
            latency: world.latency,
            has_pages: world.pages,
            log: Mutex::new(Log::new(world.request_log)),
            faults: Mutex::new(Dealer::new(world.faults)),
            changes: Mutex::default(),
            stop,
            jiguang: jiguang::Endpoint::new(world.jiguang, world.store),
            engagelab: engagelab::Endpoint::new(world.engagelab, world.store),
            tencent: tencent::Endpoint::new(world.tencent, world.store),
        })
    }

    pub(crate) fn latency(&self) -> Duration {
        self.latency
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
        lock(&self.faults).replace(faults, self.started.elapsed());
    }

    /// Takes changes instead of those that are still to come.
    pub(crate) fn replace_changes(&self, changes: Changes) {
        let mut held = lock(&self.changes);
        *held = changes;
        self.make(held.due());
    }

    fn make(&self, changes: Vec<Change>) {
        for change in changes {
            if let Some(secret) = &change.secret {
                self.vendors().iter().for_each(|vendor| vendor.change_secret(secret));
            }
            if let Some(ahead) = change.clock_ahead() {
                self.tencent.set_clock_ahead(ahead);
            }
            if change.revoke_signatures {
                self.tencent.revoke_signatures();
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
        for vendor in self.vendors() {
            vendor.forget();
        }
    }

    fn vendors(&self) -> [&dyn Vendor; 3] {
        [&self.jiguang, &self.engagelab, &self.tencent]
    }

    /// Whose endpoint has this path.
    fn vendor(&self, path: &str) -> Option<&dyn Vendor> {
        match path {
            jiguang::PATH => Some(&self.jiguang),
            engagelab::PATH => Some(&self.engagelab),
            path if tencent::has(path) => Some(&self.tencent),
            _ => None,
        }
    }

    /// What can be decided from the head alone: the time is taken and the quota judged under one lock, so that the log, the
    /// clock and the quota agree on the order.
    fn arrive(&self, head: &Parts) -> (u64, Result<Option<Fault>, Answer>) {
        let mut log = self.log();
        let mut changes = lock(&self.changes);
        self.make(changes.due());
        changes.count_request();
        drop(changes);
        let arrival = self.started.elapsed();
        let met = match self.vendor(head.uri.path()) {
            Some(vendor) => match vendor.arrive(head, arrival) {
                None => Ok(lock(&self.faults).deal(arrival)),
                Some(refusal) => Err(refusal),
            },
            None => Err(nowhere()),
        };
        let number = log.arrive(arrival, head.method.as_str(), head.uri.path(), met.is_ok());
        if let (Ok(Some(fault)), Some(record)) = (&met, log.find(number)) {
            record.fault = Some(fault.kind);
        }
        (number, met)
    }
}

impl Server {
    /// Serves connections until the server stops, and then those whose requests have begun.
    pub(crate) async fn serve(self: Arc<Self>, mut door: Door) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                link = door.accept() => {
                    connections.spawn(self.clone().serve_one(link));
                }
                Some(_) = connections.join_next() => {}
                () = self.stopped() => break,
            }
        }
        drop(door);
        while connections.join_next().await.is_some() {}
    }

    async fn serve_one(self: Arc<Self>, link: Link) {
        let (server, reins) = (self.clone(), link.reins().clone());
        let answer = service_fn(move |request| {
            let (server, reins) = (server.clone(), reins.clone());
            async move { Ok::<_, Infallible>(server.answer(request, &reins).await) }
        });
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(LONGEST_HEAD);
        let mut connection = pin!(http.serve_connection(TokioIo::new(link), answer));
        // What goes wrong with a connection is the caller's business.
        tokio::select! {
            _ = connection.as_mut() => return,
            () = self.stopped() => connection.as_mut().graceful_shutdown(),
        }
        let _ = connection.await;
    }

    async fn answer(self: Arc<Self>, request: Request<Incoming>, reins: &Reins) -> Response {
        let (head, body) = request.into_parts();
        if self.has_pages && pages::has(head.uri.path()) {
            return self.page(&head, body).await;
        }
        let (number, met) = self.arrive(&head);
        // Also read when the answer is known: a client that is still writing would see a broken connection and no answer.
        let Ok(body) = read(body).await else {
            self.hand_out(number, Some(StatusCode::REQUEST_TIMEOUT), None).await;
            return endless_body();
        };
        let answer = match met {
            Ok(None) => self.judge(number, &head, body.as_deref()),
            Ok(Some(fault)) => {
                let answer = self.clone().judge_with(&fault, number, &head, body.as_deref());
                if fault.kind == FaultKind::Delay {
                    tokio::time::sleep(fault.time()).await;
                }
                self.hand_out(number, fault.kind.is_answered().then_some(answer.status), answer.code).await;
                if fault.kind == FaultKind::Silence {
                    // Until the caller goes away, which ends this, or the server does.
                    self.stopped().await;
                }
                return faults::meet(&fault, answer, reins);
            }
            Err(refusal) => refusal,
        };
        self.hand_out(number, Some(answer.status), answer.code).await;
        answer.into_response()
    }

    async fn page(&self, head: &Parts, body: Incoming) -> Response {
        if let Some(refusal) = pages::refuse(head) {
            return refusal.into_response();
        }
        let answer = match read(body).await {
            Err(_) => return endless_body(),
            Ok(None) => Answer::too_large(),
            Ok(Some(body)) => pages::answer(self, head, &body),
        };
        answer.into_response()
    }

    /// Lets the endpoint judge a request and give it its effect, and writes down what came of it.
    fn judge(&self, number: u64, head: &Parts, body: Option<&[u8]>) -> Answer {
        let mut answer = self.vendor(head.uri.path()).map_or_else(nowhere, |vendor| vendor.answer(head, body));
        if let Some(record) = self.log().find(number) {
            record.applied = true;
            record.code = answer.code;
            record.users = answer.subjects.len();
            record.owner = answer.owner.take();
            record.subjects = std::mem::take(&mut answer.subjects);
        }
        answer
    }

    /// The same for a request that meets a fault: perhaps later or not at all, and perhaps a gateway answers.
    fn judge_with(self: Arc<Self>, fault: &Fault, number: u64, head: &Parts, body: Option<&[u8]>) -> Answer {
        let instead = match fault.kind {
            FaultKind::OverQuota => self.vendor(head.uri.path()).map(|vendor| vendor.over_quota(head)),
            kind => faults::gateways(kind),
        };
        let nobody_sees = || Answer::plain(StatusCode::SERVICE_UNAVAILABLE, "");
        if !fault.is_applied() {
            return instead.unwrap_or_else(nobody_sees);
        }
        if fault.kind == FaultKind::Silence {
            // The caller may be gone by then.
            let (after, head, body) = (fault.time(), head.clone(), body.map(<[u8]>::to_vec));
            tokio::spawn(async move {
                tokio::time::sleep(after).await;
                let forgotten = self.log().has_forgotten(number);
                if !forgotten {
                    self.judge(number, &head, body.as_deref());
                }
            });
            return nobody_sees();
        }
        let own = self.judge(number, head, body);
        match instead {
            // The gateway answers early, and the endpoint is not done before that answer leaves.
            Some(instead) => Answer { hold: own.hold, ..instead },
            None => own,
        }
    }

    /// Holds an answer back by the latency, and writes down that it leaves.
    async fn hand_out(&self, number: u64, status: Option<StatusCode>, code: Option<i64>) {
        if let Some(record) = self.log().find(number) {
            record.status = status.map(|status| status.as_u16());
            // What the endpoint itself has said stands there already.
            record.code = record.code.or(code);
        }
        if !self.latency.is_zero() {
            tokio::time::sleep(self.latency).await;
        }
        let answered = self.started.elapsed();
        if let Some(record) = self.log().find(number) {
            record.answered = Some(answered).filter(|_| status.is_some());
        }
    }
}

/// A body; `None` if it is too large or broke off.
///
/// # Errors
/// It does not end.
async fn read(body: Incoming) -> Result<Option<Bytes>, Elapsed> {
    let whole = timeout(LONGEST_BODY, Limited::new(body, MAX_BODY_BYTES).collect());
    whole.await.map(|read| read.ok().map(Collected::to_bytes))
}

fn endless_body() -> Response {
    let mut response = Answer::plain(StatusCode::REQUEST_TIMEOUT, "the body does not end").into_response();
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

fn nowhere() -> Answer {
    Answer::plain(StatusCode::NOT_FOUND, "no endpoint has this path")
}

/// A lock that outlives a panic of whoever held it: nothing here is left half done.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
