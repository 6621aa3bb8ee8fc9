//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use contact_sink_core::ErrorCode;
use contact_sink_delivery::MaxRejected;
use serde::Serialize;

use crate::log::{Filter, LogFormat};
use crate::sync::{StopAt, parse_duration};

/// Keeps messaging vendors' copies of users' contact data equal to yours.
///
/// Every row of the input ends accepted or rejected, or is reported pending and is to be sent again; rejected rows are
/// written to a file that can be mended and fed back.
#[derive(Debug, Parser)]
#[command(name = "contact-sink", version, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Send the contacts of a file to one vendor or several.
    ///
    /// Each destination reads the file for itself and has its own pace, file of rejected rows and report; one that is slow or
    /// stopped holds up no other. Destinations of one account share its quota.
    Sync(Sync),
    /// Show the runs that the journals know, one on each line, the newest first.
    Status(Status),
    /// Run a simulator of the vendors on this machine.
    Sandbox(Sandbox),
    /// Say what a vendor's code means, what is done about it, and what to do.
    Explain(Explain),
}

/// Send the contacts of a file to one vendor or several.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit status: 0 done; 2 done, some rows rejected; 3 stopped, a person must act; 75 rows are left pending: \
run the same command again; 64 usage; 65 the input cannot be read on; 66 it cannot be opened; 78 configuration; 130 interrupted. \
Of several destinations the worst counts, in the order 130, 3, 65, 75, 2, 0."
)]
pub struct Sync {
    /// A CSV file in UTF-8 whose first line names the columns, or NDJSON (.ndjson, .jsonl): one object on each line; - for
    /// standard input, which feeds one destination only.
    pub file: PathBuf,
    /// How the input is written. Default: as its name says, else CSV.
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<Format>,
    /// Destinations of the configuration, with commas between them or each with a --to of its own; or `sandbox` alone: a
    /// simulator in this process that needs no configuration.
    #[arg(long, value_name = "NAME", required = true, value_delimiter = ',')]
    pub to: Vec<String>,
    /// The configuration.
    #[arg(long, value_name = "FILE", default_value = "contact-sink.toml", env = "CONTACT_SINK_CONFIG")]
    pub config: PathBuf,
    /// Where the files of rejected rows go.
    #[arg(long, value_name = "DIR", default_value = "rejected")]
    pub rejected: PathBuf,
    /// Where the journals are kept, which let the next run go on where this one ended. Default: the platform's directory for the
    /// state of programs.
    #[arg(long, value_name = "DIR", env = "CONTACT_SINK_STATE")]
    pub state: Option<PathBuf>,
    /// Leave out rows that the vendor has already: those that were accepted before by runs with this option and have not changed
    /// since. What others change at the vendor is not known here.
    #[arg(long)]
    pub changed_only: bool,
    /// With --changed-only: send again what was accepted longer ago than this, like 30d or 12h.
    #[arg(long, value_name = "TIME", requires = "changed_only", value_parser = parse_duration)]
    pub refresh: Option<Duration>,
    /// Send all rows again, whatever earlier runs have done.
    #[arg(long, conflicts_with = "go_on")]
    pub restart: bool,
    /// Resume a run that is not finished though the mapping has changed since: rows that are done stay so.
    #[arg(long = "continue")]
    pub go_on: bool,
    /// How to report: text, json (on standard output), json=PATH; may be given several times.
    #[arg(long, value_name = "FORM", value_parser = parse_report)]
    pub report: Vec<ReportForm>,
    /// Add a line of NDJSON to this file for each row that gets an outcome, or is in flight at the end without one: its line, id,
    /// destination and outcome. Only its owner can read the file. Of a row that is there twice the last line counts.
    #[arg(long, value_name = "FILE")]
    pub outcomes: Option<PathBuf>,
    /// Stop when more rows than this are rejected: a number, or a share of at least 1,000 rows. 100% switches this off, and
    /// the stop when everything is refused alike.
    #[arg(long, value_name = "N|P%", default_value = "10%", value_parser = parse_max_rejected)]
    pub max_rejected: MaxRejected,
    /// End at this time of the local clock, the next time that it is shown, like a first Ctrl-C: what is in flight is settled. The
    /// exit status is 75 if rows are left.
    #[arg(long, value_name = "HH:MM[:SS]")]
    pub stop_at: Option<StopAt>,
    /// End after so long in the same way, 2h or 90m; of the two the earlier one counts.
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub max_time: Option<Duration>,
    /// How long to wait for a vendor that is down: 30m. Default: 30 minutes for one that has answered before, 10 seconds at the start.
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub patience: Option<Duration>,
    /// Log on standard error what the run does, without secrets and contact values: off, error, warn, info, debug, trace, or a
    /// filter.
    #[arg(long, value_name = "LEVEL|FILTER", env = "CONTACT_SINK_LOG")]
    pub log: Option<Filter>,
    /// How the log is written.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormat,
    /// Write metrics to this file every five seconds and at the end, in Prometheus' text format.
    #[arg(long, value_name = "FILE")]
    pub metrics: Option<PathBuf>,
    /// Print errors only.
    #[arg(long)]
    pub quiet: bool,
}

