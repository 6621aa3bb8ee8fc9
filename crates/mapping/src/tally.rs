//! What a person should know of an input as a whole: what was skipped, what looks like nothing, which columns were never there.

use std::collections::{BTreeMap, BTreeSet};

use contact_sink_core::{Field, Value};

use crate::check;
use crate::mapping::Mapping;

/// What a person should know of an input as a whole. A [`Mapper`](crate::Mapper) counts it, record by record.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    skipped: BTreeMap<SkipReason, u64>,
    looks_empty: BTreeMap<String, LooksEmpty>,
    /// Which of the mapper's names some object had; empty before the first object.
    seen_names: Vec<bool>,
}

/// Why there is nothing to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum SkipReason {
    /// The record has no value at all.
    NoValue,
    /// The record repeats the header.
    RepeatsHeader,
    /// The subject is empty, and the mapping skips such records.
    NoSubject,
    /// Every field of the mapping is empty.
    NoField,
}

/// Cells of one column that were taken as they are, and look like a word that means nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LooksEmpty {
    /// How many cells.
    pub cells: u64,
    /// Their spellings: `nan`, `None`.
    pub words: BTreeSet<String>,
}

impl Tally {
    /// How many records were skipped for each reason.
    pub fn skipped(&self) -> impl Iterator<Item = (SkipReason, u64)> {
        self.skipped.iter().map(|(reason, count)| (*reason, *count))
    }

    /// The columns with cells that look like a word that means nothing.
    pub fn looks_empty(&self) -> impl Iterator<Item = (&str, &LooksEmpty)> {
        self.looks_empty.iter().map(|(column, seen)| (column.as_str(), seen))
    }

    /// Which of the mapper's names some object had.
    pub(crate) fn seen_names(&self) -> &[bool] {
        &self.seen_names
    }

    pub(crate) fn skip(&mut self, reason: SkipReason) {
        *self.skipped.entry(reason).or_default() += 1;
    }

    /// Takes note of which of the mapper's names an object has.
    pub(crate) fn see_fields(&mut self, there: impl ExactSizeIterator<Item = bool>) {
        self.seen_names.resize(there.len(), false);
        self.seen_names.iter_mut().zip(there).for_each(|(seen, there)| *seen |= there);
    }

    pub(crate) fn see(&mut self, mapping: &Mapping, values: &[(Field, Value)]) {
        for (field, value) in values {
            // A word that means nothing is a whole cell, and no entry of a list.
            if let Value::Text(text) = value
                && check::looks_empty(text)
                && let Some(column) = mapping.column_of(field)
            {
                self.see_text(column, text);
            }
        }
    }

    pub(crate) fn see_text(&mut self, column: &str, text: &str) {
        if !check::looks_empty(text) {
            return;
        }
        if !self.looks_empty.contains_key(column) {
            self.looks_empty.insert(column.to_owned(), LooksEmpty::default());
        }
        if let Some(seen) = self.looks_empty.get_mut(column) {
            seen.cells += 1;
            if !seen.words.contains(text) {
                seen.words.insert(text.to_owned());
            }
        }
    }
}
