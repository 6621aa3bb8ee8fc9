//! What the vendor has seen and stored, and what the journal and the callers were told; what may not happen is noted at once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use contact_sink_core::{Applied, Overlap, Verdict};
use contact_sink_delivery::Outcome;
use fastrand::Rng;
use tokio::time::Instant;

use crate::case::{Case, Cell, Mood, field_of};

/// What became of a row, as the journal was told.
#[derive(Debug, Clone)]
pub(crate) enum Fate {
    Accepted,
    Rejected {
        stored: Vec<usize>,
        earlier: Applied,
    },
    /// Newer values of all its fields were sent before.
    Superseded,
}

pub(crate) struct Oracle {
    pub(crate) rng: Rng,
    pub(crate) mood: Mood,
    /// The time before the present run, and when that began.
    pub(crate) before: Duration,
    began: Option<Instant>,
    pub(crate) subjects: Vec<usize>,
    inputs: Vec<usize>,
    /// In which run each row was first seen, in the order in which these began.
    pub(crate) first_seen: Vec<Option<u64>>,
    /// All that ever left.
    departed: BTreeSet<Cell>,
    /// What an answer accepted.
    pub(crate) accepted: BTreeSet<Cell>,
    /// The row that each field of a subject has its value from.
    pub(crate) stored: BTreeMap<(usize, usize), usize>,
    pub(crate) applied: BTreeSet<Cell>,
    /// What may be applied, or was, by requests whose answer nobody heard.
    pub(crate) unheard: BTreeSet<usize>,
    later: Vec<(Duration, Vec<Cell>)>,
    /// Refused by name, or alone.
    pub(crate) refused: BTreeSet<usize>,
    flying: Vec<usize>,
    /// Accepted as a whole, as the answer says.
    answered: BTreeSet<usize>,
    announced: Vec<Vec<usize>>,
    pub(crate) settled: BTreeMap<usize, Fate>,
    pub(crate) breaches: Vec<String>,
}

impl Oracle {
    pub(crate) fn new(case: &Case) -> Self {
        Self {
            rng: Rng::with_seed(case.seed),
            mood: Mood::Fine,
            before: Duration::ZERO,
            began: None,
            subjects: case.rows.iter().map(|row| row.subject).collect(),
            inputs: case.rows.iter().map(|row| row.input).collect(),
            first_seen: vec![None; case.rows.len()],
            departed: BTreeSet::new(),
            accepted: BTreeSet::new(),
            stored: BTreeMap::new(),
            applied: BTreeSet::new(),
            unheard: BTreeSet::new(),
            later: Vec::new(),
            refused: BTreeSet::new(),
            flying: Vec::new(),
            answered: BTreeSet::new(),
            announced: Vec::new(),
            settled: BTreeMap::new(),
            breaches: Vec::new(),
        }
    }

    pub(crate) fn breach(&mut self, what: impl Into<String>) {
        self.breaches.push(what.into());
    }

    /// How old the values of a row are; a row that no run has seen is the newest.
    pub(crate) fn age(&self, row: usize) -> (u64, usize) {
        (self.first_seen[row].unwrap_or(u64::MAX), row)
    }

    /// Rows that set the same field, and are newer.
    fn newer(&self, row: usize, field: usize) -> impl Iterator<Item = usize> {
        let is_newer =
            move |other: &usize| self.subjects[*other] == self.subjects[row] && self.age(*other) > self.age(row);
        (0..self.subjects.len()).filter(is_newer).filter(move |other| self.departed.contains(&(*other, field)))
    }

    /// Whether a newer value of this field has left: then it may be left out.
    pub(crate) fn may_be_left_out(&self, row: usize, field: usize) -> bool {
        self.newer(row, field).next().is_some()
    }

    /// Whether the vendor has this, or may have it.
    fn is_set(&self, row: usize, field: usize) -> bool {
        match self.settled.get(&row) {
            Some(Fate::Accepted) => self.accepted.contains(&(row, field)),
            Some(Fate::Rejected { stored, .. }) => stored.contains(&field),
            Some(Fate::Superseded) => false,
            None => self.applied.contains(&(row, field)),
        }
    }

    // The vendor's side.

    fn now(&self) -> Duration {
        self.before + self.began.map_or(Duration::ZERO, |began| began.elapsed())
    }

    /// A lane announces what leaves.
    pub(crate) fn announce(&mut self, rows: Vec<usize>) {
        self.announced.push(rows);
    }

    /// A request leaves.
    pub(crate) fn departs(&mut self, case: &Case, batch: &[(usize, Vec<Cell>)]) {
        self.apply_what_is_due();
        let rows: Vec<usize> = batch.iter().map(|(row, _)| *row).collect();
        match self.announced.iter().position(|announced| *announced == rows) {
            Some(place) => drop(self.announced.remove(place)),
            None => self.breach(format!("{rows:?} left and the journal was not told")),
        }
        if rows.is_empty() || rows.len() > case.max_updates {
            self.breach(format!("{rows:?} are too many for a request"));
        }
        for row in &rows {
            let subject = self.subjects[*row];
            if self.settled.contains_key(row) {
                self.breach(format!("row {row} was settled and is sent again"));
            }
            if self.flying.iter().any(|other| self.subjects[*other] == subject) {
                self.breach(format!("row {row} is sent while its subject is in flight"));
            }
            let is_one_key = |other: &usize| self.subjects[*other] % case.keys == subject % case.keys;
            if case.overlap == Overlap::OnePerKey && self.flying.iter().any(is_one_key) {
                self.breach(format!("row {row} is sent while its key is in flight"));
            }
            let is_before =
                |other: &usize| self.subjects[*other] == subject && self.inputs[*other] == self.inputs[*row];
            let earlier = (0..*row).find(|other| is_before(other) && !self.settled.contains_key(other));
            if let Some(earlier) = earlier {
                self.breach(format!("row {row} is sent before row {earlier} of its subject is settled"));
            }
        }
        for (row, field) in batch.iter().flat_map(|(_, cells)| cells) {
            let newer = self.newer(*row, *field).find(|newer| self.is_set(*newer, *field));
            if let Some(newer) = newer {
                self.breach(format!("field {field} of row {row} is sent after that of row {newer}, which is newer"));
            }
            self.departed.insert((*row, *field));
        }
        self.flying.extend(rows);
        if self.flying.len() > case.concurrency * case.max_updates {
            self.breach("too much is in flight");
        }
    }

