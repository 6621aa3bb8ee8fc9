//! What does the journal cost at full speed? A delivery without one, with one, and with one that notes what is sent, since another
//! run is not finished.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::figures::{Figures, Limit, median};
use super::sandbox::Sandbox;
use crate::shell;

const UPDATES: u64 = 400_000;
const ROUNDS: usize = 5;
const WORLD: &str = "request_log = 100\nstore = false\n[jiguang]\nquota = \"off\"\n";

pub(super) fn measure(command: &Path) -> Result<Figures> {
    let directory = shell::scratch("bench-journal")?;
    let sandbox = Sandbox::start(command, &directory, WORLD)?;
    let mut bench = shell::cargo();
    bench.args(["bench", "--locked", "--quiet", "--package", "contact-sink-tests", "--bench", "journal", "--"]);
    bench.arg(sandbox.base_url()).arg(&directory).args([UPDATES.to_string(), ROUNDS.to_string()]);
    let text = shell::text(&mut bench)?;
    let line = text.lines().find(|line| line.starts_with('{')).context("the bench printed no figures")?;
    let rates: Value = serde_json::from_str(line).context("the figures of the bench")?;
    let rates_of = |name: &str| -> Result<Vec<f64>> {
        let rates = rates[name].as_array().context("the bench printed no rates")?;
        rates.iter().map(|rate| rate.as_f64().context("a rate that is no number")).collect()
    };
    let (without, with, noted) = (rates_of("without")?, rates_of("with")?, rates_of("noted")?);
    let over = |rates: &[f64]| rates.iter().zip(&without).map(|(rate, without)| rate / without).collect();
    let ratios = (over(&with), over(&noted));
    let mut figures =
        Figures::new(format!("journal: {UPDATES} users of Jiguang at full speed; medians of {ROUNDS} rounds in turn"));
    figures.add("without a journal", median(without).round(), "/s", Limit::None);
    figures.add("with it", median(with).round(), "/s", Limit::None);
    figures.add("with notes of what is sent", median(noted).round(), "/s", Limit::None);
    figures.add("the journal's over none's", median(ratios.0), "", Limit::AtLeast(0.75));
    figures.add("the noting journal's over none's", median(ratios.1), "", Limit::AtLeast(0.25));
    let syncs = rates["syncs"].as_f64().context("the bench printed no syncs")?;
    figures.add("the most syncs a second", syncs, "", Limit::AtMost(20.0));
    Ok(figures)
}
