//! `status`: the runs that the journals know.

use std::cmp::Reverse;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use contact_sink_core::printable;
use contact_sink_journal::{Book, Lock, Problem, Record, State, Stopped, StoreError};
use serde::Serialize;

use crate::args::{self, RunState};
use crate::console::say;
use crate::exit_status::{Failure, Status};
use crate::files::has_content;
use crate::report::{StopReport, counted, grouped};
use crate::sync::state;
use crate::time::to_the_second;

/// A run of a destination, as it is shown.
#[derive(Serialize)]
struct Shown {
    run: String,
    destination: String,
    vendor: String,
    account: String,
    input: String,
    state: RunState,
    started: String,
    changed: String,
    exit_status: Option<u8>,
    stop: Option<StopReport>,
    rows: Option<u64>,
    accepted: u64,
    rejected: u64,
    skipped: u64,
    unchanged: u64,
    pending: Option<u64>,
    rejected_files: Vec<PathBuf>,
    continue_command: Option<String>,
    /// Who holds the destination's lock, if the run is under way.
    held_by: Option<String>,
    #[serde(skip)]
    began: SystemTime,
    #[serde(skip)]
    settled: u64,
}

#[derive(Serialize)]
struct Report<'a> {
    schema: u32,
    runs: &'a [Shown],
}

/// Shows the runs, the newest first, or forgets some.
pub fn run(args: &args::Status) -> Result<Status, Failure> {
    let directory = state::directory(args.state.clone())?;
    let journals = journals(&directory)?;
    let is_wanted = |path: &PathBuf| args.to.is_empty() || args.to.contains(&name_of(path));
    if let Some(name) = args.to.iter().find(|name| !journals.iter().any(|path| name_of(path) == **name)) {
        return Err(Failure::usage(format!("--to {name}: no run of it is known in {}", directory.display())));
    }
    let wanted: Vec<PathBuf> = journals.into_iter().filter(is_wanted).collect();
    if !args.forget.is_empty() {
        return forget(args, &directory, &wanted);
    }
    let (mut shown, mut status) = (Vec::new(), Status::Done);
    for path in &wanted {
        match runs_of(path) {
            Ok(runs) => shown.extend(runs),
            // The others are shown all the same.
            Err(error) if matches!(error.problem(), Problem::Foreign) && name_of(path).starts_with("index") => {}
            Err(error) => {
                say!("contact-sink: {error}");
                status = Status::Config;
            }
        }
    }
    shown.retain(|run| args.only.is_empty() || args.only.contains(&run.state));
    shown.sort_by(|one, other| (other.began, &one.destination).cmp(&(one.began, &other.destination)));
    let text = match args.json {
        true => serde_json::to_string(&Report { schema: 1, runs: &shown }).map_or(String::new(), |json| json + "\n"),
        false => table(&shown),
    };
    if shown.is_empty() && status == Status::Done && !args.json {
        let which = if args.only.is_empty() { "" } else { " in such a state" };
        say!("no run{which} is known in {}", directory.display());
    }
    // Who closes the pipe has read enough.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    Ok(status)
}

fn forget(args: &args::Status, directory: &Path, journals: &[PathBuf]) -> Result<Status, Failure> {
    for name in &args.forget {
        let mut found = false;
        for path in journals {
            // Only a journal that knows the run is locked.
            let knows = |run: &Record| run.parts.iter().any(|part| part.name == *name);
            if !contact_sink_journal::list(path).is_ok_and(|runs| runs.iter().any(knows)) {
                continue;
            }
            let who = format!("process {}: status --forget {name}", std::process::id());
            let _lock = Lock::take(&path.with_extension("lock"), &who).map_err(|held| {
                let problem =
                    format!("destination {}: a run is under way: {held}: wait until it has ended", name_of(path));
                Failure::new(Status::Pending, problem)
            })?;
            let cannot = |error: StoreError| Failure::config(format!("the journal cannot be opened: {error}"));
            let key = state::load_key(directory)?;
            let forgotten = Book::open(path, &key).and_then(|mut book| book.forget(name)).map_err(cannot)?;
            let runs = forgotten.map_err(|run| {
                let file = run.letters.as_ref().map_or(String::new(), |path| path.display().to_string());
                Failure::config(format!(
                    "{}: some rejected rows of the run {name} are not in {file}, which was edited or moved or cannot be written: put \
                     it back as it was, or run this first: {}",
                    name_of(path),
                    run.command
                ))
            })?;
            for run in runs {
                found = true;
                let left = match run.pending() {
                    0 => String::new(),
                    1 => "; 1 row of it has no outcome".to_owned(),
                    rows => format!("; {} of it have no outcome", counted(rows, "row")),
                };
                say!("{}: forgot the run {}{left}", name_of(path), run.name());
            }
        }
        if !found {
            return Err(Failure::usage(format!("--forget {name}: no such run is known in {}", directory.display())));
        }
    }
    Ok(Status::Done)
}

