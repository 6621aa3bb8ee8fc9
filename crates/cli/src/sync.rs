//! `sync`: one input to one destination or several, every row accounted for.

mod books;
mod ended;
mod interrupt;
mod ledger;
mod limiters;
mod opening;
mod preflight;
mod prepare;
mod recorded;
mod run;
pub mod state;
mod stop;
mod tell;
mod under_way;
mod vendor_has;

use std::collections::HashSet;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::path::PathBuf;
use std::sync::Arc;

use contact_sink_journal::Lock;
use contact_sink_mapping::Layout;
use contact_sink_sandbox::{Sandbox, World};
use contact_sink_source::{Dialect, display_name, is_read_once};
use tokio::runtime;
use tracing::{Instrument as _, info_span};

use crate::args::{self, ReportForm};
use crate::config::{Config, Destinations, Ready, SANDBOX, SIMULATED_QUOTA};
use crate::console::{self, say};
use crate::exit_status::{Failure, Status};
use crate::files::{are_the_same, can_be_written, directory_of, is_in};
use crate::log::{self, LogFormat};
use crate::metrics_file::Metrics;
use crate::progress::Screen;
use ended::Ended;
use interrupt::{Interrupt, TimeLimit};
pub use interrupt::{Signals, StopAt, parse_duration};
use prepare::{Preparation, Prepared};
use stop::End;

/// Sends a file to its destinations.
pub async fn run(mut args: args::Sync) -> Result<Status, Failure> {
    if args.log_format == LogFormat::Json {
        console::speak_json();
    }
    // Each form once: standard output holds one object.
    let mut seen = HashSet::new();
    args.report.retain(|form| seen.insert(form.clone()));
    check_reports(&args)?;
    check_names(&args.to)?;
    let limit = TimeLimit::new(args.stop_at, args.max_time)?;
    let destinations = destinations(&args).inspect_err(|failure| tell::refused(&args, failure));
    let (Destinations { destinations, dialect, secret_files }, _sandbox) = destinations?;
    check_outputs(&args, &secret_files)?;
    if let Some(filter) = &args.log {
        log::start(filter, args.log_format);
    }
    let metrics = args.metrics.as_ref().map(|path| Metrics::start(path, &args.to)).transpose()?;
    // From the start: a signal between the last row and the report is not lost.
    let mut signals = Signals::listen();
    let begun = begin(&args, destinations, dialect, limit).await;
    let Begun { prepared, interrupt, no_rows, _locks } = begun.inspect_err(|failure| tell::refused(&args, failure))?;
    for run in prepared.iter().filter(|_| !args.quiet).filter_map(|prepared| prepared.as_ref().ok()) {
        run.says.iter().for_each(|line| say!("{line}"));
        run.doubts.iter().for_each(|doubt| say!("contact-sink: {doubt}"));
    }
    let sends = prepared.iter().any(Result::is_ok);
    if let Some(limit) = limit.filter(|_| sends && !args.quiet) {
        say!("it will stop at {} ({limit})", limit.when());
    }
    let all = run_all(prepared, interrupt).await;
    if let Some(metrics) = metrics {
        metrics.finish(all.iter().map(|ended| (ended.name(), ended.status().number())));
    }
    if signals.came() {
        console::hurry();
    }
    // A pipe that is not read may hold up a report, and no signal.
    let reported = tokio::task::spawn_blocking(move || {
        let status = tell::all(&args, &all);
        if !args.quiet && all.iter().all(|ended| ended.counts().rows == 0 && ended.ends.is_empty()) {
            say!("contact-sink: {no_rows}");
        }
        status
    });
    tokio::select! {
        status = reported => Ok(status.unwrap_or(Status::Stopped)),
        () = async {
            match console::patience() {
                Some(patience) => tokio::time::sleep(patience).await,
                None => signals.next().await,
            }
        } => {
            console::hurry();
            say!("contact-sink: ended at once: the report is not read");
            Ok(Status::Interrupted)
        }
    }
}

/// What has begun: nothing was sent yet.
struct Begun {
    prepared: Vec<Prepared>,
    interrupt: Interrupt,
    /// What is said if it turns out that there was no row.
    no_rows: String,
    _locks: Vec<Arc<Lock>>,
}

/// Opens the input, finds all that can be wrong with it and with the destinations, and begins a run for each.
async fn begin(
    args: &args::Sync,
    destinations: Vec<Ready>,
    dialect: Dialect,
    limit: Option<TimeLimit>,
) -> Result<Begun, Failure> {
    let count = destinations.len();
    if count > 1 && is_read_once(&args.file) {
        let name = display_name(&args.file);
        return Err(Failure::usage(format!(
            "{name} can be read once only, and there are {count} destinations: save it to a file first"
        )));
    }
    let mut interrupt = Interrupt::listen(limit);
    let mut input = preflight::open(args, dialect, &mut interrupt).await?;
    let screen = Screen::new(args.quiet, count > 1);
    let mut preparation = Preparation::new(args, destinations, &input)?;
    input = input.with_id_places(preparation.id_places());
    if let Some(key) = preparation.digest_key() {
        input = input.with_digest_key(&key);
    }
    let preflight = if input.is_file() {
        let (checked, preflight) = preflight::run(input, preparation.rows_known(), &screen, &mut interrupt).await?;
        input = checked;
        Some(preflight)
    } else {
        None
    };
    let what = if matches!(input.layout(), Layout::Columns(_)) { "no rows after the header" } else { "no rows" };
    let no_rows = format!("{}: {what}", input.name());
    let (prepared, locks) = preparation.begin(input, preflight.as_ref(), &screen)?;
    Ok(Begun { prepared, interrupt, no_rows, _locks: locks })
}

