//! What does a delivery cost beside a bare loop of the same client? One user a request, no quota, 20 ms at the server.

use std::path::Path;

use anyhow::Result;

use super::figures::{Figures, Limit, median};
use super::rates::Rates;
use super::sandbox::Sandbox;
use crate::shell;

const UPDATES: u64 = 10_000;
const ROUNDS: usize = 3;
const WORLD: &str = "latency_ms = 20\nrequest_log = 100\nstore = false\n[engagelab]\nquota = \"off\"\n";
const AT_LEAST: f64 = 0.85;

pub(super) fn measure(command: &Path) -> Result<Figures> {
    let directory = shell::scratch("bench-loop")?;
    let sandbox = Sandbox::start(command, &directory, WORLD)?;
    let arguments = [sandbox.base_url().into(), UPDATES.to_string().into(), ROUNDS.to_string().into()];
    let rates = Rates::measure("loop", arguments)?;
    let mut figures = Figures::new(format!(
        "loop: {UPDATES} users, one a request, 32 requests in flight, no quota, 20 ms latency; medians of {ROUNDS} rounds in turn"
    ));
    figures.add("a bare loop of the client", median(rates.of("bare")?).round(), "/s", Limit::None);
    figures.add("a delivery over the same client", median(rates.of("delivery")?).round(), "/s", Limit::None);
    figures.add(
        "the delivery's over the loop's",
        median(rates.ratios("delivery", "bare")?),
        "",
        Limit::AtLeast(AT_LEAST),
    );
    Ok(figures)
}
