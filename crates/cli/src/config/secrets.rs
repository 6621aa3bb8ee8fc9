//! Where a secret comes from: an environment variable or a file, never the configuration itself.

use std::fs;

use secrecy::SecretString;

use contact_sink_mapping::{ConfigError, Section};

/// Whether secrets are fetched, and whether one may stand in the file (in the built-in configuration only).
#[derive(Debug, Clone, Copy)]
pub enum Secrets {
    /// They are fetched.
    Read { literal: bool },
    /// It is only checked that they are named, since they may be of another machine.
    Check { literal: bool },
}

impl Secrets {
    /// The secret that `{ env = ".." }` or `{ file = ".." }` names.
    pub fn fetch(self, section: &Section<'_>, key: &'static str) -> Result<SecretString, ConfigError> {
        let (literal, fetch) = match self {
            Self::Read { literal } => (literal, true),
            Self::Check { literal } => (literal, false),
        };
        if let Some(text) = section.get(key).and_then(|value| value.get_ref().as_str()) {
            if literal {
                return Ok(text.into());
            }
            let problem = "a secret does not stand in this file: write { env = \"NAME\" } or { file = \"PATH\" }";
            return Err(section.failure_at(key, problem));
        }
        let from = section.required_section(key)?;
        let (env, file) = (from.text("env")?, from.text("file")?);
        from.finish()?;
        let secret = match (env, file) {
            (Some(_), None) | (None, Some(_)) if !fetch => return Ok("".into()),
            (Some(name), None) => match std::env::var(name) {
                Ok(secret) if !secret.is_empty() => Ok((secret, format!("the environment variable {name}"))),
                Ok(_) => Err(section.failure_at(key, format!("the environment variable {name} is empty"))),
                Err(std::env::VarError::NotPresent) => {
                    Err(section.failure_at(key, format!("the environment variable {name} is not set")))
                }
                Err(std::env::VarError::NotUnicode(_)) => {
                    Err(section.failure_at(key, format!("the environment variable {name} is not UTF-8")))
                }
            },
            (None, Some(path)) => {
                let text = fs::read_to_string(path)
                    .map_err(|error| section.failure_at(key, format!("{path} cannot be read: {error}")))?;
                match text.trim_end_matches(['\r', '\n']) {
                    "" => Err(section.failure_at(key, format!("{path} is empty"))),
                    secret => Ok((secret.to_owned(), path.to_owned())),
                }
            }
            _ => Err(section.failure_at(key, "name one of env and file")),
        };
        let (secret, from) = secret?;
        // No vendor's secret has any: it came along when the secret was copied, and the vendor would only say that it is wrong.
        if secret.trim() != secret {
            let problem = format!("{from} begins or ends with white space, perhaps a line break: take it away");
            return Err(section.failure_at(key, problem));
        }
        Ok(secret.into())
    }
}
