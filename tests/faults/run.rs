//! A place with a simulator and an input, and runs of `contact-sink sync` in it.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::command;
use crate::input::Input;
use crate::letters::{self, Letter};
use crate::process::Process;
use crate::simulator::Simulator;
use crate::vendor::{SECRET, Vendor};

/// Whether the command keeps a journal: then a run that was cut off is gone on with, and nothing is sent again that was answered.
pub const JOURNAL: bool = true;
/// How long a run may take.
const WITHIN: Duration = Duration::from_secs(900);

/// A directory of its own with all that a run needs.
pub struct Place {
    pub vendor: &'static Vendor,
    pub directory: TempDir,
    pub simulator: Simulator,
    pub input: Input,
    /// What the runs take for the secret.
    pub secret: String,
    /// Where rejected rows go.
    pub rejected: &'static str,
    /// Other places where some are.
    pub rejected_before: Vec<&'static str>,
    /// Beside the usual arguments.
    pub arguments: Vec<&'static str>,
    /// How long a file can become at most, in blocks of 512 bytes.
    pub longest_file: Option<u64>,
    /// Where the run kills itself: a place and how often it is passed.
    pub failpoint: Option<String>,
}

/// What a run said.
pub struct Run {
    /// `None` if it was killed.
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// Its report.
#[derive(Debug)]
pub struct Report {
    pub rows: u64,
    pub accepted: u64,
    pub rejected: u64,
    pub skipped: u64,
    pub unchanged: u64,
    pub pending: u64,
}

impl Place {
    /// A place for this input, with a simulator of this quota and latency.
    pub fn new(vendor: &'static Vendor, input: Input, quota: u64, latency_ms: u64) -> Self {
        let directory = TempDir::new().unwrap();
        let simulator = Simulator::start(directory.path(), &vendor.world(quota, &input.unknown(), latency_ms));
        input.write(&directory.path().join("input.csv"));
        std::fs::write(directory.path().join("config.toml"), vendor.config(&simulator.base_url(), quota)).unwrap();
        let (secret, rejected) = (SECRET.to_owned(), "rejected");
        Self {
            vendor,
            directory,
            simulator,
            input,
            secret,
            rejected,
            rejected_before: Vec::new(),
            arguments: Vec::new(),
            longest_file: None,
            failpoint: None,
        }
    }

    /// Starts a run.
    pub fn start(&self) -> Process {
        let mut command = if let Some(blocks) = self.longest_file {
            let mut shell = Command::new("sh");
            // A write beyond fails, as on a disk that is full.
            let limited = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
            shell.args(["-c", &limited]).arg(command::path());
            shell
        } else {
            Command::new(command::path())
        };
        command.current_dir(self.directory.path()).env("FAULTS_SECRET", &self.secret);
        command.args(["sync", "input.csv", "--to", self.vendor.name, "--config", "config.toml"]);
        command.args(["--rejected", self.rejected, "--report", "json", "--quiet"]);
        command.args(&self.arguments);
        if let Some(failpoint) = &self.failpoint {
            command.env("CONTACT_SINK_FAILPOINT", failpoint);
        }
        if JOURNAL {
            command.args(["--state", "state"]);
        }
        Process::start(&mut command)
    }

    /// A run to its end.
    pub fn run(&self) -> Run {
        self.finish(self.start())
    }

    /// The rest of a run.
    pub fn finish(&self, process: Process) -> Run {
        let ended = process.wait(WITHIN);
        Run { status: ended.status.code(), stdout: ended.stdout, stderr: ended.stderr }
    }

    /// The rejected rows, a file's together.
    pub fn letters(&self) -> Vec<Vec<Letter>> {
        let directories = self.rejected_before.iter().chain([&self.rejected]);
        directories.flat_map(|name| letters::read(&self.path(name), self.vendor, &self.input)).collect()
    }

    /// What stands in the files of the journal.
    pub fn state_files(&self) -> Vec<Vec<u8>> {
        let Ok(files) = std::fs::read_dir(self.path("state")) else { return Vec::new() };
        files.map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

impl Run {
    /// The report. The report law is kept.
    pub fn report(&self, vendor: &Vendor) -> Report {
        let json: Value = serde_json::from_str(&self.stdout).unwrap_or_else(|error| {
            panic!("{error}: one object on standard output: {:?}; {}", self.stdout, self.stderr)
        });
        let counts = &json["destinations"][vendor.name];
        let count = |name: &str| counts[name].as_u64().unwrap_or_else(|| panic!("{name}: {json}"));
        let report = Report {
            rows: count("rows"),
            accepted: count("accepted"),
            rejected: count("rejected"),
            skipped: count("skipped"),
            unchanged: count("unchanged"),
            pending: count("pending"),
        };
        let Report { rows, accepted, rejected, skipped, unchanged, pending } = report;
        assert_eq!(rows, accepted + rejected + skipped + unchanged + pending, "the report law: {report:?}");
        report
    }
}
