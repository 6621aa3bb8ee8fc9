//! What must hold between two runs, and after the last one.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use contact_sink_core::Applied;
use contact_sink_journal::Run;

use crate::case::{Case, Nature};
use crate::oracle::{Fate, Oracle};

impl Oracle {
    /// What the vendor bears out of what is settled so far.
    pub(crate) fn check_fates(&mut self, case: &Case) {
        let mut breaches = Vec::new();
        for (row, fate) in &self.settled {
            let Fate::Rejected { stored, earlier } = fate else {
                let is_accepted = matches!(fate, Fate::Accepted);
                let has = |field: &usize| is_accepted && self.applied.contains(&(*row, *field));
                let left_out = |field: &usize| !has(field) && !self.may_be_left_out(*row, *field);
                if let Some(field) = (0..case.rows[*row].fields).find(left_out) {
                    breaches.push(format!("row {row} is {fate:?}, and its field {field} was not applied"));
                }
                continue;
            };
            if case.rows[*row].nature != Nature::Invalid && !self.refused.contains(row) {
                breaches.push(format!("row {row} is rejected and nobody refused it"));
            }
            if !stored.iter().all(|field| self.applied.contains(&(*row, *field))) {
                breaches.push(format!("row {row} is said to be stored in part, and is not"));
            }
            if *earlier == Applied::No && self.unheard.contains(row) && stored.is_empty() {
                breaches.push(format!("row {row} is rejected, may have been applied before, and nothing says so"));
            }
        }
        self.breaches.extend(breaches);
    }

    /// What the journal knows of a run is what it was told.
    pub(crate) fn check_journal(&mut self, case: &Case, input: usize, run: &Run) {
        let first = run.record().first;
        let rows: Vec<usize> = case.rows_of(input).into_iter().skip(usize::try_from(first).unwrap()).collect();
        let numbered = || rows.iter().copied().zip(first..);
        let known: Vec<usize> =
            numbered().filter(|(_, number)| run.settled().contains(*number)).map(|(row, _)| row).collect();
        let told: Vec<usize> = rows.iter().copied().filter(|row| self.settled.contains_key(row)).collect();
        let is_accepted = |row: &&usize| matches!(self.settled.get(row), Some(Fate::Accepted));
        let accepted = told.iter().filter(is_accepted).count() as u64;
        let counts = run.counts();
        let is_forgotten = |(row, number): &(usize, u64)| {
            self.unheard.contains(row) && !self.settled.contains_key(row) && !run.maybe_applied().contains(*number)
        };
        if let Some((row, _)) = numbered().find(is_forgotten) {
            self.breaches.push(format!("row {row} may have been applied, and the journal does not know it"));
        }
        if known != told || run.settled().len() != first + told.len() as u64 {
            self.breach(format!("the journal knows {known:?} and was told {told:?}"));
        }
        if (counts.accepted, counts.settled()) != (accepted, told.len() as u64) {
            self.breach(format!("the journal counts {counts:?} and was told {:?}", self.settled));
        }
    }

    /// After the last run: each row is settled, and each field holds the newest value that was taken, by the order in which the runs
    /// began.
    pub(crate) fn check_end(&mut self, case: &Case) {
        self.before += Duration::from_secs(60);
        self.apply_what_is_due();
        let mut may_be: BTreeMap<(usize, usize), BTreeSet<Option<usize>>> = BTreeMap::new();
        let mut numbers: Vec<usize> = (0..case.rows.len()).collect();
        numbers.sort_by_key(|row| self.age(*row));
        for number in numbers {
            let row = &case.rows[number];
            let Some(fate) = self.settled.get(&number) else {
                self.breaches.push(format!("row {number} has no outcome"));
                continue;
            };
            for field in 0..row.fields {
                let values = may_be.entry((row.subject, field)).or_insert_with(|| [None].into());
                match fate {
                    Fate::Rejected { stored, earlier } if !stored.contains(&field) => {
                        if *earlier == Applied::Maybe {
                            values.insert(Some(number));
                        }
                    }
                    Fate::Accepted if !self.accepted.contains(&(number, field)) => {
                        // It was left out, or an attempt is all that there was.
                        values.insert(Some(number));
                    }
                    Fate::Superseded => {
                        values.insert(Some(number));
                    }
                    _ => *values = [Some(number)].into(),
                }
            }
        }
        for ((subject, field), values) in may_be {
            let stored = self.stored.get(&(subject, field)).copied();
            if !values.contains(&stored) {
                self.breaches
                    .push(format!("subject {subject}, field {field}: {stored:?} is stored, not one of {values:?}"));
            }
        }
    }
}
