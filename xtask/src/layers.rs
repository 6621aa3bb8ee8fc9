//! `cargo xtask layers`: proves which crate knows which, what no crate may bring in, how many crates a user builds, and that no files
//! import each other.

use std::collections::BTreeSet;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::{cycles, shell};

const CORE: &str = "contact-sink-core";
const TRANSPORT: &str = "contact-sink-transport";
const DELIVERY: &str = "contact-sink-delivery";
const JOURNAL: &str = "contact-sink-journal";
const MAPPING: &str = "contact-sink-mapping";
const SOURCE: &str = "contact-sink-source";
const SANDBOX: &str = "contact-sink-sandbox";
const TESTKIT: &str = "contact-sink-testkit";
const FACADE: &str = "contact-sink";
const CLI: &str = "contact-sink-cli";
const TESTS: &str = "contact-sink-tests";
const XTASK: &str = "xtask";
/// Of the names of our crates but the facade.
const PREFIX: &str = "contact-sink-";

/// Each of our crates but the vendors', and which of the others it may know.
const LAYERS: &[(&str, &[&str])] = &[
    (CORE, &[]),
    (TRANSPORT, &[CORE]),
    (DELIVERY, &[CORE]),
    (JOURNAL, &[CORE, DELIVERY]),
    (MAPPING, &[CORE]),
    (SOURCE, &[CORE, MAPPING]),
    // It shares nothing with the clients: together they could be wrong alike.
    (SANDBOX, &[]),
    // Of the tests of vendors.
    (TESTKIT, &[CORE, DELIVERY, TRANSPORT]),
    (FACADE, &[CORE, DELIVERY, JOURNAL, MAPPING, SANDBOX, SOURCE, TRANSPORT]),
    // It knows the vendors by the facade's list of kits only.
    (CLI, &[CORE, DELIVERY, FACADE, JOURNAL, MAPPING, SANDBOX, SOURCE, TRANSPORT]),
    (TESTS, &[]),
    (XTASK, &[]),
];

/// What nobody may know, not even in tests.
const TOP: &[&str] = &[CLI, TESTS, XTASK];
/// What may know none of ours, not even in tests.
const ALONE: &[&str] = &[CORE, SANDBOX];

/// What the tree of a package may not hold.
const NEVER: &[(Selection<'_>, &[&str])] = &[
    ((CORE, &["--all-features"]), &["http", "hyper", "reqwest", "rusqlite", "tokio"]),
    ((TRANSPORT, &["--no-default-features"]), &["hyper", "reqwest", "rustls", "tokio"]),
    ((MAPPING, &["--all-features"]), &["http", "hyper", "reqwest", "rusqlite", "tokio"]),
    ((SOURCE, &["--all-features"]), &["http", "hyper", "reqwest", "rusqlite", "tokio"]),
    ((DELIVERY, &["--all-features"]), &["axum", "http", "hyper", "reqwest", "rustls"]),
    ((FACADE, &["--no-default-features"]), &["http", "hyper", "reqwest", "rustls", "tokio"]),
];

/// What a vendor's crate may know, and what its tree may not have. The vendors are those of the facade's feature `vendors`.
const VENDOR: (&[&str], &[&str]) = (&[CORE, TRANSPORT], &["hyper", "reqwest", "rustls", "tokio"]);
/// How many crates a user of one vendor builds at most, by the transport.
const VENDOR_BUDGETS: [(&str, usize); 2] = [("hyper", 80), ("reqwest", 120)];

/// What may be nowhere: not on another platform, not behind a feature, not in a test.
const NOWHERE: &[&str] = &["aws-lc-rs", "aws-lc-sys", "native-tls", "openssl", "openssl-sys"];

/// How many crates a user builds at most, our own included.
const BUDGETS: &[(Selection<'_>, usize)] =
    &[((CORE, &[]), 28), ((FACADE, &["--features", "jiguang"]), 30), ((CLI, &[]), 240)];

/// A package and the arguments that choose its features.
type Selection<'a> = (&'a str, &'a [&'a str]);

pub(crate) fn run() -> Result<()> {
    let mut problems = Vec::new();
    let packages = shell::packages()?;
    let vendors = vendors(&packages)?;
    edges(&packages, &vendors, &mut problems)?;
    problems.extend(cycles::check(&packages)?);
    println!("\n{:<50} never", "tree");
    let of_vendors = vendors.iter().map(|vendor| ((vendor.as_str(), &["--all-features"][..]), VENDOR.1));
    for (selection, never) in NEVER.iter().copied().chain(of_vendors) {
        println!("{:<50} {}", words(&selection), never.join(", "));
        let tree = tree(&selection)?;
        let names: BTreeSet<&str> = tree.iter().map(|(name, _)| name.as_str()).collect();
        let held = never.iter().filter(|name| names.contains(**name));
        problems.extend(held.map(|name| format!("{}: its tree has {name}", words(&selection))));
    }
    println!("{:<50} {}", "Cargo.lock: every feature, platform and test", NOWHERE.join(", "));
    let locked = locked()?;
    let held = NOWHERE.iter().filter(|name| locked.contains(**name));
    problems.extend(held.map(|name| format!("Cargo.lock holds {name}")));
    println!("\n{:<50} {:>6} {:>6}", "a user builds, build scripts' crates included", "crates", "limit");
    let mut budget = |selection: &Selection<'_>, limit: usize| {
        let count = tree(selection)?.len();
        println!("{:<50} {count:>6} {limit:>6}", words(selection));
        if count > limit {
            problems.push(format!("{}: {count} crates, the limit is {limit}", words(selection)));
        }
        anyhow::Ok(())
    };
    for (selection, limit) in BUDGETS {
        budget(selection, *limit)?;
    }
    for vendor in &vendors {
        for (transport, limit) in VENDOR_BUDGETS {
            let features = format!("{},{transport}", vendor.trim_start_matches(PREFIX));
            budget(&(FACADE, &["--features", &features]), limit)?;
        }
    }
    if !problems.is_empty() {
        bail!("{}", problems.join("\n       "));
    }
    Ok(())
}

