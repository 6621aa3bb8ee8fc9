//! `cargo xtask features`: every package must build without a warning with none, each and all of its features.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::shell;

/// Which features each feature of a package turns on.
type Features = BTreeMap<String, Vec<String>>;
/// Features of one package that are on together.
type Selection = BTreeSet<String>;

pub(crate) fn run() -> Result<()> {
    let mut failed = Vec::new();
    for package in shell::packages()? {
        let name = package["name"].as_str().context("cargo metadata: a package without a name")?;
        for selection in selections(&features(&package)) {
            let list = selection.iter().map(String::as_str).collect::<Vec<_>>().join(",");
            println!("{name:<24} {}", if list.is_empty() { "-" } else { &list });
            let mut command = shell::cargo();
            command.args(["clippy", "--locked", "--quiet", "--package", name, "--no-default-features"]);
            // Without features the tests are looked at too; with all features the workspace's own run does it. Not with
            // each: what only tests depend on would lend its features to the library and hide what that lacks.
            if list.is_empty() {
                check(
                    &mut failed,
                    name,
                    "tests without features",
                    shell::cargo().args(command.get_args()).arg("--all-targets"),
                );
            }
            command.args(["--features", &list]);
            check(&mut failed, name, &list, &mut command);
        }
    }
    if !failed.is_empty() {
        bail!("with warnings denied these do not build: {}", failed.join("; "));
    }
    Ok(())
}

/// Adds the package to the failed ones if clippy is not content with it.
fn check(failed: &mut Vec<String>, package: &str, what: &str, command: &mut std::process::Command) {
    // The flags go to the workspace's packages only: nothing that they depend on is built again.
    if let Err(error) = shell::run(command.args(["--", "-D", "warnings"])) {
        eprintln!("{error:#}");
        failed.push(format!("{package} ({what})"));
    }
}

fn features(package: &Value) -> Features {
    let Some(table) = package["features"].as_object() else { return Features::new() };
    let turns_on = |list: &Value| {
        let names = list.as_array().into_iter().flatten().filter_map(Value::as_str);
        names.map(str::to_owned).collect()
    };
    table.iter().map(|(feature, list)| (feature.clone(), turns_on(list))).collect()
}

/// None, each and all; those that turn on the same features only once.
fn selections(features: &Features) -> BTreeSet<Selection> {
    let names = || features.keys().map(String::as_str).filter(|name| *name != "default");
    let each = features.keys().map(|feature| with_implied(features, [feature.as_str()]));
    each.chain([Selection::new(), with_implied(features, names())]).collect()
}

/// These features and all others of the package that they turn on. `default` is no more than what it names.
fn with_implied<'a>(features: &'a Features, chosen: impl IntoIterator<Item = &'a str>) -> Selection {
    let mut selection = Selection::new();
    let mut left: Vec<&str> = chosen.into_iter().collect();
    while let Some(feature) = left.pop() {
        // What is no feature of this package, `dep:x` or `x/y`, comes with the feature that names it.
        let Some(implied) = features.get(feature) else { continue };
        if feature == "default" || selection.insert(feature.to_owned()) {
            left.extend(implied.iter().map(String::as_str));
        }
    }
    selection
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_each_and_all_once() {
        let table = serde_json::json!({"features": {
            "default": ["a"], "a": ["dep:x"], "b": ["a", "y/z"], "c": [],
        }});
        let lists: Vec<String> = selections(&features(&table))
            .into_iter()
            .map(|set| set.into_iter().collect::<Vec<_>>().join(","))
            .collect();
        assert_eq!(lists, ["", "a", "a,b", "a,b,c", "c"]);
        assert_eq!(selections(&Features::new()).len(), 1);
    }
}
