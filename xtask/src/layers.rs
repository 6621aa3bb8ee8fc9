//! `cargo xtask layers`: proves which crate knows which, what no crate may bring in, how many crates a user builds, and that no files
//! import each other.

use std::collections::BTreeSet;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::{cycles, shell};

const CORE: &str = "contact-sink-core";
const TRANSPORT: &str = "contact-sink-transport";
const ENGAGELAB: &str = "contact-sink-engagelab";
const JIGUANG: &str = "contact-sink-jiguang";
const TENCENT: &str = "contact-sink-tencent";
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

/// Each of our crates, and which of the others it may know.
const LAYERS: &[(&str, &[&str])] = &[
    (CORE, &[]),
    (TRANSPORT, &[CORE]),
    (ENGAGELAB, &[CORE, TRANSPORT]),
    (JIGUANG, &[CORE, TRANSPORT]),
    (TENCENT, &[CORE, TRANSPORT]),
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
const NEVER: &[(Selection, &[&str])] = &[
    ((CORE, &["--all-features"]), &["http", "hyper", "reqwest", "rusqlite", "tokio"]),
    ((TRANSPORT, &["--no-default-features"]), &["hyper", "reqwest", "rustls", "tokio"]),
    ((ENGAGELAB, &["--all-features"]), &["hyper", "reqwest", "rustls", "tokio"]),
    ((JIGUANG, &["--all-features"]), &["hyper", "reqwest", "rustls", "tokio"]),
    ((TENCENT, &["--all-features"]), &["hyper", "reqwest", "rustls", "tokio"]),
    ((MAPPING, &["--all-features"]), &["http", "hyper", "reqwest", "rusqlite", "tokio"]),
    ((SOURCE, &["--all-features"]), &["http", "hyper", "reqwest", "rusqlite", "tokio"]),
    ((DELIVERY, &["--all-features"]), &["axum", "http", "hyper", "reqwest", "rustls"]),
    ((FACADE, &["--no-default-features"]), &["http", "hyper", "reqwest", "rustls", "tokio"]),
];

/// What may be nowhere: not on another platform, not behind a feature, not in a test.
const NOWHERE: &[&str] = &["aws-lc-rs", "aws-lc-sys", "native-tls", "openssl", "openssl-sys"];

/// How many crates a user builds at most, our own included.
const BUDGETS: &[(Selection, usize)] = &[
    ((CORE, &[]), 28),
    ((FACADE, &["--features", "jiguang"]), 30),
    ((FACADE, &["--features", "jiguang,hyper"]), 80),
    ((FACADE, &["--features", "jiguang,reqwest"]), 120),
    ((FACADE, &["--features", "engagelab,hyper"]), 80),
    ((FACADE, &["--features", "engagelab,reqwest"]), 120),
    ((FACADE, &["--features", "tencent,hyper"]), 80),
    ((FACADE, &["--features", "tencent,reqwest"]), 120),
    ((CLI, &[]), 240),
];

/// A package and the arguments that choose its features.
type Selection = (&'static str, &'static [&'static str]);

pub(crate) fn run() -> Result<()> {
    let mut problems = Vec::new();
    let packages = shell::packages()?;
    edges(&packages, &mut problems)?;
    problems.extend(cycles::check(&packages)?);
    println!("\n{:<50} never", "tree");
    for (selection, never) in NEVER {
        println!("{:<50} {}", words(selection), never.join(", "));
        let tree = tree(selection)?;
        let names: BTreeSet<&str> = tree.iter().map(|(name, _)| name.as_str()).collect();
        let held = never.iter().filter(|name| names.contains(**name));
        problems.extend(held.map(|name| format!("{}: its tree holds {name}", words(selection))));
    }
    println!("{:<50} {}", "Cargo.lock: every feature, platform and test", NOWHERE.join(", "));
    let locked = locked()?;
    let held = NOWHERE.iter().filter(|name| locked.contains(**name));
    problems.extend(held.map(|name| format!("Cargo.lock holds {name}")));
    println!("\n{:<50} {:>6} {:>6}", "a user builds, build scripts' crates included", "crates", "limit");
    for (selection, limit) in BUDGETS {
        let count = tree(selection)?.len();
        println!("{:<50} {count:>6} {limit:>6}", words(selection));
        if count > *limit {
            problems.push(format!("{}: {count} crates, the limit is {limit}", words(selection)));
        }
    }
    if !problems.is_empty() {
        bail!("{}", problems.join("\n       "));
    }
    Ok(())
}

/// Holds the dependencies among our own crates against [`LAYERS`].
fn edges(packages: &[Value], problems: &mut Vec<String>) -> Result<()> {
    let ours: BTreeSet<&str> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    println!("{:<24} {:<50} in tests", "crate", "knows");
    for name in &ours {
        let Some((_, may)) = LAYERS.iter().find(|(layer, _)| layer == name) else {
            problems.push(format!("{name} stands in no layer: say in xtask/src/layers.rs what it may know"));
            continue;
        };
        let package = packages.iter().find(|package| package["name"] == **name);
        let dependencies =
            package.and_then(|package| package["dependencies"].as_array()).context("cargo metadata: dependencies")?;
        let (mut knows, mut in_tests) = (BTreeSet::new(), BTreeSet::new());
        for dependency in dependencies {
            let Some(known) = dependency["name"].as_str().filter(|known| ours.contains(known)) else { continue };
            let dev = dependency["kind"] == "dev";
            let allowed = if dev { !TOP.contains(&known) && !ALONE.contains(name) } else { may.contains(&known) };
            if !allowed {
                problems.push(format!("{name} may not know {known}{}", if dev { ", not even in tests" } else { "" }));
            }
            if dev { &mut in_tests } else { &mut knows }.insert(known.trim_start_matches("contact-sink-"));
        }
        let list = |names: BTreeSet<&str>| names.into_iter().collect::<Vec<_>>().join(", ");
        println!("{name:<24} {:<50} {}", list(knows), list(in_tests));
    }
    let gone = LAYERS.iter().filter(|(name, _)| !ours.contains(name));
    problems.extend(gone.map(|(name, _)| format!("{name} has a layer and is not in the workspace")));
    Ok(())
}

/// The crates that a package's user builds on this platform: name and version, the package itself included.
fn tree((package, features): &Selection) -> Result<BTreeSet<(String, String)>> {
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

fn words((package, features): &Selection) -> String {
    std::iter::once(package).chain(*features).copied().collect::<Vec<_>>().join(" ")
}
