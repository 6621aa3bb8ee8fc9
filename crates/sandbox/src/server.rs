//! The HTTP side: takes requests, has them judged, and answers.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONNECTION;
use http::request::Parts;
use http::{HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt as _, Collected, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::task::JoinSet;
use tokio::time::{error::Elapsed, timeout};

use crate::answer::{Answer, Response};
use crate::door::{Door, Link, Reins};
use crate::faults::{self, Fault, FaultKind};
use crate::pages;
use crate::state::State;

/// A hundred users with 80 KB each: far more than any client has a use for. Beyond it: 413.
const MAX_BODY_BYTES: usize = 8 * 1024 * 1024;

/// A head that takes longer is not waited for, and so long a connection may be at rest. Clients close theirs earlier.
const LONGEST_HEAD: Duration = Duration::from_secs(60);

/// A body that takes longer is not waited for.
const LONGEST_BODY: Duration = Duration::from_secs(30);

/// The server, as each of its tasks has it.
#[derive(Clone)]
pub(crate) struct Server(Arc<State>);

impl Server {
    /// A server with this state.
    pub(crate) fn new(state: Arc<State>) -> Self {
        Self(state)
    }

    /// Serves connections until the server stops, and then those whose requests have begun.
    pub(crate) async fn serve(self, mut door: Door) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                link = door.accept() => {
                    connections.spawn(self.clone().serve_one(link));
                }
                Some(_) = connections.join_next() => {}
                () = self.0.stopped() => break,
            }
        }
        drop(door);
        while connections.join_next().await.is_some() {}
    }

    async fn serve_one(self, link: Link) {
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
            () = self.0.stopped() => connection.as_mut().graceful_shutdown(),
        }
        let _ = connection.await;
    }

    async fn answer(&self, request: Request<Incoming>, reins: &Reins) -> Response {
        let (head, body) = request.into_parts();
        if self.0.has_pages && pages::has(head.uri.path()) {
            return self.page(&head, body).await;
        }
        let (number, met) = self.0.arrive(&head);
        // Also read when the answer is known: a client that is still writing would see a broken connection and no answer.
        let Ok(body) = read(body).await else {
            self.hand_out(number, Some(StatusCode::REQUEST_TIMEOUT), None).await;
            return endless_body();
        };
        let answer = match met {
            Ok(None) => self.0.judge(number, &head, body.as_deref()),
            Ok(Some(fault)) => {
                let answer = self.judge_with(&fault, number, &head, body.as_deref());
                if fault.kind == FaultKind::Delay {
                    tokio::time::sleep(fault.time()).await;
                }
                self.hand_out(number, fault.kind.is_answered().then_some(answer.status), answer.code).await;
                if fault.kind == FaultKind::Silence {
                    // Until the caller goes away, which ends this, or the server does.
                    self.0.stopped().await;
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
            Ok(Some(body)) => pages::answer(&self.0, head, &body),
        };
        answer.into_response()
    }

    /// Judges a request that meets a fault: now, later or not at all. A gateway may answer in place of the endpoint.
    fn judge_with(&self, fault: &Fault, number: u64, head: &Parts, body: Option<&[u8]>) -> Answer {
        let instead = match fault.kind {
            FaultKind::OverQuota => Some(self.0.over_quota(head)),
            kind => faults::gateways(kind),
        };
        let nobody_sees = || Answer::plain(StatusCode::SERVICE_UNAVAILABLE, "");
        if !fault.is_applied() {
            return instead.unwrap_or_else(nobody_sees);
        }
        if fault.kind == FaultKind::Silence {
            // The caller may be gone by then.
            let (state, after) = (self.0.clone(), fault.time());
            let (head, body) = (head.clone(), body.map(<[u8]>::to_vec));
            tokio::spawn(async move {
                tokio::time::sleep(after).await;
                let forgotten = state.log().has_forgotten(number);
                if !forgotten {
                    state.judge(number, &head, body.as_deref());
                }
            });
            return nobody_sees();
        }
        let own = self.0.judge(number, head, body);
        match instead {
            // The gateway answers early, and the endpoint is not done before that answer leaves.
            Some(instead) => Answer { hold: own.hold, ..instead },
            None => own,
        }
    }

    /// Holds an answer back by the latency, and writes down that it leaves.
    async fn hand_out(&self, number: u64, status: Option<StatusCode>, code: Option<i64>) {
        if let Some(record) = self.0.log().find(number) {
            record.status = status.map(|status| status.as_u16());
            // What the endpoint itself has said stands there already.
            record.code = record.code.or(code);
        }
        if !self.0.latency.is_zero() {
            tokio::time::sleep(self.0.latency).await;
        }
        let answered = self.0.now();
        if let Some(record) = self.0.log().find(number) {
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
