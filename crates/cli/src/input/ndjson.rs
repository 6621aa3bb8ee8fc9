//! Reads NDJSON line by line, and an object's fields by name, numbers with the digits that stand there.

use std::borrow::Cow;
use std::fmt;
use std::io::{BufRead, BufReader, Read};

use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::csv::{MOST_BYTES, MOST_BYTES_FED_BACK};
use super::row::Row;
use super::start::{self, Unreadable};

/// Where a rejected line stands that was no object.
pub const RAW: &str = "_raw";

/// What a line of a file of rejected rows begins with.
const FED_BACK: &[u8] = b"{\"_destination\":";

/// Reads lines.
pub struct NdjsonReader<R> {
    source: BufReader<R>,
    /// How many lines were read.
    lines: u64,
    bytes: Vec<u8>,
}

impl<R: Read> NdjsonReader<R> {
    /// A reader at the start of an input.
    pub fn new(source: R) -> Self {
        Self { source: BufReader::with_capacity(64 * 1024, source), lines: 0, bytes: Vec::new() }
    }

    /// The next line that is not blank.
    pub fn read(&mut self) -> Result<Option<Row>, Unreadable> {
        if self.lines == 0 {
            start::check(&mut self.source)?;
        }
        while self.read_line()? {
            let line = self.bytes.trim_ascii();
            if !line.is_empty() {
                return Ok(Some(Row::line(self.lines, line)));
            }
        }
        Ok(None)
    }

    /// Reads one line; whether there was one.
    fn read_line(&mut self) -> Result<bool, Unreadable> {
        let line = self.lines + 1;
        self.bytes.clear();
        loop {
            let buffer = self.source.fill_buf().map_err(|error| Unreadable::broken(line, &error))?;
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let part = &buffer[..end.unwrap_or(buffer.len())];
            let fed_back = self.bytes.starts_with(FED_BACK) || part.starts_with(FED_BACK);
            let most_bytes = if fed_back { MOST_BYTES_FED_BACK } else { MOST_BYTES };
            if self.bytes.len() + part.len() > most_bytes {
                return Err(Unreadable::new(
                    line,
                    "the line is longer than 1 MiB: NDJSON is one object on each line (`jq -c` writes it)",
                ));
            }
            self.bytes.extend_from_slice(part);
            let (read, at_end) = (part.len() + usize::from(end.is_some()), buffer.is_empty());
            self.source.consume(read);
            if end.is_some() || at_end {
                let any = end.is_some() || !self.bytes.is_empty();
                self.lines += u64::from(any);
                return Ok(any);
            }
        }
    }
}

/// What is wrong with a line. It holds no text of the line.
#[derive(Debug, PartialEq, Eq)]
pub enum Wrong {
    /// Not UTF-8, from this byte of the line.
    NotUtf8(usize),
    /// Not JSON, from this byte of the line.
    NotJson(usize),
    /// JSON, but no object.
    NoObject,
    /// An object that names a field twice: the field by its place among the wanted ones.
    Twice(usize),
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUtf8(byte) => write!(f, "{} at byte {byte}: save the file as UTF-8", self.rule()),
            Self::NotJson(byte) => write!(f, "{} at byte {byte}", self.rule()),
            Self::NoObject | Self::Twice(_) => f.write_str(self.rule()),
        }
    }
}

impl Wrong {
    /// The rule alone, without the place: by this it is counted.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::NotUtf8(_) => "the line is not UTF-8",
            Self::NotJson(_) => "the line is not JSON",
            Self::NoObject => "the line is JSON, but no object in braces",
            Self::Twice(_) => "the object names it twice",
        }
    }
}

/// The values of an object's fields, by the place of their names; `None` for one that is not there.
pub fn pick<'r>(line: &'r [u8], names: &[String]) -> Result<Vec<Option<&'r RawValue>>, Wrong> {
    let mut twice = None;
    let mut values = vec![None; names.len()];
    each_field(text_of(line)?, |name, value| {
        if let Some(place) = names.iter().position(|wanted| wanted == name)
            && values[place].replace(value).is_some()
        {
            twice = twice.or(Some(place));
        }
    })?;
    twice.map_or(Ok(values), |place| Err(Wrong::Twice(place)))
}

/// The names of an object's fields.
pub fn names(line: &[u8]) -> Result<Vec<String>, Wrong> {
    let mut names = Vec::new();
    each_field(text_of(line)?, |name, _| names.push(name.to_owned()))?;
    Ok(names)
}

/// Whether it is a rejected line that was no object and has not been mended.
pub fn is_raw(line: &[u8]) -> bool {
    names(line).is_ok_and(|names| names.iter().any(|name| name == RAW))
}

/// Gives each field of an object, in its order.
pub fn each_field<'r>(text: &'r str, mut take: impl FnMut(&str, &'r RawValue)) -> Result<(), Wrong> {
    let wrong = |error: serde_json::Error| {
        if error.is_data() { Wrong::NoObject } else { Wrong::NotJson(error.column().max(1)) }
    };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    Fields(&mut take).deserialize(&mut deserializer).map_err(wrong)?;
    deserializer.end().map_err(wrong)
}

fn text_of(line: &[u8]) -> Result<&str, Wrong> {
    std::str::from_utf8(line).map_err(|error| Wrong::NotUtf8(error.valid_up_to() + 1))
}

/// The text that a value is, or what it is instead. `null` is no text.
pub fn text(value: &RawValue) -> Result<Option<Cow<'_, str>>, &'static str> {
    let raw = value.get();
    match raw.as_bytes().first() {
        Some(b'"') => {
            let plain = raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"')).filter(|raw| !raw.contains('\\'));
            match plain {
                Some(plain) => Ok(Some(Cow::Borrowed(plain))),
                None => serde_json::from_str(raw)
                    .map(|text: String| Some(Cow::Owned(text)))
                    .map_err(|_| "it has an escape in it that is no character"),
            }
        }
        Some(b'n') => Ok(None),
        Some(b't' | b'f') => {
            Err("it is true or false, and a text or a number is wanted: write it as the vendor is to get it")
        }
        Some(b'{') => Err("it is an object, and a text or a number is wanted"),
        Some(b'[') => Err("it is a list, and a text or a number is wanted"),
        // Digit by digit: a number of 19 digits is none of a computer's fractions.
        _ => Ok(Some(Cow::Borrowed(raw))),
    }
}

/// Whether a value is a list.
pub fn is_list(value: &RawValue) -> bool {
    value.get().starts_with('[')
}

/// The entries of a list, or what it is instead.
pub fn list(value: &RawValue) -> Result<Vec<String>, &'static str> {
    let wrong = "an entry of the list is neither a text nor a number";
    let entries: Vec<&RawValue> = serde_json::from_str(value.get()).map_err(|_| wrong)?;
    let entry = |entry: &RawValue| match entry.get().as_bytes() {
        [b'"' | b'-' | b'0'..=b'9', ..] => Ok(text(entry)?.map(Cow::into_owned).unwrap_or_default()),
        _ => Err(wrong),
    };
    entries.into_iter().map(entry).collect()
}

/// Hands the fields of an object on without building it.
struct Fields<'f, F>(&'f mut F);

impl<'de, F: FnMut(&str, &'de RawValue)> DeserializeSeed<'de> for Fields<'_, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, F: FnMut(&str, &'de RawValue)> Visitor<'de> for Fields<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        while let Some(name) = fields.next_key::<Cow<'de, str>>()? {
            (self.0)(&name, fields.next_value()?);
        }
        Ok(())
    }
}
