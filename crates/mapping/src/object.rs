//! Reads the fields of a JSON object by name, numbers with the digits that are there.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::record::{RAW, REJECTED_BY_RUN, REJECTED_ERRORS, RejectedBy};

/// Why a line is no object that can be read. It holds no text of the line.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidObject {
    /// Not UTF-8, from this byte of the line.
    NotUtf8(usize),
    /// Not JSON, from this byte of the line.
    NotJson(usize),
    /// JSON, but no object.
    NoObject,
    /// An object that names a field twice: the field by its place among the wanted ones.
    Twice(usize),
}

impl fmt::Display for InvalidObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUtf8(byte) => write!(f, "{} at byte {byte}: save the file as UTF-8", self.rule()),
            Self::NotJson(byte) => write!(f, "{} at byte {byte}", self.rule()),
            Self::NoObject | Self::Twice(_) => f.write_str(self.rule()),
        }
    }
}

impl std::error::Error for InvalidObject {}

impl InvalidObject {
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
pub(crate) fn pick<'r>(line: &'r [u8], names: &[String]) -> Result<Vec<Option<&'r RawValue>>, InvalidObject> {
    let mut twice = None;
    let mut values = vec![None; names.len()];
    each_field(text_of(line)?, |name, value| {
        if let Some(place) = names.iter().position(|wanted| wanted == name)
            && values[place].replace(value).is_some()
        {
            twice = twice.or(Some(place));
        }
    })?;
    twice.map_or(Ok(values), |place| Err(InvalidObject::Twice(place)))
}

/// The names of an object's fields, in its order.
///
/// # Errors
/// [`InvalidObject`] if the line is not UTF-8 or no JSON object.
pub fn field_names(line: &[u8]) -> Result<Vec<String>, InvalidObject> {
    let mut names = Vec::new();
    each_field(text_of(line)?, |name, _| names.push(name.to_owned()))?;
    Ok(names)
}

/// Whether it is a rejected line that was no object and has not been corrected.
pub(crate) fn is_raw(line: &[u8]) -> bool {
    field_names(line).is_ok_and(|names| names.iter().any(|name| name == RAW))
}

/// What an object that is fed back says of the run that rejected it. It is one if it has the run or the errors.
pub(crate) fn rejected_by(line: &[u8]) -> Option<RejectedBy> {
    let has = |name: &[u8]| memchr::memmem::find(line, name).is_some();
    // Most objects are none: that is seen without reading them.
    if !has(REJECTED_BY_RUN.as_bytes()) && !has(REJECTED_ERRORS.as_bytes()) {
        return None;
    }
    let values = match pick(line, &[REJECTED_BY_RUN, "_line", REJECTED_ERRORS].map(str::to_owned)) {
        Ok(values) if values[0].is_none() && values[2].is_none() => return None,
        Ok(values) => values,
        Err(InvalidObject::Twice(_)) => return Some(RejectedBy { run: None, line: None }),
        // The mapper rejects it.
        Err(_) => return None,
    };
    // null is no text, as an empty one.
    let read = |value: Option<&RawValue>| Some(text(value?).ok()?.unwrap_or_default().into_owned());
    let run = read(values[0]).map(|run| run.trim().to_owned());
    let is_cleared = run.as_deref() == Some("");
    (!is_cleared).then(|| RejectedBy { run, line: read(values[1]).and_then(|line| line.trim().parse().ok()) })
}

/// Whether an object is one that is fed back.
pub fn is_fed_back(line: &[u8]) -> bool {
    field_names(line)
        .is_ok_and(|names| names.iter().any(|name| [REJECTED_BY_RUN, REJECTED_ERRORS].contains(&name.as_str())))
}

/// Gives the name and the value of each field of an object, in its order.
///
/// # Errors
/// [`InvalidObject`] if the text is no JSON object. Fields before the fault were given.
pub fn each_field<'r>(text: &'r str, mut take: impl FnMut(&str, &'r RawValue)) -> Result<(), InvalidObject> {
    let wrong = |error: serde_json::Error| {
        if error.is_data() { InvalidObject::NoObject } else { InvalidObject::NotJson(error.column().max(1)) }
    };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    Fields(&mut take).deserialize(&mut deserializer).map_err(wrong)?;
    deserializer.end().map_err(wrong)
}

fn text_of(line: &[u8]) -> Result<&str, InvalidObject> {
    std::str::from_utf8(line).map_err(|error| InvalidObject::NotUtf8(error.valid_up_to() + 1))
}

/// The text that a value is, or what it is instead. `null` is no text.
pub(crate) fn text(value: &RawValue) -> Result<Option<Cow<'_, str>>, &'static str> {
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
        // The digits are kept as text: a number of 19 digits does not fit a floating-point number.
        _ => Ok(Some(Cow::Borrowed(raw))),
    }
}

/// Whether a value is a list.
pub(crate) fn is_list(value: &RawValue) -> bool {
    value.get().starts_with('[')
}

/// The entries of a list, or what it is instead.
pub(crate) fn list(value: &RawValue) -> Result<Vec<String>, &'static str> {
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
