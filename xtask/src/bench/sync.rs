//! `contact-sink sync` as a process of its own, and what it reports.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::input::{self, DESTINATION};
use super::process::{Cost, Ended, Process};
use super::sandbox::Sandbox;

/// What a run came to.
pub(super) struct Run {
    pub(super) cost: Cost,
    counts: Value,
}

impl Run {
    /// Sends the users of a file to the sandbox and expects this exit status, within this time.
    pub(super) fn of(
        command: &Path,
        directory: &Path,
        users: &Path,
        sandbox: &Sandbox,
        quota: Option<&str>,
        expected: (i32, Duration),
    ) -> Result<Self> {
        Self::to(command, directory, users, sandbox.base_url(), quota, expected)
    }

    /// The same to any address.
    pub(super) fn to(
        command: &Path,
        directory: &Path,
        users: &Path,
        base_url: &str,
        quota: Option<&str>,
        expected: (i32, Duration),
    ) -> Result<Self> {
        // Each run is one from the first row.
        let state = state(directory);
        if state.exists() {
            std::fs::remove_dir_all(&state)?;
        }
        input::write_config(directory, base_url, quota)?;
        Self::start(sync(command, directory, users), directory, expected)
    }

    /// Sends those users who have changed since the run of this kind before it, in the same directory; at first, all.
    pub(super) fn changed_only(
        command: &Path,
        directory: &Path,
        users: &Path,
        base_url: &str,
        quota: Option<&str>,
        expected: (i32, Duration),
    ) -> Result<Self> {
        input::write_config(directory, base_url, quota)?;
        let mut sync = sync(command, directory, users);
        sync.arg("--changed-only");
        Self::start(sync, directory, expected)
    }

    fn start(mut sync: Command, directory: &Path, (expected, within): (i32, Duration)) -> Result<Self> {
        let (report, said) = (directory.join("report.json"), directory.join("sync.log"));
        let mut report_form = std::ffi::OsString::from("json=");
        report_form.push(&report);
        sync.arg("--report").arg(report_form);
        sync.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&said).context("sync.log")?);
        let Ended { status, cost } = Process::start(&mut sync)?.wait(within)?;
        if status.code() != Some(expected) {
            let said = std::fs::read_to_string(&said).unwrap_or_default();
            bail!("the run should have ended with {expected}, and ended with {status}:\n{said}");
        }
        let mut report: Value = serde_json::from_slice(&std::fs::read(&report).context("the report")?)?;
        Ok(Self { cost, counts: report["destinations"][DESTINATION].take() })
    }

    /// A count of the report.
    pub(super) fn count(&self, name: &str) -> Result<f64> {
        self.counts[name].as_f64().with_context(|| format!("the report has no {name}"))
    }
}

/// `contact-sink sync` of these users to the destination of the configuration in this directory.
fn sync(command: &Path, directory: &Path, users: &Path) -> Command {
    let mut sync = Command::new(command);
    sync.arg("sync").arg(users).args(["--to", DESTINATION, "--config"]).arg(input::config(directory));
    sync.arg("--state").arg(state(directory)).arg("--rejected").arg(directory.join("rejected"));
    sync
}

/// Where the journal and the index are.
fn state(directory: &Path) -> PathBuf {
    directory.join("state")
}
