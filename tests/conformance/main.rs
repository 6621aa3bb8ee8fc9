//! The conformance suite: each documented payload and each odd answer is a case file and a named test.
//!
//! `tests/conformance/<vendor>/<operation>/<case>.toml` runs as `<vendor>/<operation>/<case>`, with `/<status>` after it
//! where a case is given at several. `CONTACT_SINK_CONFORMANCE_TRANSPORT` (`hyper`, `reqwest`) sends the cases over a socket too;
//! `CONTACT_SINK_CONFORMANCE_REPORT` names a file for a report in JSON.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod case;
mod check;
mod config;
mod coverage;
mod files;
mod json;
mod own_tests;
mod report;
mod runner;
mod server;
mod signature;
mod signed_tests;
mod sink;
mod tencent;
mod transport;
mod url;
mod vector;

use std::panic::catch_unwind;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Completion, Failed, Trial};

use crate::files::Suite;
use crate::report::Report;
use crate::runner::Done;
use crate::transport::Transport;

const REPORT: &str = "CONTACT_SINK_CONFORMANCE_REPORT";

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let read = Suite::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance"));
    let (suite, transport) = match read.and_then(|suite| Ok((suite, Transport::chosen()?))) {
        Ok(chosen) => chosen,
        Err(problem) => {
            eprintln!("conformance: {problem}");
            return ExitCode::FAILURE;
        }
    };
    let report = Arc::new(Report::new(transport, suite.errata));
    let cases = suite.cases.into_iter().map(|named| {
        let report = Arc::clone(&report);
        Trial::ignorable_test(named.name(), move || {
            // A panic is a failed case and must stand in the report as one.
            let outcome = catch_unwind(|| runner::run(&named, transport));
            let outcome = outcome.unwrap_or_else(|_| Err("it panicked".to_owned()));
            let content = &named.content;
            report.record(&named, &content.source, content.expected_failure.as_deref(), &outcome);
            completion(outcome)
        })
    });
    let vectors = suite.vectors.into_iter().map(|named| {
        let report = Arc::clone(&report);
        Trial::ignorable_test(named.name(), move || {
            let outcome =
                catch_unwind(|| vector::run(&named.content)).unwrap_or_else(|_| Err("it panicked".to_owned()));
            let done = transport.map_or(Done::Passed, |_| Done::Skipped("a vector is not sent".to_owned()));
            let outcome = outcome.map(|()| done);
            report.record(&named, &named.content.source, None, &outcome);
            completion(outcome)
        })
    });
    let trials = cases.chain(vectors).chain(own_tests::own_tests()).chain(signed_tests::own_tests());
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    if let Some(path) = std::env::var_os(REPORT).filter(|_| !arguments.list)
        && let Err(error) = report.write(Path::new(&path))
    {
        eprintln!("conformance: the report cannot be written: {error}");
        return ExitCode::FAILURE;
    }
    conclusion.exit_code()
}

fn completion(outcome: Result<Done, String>) -> Result<Completion, Failed> {
    match outcome? {
        Done::Passed => Ok(Completion::Completed),
        Done::Skipped(reason) => Ok(Completion::ignored_with(reason)),
    }
}
