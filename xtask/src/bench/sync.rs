//! `contact-sink sync` as a process of its own, and what it reports.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::input::{self, DESTINATION};
use super::process::{Ended, Process};
use super::sandbox::Sandbox;

/// What a run came to.
pub(super) struct Run {
    pub(super) took: Duration,
    pub(super) peak_bytes: Option<u64>,
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
        (expected, within): (i32, Duration),
    ) -> Result<Self> {
        input::write_config(directory, base_url, quota)?;
        // Each run is one from the first row.
        let state = directory.join("state");
        if state.exists() {
            std::fs::remove_dir_all(&state)?;
        }
        let (report, said) = (directory.join("report.json"), directory.join("sync.log"));
        let mut report_form = std::ffi::OsString::from("json=");
        report_form.push(&report);
        let mut command = Command::new(command);
        command.arg("sync").arg(users).args(["--to", DESTINATION, "--config"]).arg(input::config(directory));
        command.arg("--state").arg(state);
        command.arg("--rejected").arg(directory.join("rejected")).arg("--report").arg(report_form);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&said).context("sync.log")?);
        let Ended { status, took, peak_bytes } = Process::start(&mut command)?.wait(within)?;
        if status.code() != Some(expected) {
            let said = std::fs::read_to_string(&said).unwrap_or_default();
            bail!("the run should have ended with {expected}, and ended with {status}:\n{said}");
        }
        let mut report: Value = serde_json::from_slice(&std::fs::read(&report).context("the report")?)?;
        Ok(Self { took, peak_bytes, counts: report["destinations"][DESTINATION].take() })
    }

    /// A count of the report.
    pub(super) fn count(&self, name: &str) -> Result<f64> {
        self.counts[name].as_f64().with_context(|| format!("the report has no {name}"))
    }
}
