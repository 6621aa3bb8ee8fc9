//! Finds import cycles between the files of a crate. `cargo xtask layers --help` says what an import is.

mod graph;
mod source;
#[cfg(test)]
mod tests;
mod tokens;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::shell;
use graph::{Files, Import};

/// Checks all crates of these packages; the problems.
pub(crate) fn check(packages: &[Value]) -> Result<Vec<String>> {
    println!("\n{:<50} {:>6} {:>6}", "files that import items of one another", "cycles", "files");
    let root = shell::root().canonicalize().context("the workspace's directory")?;
    let mut problems = Vec::new();
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default().trim_start_matches("contact-sink-");
        let manifest = Path::new(package["manifest_path"].as_str().unwrap_or_default());
        let directory = manifest.parent().context("cargo metadata: manifest_path")?;
        let mut files = Files::new();
        read(directory, &root, &mut files)?;
        let mut found = BTreeSet::new();
        for target in package["targets"].as_array().context("cargo metadata: targets")? {
            let path = Path::new(target["src_path"].as_str().unwrap_or_default());
            found.extend(cycles(&graph::imports(&files, &text(path, &root))));
        }
        println!("{name:<50} {:>6} {:>6}", found.len(), files.len());
        let found = found.iter().map(|cycle| words(cycle));
        problems.extend(found);
    }
    Ok(problems)
}

/// The files that reach each other, with the imports among them.
fn cycles(imports: &[Import]) -> BTreeSet<Vec<Import>> {
    let mut next: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for import in imports {
        next.entry(&import.from).or_default().insert(&import.to);
    }
    let reach = |from| {
        let mut reached = BTreeSet::new();
        let mut todo = vec![from];
        while let Some(file) = todo.pop() {
            todo.extend(next.get(file).into_iter().flatten().filter(|file| reached.insert(**file)));
        }
        reached
    };
    let reached: BTreeMap<&str, BTreeSet<&str>> = next.keys().map(|file| (*file, reach(*file))).collect();
    let reaches = |from: &str, to: &str| reached.get(from).is_some_and(|files| files.contains(to));
    let in_cycle = |from: &str, import: &&Import| reaches(from, &import.from) && reaches(&import.to, from);
    let of = |file: &&str| imports.iter().filter(|import| in_cycle(file, import)).cloned().collect();
    next.keys().filter(|file| reaches(file, file)).map(of).collect()
}

fn words(cycle: &[Import]) -> String {
    let files: BTreeSet<&str> = cycle.iter().map(|import| import.from.as_str()).collect();
    let mut text = format!("{} files import items of one another:", files.len());
    for Import { from, to, line, item } in cycle {
        text += &format!("\n         {from}:{line}: {item}, of {to}");
    }
    text
}

/// Reads the Rust files below a directory, but for those of another package.
fn read(directory: &Path, root: &Path, files: &mut Files) -> Result<()> {
    let shown = || directory.display().to_string();
    for entry in fs::read_dir(directory).with_context(shown)? {
        let path = entry.with_context(shown)?.path();
        if path.is_dir() && !path.ends_with("target") {
            read(&path, root, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            files.insert(text(&path, root), source);
        }
    }
    Ok(())
}

/// A path from the workspace's directory on, with slashes.
fn text(path: &Path, root: &Path) -> String {
    let parts = path.strip_prefix(root).unwrap_or(path).components();
    parts.map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}
