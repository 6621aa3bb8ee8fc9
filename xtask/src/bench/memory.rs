//! Does memory grow with the length of the input? The sandbox is a process apart and keeps nothing.

use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::figures::{Figures, Limit};
use super::input;
use super::sandbox::Sandbox;
use super::sync::Run;
use crate::shell;

const FEW: u64 = 10_000;
const MANY: u64 = 1_000_000;
const VERY_MANY: u64 = 10_000_000;
const WORLD: &str = "request_log = 100\nstore = false\n[jiguang]\nquota = \"off\"\n";
/// The vendor's, and slower than the file is read, as in every real run: the lane fills up for the few as for the
/// many. Without a pace how full it gets for the few is a matter of chance, and the ratio says nothing.
const QUOTA: &str = "100/s";
/// More than a machine with two cores sends.
const NO_PACE: &str = "20000/s";
const WITHIN: Duration = Duration::from_secs(600);
const MB: f64 = 1e6;

pub(super) fn measure(command: &Path) -> Result<Figures> {
    let few = send(command, FEW, QUOTA)?;
    let many = send(command, MANY, QUOTA)?;
    let (unpaced, down) = send_very_many(command)?;
    let peak = |run: &Run| {
        run.cost.peak_bytes.map(|bytes| bytes as f64).context("this system has no /proc/PID/status with VmHWM")
    };
    let mut figures = Figures::new(format!("memory: {FEW} and {MANY} rows, no quota at the server, {QUOTA} here"));
    figures.add("accepted of the few", few.count("accepted")?, "rows", Limit::Exactly(FEW as f64));
    figures.add("accepted of the many", many.count("accepted")?, "rows", Limit::Exactly(MANY as f64));
    figures.add("peak for the few", peak(&few)? / MB, "MB", Limit::None);
    figures.add("peak for the many", peak(&many)? / MB, "MB", Limit::AtMost(64.0));
    figures.add("the many's over the few's", peak(&many)? / peak(&few)?, "", Limit::AtMost(1.3));
    figures.add("the many, from start to exit", many.cost.took.as_secs_f64(), "s", Limit::None);
    let all = Limit::Exactly(VERY_MANY as f64);
    figures.add("accepted of 10,000,000 without a pace", unpaced.count("accepted")?, "rows", all);
    figures.add("  peak", peak(&unpaced)? / MB, "MB", Limit::AtMost(64.0));
    let rate = VERY_MANY as f64 / unpaced.cost.took.as_secs_f64();
    figures.add("  rows a second", rate.round(), "", Limit::None);
    figures.add("pending of 10,000,000 where nobody answers", down.count("pending")?, "rows", all);
    figures.add("  peak", peak(&down)? / MB, "MB", Limit::AtMost(64.0));
    figures.add("  from start to exit", down.cost.took.as_secs_f64(), "s", Limit::None);
    Ok(figures)
}

fn send(command: &Path, rows: u64, quota: &str) -> Result<Run> {
    let directory = shell::scratch("bench-memory")?;
    let users = directory.join("users.csv");
    input::write_users(&users, rows)?;
    let sandbox = Sandbox::start(command, &directory, WORLD)?;
    let run = Run::of(command, &directory, &users, &sandbox, Some(quota), (0, WITHIN))?;
    // A million rows are not left lying about.
    std::fs::remove_file(&users)?;
    Ok(run)
}

/// To a server, and to a port at which nobody listens.
fn send_very_many(command: &Path) -> Result<(Run, Run)> {
    let directory = shell::scratch("bench-memory")?;
    let users = directory.join("users.csv");
    input::write_users(&users, VERY_MANY)?;
    let sandbox = Sandbox::start(command, &directory, WORLD)?;
    let sent = Run::of(command, &directory, &users, &sandbox, Some(NO_PACE), (0, WITHIN))?;
    let nobody = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let nobody = format!("http://{nobody}");
    let down = Run::to(command, &directory, &users, &nobody, None, (75, WITHIN))?;
    std::fs::remove_file(&users)?;
    Ok((sent, down))
}
