//! The chores of this repository: `cargo xtask <chore>`. One module for each; what is common to them is in `shell`.

mod bench;
mod ci;
mod conformance;
mod cycles;
mod docs;
mod faults;
mod features;
mod layers;
mod readme;
mod shell;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The chores of this repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Runs every check but the tests, each with its time; stops at the first that fails.
    Ci,
    /// Runs the documented payloads as cases: vendor x operation x passed/failed, and the documents' errata.
    Conformance(conformance::Options),
    /// Proves which crate knows which, what no crate may bring in, how many crates a user builds, and that no files import each other.
    ///
    /// A file imports another of its crate where it names an item that the other one defines: by `use`, or by a path such as
    /// `codes::OK`. A name that is passed on (`pub use`) is defined where it was before. So these are no imports: to declare a
    /// module, to import a module itself, and to pass a name on; but it is one to use that name in the same file as well. What
    /// comes after the first item of a path, such as a method or a variant, is not looked at, nor is what a macro makes. The
    /// crates of tests, examples and binaries are checked like libraries.
    Layers,
    /// Checks every package with none, each and all of its features, warnings denied.
    Features,
    /// Builds the documentation, warnings denied.
    Docs,
    /// Checks the README's first two commands, and runs the one that sends a sample.
    Readme,
    /// Plays the fault suite: the command and the simulator in processes of their own, with faults, outages and kills by a seed.
    Faults(faults::Options),
    /// Measures the release build on this machine against its limits; without a subcommand, everything.
    Bench(bench::Options),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().chore {
        Chore::Ci => ci::run(),
        Chore::Conformance(options) => conformance::run(&options),
        Chore::Layers => layers::run(),
        Chore::Features => features::run(),
        Chore::Docs => docs::run(),
        Chore::Readme => readme::run(),
        Chore::Faults(options) => faults::run(&options),
        Chore::Bench(options) => bench::run(&options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
