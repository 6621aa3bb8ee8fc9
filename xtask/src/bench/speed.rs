//! How many rows a second does the command send with all its checks, beside a script that has none? How many does it leave out that
//! have not changed? The server looks at nothing: the simulator would be the slower end.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::figures::{Figures, Limit, median};
use super::input;
use super::process::{Cost, Ended, Process};
use super::sandbox::start_server;
use super::sync::Run;
use crate::shell;

/// More than a machine with two cores sends.
const NO_PACE: &str = "20000/s";
const WITHIN: Duration = Duration::from_secs(600);
const MB: f64 = 1e6;

/// What was measured in each round.
#[derive(Default)]
struct Measured {
    rates: Vec<f64>,
    /// Microseconds of processor time a row.
    cpu: Vec<f64>,
    /// The same of the server.
    server_cpu: Vec<f64>,
    peak_mb: Vec<f64>,
}

/// A directory with the users, the configuration and the state, and a server that accepts everything.
struct Place<'a> {
    command: &'a Path,
    script: PathBuf,
    directory: PathBuf,
    users: PathBuf,
    rows: u64,
    server: Process,
    base_url: String,
}

pub(super) fn measure(command: &Path, rows: u64, rounds: u32) -> Result<Figures> {
    let directory = shell::scratch("bench-speed")?;
    let users = directory.join("users.csv");
    input::write_users(&users, rows)?;
    let (script, answers) = (build("script")?, build("answers")?);
    let (server, base_url) = start_server(Command::new(answers).arg("serve"))?;
    let place = Place { command, script, directory, users, rows, server, base_url };
    let (mut script, mut all, mut unchanged) = (Measured::default(), Measured::default(), Measured::default());
    // One round that does not count: the file and the programs are read into memory.
    place.script()?;
    for _ in 0..rounds {
        place.measured(&mut script, Place::script)?;
        place.measured(&mut all, Place::send_all)?;
    }
    place.send_changed(0)?;
    for night in 1..=rounds {
        place.measured(&mut unchanged, |place| place.send_changed(night.into()))?;
    }
    std::fs::remove_file(&place.users)?;
    let ratio = all.rate() / script.rate();
    let mut figures = Figures::new(format!(
        "speed: {rows} users of Jiguang, a server that looks at nothing; medians of {rounds} rounds in turn"
    ));
    figures.add("a script without checks", script.rate().round(), "/s", Limit::None);
    script.add_costs(&mut figures);
    figures.add("the command, from start to exit", all.rate().round(), "/s", Limit::None);
    all.add_costs(&mut figures);
    figures.add("the command's over the script's", ratio, "", Limit::AtLeast(0.4));
    let unchanged_rate = unchanged.rate().round();
    figures.add("--changed-only, all but one unchanged", unchanged_rate, "/s", Limit::AtLeastWhenIdle(300_000.0));
    unchanged.add_costs(&mut figures);
    figures.add("the unchanged rows' over the script's", unchanged.rate() / script.rate(), "", Limit::None);
    Ok(figures)
}

impl Place<'_> {
    /// Runs one of the clients below and notes what it took, also at the server.
    fn measured(&self, measured: &mut Measured, client: impl Fn(&Self) -> Result<Cost>) -> Result<()> {
        let rows = self.rows as f64;
        let before = self.server.cpu();
        let Cost { took, peak_bytes, cpu } = client(self)?;
        let server_cpu = self.server.cpu().zip(before).map(|(after, before)| after.saturating_sub(before));
        let each = |cpu: Duration| cpu.as_secs_f64() * 1e6 / rows;
        measured.rates.push(rows / took.as_secs_f64());
        measured.cpu.extend(cpu.map(each));
        measured.server_cpu.extend(server_cpu.map(each));
        measured.peak_mb.extend(peak_bytes.map(|bytes| bytes as f64 / MB));
        Ok(())
    }

    fn script(&self) -> Result<Cost> {
        let mut script = Command::new(&self.script);
        script.arg(&self.users).arg(&self.base_url).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut process = Process::start(&mut script)?;
        let stdout = process.child().stdout.take().context("the script has no standard output")?;
        let Ended { status, cost } = process.wait(WITHIN)?;
        let accepted = std::io::read_to_string(stdout)?;
        let all = self.rows.to_string();
        ensure!(status.success() && accepted.trim() == all, "the script sent {accepted:?} of {all} rows");
        Ok(cost)
    }

    /// Everything on: the checks, the pre-flight, the journal.
    fn send_all(&self) -> Result<Cost> {
        let run = Run::to(self.command, &self.directory, &self.users, &self.base_url, Some(NO_PACE), (0, WITHIN))?;
        cost(&run, "accepted", self.rows)
    }

    /// The same users, one of whom has changed every night. In the first night all are sent, and the index is filled.
    fn send_changed(&self, night: u64) -> Result<Cost> {
        input::change_first_user(&self.users, night)?;
        let (directory, quota) = (self.directory.join("changed-only"), Some(NO_PACE));
        std::fs::create_dir_all(&directory)?;
        let run = Run::changed_only(self.command, &directory, &self.users, &self.base_url, quota, (0, WITHIN))?;
        cost(&run, "unchanged", if night == 0 { 0 } else { self.rows - 1 })
    }
}

impl Measured {
    fn rate(&self) -> f64 {
        median(self.rates.clone())
    }

    /// Adds what the system tells of it.
    fn add_costs(&self, figures: &mut Figures) {
        let mut add = |what, measured: &Vec<f64>, unit| {
            if !measured.is_empty() {
                figures.add(what, median(measured.clone()), unit, Limit::None);
            }
        };
        add("  processor time a row", &self.cpu, "us");
        add("  the server's", &self.server_cpu, "us");
        add("  peak memory", &self.peak_mb, "MB");
    }
}

/// What a run took, if so many rows ended in this way.
fn cost(run: &Run, outcome: &str, wanted: u64) -> Result<Cost> {
    let count = run.count(outcome)?;
    ensure!(count == wanted as f64, "{count} rows were {outcome} instead of {wanted}");
    Ok(run.cost)
}

/// Builds a program that stands beside the command for this bench, and says where it is.
fn build(name: &str) -> Result<PathBuf> {
    let mut build = shell::cargo();
    build.args(["build", "--locked", "--quiet", "--release", "--package", "contact-sink-cli", "--bench", name]);
    let messages = shell::text(build.arg("--message-format=json"))?;
    let mut messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let is_program = |message: &Value| message["target"]["name"] == name && message["executable"].is_string();
    let built = messages.find(is_program);
    let path = built.as_ref().and_then(|message| message["executable"].as_str());
    path.map(PathBuf::from).with_context(|| format!("cargo does not say where it put {name}"))
}
