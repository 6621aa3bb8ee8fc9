//! `cargo xtask bench`: measures the release build on this machine, the command and the sandbox as processes of their own on
//! loopback, and holds the figures against their limits.

mod faults;
mod figures;
mod input;
mod isolate;
mod loops;
mod memory;
mod pace;
mod process;
mod sandbox;
mod sync;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Result, ensure};
use clap::Subcommand;

use crate::shell;

#[derive(clap::Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    bench: Option<Bench>,
}

#[derive(Clone, Copy, Subcommand)]
enum Bench {
    /// 20,000 users at 100 requests a second and 20 ms latency: is the quota used fully, and never passed?
    Pace,
    /// The peak memory for 10,000 rows and for 1,000,000.
    Memory,
    /// 20,000 users of whom 600 are unknown: what it takes to find them.
    Isolate,
    /// One user a request without a quota: what a delivery costs beside a bare loop of the same client.
    Loop,
    /// 20,000 users while one request in ten fails: how long it takes.
    Faults,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let command = build()?;
    let benches = match options.bench {
        Some(bench) => vec![bench],
        None => vec![Bench::Pace, Bench::Isolate, Bench::Faults, Bench::Loop, Bench::Memory],
    };
    let mut passed = Vec::new();
    for bench in benches {
        let start = Instant::now();
        let figures = match bench {
            Bench::Pace => pace::measure(&command)?,
            Bench::Memory => memory::measure(&command)?,
            Bench::Isolate => isolate::measure(&command)?,
            Bench::Faults => faults::measure(&command)?,
            Bench::Loop => loops::measure(&command)?,
        };
        figures.print();
        println!("  measured in {:.1} s\n", start.elapsed().as_secs_f64());
        passed.extend(figures.passed_limits());
    }
    ensure!(passed.is_empty(), "passed its limit: {}", passed.join("; "));
    Ok(())
}

/// Builds the command and says where it is.
fn build() -> Result<PathBuf> {
    shell::run(shell::cargo().args(["build", "--locked", "--quiet", "--release", "--package", "contact-sink-cli"]))?;
    Ok(shell::target().join("release").join(format!("contact-sink{}", std::env::consts::EXE_SUFFIX)))
}
