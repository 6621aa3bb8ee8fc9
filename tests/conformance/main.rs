//! The conformance suite: each documented payload and each odd answer is a case file and a named test.
//!
//! `tests/conformance/<vendor>/<operation>/<case>.toml` runs as `<vendor>/<operation>/<case>`, with `/<status>` after it
//! where a case is given at several. `CONTACT_SINK_CONFORMANCE_TRANSPORT` (`hyper`, `reqwest`) sends the cases over a socket too;
//! `CONTACT_SINK_CONFORMANCE_REPORT` names a file for a report in JSON.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod case;
mod check;
mod files;
mod jiguang;
mod json;
mod own_tests;
mod report;
mod runner;
mod scripted;
mod server;
mod transport;

use std::panic::catch_unwind;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Completion, Trial};

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
            report.record(&named, &outcome);
            match outcome? {
                Done::Passed => Ok(Completion::Completed),
                Done::Skipped(reason) => Ok(Completion::ignored_with(reason)),
            }
        })
    });
    let conclusion = libtest_mimic::run(&arguments, cases.chain(own_tests::own_tests()).collect());
    if let Some(path) = std::env::var_os(REPORT).filter(|_| !arguments.list)
        && let Err(error) = report.write(Path::new(&path))
    {
        eprintln!("conformance: the report cannot be written: {error}");
        return ExitCode::FAILURE;
    }
    conclusion.exit_code()
}
