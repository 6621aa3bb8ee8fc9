//! What does it cost when one request in ten fails?

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use super::figures::{Figures, Limit};
use super::input;
use super::sandbox::Sandbox;
use super::sync::Run;
use crate::shell;

const USERS: u64 = 20_000;
const WORLD: &str = "latency_ms = 20\n[faults]\nseed = 1\nshares = [{ fault = \"500\", share = 0.1 }]\n";
const WITHIN: Duration = Duration::from_secs(60);

pub(super) fn measure(command: &Path) -> Result<Figures> {
    let directory = shell::scratch("bench-faults")?;
    let users = directory.join("users.csv");
    input::write_users(&users, USERS)?;
    let sandbox = Sandbox::start(command, &directory, WORLD)?;
    let run = Run::of(command, &directory, &users, &sandbox, None, (0, WITHIN))?;
    let failed = sandbox.requests()?.iter().filter(|request| request.status == 500).count();
    let mut figures = Figures::new(format!("faults: {USERS} users, 100 requests/s, 20 ms latency, 10 % HTTP 500"));
    figures.add("accepted", run.count("accepted")?, "rows", Limit::Exactly(USERS as f64));
    figures.add("users stored at the server", sandbox.stored()?.len() as f64, "", Limit::Exactly(USERS as f64));
    figures.add("requests that failed", failed as f64, "", Limit::None);
    figures.add("retries", run.count("retries")?, "", Limit::None);
    figures.add("the command, from start to exit", run.cost.took.as_secs_f64(), "s", Limit::AtMostWhenIdle(3.5));
    Ok(figures)
}
