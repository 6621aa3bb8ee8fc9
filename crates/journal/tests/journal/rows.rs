//! What a run knows of its rows is what was committed, in whatever order and however the runs before it ended.

use std::collections::{BTreeMap, BTreeSet};

use contact_sink_core::ErrorCode;
use contact_sink_journal::{Counts, Ending, Entry, Kind, Reason, Run, State, list};
use proptest::prelude::*;

use crate::world::{World, finish, input, settled};

const ROWS: u64 = 40;
static REASONS: [(Kind, Option<ErrorCode>, &str); 5] = [
    (Kind::Rejected, Some(ErrorCode::Number(1)), "wrong"),
    (Kind::Rejected, Some(ErrorCode::Number(1)), "worse"),
    (Kind::Rejected, Some(ErrorCode::Number(2)), "wrong"),
    (Kind::Rejected, None, "wrong"),
    (Kind::Skipped, None, "wrong"),
];

#[derive(Debug, Clone)]
enum Step {
    Commit { settled: Vec<(u64, Kind)>, maybe_applied: Vec<u64>, reasons: Vec<usize> },
    Drop,
    Kill,
    Finish,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let kind = prop::sample::select(vec![Kind::Accepted, Kind::Rejected, Kind::Skipped, Kind::Unchanged]);
    let commit = (
        prop::collection::vec((0..ROWS, kind), 0..8),
        prop::collection::vec(0..ROWS, 0..3),
        prop::collection::vec(0..REASONS.len(), 0..3),
    )
        .prop_map(|(settled, maybe_applied, reasons)| Step::Commit { settled, maybe_applied, reasons });
    let step = prop_oneof![8 => commit, 1 => Just(Step::Drop), 1 => Just(Step::Kill), 1 => Just(Step::Finish)];
    prop::collection::vec(step, 1..24)
}

/// What the run must know.
#[derive(Default)]
struct Model {
    settled: BTreeMap<u64, Kind>,
    maybe_applied: BTreeSet<u64>,
    reasons: BTreeMap<usize, u64>,
    read: u64,
}

impl Model {
    fn commit(&mut self, run: &mut Run, rows: &[(u64, Kind)], maybe_applied: &[u64], reasons: &[usize]) {
        for (row, kind) in rows {
            self.settled.entry(*row).or_insert(*kind);
        }
        self.maybe_applied.extend(maybe_applied);
        for reason in reasons {
            *self.reasons.entry(*reason).or_default() += 1;
        }
        let last = rows.iter().map(|(row, _)| row + 1).max().unwrap_or(0);
        self.read = self.read.max(last);
        let mut entry: Entry<'_> = settled(rows.iter().copied());
        entry.maybe_applied = maybe_applied.to_vec();
        entry.reasons = reasons
            .iter()
            .map(|place| &REASONS[*place])
            .map(|(kind, code, reason)| Reason::new(*kind, code.clone(), *reason))
            .collect();
        entry.read = self.read;
        run.commit(entry).unwrap();
    }

    /// All that was read and has no outcome may have been sent.
    fn killed(&mut self) {
        self.maybe_applied.extend((0..self.read).filter(|row| !self.settled.contains_key(row)));
    }

