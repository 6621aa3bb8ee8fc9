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
mod log;
mod metrics_file;
mod network;
mod outcomes_file;
mod process;
mod progress;
mod reading;
mod report;
mod run_progress;
mod sandbox;
mod status_command;
mod sync;
mod time;

use std::process::ExitCode;

use args::{Cli, Command};
use clap::Parser as _;
use clap::error::ErrorKind;
use console::say;
use exit_status::{Failure, Status};
use sync::Signals;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            if asked {
                // If it cannot be printed, the status still says it.
                let _ = error.print();
            } else {
                if asks_for_json() {
                    console::speak_json();
                }
                say!("{}", error.render().to_string().trim_end());
                console::flush(None);
            }
            return ExitCode::from(if asked { Status::Done } else { Status::Usage }.number());
        }
    };
    let status = match (process::set_limits(), cli.command) {
        (Err(failure), _) => told(Err(failure)),
        (Ok(()), command) => run(command),
    };
    console::flush(None);
    ExitCode::from(status.number())
}

fn run(command: Command) -> Status {
    match command {
        Command::Sync(args) => in_runtime(sync::run(args)),
        Command::Status(args) => told(status_command::run(&args)),
        Command::Sandbox(args) => in_runtime(sandbox::run(args)),
        Command::Explain(args) => told(explain::run(&args)),
    }
}

/// Whether a command line that cannot be read has `--log-format json` in it.
fn asks_for_json() -> bool {
    let arguments: Vec<String> = std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect();
    let is_pair = |pair: &[String]| pair[0] == "--log-format" && pair[1] == "json";
    arguments.windows(2).any(is_pair) || arguments.iter().any(|argument| argument == "--log-format=json")
}

/// The status, after what failed was said.
fn told(ended: Result<Status, Failure>) -> Status {
    ended.unwrap_or_else(|failure| {
        say!("contact-sink: {failure}");
        failure.status
    })
}

fn in_runtime(work: impl Future<Output = Result<Status, Failure>>) -> Status {
    // One thread beside those that read and that make the requests: several take three times the memory.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let problem = format!("the runtime cannot start: {error}: raise the limits of this process (ulimit -n)");
            return told(Err(Failure::new(Status::Stopped, problem)));
        }
    };
    let (status, is_left) = runtime.block_on(async {
        // From the start: a signal between the run and its report is not lost.
        let mut signals = Signals::listen();
        let status = told(work.await);
        if signals.came() {
            console::hurry();
        }
        // The summary waits until it is read, and a signal still ends the command.
        let is_left = tokio::select! {
            _ = tokio::task::spawn_blocking(|| console::flush(console::patience())) => console::patience().is_some(),
            () = signals.next() => true,
        };
        (status, is_left)
    });
    if is_left {
        // The thread that writes may hang for ever.
        std::process::exit(status.number().into());
    }
    // A read from a terminal or a pipe may hang for ever; nothing depends on it any more.
    runtime.shutdown_background();
    status
}
