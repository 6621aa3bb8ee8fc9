//! What a run knows of its rows is what was committed, in whatever order and however the runs before it ended.

use std::collections::{BTreeMap, BTreeSet};

use contact_sink_core::ErrorCode;
use contact_sink_journal::{Book, Counts, Entry, Kind, Run, State, list};
use proptest::prelude::*;

use crate::world::{INPUT, World, finish, settled};

const ROWS: u64 = 40;
static REASONS: [(Option<ErrorCode>, &str); 4] = [
    (Some(ErrorCode::Number(1)), "wrong"),
    (Some(ErrorCode::Number(1)), "worse"),
    (Some(ErrorCode::Number(2)), "wrong"),
    (None, "wrong"),
];

#[derive(Debug, Clone)]
enum Step {
    Commit { settled: Vec<(u64, Kind)>, doubtful: Vec<u64>, reasons: Vec<usize> },
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
        .prop_map(|(settled, doubtful, reasons)| Step::Commit { settled, doubtful, reasons });
    let step = prop_oneof![8 => commit, 1 => Just(Step::Drop), 1 => Just(Step::Kill), 1 => Just(Step::Finish)];
    prop::collection::vec(step, 1..24)
}

/// What the run must know.
#[derive(Default)]
struct Model {
    settled: BTreeMap<u64, Kind>,
    doubtful: BTreeSet<u64>,
    reasons: BTreeMap<(Option<ErrorCode>, &'static str), u64>,
    read: u64,
}

impl Model {
    fn commit(&mut self, run: &mut Run, rows: &[(u64, Kind)], doubtful: &[u64], reasons: &[usize]) {
        for (row, kind) in rows {
            self.settled.entry(*row).or_insert(*kind);
        }
        self.doubtful.extend(doubtful);
        for reason in reasons {
            *self.reasons.entry(REASONS[*reason].clone()).or_default() += 1;
        }
        let last = rows.iter().map(|(row, _)| row + 1).max().unwrap_or(0);
        self.read = self.read.max(last);
        let digest = self.read.to_le_bytes();
        let mut entry: Entry<'_> = settled(rows.iter().copied());
        entry.doubtful = doubtful.to_vec();
        entry.reasons =
            reasons.iter().map(|place| &REASONS[*place]).map(|(code, reason)| (code.as_ref(), *reason)).collect();
        entry.read = Some((self.read, &digest));
        run.commit(entry).unwrap();
    }

    fn check(&self, run: &Run) {
        let known: Vec<u64> = (0..ROWS + 2).filter(|row| run.settled().contains(*row)).collect();
        assert_eq!(known, self.settled.keys().copied().collect::<Vec<_>>());
        assert_eq!(run.settled().len(), self.settled.len() as u64);
        assert_eq!(run.settled().is_empty(), self.settled.is_empty());
        let checkpoint = (0..).find(|row| !self.settled.contains_key(row)).unwrap();
        assert_eq!(run.settled().checkpoint(), checkpoint);
        assert_eq!(run.record().checkpoint, checkpoint);
        let doubtful: Vec<u64> = (0..ROWS + 2).filter(|row| run.doubtful().contains(*row)).collect();
        assert_eq!(doubtful, self.doubtful.iter().copied().collect::<Vec<_>>());
        let mut counts = Counts::default();
        self.settled.values().for_each(|kind| counts.count(*kind));
        assert_eq!(run.counts(), counts);
        assert_eq!(run.counts().settled(), self.settled.len() as u64);
        let reasons = run.reasons().iter().map(|reason| ((reason.code.clone(), reason.reason.as_str()), reason.count));
        assert_eq!(reasons.collect::<BTreeMap<_, _>>(), self.reasons);
        assert_eq!(run.reasons().len(), self.reasons.len());
        assert_eq!(run.record().read, self.read);
        if self.read > 0 {
            assert_eq!(run.record().digest, self.read.to_le_bytes());
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
                Step::Commit { settled, doubtful, reasons } => {
                    model.commit(&mut run, settled, doubtful, reasons);
                    model.check(&run);
                    continue;
                }
                Step::Drop => {
                    drop(run);
                    true
                }
                Step::Kill => {
                    world.kill(run);
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
    assert_eq!(world.ask("SELECT count(*) FROM ahead"), 2);
    run.commit(settled([(0, Kind::Accepted), (2, Kind::Accepted)])).unwrap();
    assert_eq!(world.ask("SELECT count(*) FROM ahead"), 0);
    assert_eq!(world.ask("SELECT checkpoint FROM run"), 10);
}

/// What a killed run may have had in flight stays doubtful, also if the run after it ends in order before it has sent it.
#[test]
fn what_a_killed_run_had_in_flight_is_doubtful_until_it_is_settled() {
    let world = World::new();
    let mut run = world.run();
    run.commit(settled([0, 1, 3, 4, 7].map(|row| (row, Kind::Accepted)))).unwrap();
    world.kill(run);
    let doubtful = |run: &Run| (0..20).filter(|row| run.doubtful().contains(*row)).collect::<Vec<_>>();
    let run = world.resume(4);
    assert_eq!(doubtful(&run), [2, 5, 6, 8]);
    finish(run);
    let run = world.resume(10);
    assert!(!run.was_killed());
    assert_eq!(doubtful(&run), [2, 5, 6, 8], "a run that ended in order had nothing more in flight");
    drop(run);
    assert_eq!(doubtful(&world.resume(6)), [2, 5, 6, 8, 9, 10]);
}

/// Each input has runs of its own; the last five of them are kept.
#[test]
fn old_runs_are_forgotten_and_other_inputs_are_not_touched() {
    let world = World::new();
    let begin = |input: &str| {
        let book = Book::open(&world.journal()).unwrap();
        book.begin(input, crate::world::identity(), "contact-sink sync", std::time::SystemTime::now()).unwrap()
    };
    let mut other = begin("/data/other.csv");
    other.commit(settled([(3, Kind::Accepted)])).unwrap();
    finish(other);
    for nth in 0..7 {
        let mut run = begin(INPUT);
        run.commit(settled([(nth + 1, Kind::Accepted)])).unwrap();
        run.finish(State::Finished).unwrap();
    }
    let runs = list(&world.journal()).unwrap();
    assert_eq!(runs.iter().filter(|run| run.input == INPUT).count(), 5);
    assert!(runs.iter().any(|run| run.input == "/data/other.csv" && run.counts.accepted == 1));
    assert_eq!(world.ask("SELECT count(*) FROM ahead"), 6, "what belonged to old runs is gone with them");
    let run = world.run();
    assert!(run.settled().contains(7) && run.settled().len() == 1, "a run knows of no other's rows");
}
