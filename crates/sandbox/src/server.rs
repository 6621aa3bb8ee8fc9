//! The HTTP side: who arrived when, which endpoint answers, and the server's own pages.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, StatusCode, header, request::Parts};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Serialize;
use tokio::sync::watch;

use crate::door::Reins;
use crate::faults::{self, Dealer, Fault, FaultKind, Faults};
use crate::jiguang::{self, Endpoint};
use crate::log::Log;
use crate::world::World;

/// A hundred users with 80 KB each: far more than any client has a use for. Beyond it: 413.
const MAX_BODY_BYTES: usize = 8 * 1024 * 1024;

/// All that the running server holds.
pub(crate) struct Server {
    started: Instant,
    latency: Duration,
    log: Mutex<Log>,
    faults: Mutex<Dealer>,
    /// Changes, or is given up, when the server stops.
    stop: watch::Receiver<()>,
    pub(crate) jiguang: Endpoint,
}

/// What an endpoint answers.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// The code in the body, if it is one of the vendor's own.
    pub(crate) code: Option<i64>,
    pub(crate) content_type: &'static str,
    pub(crate) body: Vec<u8>,
    /// A header that the status asks for.
    pub(crate) extra: Option<(header::HeaderName, HeaderValue)>,
    /// The users that the request named.
    pub(crate) cuids: Vec<i64>,
}

impl Server {
    pub(crate) fn new(world: World, stop: watch::Receiver<()>) -> Arc<Self> {
        Arc::new(Self {
            started: Instant::now(),
            latency: world.latency,
            log: Mutex::new(Log::new(world.request_log)),
            faults: Mutex::new(Dealer::new(world.faults)),
            stop,
            jiguang: Endpoint::new(world.jiguang, world.store),
        })
    }

    pub(crate) fn router(self: Arc<Self>) -> Router {
        Router::new()
            .route("/_sandbox/state", get(state))
            .route("/_sandbox/requests", get(requests))
            .route("/_sandbox/reset", post(reset))
            .route("/_sandbox/faults", post(set_faults).delete(end_faults))
            .fallback(vendor)
            .with_state(self)
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

    /// Returns when the server stops.
    pub(crate) async fn stopped(&self) {
        let _ = self.stop.clone().changed().await;
    }

    pub(crate) fn forget(&self) {
        self.log().forget();
        lock(&self.faults).forget();
        self.jiguang.forget();
    }

    /// What can be decided from the head alone: the time is taken and the quota judged under one lock, so that the log, the
    /// clock and the quota agree on the order.
    fn arrive(&self, head: &Parts) -> (u64, Result<(&Endpoint, Option<Fault>), Answer>) {
        let mut log = self.log();
        let arrival = self.started.elapsed();
        let endpoint = match head.uri.path() {
            jiguang::PATH => match self.jiguang.arrive(head, arrival) {
                None => Ok((&self.jiguang, lock(&self.faults).deal(arrival))),
                Some(refusal) => Err(refusal),
            },
            _ => Err(Answer::plain(StatusCode::NOT_FOUND, "no endpoint has this path")),
        };
        let number = log.arrive(arrival, head.method.as_str(), head.uri.path(), endpoint.is_ok());
        if let (Ok((_, Some(fault))), Some(record)) = (&endpoint, log.find(number)) {
            record.fault = Some(fault.kind);
        }
        (number, endpoint)
    }
}

impl Server {
    /// Lets the endpoint judge a request and give it its effect, and writes down what came of it.
    fn judge(&self, number: u64, head: &Parts, body: Option<&[u8]>) -> Answer {
        let mut answer = self.jiguang.answer(head, body);
        if let Some(record) = self.log().find(number) {
            record.applied = true;
            record.code = answer.code;
            record.users = answer.cuids.len();
            record.cuids = std::mem::take(&mut answer.cuids);
        }
        answer
    }

    /// The same for a request that meets a fault: perhaps later or not at all, and perhaps a gateway answers.
    fn judge_with(self: Arc<Self>, fault: &Fault, number: u64, head: &Parts, body: Option<&[u8]>) -> Answer {
        let instead = match fault.kind {
            FaultKind::OverQuota => Some(self.jiguang.over_quota()),
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
        instead.unwrap_or(own)
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

impl Answer {
    /// An answer that is not of the vendor's making.
    pub(crate) fn plain(status: StatusCode, text: &str) -> Self {
        let body = format!("sandbox: {text}\n").into_bytes();
        Self { status, code: None, content_type: "text/plain; charset=utf-8", body, extra: None, cuids: Vec::new() }
    }

    /// An answer in JSON.
    pub(crate) fn json(status: StatusCode, code: Option<i64>, body: serde_json::Result<Vec<u8>>) -> Self {
        match body {
            Ok(body) => Self { status, code, content_type: "application/json", body, extra: None, cuids: Vec::new() },
            Err(_) => Self::plain(StatusCode::INTERNAL_SERVER_ERROR, "the answer could not be written as JSON"),
        }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        response.headers_mut().extend(self.extra);
        response
    }
}

/// A lock that outlives a panic of whoever held it: nothing here is left half done.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn vendor(
    State(server): State<Arc<Server>>,
    ConnectInfo(reins): ConnectInfo<Reins>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let (number, met) = server.arrive(&head);
    // Also read when the answer is known: a client that is still writing would see a broken connection and no answer.
    let body = to_bytes(body, MAX_BODY_BYTES).await.ok();
    let answer = match met {
        Ok((_, None)) => server.judge(number, &head, body.as_deref()),
        Ok((_, Some(fault))) => {
            let answer = server.clone().judge_with(&fault, number, &head, body.as_deref());
            if fault.kind == FaultKind::Delay {
                tokio::time::sleep(fault.time()).await;
            }
            server.hand_out(number, fault.kind.is_answered().then_some(answer.status), answer.code).await;
            if fault.kind == FaultKind::Silence {
                // Until the caller goes away, which ends this, or the server does.
                server.stopped().await;
            }
            return faults::meet(&fault, answer, &reins);
        }
        Err(refusal) => refusal,
    };
    server.hand_out(number, Some(answer.status), answer.code).await;
    answer.into_response()
}

async fn state(State(server): State<Arc<Server>>) -> Answer {
    #[derive(Serialize)]
    struct View<'a> {
        jiguang: jiguang::Stored<'a>,
        counters: Counters,
        faults: BTreeMap<FaultKind, u64>,
    }
    #[derive(Serialize)]
    struct Counters {
        jiguang: jiguang::Counters,
    }
    let counters = Counters { jiguang: server.jiguang.counters() };
    let faults = server.faults_met();
    let body = serde_json::to_vec(&View { jiguang: server.jiguang.all_stored(), counters, faults });
    Answer::json(StatusCode::OK, None, body)
}

async fn requests(State(server): State<Arc<Server>>) -> Answer {
    Answer::json(StatusCode::OK, None, server.log().to_json())
}

async fn set_faults(State(server): State<Arc<Server>>, body: Bytes) -> Answer {
    match Faults::from_json(&body) {
        Ok(faults) => {
            server.replace_faults(faults);
            Answer::plain(StatusCode::OK, "the next requests meet these faults")
        }
        Err(error) => Answer::plain(StatusCode::BAD_REQUEST, &error.to_string()),
    }
}

async fn end_faults(State(server): State<Arc<Server>>) -> StatusCode {
    server.replace_faults(Faults::default());
    StatusCode::NO_CONTENT
}

async fn reset(State(server): State<Arc<Server>>) -> StatusCode {
    server.forget();
    StatusCode::NO_CONTENT
}
