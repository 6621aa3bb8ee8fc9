//! The configuration file: which destinations there are, and what goes where.

mod limiter_key;
mod secrets;
mod simulated;
mod vendor_keys;

use std::cell::RefCell;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use contact_sink::kits;
use contact_sink_mapping::{ConfigError, ConfigText, EmptyWords, Mapping, Section, hint};
use contact_sink_sandbox::{Sandbox, World};
use contact_sink_source::Dialect;
use contact_sink_transport::{BaseUrl, MakeSink, Opening, TransportOptions};

use crate::exit_status::Failure;
use crate::time::parse_length;
pub use limiter_key::LimiterKey;
use secrets::Secrets;
pub use simulated::QUOTA as SIMULATED_QUOTA;
use vendor_keys::VendorKeys;

/// A configuration file.
pub struct Config {
    name: String,
    text: String,
    /// Where paths in it begin.
    directory: PathBuf,
    simulated: bool,
}

/// The destinations of a run, and how their input is written.
pub struct Destinations {
    /// In their order.
    pub destinations: Vec<Ready>,
    /// How cells are quoted.
    pub dialect: Dialect,
    /// The files that hold secrets.
    pub secret_files: Vec<PathBuf>,
}

/// A destination, as all parts of its run see it.
pub struct Destination {
    /// The user's name for it.
    pub name: String,
    /// The vendor, whose codes the outcomes have.
    pub vendor: &'static str,
    /// The account there, as it may be shown: `project 100102`.
    pub account: String,
    /// Whose quota it uses.
    pub limiter_key: LimiterKey,
    /// What is set, and where each value comes from.
    pub mapping: Mapping,
    /// Whether it is the simulator in this process, which ends with it.
    pub simulated: bool,
    /// What *accepted* means at this vendor, where it is less than stored.
    pub accepted_means: Option<&'static str>,
}

/// A destination with what is needed to reach it.
pub struct Ready {
    pub destination: Destination,
    /// Where the vendor's API is.
    pub base_url: BaseUrl,
    /// How its transport is to be built.
    pub transport: TransportOptions,
    /// How many updates a request has at most, where the user wants fewer than the vendor takes.
    pub batch: Option<NonZeroUsize>,
    /// How many requests are in flight at most.
    pub in_flight: Option<NonZeroUsize>,
    /// What may be a mistake in its section: said, and not in the way.
    pub doubts: Vec<String>,
    /// Makes the sink on a transport.
    pub sink: MakeSink,
}

