//! Compares what a case expects with what came.

use bytes::Bytes;
use contact_sink_core::{Applied, Rejection, Retry, SinkError, Verdict};
use http::Request;

use crate::case::{self, Expected, Failure, Is};
use crate::json;
use crate::url;

/// What came of a case, if no error did.
#[derive(Debug)]
pub(crate) enum Came {
    Verdicts(Vec<Verdict>),
    /// The answer to a call that no sink makes.
    Answer(serde_json::Value),
}

/// The request: exactly one, and what the case names of it.
pub(crate) fn requests(sent: &[Request<Bytes>], expected: Option<&case::Request>) -> Result<(), String> {
    let [sent] = sent else { return Err(format!("one request is sent, not {}", sent.len())) };
    let Some(expected) = expected else { return Ok(()) };
    if let Some(method) = &expected.method {
        same("method", method.as_str(), sent.method().as_str())?;
    }
    if let Some(url) = &expected.url {
        url::expected(url, sent.uri())?;
    }
    for (name, value) in &expected.headers {
        let header = sent.headers().get(name).and_then(|value| value.to_str().ok());
        same(name, Some(value.as_str()), header)?;
    }
    if let Some(body) = &expected.body {
        let sent: serde_json::Value =
            serde_json::from_slice(sent.body()).map_err(|error| format!("the body that was sent: {error}"))?;
        same("body", json::read(body)?, sent)?;
    }
    Ok(())
}

/// What came over the wire is what was built: nothing is changed, and nothing is added but what HTTP asks for.
pub(crate) fn unchanged(built: &Request<Bytes>, came: &Request<Bytes>) -> Result<(), String> {
    same("method", built.method(), came.method())?;
    url::unchanged(built.uri(), came.uri())?;
    for name in built.headers().keys().chain(came.headers().keys()) {
        let values = |request: &Request<Bytes>| request.headers().get_all(name).iter().cloned().collect::<Vec<_>>();
        let (built, came) = (values(built), values(came));
        if !built.is_empty() || !ADDED.contains(&name.as_str()) {
            same(name.as_str(), built, came)?;
        }
    }
    same("bytes of the body", built.body(), came.body())
}

/// The headers that a transport may add.
const ADDED: [&str; 4] = ["accept", "content-length", "host", "user-agent"];

/// What `send` gave, or the call.
pub(crate) fn outcome(outcome: &Result<Came, SinkError>, expected: &Expected, status: u16) -> Result<(), String> {
    match (expected, outcome) {
        (Expected::Error(expected), Err(error)) => {
            same("error", &Failure { advice: None, ..expected.clone() }, &failure(error))?;
            let advice = expected.advice.as_deref().unwrap_or_default();
            if !error.advice().contains(advice) {
                return Err(format!("advice: {advice:?} is not in {:?}", error.advice()));
            }
            same("status of the error", Some(status), error.status())
        }
        (Expected::Error(_), Ok(came)) => Err(format!("an error is expected, not {came:?}")),
        (_, Err(error)) => Err(format!("no error is expected, but came: {error}")),
        (Expected::Answer(expected), Ok(Came::Answer(came))) => same("answer", &json::read(expected)?, came),
        (Expected::Verdicts(expected), Ok(Came::Verdicts(verdicts))) => {
            same("number of verdicts", expected.len(), verdicts.len())?;
            expected.iter().zip(verdicts).enumerate().try_for_each(|(index, (expected, came))| {
                verdict(expected, came).map_err(|problem| format!("verdict {index}: {problem}"))
            })
        }
        _ => Err("a sink gives verdicts, a call an answer".to_owned()),
    }
}

fn verdict(expected: &case::Verdict, came: &Verdict) -> Result<(), String> {
    let nothing = Rejection::unlisted(None, "");
    let (is, code, rejection) = match came {
        Verdict::Accepted => (Is::Accepted, None, &nothing),
        Verdict::Rejected(rejection) => (Is::Rejected, rejection.code(), rejection),
        Verdict::Undecided(rejection) => (Is::Undecided, rejection.code(), rejection),
        Verdict::Retry { code } => (Is::Retry, code.as_ref(), &nothing),
        other => return Err(format!("a verdict that no case can expect yet: {other:?}")),
    };
    same("verdict", expected.is, is)?;
    same("code", expected.code.as_ref(), code)?;
    same("listed", expected.listed, rejection.is_listed())?;
    same("address", expected.address.as_deref(), rejection.field().map(|address| address.as_str()))?;
    if let Some(reason) = &expected.reason {
        same("reason", reason.as_str(), rejection.reason())?;
    }
    if let Some(text) = &expected.text {
        same("vendor's text", Some(text.as_str()), rejection.vendor_text())?;
    }
    Ok(())
}

fn failure(error: &SinkError) -> Failure {
    Failure {
        kind: format!("{:?}", error.kind()),
        retry: match error.retry() {
            Retry::Never => "never".to_owned(),
            Retry::Backoff => "backoff".to_owned(),
            Retry::After(pause) => format!("{}s", pause.as_secs()),
        },
        applied: match error.applied() {
            Applied::No => "no".to_owned(),
            Applied::Maybe => "perhaps".to_owned(),
        },
        code: error.code().cloned(),
        advice: None,
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, expected: T, came: T) -> Result<(), String> {
    if expected == came { Ok(()) } else { Err(format!("{what}: expected {expected:?}, came {came:?}")) }
}
