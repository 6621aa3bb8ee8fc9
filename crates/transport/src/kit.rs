//! What a vendor's crate says of itself, so that no other code names a vendor.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use contact_sink_core::{ContactSink, Field, FieldKind, Quota, SubjectKind};
use secrecy::SecretString;

use crate::{BaseUrl, HttpTransport, Region, Vendor};

/// All that a configuration, a report and the tests need to know of one kind of destination. A constant of the vendor's crate:
/// one for each name under the configuration's key `vendor`.
#[derive(Clone, Copy)]
pub struct Kit {
    /// The name in a configuration: `jiguang`, `tencent-friends`.
    pub name: &'static str,
    /// The vendor, with its error table.
    pub vendor: &'static Vendor,
    /// The name of the call that sends updates, as the folder of its conformance cases is called: `set_channels`.
    pub call: &'static str,
    /// What of the vendor has a quota of its own. It is a part of the name under which journals keep an account: it never changes.
    pub endpoint: &'static str,
    /// The keys of a destination's section that other vendors do not have, in the order of the documentation.
    pub keys: &'static [Key],
    /// The vendor's regions; the first is the default. With more than one there is a key `region`.
    pub regions: &'static [Region],
    /// The key that names the account. Destinations with the same value there share one quota.
    pub account_key: &'static str,
    /// The account as a report shows it: `project 100102`.
    pub account: fn(&Values) -> String,
    /// Whose data the vendor keeps.
    pub subject: SubjectKind,
    /// Reads the fields of the section `set`.
    pub field: ReadField,
    /// The names of fields that the vendor's documents have, where an account may have others: a name close to one of them gets
    /// a warning.
    pub known_fields: &'static [&'static str],
    /// The most fields that an update may have, if the vendor has a limit.
    pub max_fields: Option<usize>,
    /// The most updates in a request.
    pub max_updates: usize,
    /// The quota if the configuration has none.
    pub quota: Quota,
    /// What *accepted* means at this vendor, where it is less than stored.
    pub accepted_means: Option<&'static str>,
    /// Checks what no single key can show. It is called without secrets too.
    pub check: fn(&Values) -> Result<(), InvalidValue>,
    /// Checks the values, and gives what makes the sink.
    pub open: fn(&Opening<'_>) -> Result<MakeSink, InvalidValue>,
    /// A destination's section for the samples in `examples`, with comments.
    pub example: &'static str,
    /// The vendor's page of the documentation.
    pub docs: &'static str,
}

/// What [`Kit::open`] makes a sink of.
pub struct Opening<'a> {
    /// The values of the kit's keys.
    pub values: &'a Values,
    /// Where the API is.
    pub base_url: BaseUrl,
    /// The quota.
    pub quota: Quota,
    /// What tells the time to a vendor whose requests are dated.
    pub clock: Clock,
}

/// Reads a field as a configuration has it: the vendor's field, and what it holds.
pub type ReadField = fn(&Values, &str) -> Result<(Field, FieldKind), InvalidValue>;

/// Makes a sink over a transport.
pub type MakeSink = Box<dyn FnOnce(Arc<dyn HttpTransport>) -> Box<dyn ContactSink> + Send>;

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// A key of a destination's section.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// The key.
    pub name: &'static str,
    /// What its value is.
    pub kind: KeyKind,
    /// What counts if it is not there; `None` if it must be there.
    pub default: Option<&'static str>,
    /// One sentence for the documentation.
    pub help: &'static str,
}

