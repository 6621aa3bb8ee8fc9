//! The server's own pages, below `/_sandbox/`.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{HOST, ORIGIN};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use serde::Serialize;

use crate::answer::Answer;
use crate::changes::Changes;
use crate::faults::{FaultKind, Faults};
use crate::server::{LONGEST_BODY, Server};
use crate::{engagelab, jiguang, tencent};

/// All of them.
pub(crate) fn router() -> Router<Arc<Server>> {
    Router::new()
        .route("/_sandbox/state", get(state))
        .route("/_sandbox/requests", get(requests))
        .route("/_sandbox/changes", post(set_changes))
        .route("/_sandbox/reset", post(reset))
        .route("/_sandbox/faults", post(set_faults).delete(end_faults))
        .layer(from_fn(only_from_here))
}

/// Refuses what a browser sends for a page of another site: such a request names its origin, or reaches this machine under the name
/// of another one.
async fn only_from_here(request: Request, next: Next) -> Response {
    if is_from_here(&request) {
        return match tokio::time::timeout(LONGEST_BODY, next.run(request)).await {
            Ok(response) => response,
            Err(_) => Answer::plain(StatusCode::REQUEST_TIMEOUT, "the body does not end").into_response(),
        };
    }
    let text = "the pages are for programs of this machine: Host must be this machine, and Origin the same";
    Answer::plain(StatusCode::FORBIDDEN, text).into_response()
}

fn is_from_here(request: &Request) -> bool {
    let text = |name| request.headers().get(name).map(|value| value.to_str().unwrap_or_default());
    let host = text(HOST).unwrap_or_default();
    let is_one = request.headers().get_all(HOST).iter().count() == 1
        && request.uri().authority().is_none_or(|authority| authority.as_str() == host);
    let name = host.rsplit_once(':').filter(|(_, port)| !port.contains(']')).map_or(host, |(name, _)| name);
    let is_here = name.eq_ignore_ascii_case("localhost")
        || name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    is_one
        && is_here
        && text(ORIGIN).is_none_or(|origin| origin.split_once("://").is_some_and(|(_, origin)| origin == host))
}

async fn state(State(server): State<Arc<Server>>) -> Answer {
    #[derive(Serialize)]
    struct View<'a> {
        jiguang: jiguang::Stored<'a>,
        engagelab: engagelab::Stored<'a>,
        tencent: tencent::Stored<'a>,
        counters: Counters,
        faults: BTreeMap<FaultKind, u64>,
    }
    #[derive(Serialize)]
    struct Counters {
        jiguang: jiguang::Counters,
        engagelab: engagelab::Counters,
        tencent: tencent::Counters,
    }
    let counters = Counters {
        jiguang: server.jiguang.counters(),
        engagelab: server.engagelab.counters(),
        tencent: server.tencent.counters(),
    };
    let view = View {
        jiguang: server.jiguang.all_stored(),
        engagelab: server.engagelab.all_stored(),
        tencent: server.tencent.all_stored(),
        counters,
        faults: server.faults_met(),
    };
    Answer::json(StatusCode::OK, None, serde_json::to_vec(&view))
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

async fn set_changes(State(server): State<Arc<Server>>, body: Bytes) -> Answer {
    match Changes::from_json(&body) {
        Ok(changes) => {
            server.replace_changes(changes);
            Answer::plain(StatusCode::OK, "these changes are made in their time")
        }
        Err(problem) => Answer::plain(StatusCode::BAD_REQUEST, &problem),
    }
}

async fn reset(State(server): State<Arc<Server>>) -> StatusCode {
    server.forget();
    StatusCode::NO_CONTENT
}