const MILLISECOND: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(60 * 60);
/// The most that `batch` and `in_flight` can be.
const MOST: usize = 1_000;
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
        let directory = path.parent().unwrap_or(Path::new("")).to_owned();
        Ok(Self { name, text, directory, simulated: false })
    }

    /// The configuration of the simulator in this process: it fits the samples.
    pub fn simulated(sandbox: &Sandbox, world: &World, secret: &str) -> Self {
        let logins = world.logins();
        let login = |vendor: &str| logins.iter().find(|(name, _)| *name == vendor).map(|(_, login)| login.clone());
        let text = simulated::sections(&sandbox.base_url(), secret, |vendor| login(vendor).unwrap_or_default());
        Self { name: "the built-in configuration".to_owned(), text, directory: PathBuf::new(), simulated: true }
    }

    /// The destinations of these names, in their order.
    pub fn destinations(&self, wanted: &[String]) -> Result<Destinations, Failure> {
        let mut read = self.read_all(Some(wanted))?;
        read.destinations.sort_by_key(|ready| wanted.iter().position(|name| *name == ready.destination.name));
        Ok(read)
    }

    /// All of them, in the order of the file.
    pub fn all_destinations(&self) -> Result<Destinations, Failure> {
        self.read_all(None)
    }

    /// Checks all of them, so that a mistake is not found the day when the other one is used, and makes those that are wanted.
    fn read_all(&self, wanted: Option<&[String]>) -> Result<Destinations, Failure> {
        let source = ConfigText { name: &self.name, text: &self.text };
        let table = source.parse()?;
        let root = Section::root(source, &table);
        let sections = root.required_section("destinations")?;
        let (empty_words, dialect) = read_input(&root)?;
        root.finish()?;
        let mut entries: Vec<_> = sections.entries().collect();
        entries.sort_by_key(|(_, span, _)| span.start);
        for (name, span, _) in &entries {
            let refuse = |problem: String| Err(sections.failure(span.clone(), problem).into());
            if *name == SANDBOX {
                return refuse(format!("{SANDBOX:?} is the simulator's name: choose another"));
            }
            if name.is_empty() || !name.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_') {
                return refuse(format!("a destination's name has letters, digits, - and _ only: {name:?}"));
            }
        }
        let names = || entries.iter().map(|(name, ..)| *name);
        if let Some(name) = wanted.unwrap_or_default().iter().find(|wanted| !names().any(|name| name == *wanted)) {
            let hint = hint(name, names().chain([SANDBOX]));
            return Err(Failure::usage(format!("--to {name}: {} has no such destination{hint}", self.name)));
        }
        let is_wanted = |name: &str| wanted.is_none_or(|wanted| wanted.iter().any(|wanted| wanted == name));
        let (mut destinations, secret_files) = (Vec::new(), RefCell::default());
        for (name, _, value) in &entries {
            let section = sections.below(name, value)?;
            destinations.extend(self.read_destination(name, &section, &empty_words, is_wanted(name), &secret_files)?);
        }
        Ok(Destinations { destinations, dialect, secret_files: secret_files.into_inner() })
    }

    /// Checks a destination; makes it only if it is wanted, since its secrets may be of another machine.
    fn read_destination(
        &self,
        name: &str,
        section: &Section<'_>,
        empty_words: &EmptyWords,
        wanted: bool,
        files: &RefCell<Vec<PathBuf>>,
    ) -> Result<Option<Ready>, Failure> {
        let vendor = section.required_text("vendor")?;
        let Some(kit) = kits().find(|kit| kit.name == vendor) else {
            let hint = hint(vendor, kits().map(|kit| kit.name));
            return Err(section.failure_at("vendor", format!("there is no vendor {vendor:?}{hint}")).into());
        };
        let secrets = Secrets { are_read: wanted, literal: self.simulated, directory: &self.directory, files };
        let mut transport = TransportOptions::default();
        if let Some(path) = section.text("extra_root")? {
            let pem = fs::read(self.directory.join(path))
                .map_err(|error| section.failure_at("extra_root", format!("{path} cannot be read: {error}")));
            if wanted {
                transport = transport.with_extra_roots_pem(pem?);
            }
        }
        if let Some(timeout) = duration(section, "timeout")? {
            transport = transport.with_exchange_timeout(timeout);
        }
        if let Some(timeout) = duration(section, "connect_timeout")? {
            transport = transport.with_connect_timeout(timeout);
        }
        let (batch, in_flight) = (count(section, "batch")?, count(section, "in_flight")?);
        if let Some(in_flight) = in_flight {
            transport = transport.with_max_connections(in_flight);
        }
        let VendorKeys { values, base_url, quota, mapping, doubts } = VendorKeys::read(kit, section, secrets)?;
        if batch.is_some_and(|batch| batch.get() > kit.max_updates) {
            let problem = format!("{vendor} takes at most {} in a request: write that or less", kit.max_updates);
            return Err(section.failure_at("batch", problem).into());
        }
        section.finish()?;
        if !wanted {
            return Ok(None);
        }
        let opening = Opening { values: &values, base_url: base_url.clone(), quota, clock: Arc::new(SystemTime::now) };
        let sink = (kit.open)(&opening).map_err(|error| section.failure_at(error.key, &error.problem))?;
        let destination = Destination {
            name: name.to_owned(),
            vendor: kit.name,
            account: (kit.account)(&values),
            limiter_key: LimiterKey::new(kit.name, kit.endpoint, &base_url, &values.id(kit.account_key)),
            mapping: mapping.with_empty_words(empty_words.clone()),
            simulated: self.simulated,
            accepted_means: kit.accepted_means,
        };
        Ok(Some(Ready { destination, base_url, transport, batch, in_flight, doubts, sink }))
    }
}

/// Reads the section `input`: the words that mean nothing, and how cells are quoted.
fn read_input(root: &Section<'_>) -> Result<(EmptyWords, Dialect), ConfigError> {
    let (mut words, mut dialect) = (EmptyWords::default(), Dialect::default());
    let Some(input) = root.section("input")? else { return Ok((words, dialect)) };
    words = EmptyWords::read(&input)?;
    match input.text("quote")? {
        None | Some("\"") => {}
        Some("none") => dialect = dialect.without_quotes(),
        Some(_) => return Err(input.failure_at("quote", "it is \"none\", or \"\\\"\", the default")),
    }
    match input.text("escape")?.map(str::as_bytes) {
        None => {}
        Some([escape]) if escape.is_ascii_punctuation() && !b",\"".contains(escape) => {
            dialect = dialect.with_escape(*escape);
        }
        Some(_) => return Err(input.failure_at("escape", "it is one character, such as \"\\\\\": no quote, no comma")),
    }
    if input.bool("multiline")?.unwrap_or(false) {
        dialect = dialect.with_multiline();
    }
    input.finish()?;
    Ok((words, dialect))
}

/// A length of time under a key, if it is there.
fn duration(section: &Section<'_>, key: &'static str) -> Result<Option<Duration>, ConfigError> {
    let Some(text) = section.text(key)? else { return Ok(None) };
    match parse_length(text) {
        Some(duration) if (MILLISECOND..=HOUR).contains(&duration) => Ok(Some(duration)),
        _ => Err(section.failure_at(key, "it is a length of time like \"30s\", \"1500ms\" or \"2m\", an hour at most")),
    }
}

/// A number of at least 1 under a key, if it is there.
fn count(section: &Section<'_>, key: &'static str) -> Result<Option<NonZeroUsize>, ConfigError> {
    if section.get(key).is_none() {
        return Ok(None);
    }
    let number = section.required_integer(key)?;
    let most = usize::try_from(number).ok().and_then(NonZeroUsize::new).filter(|number| number.get() <= MOST);
    most.map(Some).ok_or_else(|| section.failure_at(key, format!("it is a number from 1 to {MOST}")))
}