    pub(crate) fn lands(&mut self, rows: &[usize]) {
        for row in rows {
            let place = self.flying.iter().position(|flying| flying == row).unwrap();
            self.flying.swap_remove(place);
        }
    }

    /// The vendor answers, and applies what was not applied on arrival.
    pub(crate) fn answers(
        &mut self,
        case: &Case,
        batch: &[(usize, Vec<Cell>)],
        verdicts: &[Verdict],
        accepted: Vec<Cell>,
    ) {
        self.apply(accepted);
        for ((row, cells), verdict) in batch.iter().zip(verdicts) {
            match verdict {
                Verdict::Accepted => {
                    self.accepted.extend(cells);
                    if cells.len() == case.rows[*row].fields {
                        self.answered.insert(*row);
                    }
                }
                Verdict::Rejected(_) => drop(self.refused.insert(*row)),
                Verdict::Undecided(_) if batch.len() == 1 => drop(self.refused.insert(*row)),
                _ => {}
            }
        }
    }

    /// Applies what nobody may ever hear of.
    pub(crate) fn apply_unheard(&mut self, cells: Vec<Cell>) {
        self.unheard.extend(cells.iter().map(|(row, _)| *row));
        self.apply(cells);
    }

    pub(crate) fn apply_later(&mut self, cells: Vec<Cell>, after: Duration) {
        self.unheard.extend(cells.iter().map(|(row, _)| *row));
        self.later.push((self.now() + after, cells));
    }

    fn apply(&mut self, cells: Vec<Cell>) {
        self.apply_what_is_due();
        for (row, field) in cells {
            self.applied.insert((row, field));
            self.stored.insert((self.subjects[row], field), row);
        }
    }

    pub(crate) fn apply_what_is_due(&mut self) {
        let now = self.now();
        self.later.sort_by_key(|(at, _)| *at);
        while self.later.first().is_some_and(|(at, _)| *at <= now) {
            let (_, cells) = self.later.remove(0);
            for (row, field) in cells {
                self.applied.insert((row, field));
                self.stored.insert((self.subjects[row], field), row);
            }
        }
    }

    // The runs' side.

    pub(crate) fn run_begins(&mut self) {
        self.began = Some(Instant::now());
        self.answered.clear();
        self.announced.clear();
    }

    /// A run is over.
    pub(crate) fn run_ended(&mut self, took: Duration) {
        (self.before, self.began) = (self.before + took, None);
    }

    /// Time passes between two runs.
    pub(crate) fn time_passes(&mut self, time: Duration) {
        self.before += time;
    }

    /// Before the requests in flight of a killed run are dropped: so many rows may be sent once more for it.
    pub(crate) fn killed(&mut self, case: &Case) {
        let mut twice: BTreeSet<usize> = self.flying.iter().copied().collect();
        twice.extend(self.answered.iter().filter(|row| !self.settled.contains_key(row)));
        if twice.len() > case.concurrency * case.max_updates {
            self.breach(format!("a kill makes {twice:?} be sent twice"));
        }
    }

    /// The journal has an outcome.
    pub(crate) fn committed(&mut self, row: usize, outcome: &Outcome) {
        let fate = match outcome {
            Outcome::Accepted => Fate::Accepted,
            Outcome::Rejected { stored, earlier, .. } => {
                let stored = stored.iter().map(|field| field_of(field.as_str())).collect();
                Fate::Rejected { stored, earlier: *earlier }
            }
            Outcome::Superseded => Fate::Superseded,
            Outcome::Undelivered { .. } => return,
            other => return self.breach(format!("row {row}: {other:?}")),
        };
        if let Some(before) = self.settled.insert(row, fate) {
            self.breach(format!("row {row} was settled before, {before:?}, and is now {outcome:?}"));
        }
    }

    /// A caller is told.
    pub(crate) fn told(&mut self, row: usize, outcome: &Outcome, journal_is_well: bool) {
        let known = self.settled.get(&row);
        let agrees = match (outcome, known) {
            (Outcome::Accepted, Some(Fate::Accepted))
            | (Outcome::Rejected { .. }, Some(Fate::Rejected { .. }))
            | (Outcome::Superseded, Some(Fate::Superseded)) => true,
            (Outcome::Undelivered { .. }, known) => known.is_none() || !journal_is_well,
            _ => false,
        };
        if !agrees {
            self.breach(format!("row {row}: the caller is told {outcome:?}, the journal has {known:?}"));
        }
        if matches!(outcome, Outcome::Undelivered { applied: Applied::No, .. }) && self.unheard.contains(&row) {
            self.breach(format!("row {row} may have been applied, and the caller is told that it was not"));
        }
    }
}
