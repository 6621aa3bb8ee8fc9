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
                if !(0..case.rows[*row].fields).all(|field| self.applied.contains(&(*row, field))) {
                    breaches.push(format!("row {row} is accepted and was not applied"));
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

    /// What the journal knows is what it was told.
    pub(crate) fn check_journal(&mut self, run: &Run) {
        let known: Vec<usize> = (0..self.subjects.len()).filter(|row| run.settled().contains(*row as u64)).collect();
        let told: Vec<usize> = self.settled.keys().copied().collect();
        let accepted = self.settled.values().filter(|fate| matches!(fate, Fate::Accepted)).count() as u64;
        let counts = run.counts();
        let forgotten = |row: &&usize| !self.settled.contains_key(row) && !run.doubtful().contains(**row as u64);
        if let Some(row) = self.unheard.iter().find(forgotten) {
            self.breaches.push(format!("row {row} may have been applied, and the journal does not know it"));
        }
        if known != told || run.settled().len() != told.len() as u64 {
            self.breach(format!("the journal knows {known:?} and was told {told:?}"));
        }
        if (counts.accepted, counts.settled()) != (accepted, told.len() as u64) {
            self.breach(format!("the journal counts {counts:?} and was told {:?}", self.settled));
        }
    }

    /// After the last run: each row is settled, and each field holds the value of the last row that was taken.
    pub(crate) fn check_end(&mut self, case: &Case) {
        self.before += Duration::from_secs(60);
        self.apply_what_is_due();
        let mut may_be: BTreeMap<(usize, usize), BTreeSet<Option<usize>>> = BTreeMap::new();
        for (number, row) in case.rows.iter().enumerate() {
            let Some(fate) = self.settled.get(&number) else {
                self.breaches.push(format!("row {number} has no outcome"));
                continue;
            };
            for field in 0..row.fields {
                let values = may_be.entry((row.subject, field)).or_insert_with(|| [None].into());
                match fate {
                    Fate::Rejected { stored, earlier } if !stored.contains(&field) => {
                        if *earlier == Applied::Perhaps {
                            values.insert(Some(number));
                        }
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
