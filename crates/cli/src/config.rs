//! The configuration file: which destinations there are, and what goes where.

mod engagelab;
mod jiguang;
mod limiter_key;
mod secrets;
mod tencent;

use std::cell::RefCell;
use std::fmt::Display;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use contact_sink_core::{ContactSink, Quota};
use contact_sink_mapping::{ConfigError, ConfigText, EmptyWords, Mapping, Section, hint};
use contact_sink_source::Dialect;
use contact_sink_transport::{BaseUrl, HttpTransport, TransportOptions};

use crate::exit_status::Failure;
pub use limiter_key::LimiterKey;
use secrets::Secrets;

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
    pub destinations: Vec<Destination>,
    /// How cells are quoted.
    pub dialect: Dialect,
    /// The files that hold secrets.
    pub secret_files: Vec<PathBuf>,
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
    /// How its transport is to be built.
    pub transport: TransportOptions,
    /// How many updates a request has at most, where the user wants fewer than the vendor takes.
    pub batch: Option<NonZeroUsize>,
    /// How many requests are in flight at most.
    pub in_flight: Option<NonZeroUsize>,
    /// What *accepted* means at this vendor, where it is less than stored.
    pub accepted_means: Option<&'static str>,
    /// What may be a mistake in its section: said, and not in the way.
    pub doubts: Vec<String>,
    /// Whose quota it uses.
    pub limiter_key: LimiterKey,
    /// Makes the sink on a transport.
    pub sink: SinkBuilder,
}

/// Makes a destination's sink on a transport.
pub type SinkBuilder = Box<dyn FnOnce(Arc<dyn HttpTransport>) -> Box<dyn ContactSink> + Send>;

/// What each vendor's section gives: the part of a [`Destination`] that only the vendor knows.
struct Vendor {
    /// What of the vendor has a quota of its own.
    endpoint: &'static str,
    /// Whose the quota is. It may be half of the credentials, and is not shown.
    account_id: String,
    account: String,
    accepted_means: Option<&'static str>,
    doubts: Vec<String>,
    base_url: BaseUrl,
    /// The most updates that a request may have.
    max_updates: usize,
    mapping: Mapping,
    sink: SinkBuilder,
}

/// Reads what a section holds beside the keys that are the same for all vendors.
type ReadVendor = fn(&Section<'_>, Secrets<'_>) -> Result<Vendor, ConfigError>;

/// The vendors, by the name under the key `vendor`.
const VENDORS: &[(&str, ReadVendor)] = &[
    (contact_sink_jiguang::VENDOR, jiguang::read),
    (contact_sink_engagelab::VENDOR, engagelab::read),
    ("tencent-attributes", tencent::read_attributes),
    ("tencent-friends", tencent::read_friends),
];
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
    pub fn simulated(base_url: &str, secret: &str) -> Self {
        let text = include_str!("config/sandbox.toml").replace("BASE_URL", base_url).replace("SECRET", secret);
        Self { name: "the built-in configuration".to_owned(), text, directory: PathBuf::new(), simulated: true }
    }

    /// The destinations of these names, in their order.
    pub fn destinations(&self, wanted: &[String]) -> Result<Destinations, Failure> {
        let mut read = self.read_all(Some(wanted))?;
        read.destinations.sort_by_key(|destination| wanted.iter().position(|name| *name == destination.name));
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
    ) -> Result<Option<Destination>, Failure> {
        let vendor_name = section.required_text("vendor")?;
        let Some((vendor, read)) = VENDORS.iter().copied().find(|(vendor, _)| *vendor == vendor_name) else {
            let hint = hint(vendor_name, VENDORS.iter().map(|(vendor, _)| *vendor));
            return Err(section.failure_at("vendor", format!("there is no vendor {vendor_name:?}{hint}")).into());
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
        let Vendor { endpoint, account_id, account, accepted_means, doubts, base_url, max_updates, mapping, sink } =
            read(section, secrets)?;
        if batch.is_some_and(|batch| batch.get() > max_updates) {
            let problem = format!("{vendor} takes at most {max_updates} in a request: write that or less");
            return Err(section.failure_at("batch", problem).into());
        }
        section.finish()?;
        if !wanted {
            return Ok(None);
        }
        Ok(Some(Destination {
            name: name.to_owned(),
            vendor,
            limiter_key: LimiterKey::new(vendor, endpoint, &base_url, &account_id),
            account,
            accepted_means,
            doubts,
            base_url,
            simulated: self.simulated,
            mapping: mapping.with_empty_words(empty_words.clone()),
            transport,
            batch,
            in_flight,
            sink,
        }))
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

/// A base URL under the key `base_url`, if it is there.
fn base_url(section: &Section<'_>) -> Result<Option<BaseUrl>, ConfigError> {
    let Some(text) = section.text("base_url")? else { return Ok(None) };
    text.parse().map(Some).map_err(|error| section.failure_at("base_url", format!("{error}")))
}

/// A base URL under the key `base_url`, or that of the region under the key `region`, if one of them is there.
fn base_url_or_region<R: FromStr<Err: Display>>(
    section: &Section<'_>,
    regions: impl IntoIterator<Item = &'static str>,
    url_of: impl Fn(R) -> BaseUrl,
) -> Result<Option<BaseUrl>, ConfigError> {
    let base_url = base_url(section)?;
    let Some(name) = section.text("region")? else { return Ok(base_url) };
    if base_url.is_some() {
        return Err(section.failure_at("region", "there is a \"base_url\" too: write one of them"));
    }
    let region = name.parse().map(url_of);
    region.map(Some).map_err(|error: R::Err| {
        section.failure_at("region", format!("{error}{}", contact_sink_mapping::near(name, regions)))
    })
}

/// A length of time under a key, if it is there.
fn duration(section: &Section<'_>, key: &'static str) -> Result<Option<Duration>, ConfigError> {
    let Some(text) = section.text(key)? else { return Ok(None) };
    match humantime::parse_duration(text) {
        Ok(duration) if (MILLISECOND..=HOUR).contains(&duration) => Ok(Some(duration)),
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

/// A quota under the key `quota`, if it is there.
fn quota(section: &Section<'_>) -> Result<Option<Quota>, ConfigError> {
    let Some(text) = section.text("quota")? else { return Ok(None) };
    text.parse().map(Some).map_err(|error| section.failure_at("quota", format!("{error}")))
}
