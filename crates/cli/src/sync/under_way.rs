//! Rows that were given to the lane and have no outcome.

use std::collections::VecDeque;

use crate::reading::ReadRow;

/// With more empty places than this, and more empty than not, they are taken out.
const MOST_EMPTY: usize = 4_096;

/// Rows by their numbers, which rise. A map by number was slower: it spreads them over its memory.
#[derive(Default)]
pub struct UnderWay {
    /// A row that has its outcome leaves its place empty until it is the first.
    rows: VecDeque<(u64, Option<ReadRow>)>,
    empty: usize,
}

impl UnderWay {
    /// Adds a row. Its number is larger than all before.
    pub fn add(&mut self, row: ReadRow) {
        debug_assert!(self.rows.back().is_none_or(|(last, _)| *last < row.number), "numbers rise");
        self.rows.push_back((row.number, Some(row)));
    }

    pub fn get(&self, number: u64) -> Option<&ReadRow> {
        self.rows.get(self.place(number)?)?.1.as_ref()
    }

    pub fn remove(&mut self, number: u64) -> Option<ReadRow> {
        let place = self.place(number)?;
        let row = self.rows.get_mut(place)?.1.take();
        self.empty += usize::from(row.is_some());
        while self.rows.front().is_some_and(|(_, row)| row.is_none()) {
            self.rows.pop_front();
            self.empty -= 1;
        }
        // One row may wait while many others are settled.
        if self.empty > MOST_EMPTY && self.empty > self.rows.len() / 2 {
            self.rows.retain(|(_, row)| row.is_some());
            self.empty = 0;
        }
        row
    }

    fn place(&self, number: u64) -> Option<usize> {
        // Most often no number is left out.
        let guess = usize::try_from(number.checked_sub(self.rows.front()?.0)?).ok()?;
        match self.rows.get(guess) {
            Some((is, _)) if *is == number => Some(guess),
            _ => self.rows.binary_search_by_key(&number, |(number, _)| *number).ok(),
        }
    }
}
