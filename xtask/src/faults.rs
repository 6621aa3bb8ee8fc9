//! `cargo xtask faults`: plays the fault suite with the release build, for as long as one likes and with other lots each time.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::shell;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// For how long rounds are begun; the first is played in any case.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seconds: u64,
    /// The lots of the first round; those of the others are drawn from it. Default: drawn from the time.
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Only scenarios with this in their names; those that begin with `long/` are played only so: `long/kills`, `long/pace`,
    /// `long/usersig_expires`.
    #[arg(long, value_name = "NAME")]
    scenario: Option<String>,
    /// How many kills `long/kills` takes, for each sink.
    #[arg(long, value_name = "K", default_value_t = 200)]
    count: u64,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let build = ["build", "--locked", "--quiet", "--release", "--package", "contact-sink-cli", "--all-features"];
    shell::run(shell::cargo().args(build))?;
    let command = shell::target().join("release").join(format!("contact-sink{}", std::env::consts::EXE_SUFFIX));
    let (start, mut rounds) = (Instant::now(), 0);
    let mut seed = options.seed.unwrap_or_else(by_the_time);
    while rounds == 0 || start.elapsed() < Duration::from_secs(options.seconds) {
        println!("round {}, seed {seed}", rounds + 1);
        let mut suite = shell::cargo();
        suite.args(["test", "--locked", "--quiet", "--package", "contact-sink-tests", "--test", "faults", "--"]);
        suite.env("CONTACT_SINK_FAULTS_COMMAND", &command).env("CONTACT_SINK_FAULTS_SEED", seed.to_string());
        if let Some(name) = &options.scenario {
            suite.arg(name);
            if name.starts_with("long") {
                suite.env("CONTACT_SINK_FAULTS_KILLS", options.count.to_string());
            }
        }
        let status = suite.status()?;
        if !status.success() {
            let only = options.scenario.as_ref().map_or(String::new(), |name| format!(" --scenario {name}"));
            bail!("it failed with seed {seed}; the whole round again: cargo xtask faults --seed {seed}{only}");
        }
        rounds += 1;
        seed = next(seed);
    }
    println!("{rounds} rounds in {:.0} s, and all held", start.elapsed().as_secs_f64());
    Ok(())
}

fn by_the_time() -> u64 {
    let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    next(time.as_secs())
}

/// Another seed, of few digits, so that it can be typed.
fn next(seed: u64) -> u64 {
    seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407) >> 33
}
