//! `cargo xtask bench`: measures the release build on this machine, the command and the sandbox as processes of their own on
//! loopback, and holds the figures against their limits.

mod faults;
mod figures;
mod index;
mod input;
mod isolate;
mod journal;
mod loops;
mod memory;
mod pace;
mod preflight;
mod process;
mod rates;
mod sandbox;
mod speed;
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
    /// The peak memory for 10,000 rows and for 10,000,000, also with a destination that is down.
    Memory,
    /// 20,000 users of whom 600 are unknown: what it takes to find them.
    Isolate,
    /// One user a request without a quota: what a delivery costs beside a bare loop of the same client.
    Loop,
    /// 400,000 rows at full speed: what the journal costs.
    Journal,
    /// 20,000 users while one request in ten fails: how long it takes.
    Faults,
    /// Rows a second with everything on, beside a script without checks, and with --changed-only.
    Speed(Speed),
    /// 5,000,000 rows: how fast a file is checked before anything is sent. No command, no server.
    Preflight,
    /// The changed-only index: how many subjects a second, how large, how much memory. No command, no server.
    Index {
        /// So many subjects.
        #[arg(default_value_t = 10_000_000, value_parser = clap::value_parser!(u64).range(1_000..1_000_000_000))]
        subjects: u64,
    },
}

#[derive(Clone, Copy, clap::Args)]
struct Speed {
    /// So many rows.
    #[arg(default_value_t = 2_000_000, value_parser = clap::value_parser!(u64).range(1_000..100_000_000))]
    rows: u64,
    /// Each is measured so often; the medians count.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..100))]
    rounds: u32,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let benches = match options.bench {
        Some(bench) => vec![bench],
        None => {
            let index = Bench::Index { subjects: 10_000_000 };
            let speed = Bench::Speed(Speed { rows: 2_000_000, rounds: 5 });
            vec![
                Bench::Pace,
                Bench::Isolate,
                Bench::Faults,
                Bench::Loop,
                Bench::Journal,
                Bench::Memory,
                speed,
                Bench::Preflight,
                index,
            ]
        }
    };
    let needs_command = !matches!(options.bench, Some(Bench::Index { .. } | Bench::Preflight));
    let command = if needs_command { build()? } else { PathBuf::new() };
    let mut passed = Vec::new();
    for bench in benches {
        let start = Instant::now();
        let figures = match bench {
            Bench::Pace => pace::measure(&command)?,
            Bench::Memory => memory::measure(&command)?,
            Bench::Isolate => isolate::measure(&command)?,
            Bench::Journal => journal::measure(&command)?,
            Bench::Faults => faults::measure(&command)?,
            Bench::Loop => loops::measure(&command)?,
            Bench::Speed(Speed { rows, rounds }) => speed::measure(&command, rows, rounds)?,
            Bench::Preflight => preflight::measure()?,
            Bench::Index { subjects } => index::measure(subjects)?,
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
