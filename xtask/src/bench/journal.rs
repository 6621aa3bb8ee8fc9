//! What does the journal cost at full speed? A delivery without one, with one, and with one that notes what is sent, since another
//! run is not finished.

use std::path::Path;

use anyhow::Result;

use super::figures::{Figures, Limit, median};
use super::rates::Rates;
use super::sandbox::Sandbox;
use crate::shell;

const UPDATES: u64 = 400_000;
const ROUNDS: usize = 5;
const WORLD: &str = "request_log = 100\nstore = false\n[jiguang]\nquota = \"off\"\n";

pub(super) fn measure(command: &Path) -> Result<Figures> {
    let directory = shell::scratch("bench-journal")?;
    let sandbox = Sandbox::start(command, &directory, WORLD)?;
    let (updates, rounds) = (UPDATES.to_string().into(), ROUNDS.to_string().into());
    let arguments = [sandbox.base_url().into(), directory.clone().into_os_string(), updates, rounds];
    let rates = Rates::measure("journal", arguments)?;
    let mut figures =
        Figures::new(format!("journal: {UPDATES} users of Jiguang at full speed; medians of {ROUNDS} rounds in turn"));
    figures.add("without a journal", median(rates.of("without")?).round(), "/s", Limit::None);
    figures.add("with it", median(rates.of("with")?).round(), "/s", Limit::None);
    figures.add("with notes of what is sent", median(rates.of("noted")?).round(), "/s", Limit::None);
    figures.add("the journal's over none's", median(rates.ratios("with", "without")?), "", Limit::AtLeast(0.75));
    figures.add(
        "the noting journal's over none's",
        median(rates.ratios("noted", "without")?),
        "",
        Limit::AtLeast(0.25),
    );
    figures.add("the most syncs a second", rates.figure("syncs")?, "", Limit::AtMost(20.0));
    Ok(figures)
}
