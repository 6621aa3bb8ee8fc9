//! `sync`: one input to one destination, every row accounted for.

mod run;

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use contact_sink_core::ContactSink;
use contact_sink_delivery::{Options, Stop};
use contact_sink_sandbox::{Sandbox, World};

use crate::args::{self, ReportForm};
use crate::config::{self, Config, Destination};
use crate::console::say;
use crate::dead_letters::DeadLetters;
use crate::input::{Input, Plan};
use crate::network;
use crate::report::{Report, grouped};
use crate::status::{Failure, Status};
use run::{End, Ended, Run};

/// Sends a file to a destination.
pub async fn run(mut args: args::Sync) -> Result<Status, Failure> {
    // Each form once: standard output holds one object.
    let mut seen = Vec::new();
    args.report.retain(|form| {
        !seen.contains(form) && {
            seen.push(form.clone());
            true
        }
    });
    check_reports(&args)?;
    let (destination, _sandbox) = destination(&args)?;
    let input = match Input::open(&args.file, args.format) {
        Err(failure) if failure.status == Status::Unreadable => {
            let ended = Ended::unreadable(failure.to_string());
            let reported = report(&args, &destination.name, &ended);
            explain(&args, &destination.name, &ended);
            return Ok(ended.status().max(reported));
        }
        opened => opened?,
    };
    let Destination { name, vendor, account, base_url, simulated, mapping, null, transport, sink } = destination;
    let plan = Plan::new(mapping.clone(), null, input.shape())
        .map_err(|problem| Failure::usage(format!("{}: {problem} (destination {name})", input.name)))?;
    let sink: Box<dyn ContactSink> = sink(network::transport(transport, &base_url)?);
    if !args.quiet {
        let kind = if simulated { "SIMULATED" } else { "LIVE" };
        say!("{kind}: {} to {vendor} at {}, {account}", input.name, base_url.authority());
    }
    let dead_letters = DeadLetters::new(&args.rejected, &run_id(), &name, input.shape());
    let options = Options::default().with_max_rejected(args.max_rejected);
    let run = Run { name: name.clone(), mapping, plan, sink, options, dead_letters, quiet: args.quiet };
    let ended = run.sync(input).await;
    let reported = report(&args, &name, &ended);
    explain(&args, &name, &ended);
    Ok(ended.status().max(reported))
}

fn destination(args: &args::Sync) -> Result<(Destination, Option<Sandbox>), Failure> {
    if args.to != config::SANDBOX {
        return Ok((Config::read(&args.config)?.destination(&args.to)?, None));
    }
    let sandbox = Sandbox::start(World::default())
        .map_err(|error| Failure::new(Status::Stopped, format!("the simulator cannot be started: {error}")))?;
    // The name in reports is that of the vendor that is simulated.
    let destination = Config::simulated(&sandbox.base_url()).destination(contact_sink_jiguang::VENDOR)?;
    Ok((destination, Some(sandbox)))
}

/// Finds out before anything is sent that a report has no place, or the wrong one.
fn check_reports(args: &args::Sync) -> Result<(), Failure> {
    for form in &args.report {
        if let ReportForm::JsonFile(path) = form {
            let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(".".as_ref());
            let name = path.display();
            if !directory.is_dir() || path.is_dir() {
                return Err(Failure::usage(format!(
                    "--report json={name}: there is no such directory, or it is one itself"
                )));
            }
            let real = |path: &Path| fs::canonicalize(path).ok();
            if real(path)
                .is_some_and(|path| [&args.file, &args.config].iter().any(|other| real(other) == Some(path.clone())))
            {
                return Err(Failure::usage(format!(
                    "--report json={name}: that is the input or the configuration itself"
                )));
            }
        }
    }
    Ok(())
}

fn report(args: &args::Sync, name: &str, ended: &Ended) -> Status {
    if !args.quiet || args.report.contains(&ReportForm::Text) {
        say!("{}", ended.counts.text(name).trim_end());
    }
    let report = Report::new([(name.to_owned(), ended.counts.clone())]);
    let mut status = Status::Done;
    for form in &args.report {
        let written = match form {
            ReportForm::Text => Ok(()),
            ReportForm::Json => report.json().map_err(Into::into).and_then(|json| {
                use std::io::Write as _;
                std::io::stdout().lock().write_all(json.as_bytes())
            }),
            ReportForm::JsonFile(path) => report.json().map_err(Into::into).and_then(|json| fs::write(path, json)),
        };
        if let Err(error) = written {
            say!("contact-sink: the report cannot be written: {error}");
            status = Status::Stopped;
        }
    }
    status
}

/// What a person should know beyond the counts.
fn explain(args: &args::Sync, name: &str, ended: &Ended) {
    if let Some(path) = &ended.dead_letters
        && !args.quiet
    {
        say!("  rejected rows, to be mended and fed back: {}", path.display());
    }
    for column in ended.never_met.iter().filter(|_| !args.quiet) {
        say!("contact-sink: {name}: no row has a field {column:?}: is it spelt as in the input?");
    }
    for end in &ended.ends {
        let all = "--max-rejected 100% switches this stop off";
        match end {
            End::Stopped(stop @ (Stop::RefusedAlike { .. } | Stop::TooManyRejected { .. })) => {
                say!("contact-sink: {name}: stopped: {stop}; {all}");
            }
            End::Stopped(stop) => say!("contact-sink: {name}: stopped: {stop}"),
            End::DeadLetters(problem) => {
                say!(
                    "contact-sink: {name}: stopped: the file of rejected rows in {} cannot be written: {problem}: make room or name another place with --rejected",
                    args.rejected.display()
                );
            }
            End::Unreadable(problem) => say!("contact-sink: {problem}"),
            End::Interrupted => say!("contact-sink: {name}: interrupted"),
        }
    }
    let said = ended.ends.iter().any(|end| matches!(end, End::Stopped(Stop::Failed(_) | Stop::Unreachable { .. })));
    if let Some(cause) = ended.cause.as_ref().filter(|_| !said) {
        say!("contact-sink: {name}: the last failure: {cause}: {}", cause.advice());
    }
    if ended.counts.pending > 0 {
        let first = if ended.status() == Status::Stopped { "when that is mended, " } else { "" };
        say!(
            "contact-sink: {name}: {} rows are pending: {first}run the same command again",
            grouped(ended.counts.pending)
        );
    }
}

/// A name for this run that sorts by time: `20261122T021530Z-4711`.
fn run_id() -> String {
    let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    format!("{}-{}", now.replace(['-', ':'], ""), std::process::id())
}
