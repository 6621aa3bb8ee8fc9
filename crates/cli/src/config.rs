//! The configuration file: which destinations there are, and what goes where.

mod jiguang;
mod mapping;
mod section;

use std::fs;
use std::path::Path;

use contact_sink_core::{ContactSink, Quota};
use contact_sink_transport::{BaseUrl, TransportOptions};
use secrecy::SecretString;

use crate::nearest;
use crate::status::Failure;
pub use mapping::{EmptySubject, Mapping};
use section::{Section, Source};

/// A configuration file.
pub struct Config {
    name: String,
    text: String,
    simulated: bool,
}

/// One destination, ready to be used.
pub struct Destination {
    /// The user's name for it.
    pub name: String,
    /// The vendor.
    pub vendor: &'static str,
    /// The account there, as it may be shown: `project 100102`.
    pub account: String,
    /// Where the vendor's API is.
    pub base_url: BaseUrl,
    /// Whether it is the simulator of this process.
    pub simulated: bool,
    /// What goes where.
    pub mapping: Mapping,
    /// Words for nothing.
    pub null: Vec<String>,
    /// How its transport is to be built.
    pub transport: TransportOptions,
    /// Makes the sink on a transport.
    pub sink: SinkBuilder,
}

/// Makes a destination's sink on a transport.
pub type SinkBuilder =
    Box<dyn FnOnce(std::sync::Arc<dyn contact_sink_transport::HttpTransport>) -> Box<dyn ContactSink> + Send>;

/// What each vendor's section gives: the part of a [`Destination`] that only the vendor knows.
struct Vendor {
    account: String,
    base_url: BaseUrl,
    mapping: Mapping,
    sink: SinkBuilder,
}

const VENDORS: &[&str] = &[contact_sink_jiguang::VENDOR];
/// The destination that needs no configuration.
pub const SANDBOX: &str = "sandbox";

impl Config {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let name = path.display().to_string();
        let bytes = fs::read(path).map_err(|error| {
            Failure::config(format!(
                "{name}: the configuration cannot be read: {error}; name another one with --config, or try --to {SANDBOX}, which needs none"
            ))
        })?;
        let text = String::from_utf8(bytes).map_err(|error| {
            Failure::config(format!(
                "{name}: not UTF-8 at byte {}: save it as UTF-8",
                error.utf8_error().valid_up_to() + 1
            ))
        })?;
        Ok(Self { name, text, simulated: false })
    }

    /// The configuration of the simulator in this process: it fits the samples.
    pub fn simulated(base_url: &str) -> Self {
        let text = include_str!("config/sandbox.toml").replace("BASE_URL", base_url);
        Self { name: "the built-in configuration".to_owned(), text, simulated: true }
    }

    /// The destination of this name.
    pub fn destination(&self, wanted: &str) -> Result<Destination, Failure> {
        let source = Source { name: &self.name, text: &self.text };
        let table = source.parse()?;
        let root = Section::root(source, &table);
        let destinations = root.required_section("destinations")?;
        let null = self.null_words(&root)?;
        root.finish()?;
        let mut found = None;
        for (name, span, value) in destinations.entries() {
            if name == SANDBOX {
                return Err(destinations.failure(span, format!("{SANDBOX:?} is the simulator's name: choose another")));
            }
            if name.is_empty() || !name.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_') {
                return Err(destinations
                    .failure(span, format!("a destination's name has letters, digits, - and _ only: {name:?}")));
            }
            // All of them are checked, so that a mistake is not found the day when the other one is used.
            let destination = self.read_destination(name, &destinations.below(name, value)?, &null, name == wanted)?;
            if name == wanted {
                found = destination;
            }
        }
        found.ok_or_else(|| {
            let names = destinations.entries().map(|(name, ..)| name).chain([SANDBOX]);
            Failure::usage(format!(
                "--to {wanted}: {} has no such destination{}",
                self.name,
                nearest::hint(wanted, names)
            ))
        })
    }

    fn null_words(&self, root: &Section<'_>) -> Result<Vec<String>, Failure> {
        let default = ["", r"\N", "NULL", "#N/A"];
        let Some(input) = root.section("input")? else { return Ok(default.map(str::to_owned).to_vec()) };
        let words = input.texts("null")?.unwrap_or_else(|| default.to_vec());
        input.finish()?;
        Ok(words.into_iter().map(str::to_owned).collect())
    }

    /// Checks a destination; makes it only if it is wanted, since its secrets may be of another machine.
    fn read_destination(
        &self,
        name: &str,
        section: &Section<'_>,
        null: &[String],
        wanted: bool,
    ) -> Result<Option<Destination>, Failure> {
        let vendor_name = section.required_text("vendor")?;
        let Some(vendor) = VENDORS.iter().copied().find(|vendor| *vendor == vendor_name) else {
            let hint = nearest::hint(vendor_name, VENDORS.iter().copied());
            return Err(section.failure_at("vendor", format!("there is no vendor {vendor_name:?}{hint}")));
        };
        let secrets =
            if wanted { Secrets::Read { literal: self.simulated } } else { Secrets::Check { literal: self.simulated } };
        let mut transport = TransportOptions::default();
        if let Some(path) = section.text("extra_root")? {
            let pem = fs::read(path)
                .map_err(|error| section.failure_at("extra_root", format!("{path} cannot be read: {error}")));
            if wanted {
                transport = transport.with_extra_roots_pem(pem?);
            }
        }
        let Vendor { account, base_url, mapping, sink } = jiguang::read(section, secrets)?;
        section.finish()?;
        if !wanted {
            return Ok(None);
        }
        let (name, null, simulated) = (name.to_owned(), null.to_vec(), self.simulated);
        Ok(Some(Destination { name, vendor, account, base_url, simulated, mapping, null, transport, sink }))
    }
}

/// Whether secrets are fetched, and whether one may stand in the file (in the built-in configuration only).
#[derive(Debug, Clone, Copy)]
enum Secrets {
    Read { literal: bool },
    Check { literal: bool },
}

impl Secrets {
    /// The secret that `{ env = ".." }` or `{ file = ".." }` names.
    fn fetch(self, section: &Section<'_>, key: &'static str) -> Result<SecretString, Failure> {
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
        match (env, file) {
            (Some(_), None) | (None, Some(_)) if !fetch => Ok("".into()),
            (Some(name), None) => match std::env::var(name) {
                Ok(secret) if !secret.is_empty() => Ok(secret.into()),
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
                    secret => Ok(secret.into()),
                }
            }
            _ => Err(section.failure_at(key, "name one of env and file")),
        }
    }
}

/// A base URL under the key `base_url`, if it is there.
fn base_url(section: &Section<'_>) -> Result<Option<BaseUrl>, Failure> {
    let Some(text) = section.text("base_url")? else { return Ok(None) };
    text.parse().map(Some).map_err(|error| section.failure_at("base_url", format!("{error}")))
}

/// A quota under the key `quota`, if it is there.
fn quota(section: &Section<'_>) -> Result<Option<Quota>, Failure> {
    let Some(text) = section.text("quota")? else { return Ok(None) };
    text.parse().map(Some).map_err(|error| section.failure_at("quota", format!("{error}")))
}
