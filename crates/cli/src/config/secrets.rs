//! Where a secret comes from: an environment variable or a file, never the configuration itself.

use std::cell::RefCell;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use contact_sink_mapping::{ConfigError, Section};
use secrecy::SecretString;

use crate::console::say;

/// How secrets are fetched.
#[derive(Debug, Clone, Copy)]
pub struct Secrets<'a> {
    /// Whether they are fetched at all; else it is only checked that they are named, since they may be of another machine.
    pub are_read: bool,
    /// Whether one may stand in the file: in the built-in configuration only.
    pub literal: bool,
    /// The directory of the configuration, where paths begin.
    pub directory: &'a Path,
    /// The files that hold secrets, as far as they were met.
    pub files: &'a RefCell<Vec<PathBuf>>,
}

impl Secrets<'_> {
    /// The secret that `{ env = ".." }` or `{ file = ".." }` names. What stands there is not repeated: it may be the secret itself, in
    /// the wrong place.
    pub fn fetch(self, section: &Section<'_>, key: &'static str) -> Result<SecretString, ConfigError> {
        if let Some(text) = section.get(key).and_then(|value| value.get_ref().as_str()) {
            if self.literal {
                return Ok(text.into());
            }
            let problem = "a secret does not stand in this file: write { env = \"NAME\" } or { file = \"PATH\" }";
            return Err(section.failure_at(key, problem));
        }
        let from = section.required_section(key)?;
        let (env, file) = (from.text("env")?, from.text("file")?);
        from.finish()?;
        let refuse = |problem: String| Err(section.failure_at(key, problem));
        let mut is_open = false;
        let (secret, from) = match (env, file) {
            (Some(_), None) if !self.are_read => return Ok("".into()),
            (Some(name), None) => {
                let from = match is_name(name) {
                    true => format!("the environment variable {name}"),
                    false => "the environment variable that env names".to_owned(),
                };
                match std::env::var(name) {
                    Ok(secret) => (secret, from),
                    Err(std::env::VarError::NotPresent) => return refuse(format!("{from} is not set")),
                    Err(std::env::VarError::NotUnicode(_)) => return refuse(format!("{from} is not UTF-8")),
                }
            }
            (None, Some(path)) => {
                let from = match is_path(path) {
                    true => path.to_owned(),
                    false => "the file that file names".to_owned(),
                };
                let path = self.directory.join(path);
                self.files.borrow_mut().push(path.clone());
                if !self.are_read {
                    return Ok("".into());
                }
                is_open = can_be_read_by_others(&path);
                match read(&path) {
                    Ok(text) => (text.trim_end_matches(['\r', '\n']).to_owned(), from),
                    Err(error) => return refuse(format!("{from} cannot be read: {error}")),
                }
            }
            _ => return refuse("name one of env and file".to_owned()),
        };
        match wrong_with(&secret) {
            Some(problem) => refuse(format!("{from} {problem}")),
            None => {
                if is_open {
                    say!("contact-sink: {from}: others can read the secret in it: chmod 600");
                }
                Ok(secret.into())
            }
        }
    }
}

/// No secret is longer than this.
const MOST_BYTES: u64 = 64 * 1024;

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MOST_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

fn can_be_read_by_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o044 != 0)
}

/// Whether it can be repeated as the name of a variable: no vendor's secret looks like one.
fn is_name(text: &str) -> bool {
    text.contains('_') && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

/// Whether it can be repeated as a path: no vendor's secret has a dot.
fn is_path(text: &str) -> bool {
    text.contains('.')
}

/// No vendor's secret has any of this: it came along when the secret was copied, and the vendor would only say that it is wrong.
fn wrong_with(secret: &str) -> Option<&'static str> {
    let is_quoted = |quote: char| secret.starts_with(quote) || secret.ends_with(quote);
    if secret.is_empty() {
        Some("is empty")
    } else if secret.starts_with('\u{FEFF}') {
        Some("begins with a byte order mark: save it without one")
    } else if secret.trim() != secret {
        Some("begins or ends with white space, perhaps a line break: take it away")
    } else if is_quoted('"') || is_quoted('\'') {
        Some("holds the secret in quotes: take them away")
    } else if !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
        Some("holds a character that is no printable ASCII: no secret of a vendor has one")
    } else {
        None
    }
}
