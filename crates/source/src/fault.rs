//! Why an input cannot be used, or cannot be read on.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::path::Path;

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
            None => format!("the input cannot be read further: {error}"),
        };
        Self { lines: vec![line], problem, is_final: true }
    }

    /// The same, with nothing after it that can be read.
    pub(crate) fn into_final(self) -> Self {
        Self { is_final: true, ..self }
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
    const COMPRESSED: [&str; 6] = [".gz", ".zst", ".bz2", ".xz", ".lz4", ".Z"];
    if file == STANDARD_INPUT {
        return problem.replace("UNPACKED", "unpacked.csv").replace("CONVERTED", "converted.csv");
    }
    let path = Path::new(file);
    let part = |part: Option<&OsStr>, default: &str| {
        part.map_or(default.to_owned(), |part| part.to_string_lossy().into_owned())
    };
    let (stem, extension) = (part(path.file_stem(), "input"), part(path.extension(), "csv"));
    let beside = |name: String| path.with_file_name(name).to_string_lossy().into_owned();
    let unpacked = COMPRESSED.iter().find_map(|ending| file.strip_suffix(ending)).map(str::to_owned);
    let unpacked = unpacked.unwrap_or_else(|| beside(format!("unpacked.{extension}")));
    let converted = beside(format!("{stem}-utf8.{extension}"));
    // In a command that is quoted itself, a name that needs quotes is left to the user.
    let quoted = shell_quoted(file);
    let in_quotes = if quoted == file { file } else { "FILE" };
    problem
        .replace("'FILE'", &format!("'{in_quotes}'"))
        .replace(" FILE ", &format!(" {quoted} "))
        .replace(" FILE`", &format!(" {quoted}`"))
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
        f.write_str("the file was changed after it was checked: this row and later rows were not sent: run the same command again when the file is complete")
    }
}

impl std::error::Error for Changed {}
