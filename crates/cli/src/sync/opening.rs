//! Which run of the journal an input belongs to, and what is said of it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use contact_sink_delivery::Options;
use contact_sink_journal::{
    Book, Content, Found, Identity, Input, KilledLane, Opened, Record, Refused, ReplacedRun, Run, Wanted,
};
use contact_sink_source::{Preflight, display_name, is_read_once};

use super::ended::About;
use super::recorded::{command, identity};
use super::state::cannot_open;
use crate::args;
use crate::config::Destination;
use crate::exit_status::Failure;
use crate::files::absolute;
use crate::report::{DestinationReport, Replaced, counted, counted_are, grouped};
use crate::time::to_the_second;

/// Finds the run of the input, or begins one under this name, and says so. Without a pre-flight the input is a pipe, which has no run
/// before; nor has the simulator in this process.
pub fn open(
    args: &args::Sync,
    destination: &Arc<Destination>,
    book: Book,
    options: &Options,
    run_id: &str,
    preflight: Option<&Preflight>,
) -> Result<(Opened, About, Vec<String>), Failure> {
    let (name, identity, file) = (&destination.name, identity(destination), display_name(&args.file));
    let known = preflight.filter(|_| !destination.simulated);
    let real = std::fs::canonicalize(&args.file).unwrap_or_else(|_| args.file.clone());
    let path = if known.is_some() { real.to_string_lossy() } else { file.as_str().into() };
    let command = known.map(|_| command(args, &real, name));
    let digest_of = |rows| Some(known?.digest_of(rows)?.as_bytes().to_vec());
    let digest = known.map(|known| (known.rows(), known.digest()));
    let content =
        digest.as_ref().map(|(rows, digest)| Content { rows: *rows, digest: digest.as_bytes(), digest_of: &digest_of });
    let mut wanted = Wanted::default();
    // What is to be refreshed is found by asking the index again.
    (wanted.restart, wanted.repeat, wanted.other_mapping) = (args.restart, args.refresh.is_some(), args.go_on);
    let input = Input {
        identity: identity.clone(),
        // No journal knows a run of the simulator: what that rejects is new wherever it is sent.
        name: if destination.simulated { "" } else { run_id },
        path: &path,
        command: command.as_deref().unwrap_or_default(),
        content,
    };
    let opened = book.resume_or_begin(input, wanted, KilledLane::of(options), SystemTime::now());
    let opened = opened.map_err(cannot_open)?.map_err(|refused| refusal(name, &refused, &identity))?;
    let (record, mut says) = (opened.run.record(), Vec::new());
    let replaced = opened.replaced.as_ref().map(|ReplacedRun { record, rows_maybe_sent }| {
        let rows_never_sent = record.pending().saturating_sub(*rows_maybe_sent);
        let replaced = Replaced { run: record.name().to_owned(), rows_never_sent, rows_maybe_sent: *rows_maybe_sent };
        says.push(says_replaced(name, &file, record, &replaced));
        replaced
    });
    says.extend(match &opened.found {
        Found::Grown(before) => Some(says_grown(name, before, record.rows)),
        Found::Finished { other_since } => Some(says_done(name, record, *other_since)),
        Found::Unfinished { record, new_from } => Some(says_resumed(name, &opened.run, &record.input, *new_from)),
        _ => None,
    });
    says.extend((!opened.first_after.is_zero()).then(|| says_waits(name, opened.first_after)));
    let about = About {
        destination: destination.clone(),
        rows: preflight.map(|preflight| preflight.rows() - record.first),
        rejected: args.rejected.clone(),
        report: DestinationReport {
            input: Some(if is_read_once(&args.file) { file.into() } else { absolute(&args.file) }),
            mode: Some(if destination.simulated { "simulated" } else { "live" }),
            run: Some(if destination.simulated { run_id } else { record.name() }.to_owned()),
            continue_command: command,
            replaced,
            other_content_since: matches!(opened.found, Found::Finished { other_since: true }),
            ..DestinationReport::default()
        },
    };
    Ok((opened, about, says))
}

fn refusal(name: &str, refused: &Refused, identity: &Identity) -> Failure {
    Failure::usage(match refused {
        Refused::OtherMapping(record) => {
            let differences = record.identity.differences(identity);
            let changed: Vec<String> =
                differences.iter().map(|(part, was, is)| format!("the {part} was {was} and is {is}")).collect();
            format!(
                "{name}: the run of {} is not finished, and since then something has changed: {}: --continue resumes at row {} as it \
                 is now, --restart sends all rows again",
                began(record),
                changed.join("; "),
                grouped(record.checkpoint + 1)
            )
        }
        Refused::TooOld(record) => format!(
            "{name}: the run of {} with this content is not finished ({} left) and was last under way more than 30 days ago, and \
             other content was sent since: it is not known any more which values are newer: --restart sends all rows, as the newest",
            began(record),
            counted(record.pending(), "row")
        ),
        refused => format!("{name}: {refused}"),
    })
}

fn says_waits(name: &str, first_after: Duration) -> String {
    let seconds = first_after.as_secs() + 1;
    format!(
        "{name}: waits {seconds} s first: an answer was lost just before the last run ended, and what it asked for may still be on its way"
    )
}

fn says_resumed(name: &str, run: &Run, was: &str, new_from: Option<u64>) -> String {
    let (record, settled) = (run.record(), run.counts().settled());
    let killed = if run.was_killed() { ", which was cut off" } else { "" };
    let named = if was == record.input { String::new() } else { format!(", when the input was {was}") };
    let new = match new_from {
        Some(row) if row < record.rows => format!("; from row {} on the rows are new to it", grouped(row + 1)),
        _ => String::new(),
    };
    format!(
        "{name}: resumes at row {} the run of {}{killed}{named}: {} done{new}",
        grouped(record.checkpoint + 1),
        began(record),
        counted_are(settled, "row")
    )
}

fn says_done(name: &str, record: &Record, other_since: bool) -> String {
    let all = match record.rows {
        1 => "the only row is".to_owned(),
        rows => format!("all {} rows are", grouped(rows)),
    };
    let began = began(record);
    match other_since {
        false => format!("{name}: nothing to send: {all} done since the run of {began}; --restart sends them again"),
        true => format!(
            "{name}: nothing to send: {all} done since the run of {began}, but other content, or this one under another \
             mapping, was sent since then: if it is wanted at the vendor now, send it again with --restart"
        ),
    }
}

fn says_grown(name: &str, before: &Record, rows: u64) -> String {
    let new_are = counted_are(rows - before.rows, "new row");
    let first = match before.rows {
        1 => "the first row is that".to_owned(),
        rows => format!("the first {} rows are those", grouped(rows)),
    };
    format!("{name}: {first} of the run of {}: {new_are} sent; --restart sends all", began(before))
}

fn says_replaced(name: &str, file: &str, record: &Record, replaced: &Replaced) -> String {
    let rows = counted(replaced.rows_never_sent, "row");
    let were = if replaced.rows_never_sent == 1 { "was" } else { "were" };
    let maybe = match replaced.rows_maybe_sent {
        0 => String::new(),
        rows => format!(", and of {} it is not known", counted(rows, "row")),
    };
    format!(
        "{name}: {file} has other content than in the run of {}, which is not finished: {rows} of that content {were} never sent{maybe}",
        began(record)
    )
}

fn began(record: &Record) -> String {
    to_the_second(record.began)
}
