//! A set of rows as spans, and which of them changed since they were written down.

use std::collections::{BTreeMap, BTreeSet};

/// A set of row numbers. Rows that follow one another are one span, so it stays small whatever the length of an input.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rows {
    /// From the first row to the one after the last.
    spans: BTreeMap<u64, u64>,
    /// The first rows of spans that are to be written down or deleted.
    touched: BTreeSet<u64>,
}

impl Rows {
    pub(crate) fn new(spans: impl IntoIterator<Item = (u64, u64)>) -> Self {
        Self { spans: spans.into_iter().collect(), touched: BTreeSet::new() }
    }

    /// The checkpoint: the first row that is not in the set.
    pub fn checkpoint(&self) -> u64 {
        self.spans.get(&0).copied().unwrap_or(0)
    }

    /// Whether a row is in the set.
    pub fn contains(&self, row: u64) -> bool {
        self.spans.range(..=row).next_back().is_some_and(|(_, past)| row < *past)
    }

    /// How many rows are in the set.
    pub fn len(&self) -> u64 {
        self.spans().map(|(first, past)| past - first).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// From the first row of each span to the one after its last.
    pub(crate) fn spans(&self) -> impl Iterator<Item = (u64, u64)> {
        self.spans.iter().map(|(first, past)| (*first, *past))
    }

    /// So many of the first rows that are not in the set.
    pub(crate) fn first_missing(&self, count: u64) -> impl Iterator<Item = u64> {
        let ends = self.spans.values().copied();
        let gaps = std::iter::once(0).chain(ends).zip(self.spans.keys().copied().chain([u64::MAX]));
        gaps.flat_map(|(first, past)| first..past).take(usize::try_from(count).unwrap_or(usize::MAX))
    }

    /// Puts a row into the set; `false` if it was there.
    pub(crate) fn insert(&mut self, row: u64) -> bool {
        if self.contains(row) {
            return false;
        }
        let after = self.spans.remove(&(row + 1));
        let before = self.spans.range(..row).next_back().filter(|(_, past)| **past == row).map(|(first, _)| *first);
        let first = before.unwrap_or(row);
        self.spans.insert(first, after.unwrap_or(row + 1));
        self.touched.extend(after.map(|_| row + 1).into_iter().chain([first]));
        true
    }

    /// The spans to write down (with their end) or to delete (without).
    pub(crate) fn take_changes(&mut self) -> Vec<(u64, Option<u64>)> {
        let touched = std::mem::take(&mut self.touched);
        touched.into_iter().map(|first| (first, self.spans.get(&first).copied())).collect()
    }
}
