//! `status`: the runs that the journals know.

use std::cmp::Reverse;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use contact_sink_journal::{Counts, Lock, OpenError, Record, State};

use crate::args;
use crate::console::say;
use crate::report::{counted, grouped};
use crate::status::{Failure, Status};
use crate::sync::state;

/// Prints all runs, those of one destination together, the last one first.
pub fn run(args: &args::Status) -> Result<Status, Failure> {
    let directory = match &args.state {
        Some(directory) => directory.clone(),
        None => state::default_directory()?,
    };
    let (mut text, mut status) = (String::new(), Status::Done);
    for path in journals(&directory)? {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let holder = Lock::holder(&path.with_extension("lock"));
        match contact_sink_journal::list(&path) {
            Ok(runs) => {
                // The others that say so were cut off; which one was taken up last need not be the one that began last.
                let running = runs.iter().enumerate().filter(|(_, record)| record.state == State::Running);
                let under_way = running.max_by_key(|(nth, record)| (record.changed, Reverse(*nth))).map(|(nth, _)| nth);
                for (nth, record) in runs.iter().enumerate() {
                    show(&mut text, &name, record, holder.as_deref().filter(|_| Some(nth) == under_way));
                }
            }
            // The others are shown all the same.
            Err(OpenError::Foreign { .. }) if name.starts_with("index") => {}
            Err(error) => {
                say!("contact-sink: {error}");
                status = Status::Config;
            }
        }
    }
    if text.is_empty() && status == Status::Done {
        say!("no run is known in {}", directory.display());
    }
    // Whoever closes the pipe has read enough.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    Ok(status)
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

fn show(text: &mut String, name: &str, record: &Record, holder: Option<&str>) {
    let Counts { accepted, rejected, skipped, unchanged } = record.counts;
    let state = match (record.state, holder) {
        (State::Running, Some(holder)) => format!("under way, {holder}"),
        (State::Running, None) => "was cut off".to_owned(),
        (State::Finished, _) => "finished".to_owned(),
        _ => "not finished".to_owned(),
    };
    let time = humantime::format_rfc3339_seconds;
    // Writing to a String cannot fail.
    let _ =
        writeln!(text, "{name}: {} to {}, {}: {state}", record.input, record.identity.host, record.identity.account);
    let _ = writeln!(
        text,
        "  {} done: {} accepted, {} rejected, {} skipped, {} unchanged; {} read",
        counted(record.counts.settled(), "row"),
        grouped(accepted),
        grouped(rejected),
        grouped(skipped),
        grouped(unchanged),
        grouped(record.read)
    );
    let _ = writeln!(text, "  begun {}, last written down {}", time(record.began), time(record.changed));
    if let Some(path) = record.letters.as_ref().filter(|path| path.exists()) {
        let _ = writeln!(text, "  rejected rows: {}", path.display());
    }
    if record.state != State::Finished && holder.is_none() {
        let _ = writeln!(text, "  goes on at row {} with: {}", grouped(record.checkpoint + 1), record.command);
    }
}
