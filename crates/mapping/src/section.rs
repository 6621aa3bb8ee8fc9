//! A TOML table that knows its place in the file, so that each error names file, line, column and the nearest valid key.

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::nearest;

/// A file's name and text.
#[derive(Debug, Clone, Copy)]
pub struct ConfigText<'a> {
    /// As the user named it.
    pub name: &'a str,
    /// All of it.
    pub text: &'a str,
}

impl<'a> ConfigText<'a> {
    /// Reads the text as TOML.
    pub fn parse(self) -> Result<Spanned<DeTable<'a>>, ConfigError> {
        DeTable::parse(self.text).map_err(|error| self.failure(error.span().unwrap_or(0..0), error.message()))
    }

    /// An error at this place.
    pub fn failure(self, at: Range<usize>, problem: impl AsRef<str>) -> ConfigError {
        let before = self.text.get(..at.start).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        ConfigError(format!("{}:{line}:{column}: {}", self.name, problem.as_ref().trim_end()))
    }
}

/// What is wrong in a configuration: file, line, column, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError(String);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

/// A table whose keys are asked for one by one; at the end, a key that was not asked for is an error.
pub struct Section<'a> {
    source: ConfigText<'a>,
    name: String,
    span: Range<usize>,
    table: &'a DeTable<'a>,
    asked: RefCell<Vec<&'static str>>,
}

impl<'a> Section<'a> {
    /// The whole file.
    pub fn root(source: ConfigText<'a>, table: &'a Spanned<DeTable<'a>>) -> Self {
        Self { source, name: String::new(), span: 0..0, table: table.get_ref(), asked: RefCell::default() }
    }

    /// The text of a key, if it is there.
    pub fn text(&self, key: &'static str) -> Result<Option<&'a str>, ConfigError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        value.get_ref().as_str().map(Some).ok_or_else(|| self.wrong_type(key, value, "a text in quotes"))
    }

    /// The text of a key that must be there.
    pub fn required_text(&self, key: &'static str) -> Result<&'a str, ConfigError> {
        self.text(key)?.filter(|text| !text.is_empty()).ok_or_else(|| self.missing(key))
    }

    /// The whole number of a key that must be there.
    pub fn required_integer(&self, key: &'static str) -> Result<i64, ConfigError> {
        let value = self.get(key).ok_or_else(|| self.missing(key))?;
        let Some(number) = value.get_ref().as_integer() else {
            return Err(self.wrong_type(key, value, "a whole number without quotes"));
        };
        i64::from_str_radix(&number.as_str().replace('_', ""), number.radix())
            .map_err(|_| self.failure_at(key, "the number does not fit into 64 bits"))
    }

    /// Whether a key is `true`, if it is there.
    pub fn bool(&self, key: &'static str) -> Result<Option<bool>, ConfigError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        value.get_ref().as_bool().map(Some).ok_or_else(|| self.wrong_type(key, value, "true or false"))
    }

    /// The texts of a key, if it is there.
    pub fn texts(&self, key: &'static str) -> Result<Option<Vec<&'a str>>, ConfigError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let texts =
            value.get_ref().as_array().map(|array| array.iter().map(|value| value.get_ref().as_str()).collect());
        texts.flatten().map(Some).ok_or_else(|| self.wrong_type(key, value, "a list of texts"))
    }

    /// The section below a key, if it is there.
    pub fn section(&self, key: &'static str) -> Result<Option<Section<'a>>, ConfigError> {
        self.get(key).map(|value| self.below(key, value)).transpose()
    }

    /// The section below a key that must be there.
    pub fn required_section(&self, key: &'static str) -> Result<Section<'a>, ConfigError> {
        self.section(key)?.ok_or_else(|| self.missing(key))
    }

    /// The value of a key, whatever its type.
    pub fn get(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        let mut asked = self.asked.borrow_mut();
        if !asked.contains(&key) {
            asked.push(key);
        }
        self.table.get(key)
    }

    /// All entries, for a table whose keys are the user's own.
    pub fn entries(&self) -> impl Iterator<Item = (&'a str, Range<usize>, &'a Spanned<DeValue<'a>>)> + use<'a> {
        self.table.iter().map(|(key, value)| (key.get_ref().as_ref(), key.span(), value))
    }

    /// The table that one of these entries is.
    pub fn below(&self, key: &str, value: &'a Spanned<DeValue<'a>>) -> Result<Section<'a>, ConfigError> {
        let table = value.get_ref().as_table().ok_or_else(|| self.wrong_type(key, value, "a table"))?;
        let name = if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) };
        Ok(Section { source: self.source, name, span: value.span(), table, asked: RefCell::default() })
    }

    /// Refuses keys that were not asked for.
    pub fn finish(&self) -> Result<(), ConfigError> {
        let asked = self.asked.borrow();
        let unknown = self.entries().filter(|(key, ..)| !asked.contains(key)).min_by_key(|(_, span, _)| span.start);
        match unknown {
            Some((key, span, _)) => Err(self.failure(
                span,
                format!("unknown key {key:?}{}{}", self.place(), nearest::hint(key, asked.iter().copied())),
            )),
            None => Ok(()),
        }
    }

    /// An error at this place of the file.
    pub fn failure(&self, at: Range<usize>, problem: impl AsRef<str>) -> ConfigError {
        self.source.failure(at, problem)
    }

    /// An error at the value of a key, else at the section.
    pub fn failure_at(&self, key: &str, problem: impl AsRef<str>) -> ConfigError {
        let span = self.table.get(key).map_or(self.span.clone(), Spanned::span);
        self.failure(span, format!("{key:?}{}: {}", self.place(), problem.as_ref()))
    }

    /// An error about the type of a value.
    pub fn wrong_type(&self, key: &str, value: &Spanned<DeValue<'_>>, wanted: &str) -> ConfigError {
        let found = value.get_ref().type_str();
        self.failure(value.span(), format!("{key:?}{} must be {wanted}, and is of type {found}", self.place()))
    }

    /// An error about a key that is empty or not there, or about the one that was probably meant to be it.
    fn missing(&self, key: &str) -> ConfigError {
        if self.table.contains_key(key) {
            return self.failure_at(key, "it is empty");
        }
        let asked = self.asked.borrow();
        let misspelt = self.entries().find(|(found, ..)| !asked.contains(found) && nearest::is_near(found, key));
        if let Some((found, span, _)) = misspelt {
            return self.failure(span, format!("unknown key {found:?}{}: did you mean {key:?}?", self.place()));
        }
        self.failure(self.span.clone(), format!("{key:?} is missing{}", self.place()))
    }

    fn place(&self) -> String {
        if self.name.is_empty() { String::new() } else { format!(" in [{}]", self.name) }
    }
}
