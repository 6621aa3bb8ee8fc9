//! A bench of the tests' package, and the rates that it prints as one JSON object.

use std::ffi::OsString;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::shell;

/// The printed object: a list of rates for each thing that was measured, one for each round.
pub(super) struct Rates(Value);

impl Rates {
    /// Runs the bench of this name with these arguments.
    pub(super) fn measure(name: &str, arguments: impl IntoIterator<Item = OsString>) -> Result<Self> {
        let mut bench = shell::cargo();
        bench.args(["bench", "--locked", "--quiet", "--package", "contact-sink-tests", "--bench", name, "--"]);
        let text = shell::text(bench.args(arguments))?;
        let line = text.lines().find(|line| line.starts_with('{')).context("the bench printed no figures")?;
        Ok(Self(serde_json::from_str(line).context("the figures of the bench")?))
    }

    /// The rates of one thing.
    pub(super) fn of(&self, name: &str) -> Result<Vec<f64>> {
        let rates = self.0[name].as_array().with_context(|| format!("the bench printed no rates of {name}"))?;
        rates.iter().map(|rate| rate.as_f64().context("a rate that is no number")).collect()
    }

    /// One thing's rates over those of another, round by round.
    pub(super) fn ratios(&self, name: &str, over: &str) -> Result<Vec<f64>> {
        Ok(self.of(name)?.iter().zip(self.of(over)?).map(|(rate, over)| rate / over).collect())
    }

    /// A figure that is no rate.
    pub(super) fn figure(&self, name: &str) -> Result<f64> {
        self.0[name].as_f64().with_context(|| format!("the bench printed no {name}"))
    }
}
