//! The server's own pages, below `/_sandbox/`.

use std::collections::BTreeMap;
use std::net::IpAddr;

use http::header::{HOST, ORIGIN};
use http::request::Parts;
use http::{Method, StatusCode};
use serde::Serialize;

use crate::answer::Answer;
use crate::changes::Changes;
use crate::faults::{FaultKind, Faults};
use crate::server::Server;
use crate::{engagelab, jiguang, tencent};

const PAGES: &str = "/_sandbox/";

/// Whether it is the path of a page.
pub(crate) fn has(path: &str) -> bool {
    let page = path.strip_prefix(PAGES);
    page.is_some_and(|page| ["state", "requests", "changes", "faults", "reset"].contains(&page))
}

/// Refuses what a browser sends for a page of another site: such a request names its origin, or reaches this machine under the name
/// of another one.
pub(crate) fn refuse(head: &Parts) -> Option<Answer> {
    let text = "the pages are for programs of this machine: Host must be this machine, and Origin the same";
    (!is_from_here(head)).then(|| Answer::plain(StatusCode::FORBIDDEN, text))
}

/// Answers a request for a page.
pub(crate) fn answer(server: &Server, head: &Parts, body: &[u8]) -> Answer {
    let method = if head.method == Method::HEAD { &Method::GET } else { &head.method };
    match (head.uri.path().strip_prefix(PAGES), method) {
        (Some("state"), &Method::GET) => state(server),
        (Some("requests"), &Method::GET) => Answer::json(StatusCode::OK, None, server.log().to_json()),
        (Some("changes"), &Method::POST) => set_changes(server, body),
        (Some("faults"), &Method::POST) => set_faults(server, body),
        (Some("faults"), &Method::DELETE) => {
            server.replace_faults(Faults::default());
            Answer::nothing()
        }
        (Some("reset"), &Method::POST) => {
            server.forget();
            Answer::nothing()
        }
        (Some("state" | "requests"), _) => Answer::only("GET"),
        (Some("changes" | "reset"), _) => Answer::only("POST"),
        _ => Answer::only("POST, DELETE"),
    }
}

fn is_from_here(head: &Parts) -> bool {
    let text = |name: &str| head.headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let host = text(HOST.as_str()).unwrap_or_default();
    let is_one = head.headers.get_all(HOST).iter().count() == 1
        && head.uri.authority().is_none_or(|authority| authority.as_str() == host);
    let (name, port) = host.rsplit_once(':').filter(|(_, port)| !port.contains(']')).unwrap_or((host, "80"));
    let is_port = port.bytes().all(|byte| byte.is_ascii_digit());
    let is_of_a_site = text("sec-fetch-site").is_some_and(|site| !["same-origin", "none"].contains(&site));
    let is_here = name.eq_ignore_ascii_case("localhost")
        || name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    is_one
        && is_here
        && is_port
        && !is_of_a_site
        && head.headers.get_all(ORIGIN).iter().count() <= 1
        && text(ORIGIN.as_str()).is_none_or(|origin| origin.split_once("://").is_some_and(|(_, origin)| origin == host))
}

fn state(server: &Server) -> Answer {
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

fn set_faults(server: &Server, body: &[u8]) -> Answer {
    match Faults::from_json(body) {
        Ok(faults) => {
            server.replace_faults(faults);
            Answer::plain(StatusCode::OK, "the next requests meet these faults")
        }
        Err(error) => Answer::plain(StatusCode::BAD_REQUEST, &error.to_string()),
    }
}

fn set_changes(server: &Server, body: &[u8]) -> Answer {
    match Changes::from_json(body) {
        Ok(changes) => {
            server.replace_changes(changes);
            Answer::plain(StatusCode::OK, "these changes are made in their time")
        }
        Err(problem) => Answer::plain(StatusCode::BAD_REQUEST, &problem),
    }
}
