//! The conformance suite: each documented payload and each odd answer is a case file and a named test.
//!
//! `tests/conformance/<vendor>/<operation>/<case>.toml` runs as `<vendor>/<operation>/<case>`, with `/<status>` after it
//! where a case is given at several. `CONTACT_SINK_CONFORMANCE_REPORT` names a file for a report in JSON.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod case;
mod check;
mod files;
mod jiguang;
mod json;
mod report;
mod runner;
mod scripted;

use std::panic::catch_unwind;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};

use crate::files::Suite;
use crate::report::Report;

const REPORT: &str = "CONTACT_SINK_CONFORMANCE_REPORT";

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let suite = match Suite::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance")) {
        Ok(suite) => suite,
        Err(problem) => {
            eprintln!("conformance: {problem}");
            return ExitCode::FAILURE;
        }
    };
    let report = Arc::new(Report::new(suite.errata));
    let cases = suite.cases.into_iter().map(|named| {
        let report = Arc::clone(&report);
        Trial::test(named.name(), move || {
            // A panic is a failed case and must stand in the report as one.
            let outcome = catch_unwind(|| runner::run(&named)).unwrap_or_else(|_| Err("it panicked".to_owned()));
            report.record(&named, outcome.is_ok());
            outcome.map_err(Into::into)
        })
    });
    let conclusion = libtest_mimic::run(&arguments, cases.chain(runner::own_tests()).collect());
    if let Some(path) = std::env::var_os(REPORT).filter(|_| !arguments.list)
        && let Err(error) = report.write(Path::new(&path))
    {
        eprintln!("conformance: the report cannot be written: {error}");
        return ExitCode::FAILURE;
    }
    conclusion.exit_code()
}
