//! What a case file holds. An unknown key anywhere fails the suite.

use std::collections::BTreeMap;

use contact_sink_core::ErrorCode;
use serde::{Deserialize, Deserializer};

use crate::config::Config;

/// One case: an input, the request that it must become, the answer that is given, and what must come of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// The document and its section, or "decision" and why.
    pub(crate) source: String,
    /// The case runs once with each of these statuses; else `answer.status` has the one.
    #[serde(default)]
    pub(crate) statuses: Vec<u16>,
    /// Why what comes of the case is not what is expected: an erratum of the document, or a decision that a crate does not
    /// follow yet. The suite fails if the case passes, or fails before anything comes of it.
    pub(crate) expected_failure: Option<String>,
    /// What each channel carries: `sms`, `app`, `mail`, `other`.
    #[serde(default)]
    pub(crate) channels: BTreeMap<String, String>,
    /// Credentials and base URL, where they matter.
    #[serde(default)]
    pub(crate) config: Config,
    /// The batch.
    #[serde(default)]
    pub(crate) updates: Vec<Update>,
    /// What a call takes that is no sink's.
    pub(crate) call: Option<Call>,
    /// The one request, where it matters.
    pub(crate) request: Option<Request>,
    /// The answer to it.
    pub(crate) answer: Answer,
    /// What `send` gives.
    pub(crate) expected: Expected,
}

impl Case {
    /// The same case at another host: base URL and expected URL keep their paths.
    pub(crate) fn at(&self, origin: &str) -> Result<Self, String> {
        let mut moved = self.clone();
        let expected = moved.request.as_mut().and_then(|request| request.url.as_mut());
        for url in std::iter::once(&mut moved.config.base_url).chain(expected) {
            let uri: http::Uri = url.parse().map_err(|error| format!("{url}: {error}"))?;
            *url = format!("{origin}{}", uri.path_and_query().map_or("", |path_and_query| path_and_query.as_str()));
        }
        Ok(moved)
    }
}

/// One update, in the words of the domain: of a `user`, or of a `contact` of an `owner`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Update {
    pub(crate) user: Option<Id>,
    pub(crate) owner: Option<Id>,
    pub(crate) contact: Option<Id>,
    /// Pairs of address and value, in order.
    pub(crate) set: Vec<(String, Set)>,
}

/// An id as a case writes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum Id {
    Number(i64),
    Text(String),
}

/// A value as a case writes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum Set {
    Text(String),
    List(Vec<String>),
}

/// What is given to a call that is no sink's: the part of it that the call takes.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Call {
    pub(crate) accounts: Vec<String>,
    /// Account and names.
    pub(crate) attributes: Vec<(String, Vec<String>)>,
    /// Number and name.
    pub(crate) names: Vec<(u8, String)>,
}

/// The request: only what is named is compared.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    pub(crate) method: Option<String>,
    /// The whole URL. Over a socket the host is the server's. With a `usersig` in it the query is compared as decoded pairs
    /// in any order, and `random` and `usersig` are held against the configuration instead.
    pub(crate) url: Option<String>,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    /// Compared as JSON, after the document's `//` comments are taken out.
    pub(crate) body: Option<String>,
}

/// The answer: the body is sent as it stands, but for the line break that ends it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answer {
    pub(crate) status: Option<u16>,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Answer {
    /// The body as it is sent.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.body.strip_suffix('\n').unwrap_or(&self.body).as_bytes()
    }

    /// The answer with this status.
    pub(crate) fn response(&self, status: u16) -> Result<http::Response<bytes::Bytes>, String> {
        let response = http::Response::builder().status(status);
        let response = self.headers.iter().fold(response, |response, (name, value)| response.header(name, value));
        let answer = response.body(bytes::Bytes::copy_from_slice(self.bytes()));
        answer.map_err(|error| format!("the answer of the case: {error}"))
    }
}

/// Verdicts, an error, or the answer to a call.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "lowercase")]
pub(crate) enum Expected {
    Verdicts(Vec<Verdict>),
    Error(Failure),
    /// The answer to a call that is no sink's, as JSON: `code`, `success`, `content`.
    Answer(String),
}

/// One verdict. Code and address must be the same, absent or not; `reason` and `text` count where they are given.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Verdict {
    pub(crate) is: Is,
    #[serde(default, deserialize_with = "code")]
    pub(crate) code: Option<ErrorCode>,
    #[serde(default)]
    pub(crate) listed: bool,
    pub(crate) address: Option<String>,
    pub(crate) reason: Option<String>,
    /// The vendor's text.
    pub(crate) text: Option<String>,
}

/// A number or a word.
fn code<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ErrorCode>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Number(i64),
        Word(String),
    }
    Ok(Some(match Written::deserialize(deserializer)? {
        Written::Number(number) => number.into(),
        Written::Word(word) => word.into(),
    }))
}

/// Which verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Is {
    Accepted,
    Rejected,
    Undecided,
    Retry,
}

/// An error: all of it must be the same; of the advice, what is given must be in it. The status is the answer's.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Failure {
    /// As `SinkErrorKind` spells it.
    pub(crate) kind: String,
    /// `never`, `backoff`, or a pause: `3s`.
    pub(crate) retry: String,
    /// `no` or `perhaps`.
    pub(crate) applied: String,
    #[serde(default, deserialize_with = "code")]
    pub(crate) code: Option<ErrorCode>,
    /// A part of what a person is told to do.
    pub(crate) advice: Option<String>,
}

/// A UserSig that another implementation made.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Vector {
    pub(crate) source: String,
    pub(crate) key: String,
    pub(crate) usersig: String,
    /// What is in it, as it stands in it.
    pub(crate) document: serde_json::Value,
}

/// The errata of one vendor's documents.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Errata {
    pub(crate) erratum: Vec<Erratum>,
}

/// One thing that a document says wrongly, or against itself, and what is done instead.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Erratum {
    /// The document and its section.
    pub(crate) place: String,
    /// What it says there.
    pub(crate) says: String,
    /// What is done instead, and why.
    pub(crate) decision: String,
    /// The cases that show it: `<operation>/<case>`.
    #[serde(default)]
    pub(crate) cases: Vec<String>,
}
