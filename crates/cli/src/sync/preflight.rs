//! The pre-flight of the command: on a thread of its own, with progress, ended by a signal or a time limit.

use std::sync::Arc;

use contact_sink_source::{Input, Preflight, PreflightError, Progress};
use tokio::time::sleep_until;

use super::interrupt::{Interrupt, Why};
use crate::progress::Screen;
use crate::status::{Failure, Status};

/// Checks a file, once for all destinations. `rows_read`: numbers of rows that earlier runs have read.
pub async fn run(
    mut input: Input,
    id_places: Vec<usize>,
    rows_read: Vec<u64>,
    screen: &Screen,
    interrupt: &mut Interrupt,
) -> Result<(Input, Preflight), Failure> {
    let (name, reading) = (input.name().to_owned(), Arc::new(Progress::default()));
    let mut shown = screen.check(&name, input.bytes().unwrap_or_default());
    let in_thread = reading.clone();
    let mut work = tokio::task::spawn_blocking(move || {
        let found = input.preflight(&id_places, &rows_read, &in_thread);
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
                return Err(match why {
                    Why::Signal => Failure::new(Status::Interrupted, format!("interrupted while {name} was checked: nothing was sent")),
                    Why::TimeIsUp(limit) => Failure::new(
                        Status::Pending,
                        format!("the time is up ({limit}) while {name} was checked: nothing was sent: run the same command again"),
                    ),
                });
            }
            () = sleep_until(shown.next()) => shown.show(reading.bytes()),
        }
    };
    shown.finish();
    let (input, found) = done.map_err(|_| {
        let problem = "a mistake in this program, which is said above, ended the check of the input: please report it";
        Failure::new(Status::Stopped, problem)
    })?;
    match found {
        Ok(preflight) => Ok((input, preflight)),
        Err(PreflightError::Faults(faults)) => {
            let messages: Vec<String> = faults.iter().map(|fault| fault.message(&name)).collect();
            Err(Failure::new(Status::Unreadable, messages.join("\ncontact-sink: ")))
        }
        Err(error) => Err(Failure::new(Status::Unreadable, format!("{name}: {error}"))),
    }
}