/// What the value of a [`Key`] is.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum KeyKind {
    /// A text.
    Text,
    /// An id of HTTP Basic: a text without a colon and control characters. With the key of its secret.
    BasicId(&'static str),
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A whole number of at least this.
    Integer(i64),
    /// A length of time: `"12h"`.
    Duration,
    /// A secret: `{ env = "NAME" }` or `{ file = "PATH" }`.
    Secret,
    /// A table whose keys are the operator's own names; each value is a table with these keys.
    Entries(&'static [Key]),
}

/// The values of a kit's keys. `Debug` prints the keys and no value.
#[derive(Clone, Default)]
pub struct Values(BTreeMap<&'static str, KeyValue>);

/// The value of a [`Key`].
#[derive(Clone)]
#[non_exhaustive]
pub enum KeyValue {
    /// Of [`KeyKind::Text`], [`KeyKind::BasicId`] and [`KeyKind::OneOf`].
    Text(String),
    /// Of [`KeyKind::Integer`].
    Integer(i64),
    /// Of [`KeyKind::Duration`].
    Duration(Duration),
    /// Of [`KeyKind::Secret`].
    Secret(SecretString),
    /// Of [`KeyKind::Entries`].
    Entries(BTreeMap<String, Values>),
}

/// A value of a configuration, or the name of a field in it, cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct InvalidValue {
    /// The key of the value.
    pub key: &'static str,
    /// What is wrong, and what to do. It has no secret in it.
    pub problem: String,
    /// The part that may be a slip for one of `known`.
    pub wrong: String,
    /// The names that there are; empty if the set is open.
    pub known: Vec<String>,
}

impl Kit {
    /// The base URL of a region, or of the default one; `None` if there is no such region.
    pub fn base_url(&self, region: Option<&str>) -> Option<BaseUrl> {
        let found = self.regions.iter().find(|found| region.is_none_or(|name| name == found.name));
        found.map(|region| region.base_url())
    }
}

impl Key {
    /// A key that must be there.
    pub const fn required(name: &'static str, kind: KeyKind, help: &'static str) -> Self {
        Self { name, kind, default: None, help }
    }

    /// A key that may be left out, and what counts then.
    pub const fn optional(name: &'static str, kind: KeyKind, default: &'static str, help: &'static str) -> Self {
        Self { name, kind, default: Some(default), help }
    }
}

impl Values {
    /// With this value.
    pub fn with(mut self, key: &'static str, value: KeyValue) -> Self {
        self.0.insert(key, value);
        self
    }

    /// A text; empty if it is not there.
    pub fn text(&self, key: &str) -> &str {
        match self.0.get(key) {
            Some(KeyValue::Text(text)) => text,
            _ => "",
        }
    }

    /// A whole number; 0 if it is not there.
    pub fn integer(&self, key: &str) -> i64 {
        match self.0.get(key) {
            Some(KeyValue::Integer(number)) => *number,
            _ => 0,
        }
    }

    /// A text or a whole number, as an account is named.
    pub fn id(&self, key: &str) -> String {
        match self.0.get(key) {
            Some(KeyValue::Integer(number)) => number.to_string(),
            _ => self.text(key).to_owned(),
        }
    }

    /// A length of time, if it is there.
    pub fn duration(&self, key: &str) -> Option<Duration> {
        match self.0.get(key) {
            Some(KeyValue::Duration(duration)) => Some(*duration),
            _ => None,
        }
    }

    /// A secret; empty if it is not there.
    pub fn secret(&self, key: &str) -> SecretString {
        match self.0.get(key) {
            Some(KeyValue::Secret(secret)) => secret.clone(),
            _ => SecretString::default(),
        }
    }

    /// The entries of a table, in the order of their names.
    pub fn entries(&self, key: &str) -> impl Iterator<Item = (&str, &Values)> {
        let entries = match self.0.get(key) {
            Some(KeyValue::Entries(entries)) => Some(entries),
            _ => None,
        };
        entries.into_iter().flatten().map(|(name, values)| (name.as_str(), values))
    }
}

impl InvalidValue {
    /// What is wrong with the value of a key.
    pub fn new(key: &'static str, problem: impl ToString) -> Self {
        Self { key, problem: problem.to_string(), wrong: String::new(), known: Vec::new() }
    }

    /// What is wrong with the name of a field: an entry of `set`.
    pub fn of_field(problem: impl ToString) -> Self {
        Self::new("set", problem)
    }

    /// With a part of it, and the names that it may be a slip for.
    pub fn instead_of<K: Into<String>>(self, wrong: &str, known: impl IntoIterator<Item = K>) -> Self {
        Self { wrong: wrong.to_owned(), known: known.into_iter().map(Into::into).collect(), ..self }
    }
}

debug_shows!(Kit: name);

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