    fn check(&self, run: &Run) {
        let known: Vec<u64> = (0..ROWS + 2).filter(|row| run.settled().contains(*row)).collect();
        assert_eq!(known, self.settled.keys().copied().collect::<Vec<_>>());
        assert_eq!(run.settled().len(), self.settled.len() as u64);
        assert_eq!(run.settled().is_empty(), self.settled.is_empty());
        let checkpoint = (0..).find(|row| !self.settled.contains_key(row)).unwrap();
        assert_eq!(run.settled().checkpoint(), checkpoint);
        assert_eq!(run.record().checkpoint, checkpoint);
        let maybe_applied: Vec<u64> = (0..ROWS + 2).filter(|row| run.maybe_applied().contains(*row)).collect();
        assert_eq!(maybe_applied, self.maybe_applied.iter().copied().collect::<Vec<_>>());
        let mut counts = Counts::default();
        self.settled.values().for_each(|kind| counts.count(*kind));
        assert_eq!(run.counts(), counts);
        assert_eq!(run.counts().settled(), self.settled.len() as u64);
        let place = |reason: &Reason| {
            REASONS
                .iter()
                .position(|known| *known == (reason.kind, reason.code.clone(), reason.reason.as_str()))
                .unwrap()
        };
        let reasons = run.reasons().unwrap();
        let counted = reasons.iter().map(|reason| (place(reason), reason.count));
        assert_eq!(counted.collect::<BTreeMap<_, _>>(), self.reasons);
        assert_eq!(reasons.len(), self.reasons.len());
        assert_eq!(run.record().read, self.read);
        if self.read > 0 {
            assert_eq!(run.record().read, self.read);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn a_run_knows_what_was_committed(steps in steps()) {
        let (world, mut model) = (World::new(), Model::default());
        let mut run = world.run();
        for step in steps {
            let killed = match &step {
                Step::Commit { settled, maybe_applied, reasons } => {
                    model.commit(&mut run, settled, maybe_applied, reasons);
                    model.check(&run);
                    continue;
                }
                Step::Drop => {
                    drop(run);
                    model.killed();
                    true
                }
                Step::Kill => {
                    world.kill(run);
                    model.killed();
                    true
                }
                Step::Finish => {
                    finish(run);
                    false
                }
            };
            run = world.run();
            prop_assert_eq!(run.was_killed(), killed);
            model.check(&run);
        }
    }
}

/// Rows that follow one another are one span, whatever came first: a journal stays small.
#[test]
fn rows_that_meet_are_one_span() {
    let world = World::new();
    let mut run = world.run();
    for row in [9, 7, 5, 6, 8, 3, 1, 4] {
        run.commit(settled([(row, Kind::Accepted)])).unwrap();
    }
    assert_eq!(world.ask("SELECT count(*) FROM settled_ahead"), 2);
    run.commit(settled([(0, Kind::Accepted), (2, Kind::Accepted)])).unwrap();
    assert_eq!(world.ask("SELECT count(*) FROM settled_ahead"), 0);
    assert_eq!(world.ask("SELECT checkpoint FROM run"), 10);
}

/// What a killed run may have had in flight stays maybe_applied, also if the run after it ends in order before it has sent it.
#[test]
fn what_a_killed_run_had_in_flight_is_maybe_applied_until_it_is_settled() {
    let world = World::new();
    let mut run = world.run();
    run.commit(settled([0, 1, 3, 4, 7].map(|row| (row, Kind::Accepted)))).unwrap();
    world.kill(run);
    let maybe_applied = |run: &Run| (0..20).filter(|row| run.maybe_applied().contains(*row)).collect::<Vec<_>>();
    let run = world.resume(4);
    assert_eq!(maybe_applied(&run), [2, 5, 6, 8]);
    finish(run);
    let run = world.resume(10);
    assert!(!run.was_killed());
    assert_eq!(maybe_applied(&run), [2, 5, 6, 8], "a run that ended in order had nothing more in flight");
    drop(run);
    assert_eq!(maybe_applied(&world.resume(6)), [2, 5, 6, 8, 9, 10]);
}

/// The newest 1,000 finished runs are kept, and all that may still be resumed or have rejected rows.
#[test]
fn old_finished_runs_are_forgotten_and_open_ones_are_not() {
    let world = World::new();
    let begin = |name: &str| world.open(0, input(name, name.as_bytes()));
    let mut unfinished = begin("unfinished");
    unfinished.commit(settled([(3, Kind::Accepted)])).unwrap();
    finish(unfinished);
    for (name, kind) in [("accepted", Kind::Accepted), ("rejected", Kind::Rejected)] {
        let mut run = begin(name);
        run.commit(settled([(1, kind)])).unwrap();
        run.finish(Ending::new(State::Finished)).unwrap();
    }
    world.tamper(
        "WITH RECURSIVE n(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM n WHERE x < 1000)
         INSERT INTO run SELECT 100 + x, input, is_resumable, host, account, account_hash, subject, mapping, command, state,
         began, changed, first, rows, content, checkpoint, read, accepted, rejected, skipped, unchanged, hold_until,
         rejected_path, rejected_bytes, rejected_crc, exit_status, stop, stop_message, is_forgotten FROM n, run WHERE run.id = 2",
    );
    drop(begin("newest"));
    let runs = list(&world.journal()).unwrap();
    let names: Vec<&str> = runs.iter().map(|run| run.name()).filter(|name| !name.is_empty()).collect();
    assert_eq!(names, ["newest", "rejected", "unfinished"]);
    assert_eq!(runs.len(), 1_003);
    assert_eq!(world.ask("SELECT count(*) FROM settled_ahead"), 2, "what belonged to old runs is gone with them");
}
