//! The report that `cargo xtask conformance` reads.

use std::path::Path;
use std::sync::Mutex;

use serde::Serialize;

use crate::case::Erratum;
use crate::files::Named;
use crate::runner::Done;
use crate::transport::Transport;

/// What ran and how it ended.
pub(crate) struct Report {
    transport: &'static str,
    cases: Mutex<Vec<Line>>,
    errata: Vec<(String, Erratum)>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Line {
    vendor: String,
    operation: String,
    case: String,
    passed: bool,
    /// Why it did not go over the socket. It has not passed then.
    skipped: Option<String>,
    source: String,
    expected_failure: Option<String>,
}

#[derive(Serialize)]
struct Whole<'a> {
    transport: &'static str,
    cases: &'a [Line],
    errata: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    vendor: &'a str,
    place: &'a str,
    says: &'a str,
    decision: &'a str,
}

impl Report {
    pub(crate) fn new(transport: Option<Transport>, errata: Vec<(String, Erratum)>) -> Self {
        Self { transport: transport.map_or("memory", Transport::name), cases: Mutex::default(), errata }
    }

    /// `source` and `expected_failure` are those of its content.
    pub(crate) fn record<T>(
        &self,
        named: &Named<T>,
        source: &str,
        expected_failure: Option<&str>,
        outcome: &Result<Done, String>,
    ) {
        self.cases.lock().unwrap().push(Line {
            vendor: named.vendor.clone(),
            operation: named.operation.clone(),
            case: named.case.clone(),
            passed: *outcome == Ok(Done::Passed),
            skipped: match outcome {
                Ok(Done::Skipped(reason)) => Some(reason.clone()),
                _ => None,
            },
            source: source.to_owned(),
            expected_failure: expected_failure.map(str::to_owned),
        });
    }

    pub(crate) fn write(&self, path: &Path) -> std::io::Result<()> {
        let mut cases = self.cases.lock().unwrap();
        cases.sort();
        let errata = self
            .errata
            .iter()
            .map(|(vendor, erratum)| Row {
                vendor,
                place: &erratum.place,
                says: &erratum.says,
                decision: &erratum.decision,
            })
            .collect();
        std::fs::write(path, serde_json::to_vec_pretty(&Whole { transport: self.transport, cases: &cases, errata })?)
    }
}
