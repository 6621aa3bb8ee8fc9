//! A set of rows as spans, and which of them changed since they were written down.

use std::collections::{BTreeMap, BTreeSet};

/// A set of row numbers. Rows that follow one another are one span, so it stays small whatever the length of an input.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rows {
    /// All rows below this one are in the set.
    below: u64,
    /// Spans ahead of it: from the first row to the one after the last.
    ahead: BTreeMap<u64, u64>,
    /// The first rows of spans that are to be written down or deleted.
    touched: BTreeSet<u64>,
}

impl Rows {
    pub(crate) fn new(below: u64, ahead: impl IntoIterator<Item = (u64, u64)>) -> Self {
        Self { below, ahead: ahead.into_iter().collect(), touched: BTreeSet::new() }
    }

    /// The checkpoint: the first row that is not in the set.
    pub fn checkpoint(&self) -> u64 {
        self.below
    }

    /// Whether a row is in the set.
    pub fn contains(&self, row: u64) -> bool {
        row < self.below || self.ahead.range(..=row).next_back().is_some_and(|(_, end)| row < *end)
    }

    /// How many rows are in the set.
    pub fn len(&self) -> u64 {
        self.below + self.ahead.iter().map(|(first, end)| end - first).sum::<u64>()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.below == 0 && self.ahead.is_empty()
    }

    /// The spans of a set that has no checkpoint: from the first row to the one after the last.
    pub(crate) fn spans(&self) -> impl Iterator<Item = (u64, u64)> {
        self.ahead.iter().map(|(first, past)| (*first, *past))
    }

    /// So many of the first rows that are not in the set.
    pub(crate) fn first_missing(&self, count: u64) -> impl Iterator<Item = u64> {
        let ends = self.ahead.values().copied();
        let gaps = std::iter::once(self.below).chain(ends).zip(self.ahead.keys().copied().chain([u64::MAX]));
        gaps.flat_map(|(first, past)| first..past).take(usize::try_from(count).unwrap_or(usize::MAX))
    }

    /// Puts a row into the set; `false` if it was there.
    pub(crate) fn insert(&mut self, row: u64) -> bool {
        if self.contains(row) {
            return false;
        }
        if row == self.below {
            self.below = self.absorb(row + 1);
            return true;
        }
        self.insert_apart(row)
    }

    /// The same, for a set that has no checkpoint.
    pub(crate) fn insert_apart(&mut self, row: u64) -> bool {
        if self.contains(row) {
            return false;
        }
        let end = self.absorb(row + 1);
        let before = self.ahead.range(..row).next_back().filter(|(_, last)| **last == row).map(|(first, _)| *first);
        let first = before.unwrap_or(row);
        self.ahead.insert(first, end);
        self.touched.insert(first);
        true
    }

    /// Takes the span out that begins here: where it ends.
    fn absorb(&mut self, first: u64) -> u64 {
        let Some(end) = self.ahead.remove(&first) else { return first };
        self.touched.insert(first);
        end
    }

    /// The spans to write down (with their end) or to delete (without).
    pub(crate) fn take_changes(&mut self) -> Vec<(u64, Option<u64>)> {
        let touched = std::mem::take(&mut self.touched);
        touched.into_iter().map(|first| (first, self.ahead.get(&first).copied())).collect()
    }
}
