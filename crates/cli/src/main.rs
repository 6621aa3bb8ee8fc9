//! The `contact-sink` command.

// Nothing of a command is reachable from outside: `pub` says which items the modules share.
#![allow(unreachable_pub)]

mod args;
mod config;
mod console;
mod dead_letters;
mod error_code;
mod exit_status;
mod explain;
mod files;
mod network;
mod outcomes_file;
mod progress;
mod reading;
mod report;
mod sandbox;
mod status_command;
mod sync;
mod watch;

use std::process::ExitCode;

use args::{Cli, Command};
use clap::Parser as _;
use clap::error::ErrorKind;
use console::say;
use exit_status::{Failure, Status};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // If the message cannot be printed, the status still says it.
            let _ = error.print();
            let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            return ExitCode::from(if asked { Status::Done } else { Status::Usage }.number());
        }
    };
    let ended = match cli.command {
        Command::Sync(args) => in_runtime(sync::run(args)),
        Command::Status(args) => status_command::run(&args),
        Command::Sandbox(args) => in_runtime(sandbox::run(args)),
        Command::Explain(args) => explain::run(&args),
    };
    let status = ended.unwrap_or_else(|failure| {
        say!("contact-sink: {failure}");
        failure.status
    });
    ExitCode::from(status.number())
}

fn in_runtime(work: impl Future<Output = Result<Status, Failure>>) -> Result<Status, Failure> {
    // One thread beside the one that reads: measured, it is faster than several here, and takes a third of the memory.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Status::Stopped, format!("no threads can be started: {error}")))?;
    let ended = runtime.block_on(work);
    // A read from a terminal or a pipe may hang for ever; nothing depends on it any more.
    runtime.shutdown_background();
    ended
}
