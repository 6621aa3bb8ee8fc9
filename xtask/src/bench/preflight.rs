//! How fast is the pre-flight? Beside the csv crate, which only takes the same file apart.

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::figures::{Figures, Limit};
use super::input;
use crate::shell;

const ROWS: u64 = 5_000_000;

pub(super) fn measure() -> Result<Figures> {
    let directory = shell::scratch("bench-preflight")?;
    let users = directory.join("users.csv");
    input::write_users(&users, ROWS)?;
    let mut bench = shell::cargo();
    bench.args(["bench", "--locked", "--quiet", "--package", "contact-sink-source", "--bench", "preflight", "--"]);
    let text = shell::text(bench.arg(&users))?;
    std::fs::remove_file(&users)?;
    let line = text.lines().find(|line| line.starts_with('{')).context("the bench printed no figures")?;
    let measured: Value = serde_json::from_str(line).context("the figures of the bench")?;
    let of = |name: &str| measured[name].as_f64().with_context(|| format!("the bench printed no {name}"));
    let (preflight, rows, csv) = (of("preflight")?, of("rows")?, of("csv")?);
    let mut figures = Figures::new(format!("preflight: {ROWS} rows, each with a Chinese city; medians of five"));
    figures.add("the pre-flight", preflight, "MB/s", Limit::AtLeastWhenIdle(400.0));
    figures.add("the csv crate, records only", csv, "MB/s", Limit::None);
    figures.add("the pre-flight beside it", preflight / csv, "", Limit::AtLeast(0.6));
    figures.add("the rows after it, compared block by block", rows, "MB/s", Limit::None);
    Ok(figures)
}