/// Show the runs that the journals know.
#[derive(Debug, Args)]
pub struct Status {
    /// Only these destinations.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub to: Vec<String>,
    /// Only runs in these states.
    #[arg(long, value_name = "STATE", value_delimiter = ',')]
    pub only: Vec<RunState>,
    /// One JSON object on standard output.
    #[arg(long)]
    pub json: bool,
    /// Forget the run of this name: its content is new from then on, and its rejected rows are not taken back any more.
    #[arg(long, value_name = "RUN", conflicts_with = "only")]
    pub forget: Vec<String>,
    /// Where the journals are kept. Default: the platform's directory for the state of programs.
    #[arg(long, value_name = "DIR", env = "CONTACT_SINK_STATE")]
    pub state: Option<PathBuf>,
}

/// Run a simulator of the vendors on this machine.
#[derive(Debug, Args)]
pub struct Sandbox {
    /// What the simulator knows and how it behaves; without it, a world that fits the samples.
    #[arg(long, value_name = "FILE")]
    pub world: Option<PathBuf>,
    /// The address to listen on, of this machine only; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// Speak HTTPS, by a certificate that is made now; only in a build with the feature sandbox-tls.
    #[arg(long)]
    pub tls: bool,
    /// Where the root certificate is written that a client of --tls has to trust.
    #[arg(long, value_name = "FILE", default_value = "sandbox-root.pem", requires = "tls")]
    pub root: PathBuf,
    /// Print the default world as a commented TOML file, and end.
    #[arg(long)]
    pub print_world: bool,
}

/// Say what a vendor's code means, what is done about it, and what to do.
#[derive(Debug, Args)]
pub struct Explain {
    /// A vendor, as in `jiguang`, or a kind of destination, as in `tencent-friends`: what follows `vendor =` in a configuration.
    pub vendor: String,
    /// The code, as in a report or in a file of rejected rows; without it all that are known, in short.
    #[arg(allow_negative_numbers = true, value_parser = parse_code)]
    pub code: Option<ErrorCode>,
}

/// The states of runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunState {
    /// It is under way.
    Running,
    /// It was killed.
    CutOff,
    /// It ended in order, and rows are left.
    Unfinished,
    /// It is not finished, and a later run has sent other content of the same path, or the same content from the start.
    Replaced,
    /// Every row has its outcome.
    Finished,
}

/// A value of an option, as it is typed.
pub fn word(value: impl ValueEnum) -> String {
    value.to_possible_value().map_or(String::new(), |value| value.get_name().to_owned())
}

/// How an input is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Cells between commas; the first line names the columns.
    Csv,
    /// One JSON object on each line.
    Ndjson,
}

impl Format {
    /// The same in the words of the reader.
    pub fn of_source(self) -> contact_sink_source::Format {
        match self {
            Self::Csv => contact_sink_source::Format::Csv,
            Self::Ndjson => contact_sink_source::Format::Ndjson,
        }
    }
}

/// How to report.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ReportForm {
    /// In words, on standard error.
    Text,
    /// One object on standard output.
    Json,
    /// One object in a file.
    JsonFile(PathBuf),
}

fn parse_report(text: &str) -> Result<ReportForm, String> {
    match text.split_once('=') {
        None if text == "text" => Ok(ReportForm::Text),
        None if text == "json" => Ok(ReportForm::Json),
        Some(("json", path)) if !path.is_empty() => Ok(ReportForm::JsonFile(path.into())),
        _ => Err("it is text, json or json=PATH".to_owned()),
    }
}

fn parse_code(text: &str) -> Result<ErrorCode, String> {
    text.parse().map_err(|_| "a code is a number or a word, as the vendor writes it".to_owned())
}

fn parse_max_rejected(text: &str) -> Result<MaxRejected, String> {
    let wrong = || "it is a whole number, or a percentage from 0% to 100%".to_owned();
    match text.strip_suffix('%') {
        None => text.parse().map(MaxRejected::Count).map_err(|_| wrong()),
        Some(percent) => match percent.parse::<f64>() {
            Ok(100.0) => Ok(MaxRejected::Any),
            Ok(percent) if (0.0..100.0).contains(&percent) => Ok(MaxRejected::Share(percent / 100.0)),
            _ => Err(wrong()),
        },
    }
}
