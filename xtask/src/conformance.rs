//! `cargo xtask conformance`: runs the conformance suite and shows what came of it.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitStatus;

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;
use serde_json::Value;

use crate::shell;

/// What the suite reads to choose the transport.
const TRANSPORT: &str = "CONTACT_SINK_CONFORMANCE_TRANSPORT";

#[derive(clap::Args, Default)]
pub(crate) struct Options {
    /// Only the cases and errata of this vendor.
    #[arg(long, value_name = "V")]
    vendor: Option<String>,
    /// Through this transport and a server on this machine, after the run in memory.
    #[arg(long, value_enum, value_name = "T")]
    transport: Option<Transport>,
    /// How to show the result.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    report: Format,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table for people.
    #[default]
    Text,
    /// One JSON object on standard output.
    Json,
}

/// A transport over sockets.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Transport {
    /// HyperTransport.
    Hyper,
    /// ReqwestTransport.
    Reqwest,
}

impl Transport {
    fn name(self) -> &'static str {
        match self {
            Self::Hyper => "hyper",
            Self::Reqwest => "reqwest",
        }
    }
}

impl Options {
    /// Everything, through this transport.
    pub(crate) fn over(transport: Transport) -> Self {
        Self { transport: Some(transport), ..Self::default() }
    }
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let path = shell::target().join("conformance.json");
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("the last report cannot be removed: {}", path.display()));
        }
        _ => {}
    }
    let status = run_suite(&path, options)?;
    let Ok(text) = std::fs::read(&path) else { bail!("the suite did not get as far as a report ({status})") };
    let mut report: Value = serde_json::from_slice(&text).context("the report of the suite")?;
    let transport = options.transport.map_or("memory", Transport::name);
    if field(&report, "transport") != transport {
        bail!("the suite went over {:?}, not {transport:?}", field(&report, "transport"));
    }
    let of_vendor = |row: &Value| options.vendor.as_deref().is_none_or(|vendor| field(row, "vendor") == vendor);
    for list in ["cases", "errata"] {
        if let Some(rows) = report.get_mut(list).and_then(Value::as_array_mut) {
            rows.retain(of_vendor);
        }
    }
    match options.report {
        Format::Json => println!("{}", serde_json::to_string_pretty(&report)?),
        Format::Text => print_table(&report)?,
    }
    let cases = rows(&report, "cases");
    let count = |end| cases.iter().filter(|case| outcome(case) == end).count();
    let (failed, skipped) = (count(Outcome::Failed), count(Outcome::Skipped));
    if cases.is_empty() {
        match &options.vendor {
            Some(vendor) => bail!("there are no cases of {vendor}"),
            None => bail!("there are no cases"),
        }
    }
    if failed > 0 {
        bail!("{failed} of {} cases failed", cases.len());
    }
    if skipped == cases.len() {
        bail!("all {skipped} cases were skipped: nothing went over {transport}");
    }
    if !status.success() {
        bail!("all cases passed, and the suite failed ({status}): see its own tests above");
    }
    Ok(())
}

/// Runs the test binary. What it says is shown if it fails, on standard error: standard output belongs to the report.
fn run_suite(report: &Path, options: &Options) -> Result<ExitStatus> {
    let mut command = shell::cargo();
    command.args(["test", "--quiet", "--package", "contact-sink-tests", "--test", "conformance", "--"]);
    command.args(options.vendor.as_deref().map(|vendor| format!("{vendor}/")));
    command.env_remove(TRANSPORT).envs(options.transport.map(|transport| (TRANSPORT, transport.name())));
    command.env("CONTACT_SINK_CONFORMANCE_REPORT", report).stderr(std::process::Stdio::inherit());
    let output = command.output().context("cargo test")?;
    if !output.status.success() {
        std::io::stderr().write_all(&output.stdout)?;
    }
    Ok(output.status)
}

fn print_table(report: &Value) -> Result<()> {
    let mut counts: BTreeMap<(&str, &str), [usize; 3]> = BTreeMap::new();
    for case in rows(report, "cases") {
        counts.entry((field(case, "vendor"), field(case, "operation"))).or_default()[outcome(case) as usize] += 1;
    }
    let (mut out, transport) = (std::io::stdout().lock(), field(report, "transport"));
    let heads = ["vendor", "operation", "over", "passed", "failed", "skipped"];
    writeln!(out, "{:<12} {:<20} {:<8} {:>7} {:>7} {:>7}", heads[0], heads[1], heads[2], heads[3], heads[4], heads[5])?;
    for ((vendor, operation), [passed, failed, skipped]) in counts {
        writeln!(out, "{vendor:<12} {operation:<20} {transport:<8} {passed:>7} {failed:>7} {skipped:>7}")?;
    }
    for case in rows(report, "cases") {
        let name = format!("{}/{}/{}", field(case, "vendor"), field(case, "operation"), field(case, "case"));
        match (outcome(case), case.get("expected_failure").and_then(Value::as_str)) {
            (Outcome::Failed, _) => writeln!(out, "failed: {name} ({})", field(case, "source"))?,
            (Outcome::Skipped, _) => writeln!(out, "skipped: {name}: {}", field(case, "skipped"))?,
            (Outcome::Passed, Some(reason)) => writeln!(out, "failed as expected: {name}: {reason}")?,
            (Outcome::Passed, None) => {}
        }
    }
    // The errata are the documents', whatever the way.
    if transport != "memory" {
        return Ok(());
    }
    writeln!(out, "\nerrata of the documents, and what is done instead")?;
    for erratum in rows(report, "errata") {
        writeln!(out, "- {}, {}: {}", field(erratum, "vendor"), field(erratum, "place"), field(erratum, "says"))?;
        writeln!(out, "  -> {}", field(erratum, "decision"))?;
    }
    Ok(())
}

fn rows<'a>(report: &'a Value, list: &str) -> &'a [Value] {
    report.get(list).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn field<'a>(row: &'a Value, name: &str) -> &'a str {
    row.get(name).and_then(Value::as_str).unwrap_or_default()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Passed,
    Failed,
    Skipped,
}

fn outcome(case: &Value) -> Outcome {
    match (case.get("passed").and_then(Value::as_bool), case.get("skipped").and_then(Value::as_str)) {
        (Some(true), None) => Outcome::Passed,
        (_, None) => Outcome::Failed,
        (_, Some(_)) => Outcome::Skipped,
    }
}
