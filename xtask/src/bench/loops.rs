//! What does a delivery cost beside a bare loop of the same client? One user a request, no quota, 20 ms at the server.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::figures::{Figures, Limit, median};
use super::sandbox::Sandbox;
use crate::shell;

const UPDATES: u64 = 10_000;
const ROUNDS: usize = 3;
const WORLD: &str = "latency_ms = 20\nrequest_log = 100\nstore = false\n[engagelab]\nquota = \"off\"\n";
const AT_LEAST: f64 = 0.85;

pub(super) fn measure(command: &Path) -> Result<Figures> {
    let directory = shell::scratch("bench-loop")?;
    let sandbox = Sandbox::start(command, &directory, WORLD)?;
    let mut bench = shell::cargo();
    bench.args(["bench", "--locked", "--quiet", "--package", "contact-sink-tests", "--bench", "loop", "--"]);
    bench.args([sandbox.base_url(), &UPDATES.to_string(), &ROUNDS.to_string()]);
    let text = shell::text(&mut bench)?;
    let line = text.lines().find(|line| line.starts_with('{')).context("the bench printed no figures")?;
    let rates: Value = serde_json::from_str(line).context("the figures of the bench")?;
    let rates_of = |name: &str| -> Result<Vec<f64>> {
        let rates = rates[name].as_array().context("the bench printed no rates")?;
        rates.iter().map(|rate| rate.as_f64().context("a rate that is no number")).collect()
    };
    let (bare, delivery) = (rates_of("bare")?, rates_of("delivery")?);
    let ratios = delivery.iter().zip(&bare).map(|(delivery, bare)| delivery / bare).collect();
    let mut figures = Figures::new(format!(
        "loop: {UPDATES} users, one a request, 32 requests in flight, no quota, 20 ms latency; medians of {ROUNDS} rounds in turn"
    ));
    figures.add("a bare loop of the client", median(bare).round(), "/s", Limit::None);
    figures.add("a delivery over the same client", median(delivery).round(), "/s", Limit::None);
    figures.add("the delivery's over the loop's", median(ratios), "", Limit::AtLeast(AT_LEAST));
    Ok(figures)
}
