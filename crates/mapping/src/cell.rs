//! What a cell of a record says: a text, a list, or nothing.

use std::borrow::Cow;
use std::sync::Arc;

use contact_sink_core::{FieldKind, Text, Value};
use serde_json::value::RawValue;

use crate::check;
use crate::checked_as::CheckedAs;
use crate::empty_words::EmptyWords;
use crate::mapping::ColumnRules;
use crate::object;

/// A cell as it is in the record.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Cell<'r> {
    /// Of a row of cells.
    Bytes(&'r [u8]),
    /// Of an object, if it has the field.
    Json(Option<&'r RawValue>),
}

pub(crate) const NOT_UTF8: &str = "it is not UTF-8: save the file as UTF-8";
const EMPTY_ENTRY: &str = "an entry of the list is empty: look for a separator too many, also at its end";
const EMPTY_ENTRY_OF_LIST: &str = "an entry of the list is empty: leave it out";

impl<'r> Cell<'r> {
    /// The id that it is, or `None` if it means nothing.
    pub(crate) fn id(
        self,
        words: &EmptyWords,
        rules: ColumnRules,
        whole: &'r Arc<str>,
    ) -> Result<Option<Cow<'r, str>>, &'static str> {
        let text = self.text(words, rules, whole)?;
        if let Some(text) = text.as_deref().filter(|_| rules.check) {
            if self.is_json_number() && text.contains(['.', 'e', 'E']) {
                return Err("it is a number with a fraction or an exponent: write ids as whole numbers or as text");
            }
            check::check(text, CheckedAs::Id)?;
        }
        Ok(text)
    }

    /// The value that it is for a field of this kind, or `None` if it means nothing. It is a part of the whole text, if it stands
    /// in there.
    pub(crate) fn value(
        self,
        words: &EmptyWords,
        rules: ColumnRules,
        kind: FieldKind,
        separator: &str,
        whole: &'r Arc<str>,
    ) -> Result<Option<Value>, &'static str> {
        if kind != FieldKind::List {
            let text = self.text(words, rules, whole)?;
            if let Some(text) = text.as_deref().filter(|_| rules.check) {
                if kind == FieldKind::Phone && self.is_json_number() && text.contains(['.', 'e', 'E']) {
                    return Err("it is a number with a fraction or an exponent: write phone numbers as text");
                }
                check::check(text, CheckedAs::Field(kind))?;
            }
            return Ok(text.map(|text| Value::Text(shared(text, whole))));
        }
        let (mut entries, empty) = match self {
            Self::Json(Some(value)) if object::is_list(value) => (object::list(value)?, EMPTY_ENTRY_OF_LIST),
            _ => match self.text(words, rules, whole)? {
                None => return Ok(None),
                // A formula is one before it is taken apart.
                Some(text) if rules.check && check::is_formula(&text) => (vec![text.into_owned()], EMPTY_ENTRY),
                Some(text) if separator.is_empty() => (vec![text.into_owned()], EMPTY_ENTRY),
                Some(text) => (text.split(separator).map(str::to_owned).collect(), EMPTY_ENTRY),
            },
        };
        if rules.trim {
            entries.iter_mut().for_each(|entry| *entry = check::trim(entry).to_owned());
        }
        if entries.iter().any(String::is_empty) {
            return Err(empty);
        }
        if rules.check {
            entries.iter().try_for_each(|entry| check::check(entry, CheckedAs::Field(kind)))?;
        }
        // An empty list leaves the field as it is, like an empty cell.
        Ok((!entries.is_empty()).then_some(Value::List(entries)))
    }

    /// Whether it has no character but white space, or is a word that means nothing.
    pub(crate) fn is_blank(self, words: &EmptyWords) -> bool {
        match self {
            // A character that is seen shows for most cells that they are not white.
            Self::Bytes(bytes) if bytes.first().is_some_and(u8::is_ascii_graphic) => words.contain_bytes(bytes),
            Self::Bytes(bytes) => {
                bytes.trim_ascii().is_empty()
                    || std::str::from_utf8(bytes).is_ok_and(|text| text.trim().is_empty() || words.contain(text))
            }
            Self::Json(Some(value)) => object::text(value)
                .is_ok_and(|text| text.is_none_or(|text| text.trim().is_empty() || words.contain(&text))),
            Self::Json(None) => true,
        }
    }

    /// All of its text, unless that means nothing.
    fn text(
        self,
        words: &EmptyWords,
        rules: ColumnRules,
        whole: &'r Arc<str>,
    ) -> Result<Option<Cow<'r, str>>, &'static str> {
        let text = match self {
            Self::Bytes(bytes) => {
                let text = part_of(whole, bytes).map_or_else(|| std::str::from_utf8(bytes), Ok);
                text.map(|text| Some(Cow::Borrowed(text))).map_err(|_| NOT_UTF8)?
            }
            Self::Json(value) => value.map_or(Ok(None), object::text)?,
        };
        let text = match text {
            Some(Cow::Borrowed(text)) if rules.trim => Some(Cow::Borrowed(check::trim(text))),
            Some(Cow::Owned(text)) if rules.trim => Some(Cow::Owned(check::trim(&text).to_owned())),
            text => text,
        };
        Ok(text.filter(|text| !words.contain(text)))
    }

    fn is_json_number(self) -> bool {
        matches!(self, Self::Json(Some(value)) if value.get().starts_with(|c: char| c == '-' || c.is_ascii_digit()))
    }
}

/// These bytes as a text, if they stand in the whole text.
fn part_of<'r>(whole: &'r Arc<str>, bytes: &[u8]) -> Option<&'r str> {
    // Bytes whose address is within the whole text are a part of it.
    let start = bytes.as_ptr().addr().checked_sub(whole.as_ptr().addr())?;
    whole.get(start..start.checked_add(bytes.len())?)
}

/// A text as a part of the whole text, if it stands in there.
pub(crate) fn shared(text: Cow<'_, str>, whole: &Arc<str>) -> Text {
    match text {
        Cow::Borrowed(text) => Text::within(whole, text),
        Cow::Owned(text) => text.into(),
    }
}
