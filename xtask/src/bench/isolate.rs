//! What does it take to find the few that are to blame for the refusal of every request?

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use super::figures::{Figures, Limit};
use super::input;
use super::sandbox::Sandbox;
use super::sync::Run;
use crate::shell;

const USERS: u64 = 20_000;
const UNKNOWN: u64 = 600;
/// Of each hundred rows these are unknown: some in every request.
const OF_A_HUNDRED: [u64; 3] = [11, 47, 83];
/// Extra requests for each of them: two for each halving of a hundred, and one.
const EXTRA_REQUESTS_EACH: u64 = 2 * 7 + 1;
const WITHIN: Duration = Duration::from_secs(300);

pub(super) fn measure(command: &Path) -> Result<Figures> {
    let directory = shell::scratch("bench-isolate")?;
    let users = directory.join("users.csv");
    input::write_users(&users, USERS)?;
    let unknown: Vec<String> =
        (0..USERS).filter(|row| OF_A_HUNDRED.contains(&(row % 100))).map(|row| input::cuid(row).to_string()).collect();
    let world = format!("latency_ms = 20\n[jiguang]\nunknown_cuids = [{}]\n", unknown.join(", "));
    let sandbox = Sandbox::start(command, &directory, &world)?;
    let run = Run::of(command, &directory, &users, &sandbox, None, (2, WITHIN))?;
    let stored: HashSet<String> = sandbox.stored()?.into_iter().collect();
    let stored_unknown = unknown.iter().filter(|cuid| stored.contains(*cuid)).count();
    let good = (USERS - UNKNOWN) as f64;
    let extra = (EXTRA_REQUESTS_EACH * UNKNOWN) as f64;
    let mut figures =
        Figures::new(format!("isolate: {USERS} users, {UNKNOWN} of them unknown, 100 requests/s, 20 ms latency"));
    figures.add("unknown users", unknown.len() as f64, "", Limit::Exactly(UNKNOWN as f64));
    figures.add("accepted", run.count("accepted")?, "rows", Limit::Exactly(good));
    figures.add("rejected", run.count("rejected")?, "rows", Limit::Exactly(UNKNOWN as f64));
    figures.add("users stored at the server", stored.len() as f64, "", Limit::Exactly(good));
    figures.add("unknown users stored", stored_unknown as f64, "", Limit::Exactly(0.0));
    figures.add("requests", run.count("requests")?, "", Limit::None);
    figures.add(
        "requests that looked for the one to blame",
        run.count("isolation_requests")?,
        "",
        Limit::AtMost(extra),
    );
    figures.add("the command, from start to exit", run.cost.took.as_secs_f64(), "s", Limit::None);
    Ok(figures)
}
