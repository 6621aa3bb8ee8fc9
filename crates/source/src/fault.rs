//! Why an input cannot be used, or cannot be read on.

use std::fmt;
use std::io;

/// Why an input cannot be used, or cannot be read on: the lines, what is wrong, and what to do. It holds no value of the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    lines: Vec<u64>,
    problem: String,
    /// Nothing can be read after it.
    is_final: bool,
}

/// How standard input is named.
pub(crate) const STANDARD_INPUT: &str = "standard input";

/// The most lines that one fault names.
pub(crate) const MAX_LINES: usize = 20;

impl Fault {
    /// A fault of the input as a whole.
    pub(crate) fn of_input(problem: impl Into<String>) -> Self {
        Self { lines: Vec::new(), problem: problem.into(), is_final: false }
    }

    /// A fault on this line, from 1.
    pub(crate) fn at(line: u64, problem: impl Into<String>) -> Self {
        Self { lines: vec![line], problem: problem.into(), is_final: false }
    }

    /// The system's word, or that the file was changed.
    pub(crate) fn broken(line: u64, error: &io::Error) -> Self {
        let problem = match error.get_ref().and_then(|inner| inner.downcast_ref::<Changed>()) {
            Some(Changed) => Changed.to_string(),
            None => format!("the input cannot be read on: {error}"),
        };
        Self { lines: vec![line], problem, is_final: true }
    }

    /// Whether nothing can be read after it.
    pub(crate) fn is_final(&self) -> bool {
        self.is_final
    }

    /// Adds a line to the same fault, up to the most that are named.
    pub(crate) fn add_line(&mut self, line: u64) {
        if self.lines.len() < MAX_LINES {
            self.lines.push(line);
        }
    }

    /// What is wrong, without the place.
    pub(crate) fn problem(&self) -> &str {
        &self.problem
    }

    /// The lines, from 1; none if it is the input as a whole. At most 20 are named.
    pub fn lines(&self) -> &[u64] {
        &self.lines
    }

    /// The place, what is wrong, and what to do: `users.csv:3: ..`, `users.csv: lines 3, 7: ..`.
    pub fn message(&self, file: &str) -> String {
        let problem = with_names(&self.problem, file);
        match &self.lines[..] {
            [] => format!("{file}: {problem}"),
            [line] => format!("{file}:{line}: {problem}"),
            lines => {
                let names: Vec<String> = lines.iter().map(u64::to_string).collect();
                let more = if lines.len() == MAX_LINES { " (the first 20; there may be more)" } else { "" };
                format!("{file}: lines {}{more}: {problem}", names.join(", "))
            }
        }
    }
}

/// Puts the names of the file, and of what a command makes of it, in the place of `FILE`, `UNPACKED` and `CONVERTED`.
fn with_names(problem: &str, file: &str) -> String {
    const COMPRESSED: [&str; 5] = [".gz", ".zst", ".bz2", ".xz", ".lz4"];
    let (stem, extension) = file.rsplit_once('.').unwrap_or((file, "csv"));
    let unpacked = COMPRESSED.iter().find_map(|ending| file.strip_suffix(ending));
    let unpacked = unpacked.map_or(format!("unpacked.{extension}"), str::to_owned);
    let (file, unpacked, converted) = match file == STANDARD_INPUT {
        true => ("FILE", "unpacked.csv".to_owned(), "converted.csv".to_owned()),
        false => (file, unpacked, format!("{stem}-utf8.{extension}")),
    };
    problem
        .replace("FILE", &shell_quoted(file))
        .replace("UNPACKED", &shell_quoted(&unpacked))
        .replace("CONVERTED", &shell_quoted(&converted))
}

/// As a shell takes it, and no command for an option.
fn shell_quoted(text: &str) -> String {
    if text.starts_with('-') {
        return shell_quoted(&format!("./{text}"));
    }
    let plain = |c: char| c.is_alphanumeric() || "/._-+:@%".contains(c);
    if text.chars().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message("the input"))
    }
}

impl std::error::Error for Fault {}

/// The file is not what the pre-flight read.
#[derive(Debug)]
pub(crate) struct Changed;

impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the file was changed after it was checked: no row from here on was sent: run the same command again when the file is complete")
    }
}

impl std::error::Error for Changed {}
