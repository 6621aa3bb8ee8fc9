//! Opens the input and checks it: on a thread of its own, with progress, ended by a signal or a time limit.

use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::Arc;

use contact_sink_mapping::InvalidColumns;
use contact_sink_source::{Dialect, Input, OpenError, Preflight, PreflightError, ReadControl, display_name};
use tokio::time::sleep_until;

use super::interrupt::{Interrupt, Why};
use crate::args;
use crate::console::say;
use crate::exit_status::{Failure, Status};
use crate::progress::Screen;

/// Opens the input and reads its header, for which a pipe may have to be waited.
pub async fn open(args: &args::Sync, dialect: Dialect, interrupt: &mut Interrupt) -> Result<Input, Failure> {
    let (path, format) = (args.file.clone(), args.format.map(args::Format::of_source));
    if path == Path::new("-") && std::io::stdin().is_terminal() {
        say!("contact-sink: reads rows from standard input, which is a terminal: Ctrl-D ends them");
    }
    let work = tokio::task::spawn_blocking(move || Input::open(&path, format, dialect));
    let name = display_name(&args.file);
    let opened = tokio::select! {
        opened = work => opened.map_err(|_| broken())?,
        why = interrupt.told() => return Err(ended(why, &format!("before {name} was read"))),
    };
    opened.map_err(|error| match error {
        OpenError::Fault(fault) => Failure::new(Status::Unreadable, fault.message(&name)),
        OpenError::Columns(line, invalid @ InvalidColumns::NotUtf8(_)) => {
            Failure::new(Status::Unreadable, format!("{name}:{line}: {invalid}"))
        }
        OpenError::Columns(line, invalid) => Failure::usage(format!("{name}:{line}: {invalid}")),
        error => Failure::new(Status::NoInput, format!("{name}: {error}")),
    })
}

/// Checks a file, once for all destinations. `rows_read`: numbers of rows that earlier runs have read.
pub async fn run(
    mut input: Input,
    rows_read: Vec<u64>,
    screen: &Screen,
    interrupt: &mut Interrupt,
) -> Result<(Input, Preflight), Failure> {
    let (name, reading) = (input.name().to_owned(), Arc::new(ReadControl::default()));
    let bytes = input.bytes().unwrap_or_default();
    let mut shown = screen.check(&name, bytes);
    let in_thread = reading.clone();
    let mut work = tokio::task::spawn_blocking(move || {
        let found = input.preflight(&rows_read, &in_thread);
        (input, found)
    });
    let done = loop {
        tokio::select! {
            done = &mut work => break done,
            why = interrupt.told() => {
                // It ends with the row that is being read.
                reading.stop();
                drop(work.await);
                shown.finish();
                return Err(ended(why, &format!("while {name} was checked")));
            }
            () = sleep_until(shown.next()) => {
                let percent = u128::from(reading.bytes()) * 100 / u128::from(bytes.max(1));
                shown.show(reading.bytes(), String::new(), &format!("{percent}% checked"));
            }
        }
    };
    shown.finish();
    let (input, found) = done.map_err(|_| broken())?;
    match found {
        Ok(preflight) => Ok((input, preflight)),
        Err(PreflightError::Faults(faults)) => {
            let messages: Vec<String> = faults.iter().map(|fault| fault.message(&name)).collect();
            Err(Failure::new(Status::Unreadable, messages.join("\ncontact-sink: ")))
        }
        Err(error) => Err(Failure::new(Status::Unreadable, format!("{name}: {error}"))),
    }
}

/// Nothing was begun yet.
fn ended(why: Why, when: &str) -> Failure {
    match why {
        Why::Signal => Failure::new(Status::Interrupted, format!("interrupted {when}: nothing was sent")),
        Why::TimeIsUp(limit) => {
            let problem = format!("the time is up ({limit}) {when}: nothing was sent: run the same command again");
            Failure::new(Status::Pending, problem)
        }
    }
}

/// The thread that reads has ended without a word.
fn broken() -> Failure {
    let problem = "a mistake in this program, which is said above, ended the check of the input: please report it";
    Failure::new(Status::Stopped, problem)
}