/// The runs of a destination.
fn runs_of(path: &Path) -> Result<Vec<Shown>, StoreError> {
    let holder = Lock::holder(&path.with_extension("lock"));
    let runs = contact_sink_journal::list(path)?;
    // The others that say so were cut off; the one that was resumed last need not be the one that began last.
    let running = runs.iter().enumerate().filter(|(_, record)| record.state == State::Running);
    let under_way = running.max_by_key(|(nth, record)| (record.changed, Reverse(*nth))).map(|(nth, _)| nth);
    let shown = runs.iter().enumerate().map(|(nth, record)| {
        let holder = holder.clone().filter(|_| Some(nth) == under_way);
        let is_later = |later: &Record| {
            later.identity.account_hash == record.identity.account_hash
                && (later.input == record.input || later.content == record.content)
        };
        let has_later = runs[..nth].iter().any(is_later);
        let is_cut_off = record.state == State::Running || record.stop.as_ref().is_some_and(Stopped::is_cut_off);
        let state = match record.state {
            State::Finished => RunState::Finished,
            State::Running if holder.is_some() => RunState::Running,
            _ if has_later && record.is_resumable => RunState::Replaced,
            _ if is_cut_off => RunState::CutOff,
            _ => RunState::Unfinished,
        };
        Shown::new(name_of(path), record.clone(), state, holder)
    });
    Ok(shown.collect())
}

fn name_of(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// The journals in a directory, by name; none if it is not there.
fn journals(directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    let cannot = |error: std::io::Error| Failure::config(format!("{}: cannot be read: {error}", directory.display()));
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(cannot)?,
    };
    let paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>().map_err(cannot)?;
    let is_journal = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "sqlite");
    let mut paths: Vec<PathBuf> = paths.into_iter().filter(is_journal).collect();
    paths.sort();
    Ok(paths)
}

impl Shown {
    fn new(destination: String, record: Record, state: RunState, held_by: Option<String>) -> Self {
        let name = record.name().to_owned();
        // What is done is not resumed; nor what is not possible, or sends nothing.
        let is_left = matches!(state, RunState::CutOff | RunState::Unfinished);
        let can_resume = record.is_resumable && !record.is_old(SystemTime::now());
        let rows = record.is_resumable.then(|| record.rows.saturating_sub(record.first));
        let stop = record.stop.filter(|_| record.state == State::Unfinished);
        let (counts, settled) = (record.counts, record.counts.settled());
        Self {
            run: name,
            destination,
            vendor: record.identity.host,
            account: record.identity.account,
            input: record.input,
            state,
            started: to_the_second(record.began),
            changed: to_the_second(record.changed),
            // How its last command ended; nothing if it was killed, or has not ended.
            exit_status: record.exit_status.filter(|_| record.state != State::Running),
            stop: stop.map(|Stopped { kind, message }| StopReport { kind, message }),
            rows,
            accepted: counts.accepted,
            rejected: counts.rejected,
            skipped: counts.skipped,
            unchanged: counts.unchanged,
            pending: rows.map(|rows| rows.saturating_sub(settled)),
            rejected_files: record.rejected_files.into_iter().filter(|path| has_content(path)).collect(),
            continue_command: (is_left && can_resume).then_some(record.command),
            held_by,
            began: record.began,
            settled,
        }
    }

    /// Why it is in its state, and what to do.
    fn why(&self) -> String {
        let reason = self.held_by.clone().or_else(|| self.stop.as_ref().map(|stop| stop.message.clone()));
        let advice = self.continue_command.as_ref().map(|command| format!("continue with: {command}"));
        reason.filter(|reason| !reason.is_empty()).into_iter().chain(advice).collect::<Vec<_>>().join("; ")
    }
}

/// One line for each run, under a header.
fn table(runs: &[Shown]) -> String {
    if runs.is_empty() {
        return String::new();
    }
    let header =
        ["RUN", "DESTINATION", "STATE", "EXIT", "DONE", "REJECTED", "LAST CHANGE", "INPUT", ""].map(str::to_owned);
    let line = |run: &Shown| {
        let rows = run.rows.map_or(String::new(), |rows| format!(" of {}", grouped(rows)));
        [
            run.run.clone(),
            run.destination.clone(),
            args::word(run.state),
            run.exit_status.map_or("-".to_owned(), |status| status.to_string()),
            format!("{}{rows}", grouped(run.settled)),
            grouped(run.rejected),
            run.changed.clone(),
            one_line(&run.input),
            one_line(&run.why()),
        ]
    };
    let lines: Vec<[String; 9]> = std::iter::once(header).chain(runs.iter().map(line)).collect();
    let widths: Vec<usize> =
        (0..8).map(|column| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default()).collect();
    let mut text = String::new();
    for line in &lines {
        let mut row = String::new();
        for (cell, width) in line.iter().zip(&widths) {
            // Writing to a String cannot fail.
            let _ = write!(row, "{cell:width$}  ");
        }
        text.push_str(format!("{row}{}", line[8]).trim_end());
        text.push('\n');
    }
    text
}

/// A name or a message stays on its line, and does not speak to the terminal.
fn one_line(text: &str) -> String {
    printable(&text.replace('\n', "\\n").replace('\r', "\\r")).into_owned()
}
