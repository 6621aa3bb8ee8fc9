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

/// What the command should say of a sample: its exit status, and for each destination how many rows are rejected.
struct Expected {
    status: i32,
    rejected: [(&'static str, u64); 4],
}

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
    let [jiguang, engagelab, attributes, friends] = ["jiguang", "engagelab", "tencent-attributes", "tencent-friends"];
    let none = [jiguang, engagelab, attributes, friends].map(|destination| (destination, 0));
    send(SEND, &rejected, &Expected { status: 0, rejected: none })?;
    let with_problems = SEND.replace("contacts.csv", "contacts-with-problems.csv");
    println!("{with_problems}");
    let some = [(jiguang, 7), (engagelab, 3), (attributes, 3), (friends, 5)];
    send(&with_problems, &rejected, &Expected { status: 2, rejected: some })?;
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

/// Runs one of them and holds its exit status, its report and its dead letters against what is expected.
fn send(line: &str, dead_letters: &Path, expected: &Expected) -> Result<()> {
    let mut command = shell::cargo();
    // Word for word; what is added only says where the results go.
    command.args(line.split(' ').skip(1)).args(["--report", "json", "--rejected"]).arg(dead_letters);
    let output = shell::output(&mut command)?;
    let status = output.status.code();
    ensure!(status == Some(expected.status), "the exit status should be {}, and is {status:?}", expected.status);
    let report: Value = serde_json::from_slice(&output.stdout).context("the report on standard output")?;
    let destinations = report["destinations"].as_object().context("the report has no destinations")?;
    ensure!(destinations.len() == expected.rejected.len(), "the report has {} destinations", destinations.len());
    for (destination, rejected) in expected.rejected {
        let counts = &destinations[destination];
        for (count, wanted) in [("rows", ROWS), ("accepted", ROWS - rejected), ("rejected", rejected)] {
            ensure!(counts[count] == wanted, "{destination}: {count} should be {wanted}, and is {}", counts[count]);
        }
    }
    let mut lines = 0;
    for entry in std::fs::read_dir(dead_letters)? {
        lines += std::fs::read_to_string(entry?.path())?.lines().skip(1).count() as u64;
    }
    let wanted: u64 = expected.rejected.iter().map(|(_, rejected)| rejected).sum();
    if lines != wanted {
        bail!("there should be {wanted} dead letters, and there are {lines}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_block_of_commands_is_found() {
        let text = "# x\n```rust\nlet a;\n```\n\n```console\n$ one two\n\n# why\nthree\n```\n```sh\nfour\n```\n";
        assert_eq!(first_commands(text), ["one two", "three"]);
        assert_eq!(first_commands("# x\n"), [""; 0]);
    }

    #[test]
    fn the_names_of_the_first_program_are_counted() {
        let text = "# x\n```sh\na\n```\n\n```rust,no_run\nuse contact_sink::a::{self, B, C};\nuse std::D;\nuse contact_sink::{E, b::F};\n\n\
                    let x = a::new(B::new(D), a::G::new());\n```\n```rust\nuse contact_sink::H;\n```\n";
        let names = names_of_ours(first_program(text).unwrap_or_default());
        assert_eq!(names.into_iter().collect::<Vec<_>>(), ["B", "C", "E", "F", "a::new"]);
        assert_eq!(first_program("# x\n"), None);
    }
}
