//! What is said at the end: the reports, then what a person should know beyond the counts.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use contact_sink_delivery::Undelivered;
use contact_sink_source::is_read_once;

use super::ended::Ended;
use super::ledger::FileFailed;
use super::stop::{self, End};
use crate::args::{self, ReportForm};
use crate::console::say;
use crate::exit_status::{Failure, Status};
use crate::reading::Seen;
use crate::report::{DestinationReport, Report, StopReport, counted, counted_are};

/// Reports on all destinations, in their order, and says how the command ends.
pub fn all(args: &args::Sync, all: &[Ended]) -> Status {
    let status = all.iter().map(Ended::status).max().unwrap_or(Status::Done);
    let reported = report(args, all, status);
    explain_unreadable(all);
    for ended in all {
        explain(args, ended);
    }
    status.max(reported)
}

/// Reports that nothing was begun: the report is there however the command ends.
pub fn refused(args: &args::Sync, failure: &Failure) {
    let exit_status = failure.status.number();
    let input = std::path::absolute(&args.file).ok();
    let report = DestinationReport {
        input: input.filter(|_| !is_read_once(&args.file)),
        exit_status,
        stop: Some(StopReport { kind: "not_begun".to_owned(), message: failure.to_string() }),
        ..DestinationReport::default()
    };
    write_reports(args, &Report::new(exit_status, args.to.iter().map(|name| (name.clone(), report.clone()))));
}

fn report(args: &args::Sync, all: &[Ended], status: Status) -> Status {
    for ended in all {
        let destination = &ended.about.destination;
        if !args.quiet || args.report.contains(&ReportForm::Text) {
            say!("{}", ended.counts().text(&destination.name).trim_end());
        }
        if let Some(means) = destination.accepted_means.filter(|_| !args.quiet && ended.counts().accepted > 0) {
            say!("  {means}");
        }
        for path in ended.about.report.rejected_files.iter().filter(|_| !args.quiet) {
            say!("  rejected rows, to correct and send again: {}", from_here(path).display());
        }
    }
    write_reports(
        args,
        &Report::new(status.number(), all.iter().map(|ended| (ended.name().to_owned(), ended.report()))),
    )
}

/// A path as a person here would type it.
fn from_here(path: &Path) -> &Path {
    let here = std::env::current_dir().ok();
    here.and_then(|here| path.strip_prefix(here).ok()).unwrap_or(path)
}

fn write_reports(args: &args::Sync, report: &Report) -> Status {
    let mut status = Status::Done;
    for form in &args.report {
        let json = || report.json().map_err(io::Error::from);
        let written = match form {
            ReportForm::Text => Ok(()),
            ReportForm::Json => json().and_then(|json| io::stdout().lock().write_all(json.as_bytes())),
            ReportForm::JsonFile(path) => json().and_then(|json| fs::write(path, json)),
        };
        if let Err(error) = written {
            say!("contact-sink: the report cannot be written: {error}");
            status = Status::Stopped;
        }
    }
    status
}

/// What is wrong with the input is said once if it is the same for all destinations.
fn explain_unreadable(all: &[Ended]) {
    let problems = |ended: &Ended| -> Vec<String> {
        let problem = |end: &End| if let End::Unreadable(problem) = end { Some(problem.clone()) } else { None };
        ended.ends.iter().filter_map(problem).collect()
    };
    let told: Vec<_> = all.iter().map(|ended| (ended.name(), problems(ended))).collect();
    let alike = told.windows(2).all(|pair| pair[0].1 == pair[1].1);
    for (name, problems) in told.iter().take(if alike { 1 } else { told.len() }) {
        for problem in problems {
            let whose = if alike { String::new() } else { format!(" (destination {name})") };
            say!("contact-sink: {problem}{whose}");
        }
    }
}

/// What a person should know of the input as a whole.
fn explain_input(args: &args::Sync, name: &str, seen: &Seen) {
    for column in &seen.missing_columns {
        say!("contact-sink: {name}: no row has a field {column:?}: is it spelt as in the input?");
    }
    for (column, looks_empty) in seen.tally.looks_empty() {
        let words: Vec<String> = looks_empty.words.iter().map(|word| format!("{word:?}")).collect();
        let one_of = words.join(", ");
        let (look, they_mean) = match looks_empty.cells {
            1 => ("looks like no value and is taken as it is", "it means"),
            _ => ("look like no value and are taken as they are", "they mean"),
        };
        say!(
            "contact-sink: {name}: {} of column {column:?} {look}: if {they_mean} nothing, add {one_of} to null under [input] in {}",
            counted(looks_empty.cells, "cell"),
            args.config.display()
        );
    }
}

/// What a person should know beyond the counts.
fn explain(args: &args::Sync, ended: &Ended) {
    let name = ended.name();
    if !args.quiet {
        explain_input(args, name, &ended.seen);
    }
    for end in &ended.ends {
        let message = stop::report(end, ended.about.destination.vendor, &ended.about.rejected).message;
        match end {
            // It was said for all destinations.
            End::Unreadable(_) => {}
            End::Interrupted | End::TimeIsUp(_) => say!("contact-sink: {name}: {message}"),
            _ => say!("contact-sink: {name}: stopped: {message}"),
        }
    }
    let said = ended.ends.iter().any(|end| matches!(end, End::Stopped(stop) if stop.error().is_some()));
    if let Some(cause) = ended.cause.as_ref().and_then(Undelivered::error).filter(|_| !said) {
        say!("contact-sink: {name}: the last failure: {cause}: {}", cause.advice());
    }
    // With the option it would begin with the first row.
    let again =
        if args.restart { "run the same command again without --restart" } else { "run the same command again" };
    let stopped_early = ended.ends.iter().any(|end| matches!(end, End::Interrupted | End::TimeIsUp(_)));
    if stopped_early && ended.unread {
        let pending = match ended.counts().pending {
            0 => "the rows that were not read are pending".to_owned(),
            rows => format!("{} pending, and so are all that were not read", counted_are(rows, "row")),
        };
        say!("contact-sink: {name}: {pending}: {again}");
    } else if ended.counts().pending > 0 {
        let first = if ended.status() == Status::Stopped { "when that is fixed, " } else { "" };
        say!("contact-sink: {name}: {} pending: {first}{again}", counted_are(ended.counts().pending, "row"));
    } else if ended.ends.iter().any(|end| matches!(end, End::File(FileFailed::RejectedRows(_)) | End::Journal(_))) {
        say!("contact-sink: {name}: when that is fixed, {again}: it writes down what is missing");
    }
}
