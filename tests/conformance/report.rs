//! The report that `cargo xtask conformance` reads.

use std::path::Path;
use std::sync::Mutex;

use serde::Serialize;

use crate::case::Erratum;
use crate::files::Named;

/// What ran and how it ended.
pub(crate) struct Report {
    cases: Mutex<Vec<Line>>,
    errata: Vec<(String, Erratum)>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Line {
    vendor: String,
    operation: String,
    case: String,
    passed: bool,
    source: String,
    expected_failure: Option<String>,
}

#[derive(Serialize)]
struct Whole<'a> {
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
    pub(crate) fn new(errata: Vec<(String, Erratum)>) -> Self {
        Self { cases: Mutex::default(), errata }
    }

    pub(crate) fn record(&self, named: &Named, passed: bool) {
        self.cases.lock().unwrap().push(Line {
            vendor: named.vendor.clone(),
            operation: named.operation.clone(),
            case: named.case.clone(),
            passed,
            source: named.content.source.clone(),
            expected_failure: named.content.expected_failure.clone(),
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
        std::fs::write(path, serde_json::to_vec_pretty(&Whole { cases: &cases, errata })?)
    }
}
