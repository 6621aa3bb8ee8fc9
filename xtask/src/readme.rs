//! `cargo xtask readme`: the README's first commands are the two that they should be, and the first does what it promises; so
//! does the example of the facade. The README's first program needs few names of ours.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::shell;

/// The command that shows the whole system at work.
const SEND: &str = "cargo run --release -- sync examples/contacts.csv --to sandbox";
/// The command that runs all tests; `.ci/run` ends with it.
const TEST: &str = "cargo test --workspace --all-features";
/// The most names of ours that the first program needs.
const MOST_NAMES: usize = 7;
const LANGUAGES: &[&str] = &["bash", "console", "sh", "shell"];

/// The rows of a sample.
const ROWS: u64 = 1000;

pub(crate) fn run() -> Result<()> {
    let path = shell::root().join("README.md");
    let text = std::fs::read_to_string(&path).context("README.md is not there, and it must open with two commands")?;
    let commands = first_commands(&text);
    ensure!(
        commands == [SEND, TEST],
        "README.md: its first block of commands should be exactly these two lines:\n  {SEND}\n  {TEST}\nand it is:\n  {}",
        commands.join("\n  ")
    );
    let program = first_program(&text).context("README.md has no program in Rust")?;
    let names = names_of_ours(program);
    ensure!(
        (1..=MOST_NAMES).contains(&names.len()),
        "README.md: the first program should need 1 to {MOST_NAMES} names of ours, and needs {}: {names:?}",
        names.len()
    );
    println!("the first program needs {} names of ours", names.len());
    let rejected = shell::scratch("readme")?;
    println!("{SEND}");
    send(SEND, &rejected, 0)?;
    let with_problems = SEND.replace("contacts.csv", "contacts-with-problems.csv");
    println!("{with_problems}");
    send(&with_problems, &rejected, 2)?;
    println!("the example one_of_each");
    let mut example = shell::cargo();
    example.args([
        "run",
        "--locked",
        "--quiet",
        "--package",
        "contact-sink",
        "--all-features",
        "--example",
        "one_of_each",
    ]);
    let said = shell::text(&mut example)?;
    ensure!(
        said.matches(": accepted\n").count() == 4,
        "the example should have four updates accepted, and says:\n{said}"
    );
    Ok(())
}

/// The lines of the first fenced block whose language is a shell's, without prompts and comments.
fn first_commands(text: &str) -> Vec<&str> {
    let mut lines = text.lines().skip_while(|line| {
        let language = line.trim_start().strip_prefix("```");
        !language.is_some_and(|language| LANGUAGES.contains(&language.trim()))
    });
    lines.next();
    let lines = lines.map(str::trim).take_while(|line| !line.starts_with("```"));
    let lines = lines.map(|line| line.strip_prefix("$ ").unwrap_or(line).trim());
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

/// The first fenced block of Rust.
fn first_program(text: &str) -> Option<&str> {
    let (_, program) = text.split_once("\n```rust")?;
    program.split_once("\n```").map(|(program, _)| program)
}

/// The types that a program imports from us, and the functions that it calls in our modules. Methods are not counted.
fn names_of_ours(program: &str) -> BTreeSet<String> {
    let is_of_a_name = |char: char| char.is_alphanumeric() || char == '_';
    let imports = program.split(';').filter_map(|line| line.trim_start().split_once("use contact_sink"));
    let imported: BTreeSet<&str> = imports
        .flat_map(|(_, names)| names.split(|char| !is_of_a_name(char)))
        .filter(|name| !name.is_empty())
        .collect();
    let (types, modules): (Vec<&str>, Vec<&str>) =
        imported.iter().partition(|name| name.starts_with(char::is_uppercase));
    let mut names: BTreeSet<String> = types.into_iter().map(str::to_owned).collect();
    for module in modules {
        for called in program.split(&format!("{module}::")).skip(1) {
            let function: String = called.chars().take_while(|char| is_of_a_name(*char)).collect();
            if called[function.len()..].starts_with('(') {
                names.insert(format!("{module}::{function}"));
            }
        }
    }
    names
}

/// Runs one of them and compares its exit status, its report and its rejected rows with what is expected: none is rejected if the
/// status is 0, and at least one of each destination if it is 2.
fn send(line: &str, rejected_rows: &Path, status: i32) -> Result<()> {
    let mut command = shell::cargo();
    // Word for word; what is added only says where the results go.
    command.args(line.split(' ').skip(1)).args(["--report", "json", "--rejected"]).arg(rejected_rows);
    let output = shell::output(&mut command)?;
    let ended = output.status.code();
    ensure!(ended == Some(status), "the exit status should be {status}, and is {ended:?}");
    let report: Value = serde_json::from_slice(&output.stdout).context("the report on standard output")?;
    let destinations = report["destinations"].as_object().context("the report has no destinations")?;
    ensure!(!destinations.is_empty(), "the report has no destination");
    let mut wanted = 0;
    for (destination, counts) in destinations {
        let [rows, accepted, rejected] =
            ["rows", "accepted", "rejected"].map(|count| counts[count].as_u64().unwrap_or_default());
        ensure!(
            rows == ROWS && accepted + rejected == ROWS && (rejected > 0) == (status == 2),
            "{destination}: of {ROWS} rows {rows} were read, {accepted} accepted and {rejected} rejected"
        );
        wanted += rejected;
    }
    let mut lines = 0;
    for entry in std::fs::read_dir(rejected_rows)? {
        lines += std::fs::read_to_string(entry?.path())?.lines().skip(1).count() as u64;
    }
    if lines != wanted {
        bail!("there should be {wanted} rejected rows in files, and there are {lines}");
    }
    Ok(())
}
