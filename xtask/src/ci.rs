//! `cargo xtask ci`: every check but the tests, in the order in which a mistake is found soonest.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::{conformance, docs, features, layers, readme, shell};

type Step = (&'static str, fn() -> Result<()>);

const STEPS: &[Step] = &[
    ("fmt", fmt),
    ("layers", layers::run),
    ("deny", deny),
    ("clippy", clippy),
    ("conformance", || conformance::run(&conformance::Options::default())),
    ("over hyper", || conformance::run(&conformance::Options::over(conformance::Transport::Hyper))),
    ("over reqwest", || conformance::run(&conformance::Options::over(conformance::Transport::Reqwest))),
    ("docs", docs::run),
    ("features", features::run),
    ("readme", readme::run),
];

pub(crate) fn run() -> Result<()> {
    let mut took: Vec<(&str, Duration)> = Vec::new();
    for (name, step) in STEPS {
        println!("== {name}");
        let start = Instant::now();
        step().with_context(|| format!("the step {name} failed after {:.1} s", start.elapsed().as_secs_f64()))?;
        println!("== {name}: {:.1} s\n", start.elapsed().as_secs_f64());
        took.push((name, start.elapsed()));
    }
    for (name, took) in &took {
        println!("{name:<12} {:>6.1} s", took.as_secs_f64());
    }
    println!("{:<12} {:>6.1} s", "all", took.iter().map(|(_, took)| took.as_secs_f64()).sum::<f64>());
    Ok(())
}

/// Also the modules that a macro declares: the simulated vendors. `cargo fmt` finds those of a `mod` only.
fn fmt() -> Result<()> {
    shell::run(shell::cargo().args(["fmt", "--all", "--check", "--"]).args(vendors()?))
}

/// The files of the simulator's crate, without those in directories below: rustfmt follows their modules.
fn vendors() -> Result<Vec<PathBuf>> {
    let directory = shell::root().join("crates/sandbox/src");
    let entries = fs::read_dir(&directory).with_context(|| directory.display().to_string())?;
    let files: Result<Vec<PathBuf>, _> = entries.map(|entry| entry.map(|entry| entry.path())).collect();
    Ok(files?.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect())
}

/// Licences, banned crates and sources, where cargo-deny is installed.
fn deny() -> Result<()> {
    if shell::cargo().args(["deny", "--version"]).output().is_ok_and(|output| output.status.success()) {
        shell::run(shell::cargo().args(["deny", "--all-features", "check", "licenses", "bans", "sources"]))
    } else {
        println!("cargo-deny is not installed: left out");
        Ok(())
    }
}

fn clippy() -> Result<()> {
    let mut command = shell::cargo();
    command.args(["clippy", "--locked", "--quiet", "--workspace", "--all-targets", "--all-features"]);
    shell::run(command.args(["--", "-D", "warnings"]))
}
