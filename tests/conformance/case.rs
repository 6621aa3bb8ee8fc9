//! What a case file holds. An unknown key anywhere fails the suite.

use std::collections::BTreeMap;

use serde::Deserialize;

/// One case: an input, the request that it must become, the answer that is given, and what must come of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// The document and its section, or "decision" and why.
    pub(crate) source: String,
    /// The case runs once with each of these statuses; else `answer.status` has the one.
    #[serde(default)]
    pub(crate) statuses: Vec<u16>,
    /// Why the case fails and is right to: an erratum of the document. The suite fails if the case passes.
    pub(crate) expected_failure: Option<String>,
    /// What each channel carries: `sms`, `app`, `mail`, `other`.
    #[serde(default)]
    pub(crate) channels: BTreeMap<String, String>,
    /// Credentials and base URL, where they matter.
    #[serde(default)]
    pub(crate) config: Config,
    /// The batch.
    pub(crate) updates: Vec<Update>,
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

/// Credentials and base URL.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) base_url: String,
}

impl Default for Config {
    fn default() -> Self {
        Self { id: "id".into(), secret: "secret".into(), base_url: "https://vendor.example".into() }
    }
}

/// One update, in the words of the domain.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Update {
    pub(crate) user: i64,
    /// Pairs of address and value, in order.
    pub(crate) set: Vec<(String, String)>,
}

/// The request: only what is named is compared.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    pub(crate) method: Option<String>,
    /// The whole URL. Over a socket the host is the server's.
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
}

/// Verdicts, or an error.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "lowercase")]
pub(crate) enum Expected {
    Verdicts(Vec<Verdict>),
    Error(Failure),
}

/// One verdict. Code and address must be the same, absent or not; `reason` and `text` count where they are given.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Verdict {
    pub(crate) is: Is,
    pub(crate) code: Option<i64>,
    #[serde(default)]
    pub(crate) listed: bool,
    pub(crate) address: Option<String>,
    pub(crate) reason: Option<String>,
    /// The vendor's text.
    pub(crate) text: Option<String>,
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

/// An error: all of it must be the same. The status is the answer's.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Failure {
    /// As `SinkErrorKind` spells it.
    pub(crate) kind: String,
    /// `never`, `backoff`, or a pause: `3s`.
    pub(crate) retry: String,
    /// `no` or `perhaps`.
    pub(crate) applied: String,
    pub(crate) code: Option<i64>,
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