/// Runs all at once, each as a task of its own, so that none waits for another. Their requests are made on two more threads.
async fn run_all(prepared: Vec<Prepared>, interrupt: Interrupt) -> Vec<Ended> {
    let mut requests = runtime::Builder::new_multi_thread();
    // Without it all is done on one thread, and more slowly.
    let requests = requests.worker_threads(2).thread_name("requests").enable_all().build().ok();
    let requests_on = requests.as_ref().map(|runtime| runtime.handle().clone());
    let begin = |prepared: Prepared| {
        prepared.map(|mut run| {
            let about = run.about.clone();
            let span = info_span!("sync", destination = about.destination.name, vendor = about.destination.vendor);
            run.options.requests_on = requests_on.clone();
            (about, tokio::spawn(run.sync(interrupt.clone()).instrument(span)))
        })
    };
    let tasks: Vec<_> = prepared.into_iter().map(begin).collect();
    let mut all = Vec::with_capacity(tasks.len());
    for task in tasks {
        all.push(match task {
            Ok((about, task)) => task.await.unwrap_or_else(|_| Ended::at_once(about, End::Broken)),
            Err(ended) => *ended,
        });
    }
    if let Some(requests) = requests {
        requests.shutdown_background();
    }
    all
}

fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

fn destinations(args: &args::Sync) -> Result<(Destinations, Option<Sandbox>), Failure> {
    if args.to != [SANDBOX] {
        return Ok((Config::read(&args.config)?.destinations(&args.to)?, None));
    }
    let mut world = World::default();
    // Other users of this machine can reach it: it has no pages, and its secret is random.
    let secret = format!("{:016x}{:016x}", random(), random());
    (world.pages, world.request_log) = (false, 0);
    world.set_secret(&secret);
    world.raise_quotas(SIMULATED_QUOTA.requests, SIMULATED_QUOTA.per);
    let sandbox = Sandbox::start(world.clone())
        .map_err(|error| Failure::new(Status::Stopped, format!("the simulator cannot be started: {error}")))?;
    Ok((Config::simulated(&sandbox, &world, &secret).all_destinations()?, Some(sandbox)))
}

/// Refuses names that contradict each other.
fn check_names(names: &[String]) -> Result<(), Failure> {
    let mut seen = HashSet::new();
    for name in names {
        if name.is_empty() {
            return Err(Failure::usage("--to: a name is empty: write --to NAME, or --to NAME,NAME"));
        }
        if !seen.insert(name) {
            return Err(Failure::usage(format!("--to {name}: it is named twice: name each destination once")));
        }
    }
    if seen.len() > 1 && names.iter().any(|name| name == SANDBOX) {
        return Err(Failure::usage(format!(
            "--to {SANDBOX}: the simulator stands alone: leave the other names out, they are real destinations"
        )));
    }
    Ok(())
}

/// Finds out before anything is sent that a report has no place, or the wrong one.
fn check_reports(args: &args::Sync) -> Result<(), Failure> {
    for form in &args.report {
        if let ReportForm::JsonFile(path) = form {
            let name = path.display();
            if !directory_of(path).is_dir() || path.is_dir() {
                return Err(Failure::usage(format!(
                    "--report json={name}: there is no such directory, or it is one itself"
                )));
            }
            can_be_written(path)
                .map_err(|error| Failure::usage(format!("--report json={name}: it cannot be written: {error}")))?;
        }
    }
    Ok(())
}

/// Refuses to write over a file that is needed, or one file over another.
fn check_outputs(args: &args::Sync, secret_files: &[PathBuf]) -> Result<(), Failure> {
    let state = state::directory(args.state.clone()).ok();
    let reports = args.report.iter().filter_map(|form| match form {
        ReportForm::JsonFile(path) => Some(("--report json=", path)),
        _ => None,
    });
    let mut outputs: Vec<(&str, &PathBuf)> = reports.collect();
    outputs.extend(args.metrics.as_ref().map(|path| ("--metrics ", path)));
    outputs.extend(args.outcomes.as_ref().map(|path| ("--outcomes ", path)));
    for (nth, (option, path)) in outputs.iter().enumerate() {
        let refuse = |is: &str| Err(Failure::usage(format!("{option}{}: that is {is}: name another", path.display())));
        if are_the_same(path, &args.file) {
            return refuse("the input itself");
        }
        if are_the_same(path, &args.config) {
            return refuse("the configuration itself");
        }
        if secret_files.iter().any(|secret| are_the_same(path, secret)) {
            return refuse("the file of a secret");
        }
        if state.as_ref().is_some_and(|state| is_in(path, state)) {
            return refuse("in the state directory, where the journal is");
        }
        if let Some((other, _)) = outputs[..nth].iter().find(|(_, other)| are_the_same(path, other)) {
            return refuse(&format!(
                "the file of {} too",
                other.trim_end_matches([' ', '=']).trim_end_matches(" json")
            ));
        }
    }
    Ok(())
}