/// The vendors' crates: those of the features that the facade's feature `vendors` turns on.
fn vendors(packages: &[Value]) -> Result<Vec<String>> {
    let facade = packages.iter().find(|package| package["name"] == FACADE).context("cargo metadata: the facade")?;
    let features = facade["features"]["vendors"].as_array().context("the facade has no feature `vendors`")?;
    Ok(features.iter().filter_map(Value::as_str).map(|vendor| format!("{PREFIX}{vendor}")).collect())
}

/// Compares the dependencies among our own crates with [`LAYERS`].
fn edges(packages: &[Value], vendors: &[String], problems: &mut Vec<String>) -> Result<()> {
    let ours: BTreeSet<&str> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    println!("{:<24} {:<50} in tests", "crate", "knows");
    for name in &ours {
        let is_vendor = |name: &str| vendors.iter().any(|vendor| vendor == name);
        let may = match LAYERS.iter().find(|(layer, _)| layer == name) {
            Some((_, may)) => *may,
            None if is_vendor(name) => VENDOR.0,
            None => {
                problems.push(format!(
                    "{name} is in no layer: name it in the facade's feature `vendors`, or say in xtask/src/layers.rs what it may know"
                ));
                continue;
            }
        };
        let package = packages.iter().find(|package| package["name"] == **name);
        let dependencies =
            package.and_then(|package| package["dependencies"].as_array()).context("cargo metadata: dependencies")?;
        let (mut knows, mut in_tests) = (BTreeSet::new(), BTreeSet::new());
        for dependency in dependencies {
            let Some(known) = dependency["name"].as_str().filter(|known| ours.contains(known)) else { continue };
            let dev = dependency["kind"] == "dev";
            let allowed = match dev {
                true => !TOP.contains(&known) && !ALONE.contains(name),
                false => may.contains(&known) || *name == FACADE && is_vendor(known),
            };
            if !allowed {
                problems.push(format!("{name} may not know {known}{}", if dev { ", not even in tests" } else { "" }));
            }
            if dev { &mut in_tests } else { &mut knows }.insert(known.trim_start_matches(PREFIX));
        }
        let list = |names: BTreeSet<&str>| names.into_iter().collect::<Vec<_>>().join(", ");
        println!("{name:<24} {:<50} {}", list(knows), list(in_tests));
    }
    let gone = LAYERS.iter().filter(|(name, _)| !ours.contains(name));
    problems.extend(gone.map(|(name, _)| format!("{name} has a layer and is not in the workspace")));
    Ok(())
}

/// The crates that a package's user builds on this platform: name and version, the package itself included.
fn tree((package, features): &Selection<'_>) -> Result<BTreeSet<(String, String)>> {
    let mut command: Command = shell::cargo();
    command.args(["tree", "--locked", "--edges", "normal,build", "--prefix", "none", "--format", "{p}"]);
    let text = shell::text(command.args(["--package", package]).args(*features))?;
    let crates = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        Some((words.next()?.to_owned(), words.next()?.to_owned()))
    });
    Ok(crates.collect())
}

/// The names of all that is locked.
fn locked() -> Result<BTreeSet<String>> {
    let text = std::fs::read_to_string(shell::root().join("Cargo.lock")).context("Cargo.lock")?;
    let names = text.lines().filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
    let names: BTreeSet<String> = names.map(str::to_owned).collect();
    if names.is_empty() {
        bail!("Cargo.lock names no crates");
    }
    Ok(names)
}

fn words((package, features): &Selection<'_>) -> String {
    std::iter::once(package).chain(*features).copied().collect::<Vec<_>>().join(" ")
}
