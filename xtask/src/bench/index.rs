//! What does the changed-only index do in a second, and what room does it take? Two fields a subject.

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::figures::{Figures, Limit};
use crate::shell;

const MB: f64 = 1e6;

pub(super) fn measure(subjects: u64) -> Result<Figures> {
    let directory = shell::scratch("bench-index")?;
    let mut bench = shell::cargo();
    bench.args(["bench", "--locked", "--quiet", "--package", "contact-sink-journal", "--bench", "index", "--"]);
    bench.arg(subjects.to_string()).arg(&directory);
    let text = shell::text(&mut bench)?;
    let line = text.lines().find(|line| line.starts_with('{')).context("the bench printed no figures")?;
    let measured: Value = serde_json::from_str(line).context("the figures of the bench")?;
    let of = |name: &str| measured[name].as_f64().with_context(|| format!("the bench printed no {name}"));
    let mut figures = Figures::new(format!("index: {subjects} subjects of two fields, in the order of their ids"));
    figures.add("accepted and written", of("accepted")?, "/s", Limit::None);
    figures.add("  the longest wait", of("accepted_longest_ms")?, "ms", Limit::None);
    figures.add("looked up, all there", of("looked_up")?, "/s", Limit::None);
    figures.add("  not found", of("lost")?, "", Limit::Exactly(0.0));
    figures.add("looked up ahead of the lane, all there", of("looked_up_ahead")?, "/s", Limit::None);
    figures.add("  not found", of("lost_ahead")?, "", Limit::Exactly(0.0));
    figures.add("a tenth looked up ahead, scattered", of("looked_up_ahead_scattered")?, "/s", Limit::None);
    figures.add("a tenth as many looked up, none there", of("looked_up_unknown")?, "/s", Limit::None);
    figures.add("  found", of("invented")?, "", Limit::Exactly(0.0));
    figures.add("a tenth looked up, scattered", of("looked_up_scattered")?, "/s", Limit::None);
    figures.add("a tenth changed: looked up, removed, accepted", of("changed")?, "/s", Limit::None);
    figures.add("  the longest wait", of("changed_longest_ms")?, "ms", Limit::None);
    figures.add("a hundredth changed, scattered", of("changed_scattered")?, "/s", Limit::None);
    figures.add("  the longest wait", of("changed_scattered_longest_ms")?, "ms", Limit::None);
    figures.add("  not found afterwards", of("changes_lost")?, "", Limit::Exactly(0.0));
    figures.add("removed, a hundred a commit", of("removed")?, "/s", Limit::None);
    figures.add("the file", of("bytes")? / MB, "MB", Limit::None);
    figures.add("the file, for a subject", of("bytes")? / subjects as f64, "B", Limit::AtMost(100.0));
    let peak = of("peak_bytes").context("this system has no /proc/self/status with VmHWM")?;
    figures.add("peak memory", peak / MB, "MB", Limit::AtMost(32.0));
    Ok(figures)
}
