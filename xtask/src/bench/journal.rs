//! What does the journal cost at full speed? The same rows by name, with a journal, and through standard input, without one.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use super::figures::{Figures, Limit, median};
use super::input;
use super::sandbox::Sandbox;
use super::sync::{Run, Source};
use crate::shell;

const ROWS: u64 = 400_000;
const ROUNDS: usize = 5;
const WORLD: &str = "request_log = 100\nstore = false\n[jiguang]\nquota = \"off\"\n";
/// More than a machine with two cores sends.
const NO_PACE: &str = "20000/s";
const WITHIN: Duration = Duration::from_secs(300);

pub(super) fn measure(command: &Path) -> Result<Figures> {
    let directory = shell::scratch("bench-journal")?;
    let users = directory.join("users.csv");
    input::write_users(&users, ROWS)?;
    let sandbox = Sandbox::start(command, &directory, WORLD)?;
    let send = |source| Run::to(command, &directory, source, sandbox.base_url(), Some(NO_PACE), (0, WITHIN));
    let (mut with, mut without, mut ratios, mut syncs, mut accepted) = (vec![], vec![], vec![], 0_f64, 0.0);
    for round in 0..=ROUNDS {
        let (bare, journaled) = (send(Source::Pipe(&users))?, send(Source::File(&users))?);
        // The first round warms the caches.
        if round > 0 {
            let rate = |run: &Run| -> Result<f64> { Ok(ROWS as f64 / (run.count("elapsed_ms")? / 1e3)) };
            let (bare, rows) = (rate(&bare)?, rate(&journaled)?);
            ratios.push(rows / bare);
            with.push(rows);
            without.push(bare);
        }
        // What is synced at the end is no second's.
        let seconds = (journaled.count("elapsed_ms")? / 1e3).max(1.0);
        syncs = syncs.max((journaled.metric("contact_sink_journal_syncs_total")? - 3.0) / seconds);
        accepted += journaled.count("accepted")?;
    }
    std::fs::remove_file(&users)?;
    let mut figures =
        Figures::new(format!("journal: {ROWS} rows of Jiguang at full speed; medians of {ROUNDS} rounds in turn"));
    figures.add("accepted", accepted, "rows", Limit::Exactly((ROWS * (ROUNDS as u64 + 1)) as f64));
    figures.add("without a journal", median(without).round(), "/s", Limit::None);
    figures.add("with it", median(with).round(), "/s", Limit::None);
    figures.add("the journal's over the other's", median(ratios), "", Limit::AtLeast(0.85));
    figures.add("the most syncs a second", syncs, "", Limit::AtMost(20.0));
    Ok(figures)
}
