//! What a cell says: a text, a list, or nothing.

use std::borrow::Cow;

use contact_sink_core::Value;
use serde_json::value::RawValue;

use super::ndjson;
use crate::config::FieldKind;

/// A cell as it stands in the input.
#[derive(Debug, Clone, Copy)]
pub enum Cell<'r> {
    /// Of CSV.
    Bytes(&'r [u8]),
    /// Of NDJSON, if the object has the field.
    Json(Option<&'r RawValue>),
}

/// The words for nothing. They stand for a whole cell, never for an entry of a list.
pub struct NullWords(pub Vec<String>);

pub const NOT_UTF8: &str = "it is not UTF-8: save the file as UTF-8";
const LINE_BREAK: &str = "it has a line break or a NUL in it";

impl NullWords {
    /// The text of a cell, or `None` if it says nothing.
    pub fn text<'r>(&self, cell: Cell<'r>) -> Result<Option<Cow<'r, str>>, &'static str> {
        let text = self.whole(cell)?;
        if text.as_deref().is_some_and(is_broken) { Err(LINE_BREAK) } else { Ok(text) }
    }

    /// The value of a cell for a field of this kind, or `None` if it says nothing.
    pub fn value(&self, cell: Cell<'_>, kind: &FieldKind) -> Result<Option<Value>, &'static str> {
        let FieldKind::List(separator) = kind else {
            return Ok(self.text(cell)?.map(|text| Value::Text(text.into_owned())));
        };
        let (entries, empty) = match cell {
            Cell::Json(Some(value)) if ndjson::is_list(value) => {
                (ndjson::list(value)?, "an entry of the list is empty: leave it out")
            }
            cell => match self.whole(cell)? {
                None => return Ok(None),
                Some(text) => (
                    text.split(separator.as_str()).map(str::to_owned).collect(),
                    "an entry of the list is empty: look for a separator too many, also at its end",
                ),
            },
        };
        if entries.iter().any(String::is_empty) {
            return Err(empty);
        }
        if entries.iter().any(|entry| is_broken(entry)) {
            return Err(LINE_BREAK);
        }
        // An empty list leaves the field as it is, like an empty cell.
        Ok((!entries.is_empty()).then_some(Value::List(entries)))
    }

    /// All of a cell's text, unless it is a word for nothing.
    fn whole<'r>(&self, cell: Cell<'r>) -> Result<Option<Cow<'r, str>>, &'static str> {
        let text = match cell {
            Cell::Bytes(bytes) => {
                std::str::from_utf8(bytes).map(|text| Some(Cow::Borrowed(text))).map_err(|_| NOT_UTF8)
            }
            Cell::Json(value) => value.map_or(Ok(None), ndjson::text),
        };
        Ok(text?.filter(|text| !text.is_empty() && !self.0.iter().any(|word| word == text)))
    }
}

fn is_broken(text: &str) -> bool {
    text.contains(['\n', '\r', '\0'])
}
