//! The command in a process of its own against the simulator in another: whatever goes wrong, every row has the outcome that the
//! simulator bears out, and nothing is lost, stale, said aloud or sent too fast.
//!
//! `CONTACT_SINK_FAULTS_SEED` draws other lots than the usual ones, as `cargo xtask faults` does; the name of a scenario, or a part
//! of it, as an argument plays that one alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, unreachable_pub)]

mod command;
mod input;
mod letters;
mod oracle;
mod process;
mod random;
mod run;
mod scenario;
mod seen;
mod simulator;
mod table;
mod vendor;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use contact_sink::kits;
use libtest_mimic::{Arguments, Failed, Trial};

use crate::random::Random;
use crate::scenario::Scenario;
use crate::vendor::{VENDORS, Vendor};

const SEED: &str = "CONTACT_SINK_FAULTS_SEED";
/// How many kills the long scenarios take; without it there are none of them.
const KILLS: &str = "CONTACT_SINK_FAULTS_KILLS";
/// The usual lots.
const USUAL: u64 = 1;
/// Scenarios wait for most of their time.
const AT_ONCE: usize = 10;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = arguments.test_threads.or(Some(AT_ONCE));
    let seed = number(SEED).unwrap_or(USUAL);
    let trial = |scenario: Scenario| {
        let name = scenario.name.clone();
        Trial::test(name, move || play(&scenario, seed).map(drop))
    };
    let mut trials: Vec<Trial> = table::all(seed).into_iter().map(trial).collect();
    trials.push(Trial::test("every_kit_has_a_row", || {
        let (rows, kits): (Vec<_>, Vec<_>) =
            (VENDORS.iter().map(|vendor| vendor.name).collect(), kits().map(|kit| kit.name).collect());
        if rows == kits {
            Ok(())
        } else {
            Err(format!("tests/faults/vendor.rs has {rows:?}, and the kits are {kits:?}").into())
        }
    }));
    if let Some(kills) = number(KILLS) {
        trials.extend(table::long(seed).into_iter().map(trial));
        trials.extend(VENDORS.iter().copied().map(|vendor| {
            let name = format!("long/kills/{}", vendor.name);
            Trial::test(name, move || many_kills(vendor, kills, seed))
        }));
    }
    let names: Vec<String> = trials.iter().map(|trial| trial.name().to_owned()).collect();
    let played = libtest_mimic::run(&arguments, trials);
    // `cargo test NAME` asks each test program, and most have no such test; but who names a scenario here means one.
    if played.num_passed + played.num_failed == 0 && number(SEED).is_some() && !arguments.list {
        let filter = arguments.filter.unwrap_or_default();
        eprintln!("no scenario has {filter:?} in its name: nothing was played. There are:\n{}", names.join("\n"));
        return ExitCode::FAILURE;
    }
    played.exit_code()
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|number| number.parse().expect("a whole number"))
}

/// Inputs of 20,000 users, one after the other, until runs over them have been killed so often.
fn many_kills(vendor: &'static Vendor, most: u64, seed: u64) -> Result<(), Failed> {
    let (mut random, mut kills, mut inputs) = (Random::new(seed), 0, 0);
    while kills < most {
        let left = u32::try_from(most - kills)?;
        kills += play(&table::long_kills(vendor, left, random.next()), seed)?;
        inputs += 1;
    }
    println!("{}: {kills} kills over {inputs} inputs of 20,000 users", vendor.name);
    Ok(())
}

/// How often it was killed. A failure says how to have it again.
fn play(scenario: &Scenario, seed: u64) -> Result<u64, Failed> {
    catch_unwind(AssertUnwindSafe(|| scenario::check(scenario))).map_err(|panic| {
        let said = panic.downcast_ref::<String>().cloned();
        let said = said.or_else(|| panic.downcast_ref::<&str>().map(|said| (*said).to_owned())).unwrap_or_default();
        let name = &scenario.name;
        format!("{name}, seed {seed}: {said}\nagain: cargo xtask faults --seed {seed} --scenario {name}").into()
    })
}
