//! The server's own pages, below `/_sandbox/`.

use std::net::IpAddr;

use http::header::{HOST, ORIGIN};
use http::request::Parts;
use http::{Method, StatusCode};

use crate::answer::Answer;
use crate::changes::Changes;
use crate::faults::Faults;
use crate::state::State;

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
pub(crate) fn answer(state: &State, head: &Parts, body: &[u8]) -> Answer {
    let method = if head.method == Method::HEAD { &Method::GET } else { &head.method };
    match (head.uri.path().strip_prefix(PAGES), method) {
        (Some("state"), &Method::GET) => Answer::json(StatusCode::OK, None, &state.vendors.view(state.faults_met())),
        (Some("requests"), &Method::GET) => Answer::json(StatusCode::OK, None, &state.log().view()),
        (Some("changes"), &Method::POST) => {
            let set = Changes::from_json(body).map(|changes| state.replace_changes(changes));
            done(set, "these changes are made in their time")
        }
        (Some("faults"), &Method::POST) => {
            let set = Faults::from_json(body).map(|faults| state.replace_faults(faults));
            done(set.map_err(|error| error.to_string()), "the next requests meet these faults")
        }
        (Some("faults"), &Method::DELETE) => {
            state.replace_faults(Faults::default());
            Answer::nothing()
        }
        (Some("reset"), &Method::POST) => {
            state.forget();
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

/// Says that what was sent is done, or why not.
fn done(outcome: Result<(), String>, text: &str) -> Answer {
    match outcome {
        Ok(()) => Answer::plain(StatusCode::OK, text),
        Err(problem) => Answer::plain(StatusCode::BAD_REQUEST, &problem),
    }
}
