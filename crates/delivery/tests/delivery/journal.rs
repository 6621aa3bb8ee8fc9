//! What a journal is told, in which order, and what is done when it fails.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use contact_sink_core::{Applied, ContactUpdate, SinkErrorKind};
use contact_sink_delivery::{
    Admission, Delivery, Departing, Journal, JournalError, Numbered, Options, Outcome, Settled, Stop, Undelivered,
};
use futures_util::stream;
use tokio::time::Instant;

use crate::run::{ended, failure, paused, undelivered};
use crate::script::{Blame, Wording, accept_all, chaos, error, refuse_users};
use crate::world::{Request, World, row_of, update_of};

/// What happened, in order.
#[derive(Debug, Clone, PartialEq)]
enum Event {
    Admit(usize),
    Departs(Vec<usize>),
    Settled(Vec<(Option<u64>, usize, Outcome)>),
    /// A caller learned of it.
    Told(usize, Outcome),
}

/// A journal that notes what it is told, and fails from the given call of a kind on.
#[derive(Clone, Default)]
struct Notes {
    events: Arc<Mutex<Vec<Event>>>,
    known: Vec<usize>,
    /// How many fields of these rows have no newer value.
    newer: HashMap<usize, usize>,
    fails: Option<(&'static str, usize)>,
    after_failure: Arc<Mutex<usize>>,
}

impl Notes {
    fn note(&self, event: Event) {
        self.events.lock().unwrap().push(event);
    }

    fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap().clone()
    }

    fn call(&self, kind: &'static str, event: Event) -> Result<(), JournalError> {
        let same = |other: &&Event| std::mem::discriminant(*other) == std::mem::discriminant(&event);
        let calls = self.events().iter().filter(same).count() + 1;
        if self.fails.is_some_and(|(failing, from)| failing == kind && calls >= from) {
            *self.after_failure.lock().unwrap() += 1;
            return Err(JournalError::new("the disk is full"));
        }
        if *self.after_failure.lock().unwrap() > 0 {
            *self.after_failure.lock().unwrap() += 1;
        }
        self.note(event);
        Ok(())
    }
}

impl Journal for Notes {
    fn admit(&mut self, number: Option<u64>, update: &ContactUpdate) -> Result<Admission, JournalError> {
        let row = row_of(update);
        assert!(number.is_none_or(|number| number == row as u64));
        self.call("admit", Event::Admit(row))?;
        Ok(match (self.known.contains(&row), self.newer.get(&row)) {
            (true, _) => Admission::Unchanged,
            (false, None) => Admission::Send,
            (false, Some(0)) => Admission::Superseded,
            (false, Some(fields)) => {
                let fields: Vec<_> = update.fields()[..*fields].iter().map(|(field, _)| field.clone()).collect();
                Admission::SendPart(update.clone().retain(|field| fields.contains(field)))
            }
        })
    }

    fn departs(&mut self, batch: &[Departing<'_>]) -> Result<(), JournalError> {
        let row = |departing: &Departing<'_>| {
            let row = row_of(departing.update);
            assert!(departing.number.is_none_or(|number| number == row as u64));
            row
        };
        self.call("departs", Event::Departs(batch.iter().map(row).collect()))
    }

    fn settled(&mut self, outcomes: &[Settled<'_>]) -> Result<(), JournalError> {
        let settled = |one: &Settled<'_>| (one.number, row_of(one.update), one.outcome.clone());
        self.call("settled", Event::Settled(outcomes.iter().map(settled).collect()))
    }
}

/// Delivers rows of these users with their places as numbers, and notes when each caller learns of its outcome.
async fn deliver(world: &Arc<World>, notes: &Notes, users: &[usize], options: Options) -> (Vec<Outcome>, Option<Stop>) {
    let delivery = Delivery::with_journal(world.clone(), options, notes.clone());
    let updates: Vec<_> = users.iter().enumerate().map(|(row, user)| update_of(row, *user, 2)).collect();
    let numbered = updates.into_iter().enumerate().map(|(row, update)| Numbered::new(row as u64, update));
    let mut outcomes = delivery.deliver_numbered(stream::iter(numbered.collect::<Vec<_>>()));
    let mut told = vec![None; users.len()];
    while let Some((number, outcome)) = outcomes.next().await {
        let row = usize::try_from(number).unwrap();
        notes.note(Event::Told(row, outcome.clone()));
        assert!(told[row].replace(outcome).is_none(), "told twice");
    }
    let stop = outcomes.summary().stop;
    drop((delivery, outcomes));
    ended(world).await;
    (told.into_iter().map(Option::unwrap).collect(), stop)
}

/// Checks the order of all that was noted: written before told, each once, and `has` asked when nothing earlier is under way.
fn check(notes: &Notes, world: &World, users: &[usize]) {
    let (mut written, mut told, mut asked, mut departed) =
        (vec![None; users.len()], vec![false; users.len()], vec![], 0);
    for event in notes.events() {
        match event {
            Event::Admit(row) => {
                assert!(!asked.contains(&row), "asked twice of row {row}");
                let earlier = (0..row).filter(|earlier| users[*earlier] == users[row]);
                assert!(
                    earlier.into_iter().all(|earlier| written[earlier].is_some()),
                    "asked while an earlier one is under way"
                );
                asked.push(row);
            }
            Event::Departs(rows) => {
                assert!(rows.iter().all(|row| asked.contains(row)));
                assert_eq!(world.departures()[departed].rows, rows, "exactly what leaves");
                departed += 1;
            }
            Event::Settled(settled) => {
                assert!(!settled.is_empty());
                for (number, row, outcome) in settled {
                    assert_eq!(number, Some(row as u64));
                    assert!(written[row].replace(outcome).is_none(), "row {row} was written twice");
                }
            }
            Event::Told(row, outcome) => {
                assert_eq!(written[row].as_ref(), Some(&outcome), "row {row} is told before it is written");
                told[row] = true;
            }
        }
    }
    assert_eq!(departed, world.requests());
    assert!(told.iter().all(|told| *told));
}

fn users(rows: usize) -> Vec<usize> {
    (0..rows).map(|row| row * 7 % 40).collect()
}

#[test]
fn an_outcome_is_written_before_it_is_told_each_once_and_in_order() {
    for seed in 0..40 {
        let world = World::new(4, chaos(seed * 1_000, seed % 4 == 0)).shared();
        let notes = Notes::default();
        let users = users(100);
        paused(deliver(&world, &notes, &users, Options::for_run().with_seed(seed)));
        check(&notes, &world, &users);
    }
    // Those of one answer are in the order of the batch.
    let world = World::new(5, refuse_users(|user| user == 2, Blame::AllAndTheRestIsTaken, Wording::Listed)).shared();
    let notes = Notes::default();
    paused(deliver(&world, &notes, &[0, 1, 2, 3, 4], Options::for_run()));
    let events = notes.events();
    let Event::Settled(settled) = &events[6] else { panic!("{events:?}") };
    assert_eq!(settled.iter().map(|(_, row, _)| *row).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
}

#[test]
fn an_answered_request_keeps_its_place_until_it_is_written_down() {
    const PLACES: usize = 4;
    let world = World::new(1, accept_all).with_latency(|number| Duration::from_millis(number as u64 % 7)).shared();
    let notes = Notes::default();
    let options = Options::for_run().with_concurrency(PLACES.try_into().unwrap());
    paused(deliver(&world, &notes, &(0..200).collect::<Vec<_>>(), options));
    let (mut departed, mut written, mut calls) = (0, 0, 0);
    for event in notes.events() {
        match event {
            Event::Departs(_) => departed += 1,
            Event::Settled(settled) => (written, calls) = (written + settled.len(), calls + 1),
            _ => {}
        }
        assert!(departed - written <= PLACES, "{departed} departed, {written} written down");
    }
    assert!(calls < written, "{written} outcomes in {calls} calls");
}

#[test]
fn an_outcome_does_not_wait_for_the_answers_of_others() {
    paused(async {
        let slow = |number| if number == 2 { Duration::from_secs(60) } else { Duration::from_millis(20) };
        let world = World::new(1, accept_all).with_latency(slow).shared();
        let options = Options::for_service().with_first_after(Duration::ZERO);
        let delivery = Delivery::with_journal(world, options, Notes::default());
        assert_eq!(delivery.deliver(update_of(0, 0, 1)).await, Outcome::Accepted);
        let (second, began) = (delivery.clone(), Instant::now());
        let second = tokio::spawn(async move { second.deliver(update_of(1, 1, 1)).await });
        tokio::task::yield_now().await;
        assert_eq!(delivery.deliver(update_of(2, 2, 1)).await, Outcome::Accepted);
        assert!(began.elapsed() < Duration::from_millis(25), "{:?}", began.elapsed());
        assert_eq!(second.await.unwrap(), Outcome::Accepted);
    });
}

#[test]
fn a_request_is_told_before_it_leaves() {
    paused(async {
        let notes = Notes::default();
        let seen = notes.clone();
        let script = move |request: &Request<'_>| {
            let last = seen.events().into_iter().rev().find_map(|event| match event {
                Event::Departs(rows) => Some(rows),
                _ => None,
            });
            let rows: Vec<usize> = request.batch.iter().map(row_of).collect();
            assert_eq!(last, Some(rows));
            if request.number % 3 == 2 { Err(error(SinkErrorKind::Connect)) } else { accept_all(request) }
        };
        // One at a time, so that the last one that was told is the one that is answered.
        let world = World::new(3, script).with_latency(|_| Duration::ZERO).shared();
        let options = Options::for_run().with_concurrency(1.try_into().unwrap());
        let (outcomes, stop) = deliver(&world, &notes, &users(30), options).await;
        assert_eq!((outcomes.iter().filter(|outcome| **outcome == Outcome::Accepted).count(), stop), (30, None));
    });
}

#[test]
fn what_the_vendor_has_already_is_unchanged_and_not_sent() {
    let world = World::new(4, accept_all).shared();
    let notes = Notes { known: vec![0, 5, 45, 99], ..Notes::default() };
    let users = users(100);
    let (outcomes, stop) = paused(deliver(&world, &notes, &users, Options::for_run()));
    check(&notes, &world, &users);
    let unchanged: Vec<usize> = (0..100).filter(|row| outcomes[*row] == Outcome::Unchanged).collect();
    assert_eq!((unchanged, stop), (vec![0, 5, 45, 99], None));
    assert!(world.departures().iter().all(|departure| departure.rows.iter().all(|row| !notes.known.contains(row))));
    // Of a row that newer values were sent for, only the other fields are sent.
    let world = World::new(4, accept_all).shared();
    let notes = Notes { newer: [(3, 0), (7, 1), (50, 0)].into(), ..Notes::default() };
    let (outcomes, stop) = paused(deliver(&world, &notes, &users, Options::for_run()));
    check(&notes, &world, &users);
    let superseded: Vec<usize> = (0..100).filter(|row| outcomes[*row] == Outcome::Superseded).collect();
    assert_eq!((superseded, stop), (vec![3, 50], None));
    assert_eq!(outcomes[7], Outcome::Accepted);
    assert!(world.departures().iter().all(|departure| departure.rows.iter().all(|row| ![3, 50].contains(row))));
    assert_eq!(world.departures().iter().map(|departure| departure.fields.len()).sum::<usize>(), 97 * 2 + 1);
    // A rule refuses before the journal is asked.
    paused(async {
        let notes = Notes::default();
        let world = World::new(4, accept_all).shared();
        let delivery = Delivery::with_journal(world.clone(), Options::for_run(), notes.clone());
        assert!(matches!(delivery.deliver(update_of(0, 0, 0)).await, Outcome::Rejected { .. }));
        let [Event::Settled(settled)] = &notes.events()[..] else { panic!("{:?}", notes.events()) };
        assert!(matches!(&settled[..], [(None, _, Outcome::Rejected { .. })]), "an update without a number has none");
        assert_eq!(world.requests(), 0);
    });
}

#[test]
fn what_is_given_up_is_not_overtaken_by_a_later_number_of_its_subject() {
    for kind in [SinkErrorKind::Connect, SinkErrorKind::Timeout] {
        let script = move |request: &Request<'_>| match request.number {
            2 => Err(error(kind)),
            _ => accept_all(request),
        };
        let world = World::new(1, script).shared();
        let options = Options::for_run().with_max_attempts(1.try_into().unwrap());
        let (outcomes, stop) = paused(deliver(&world, &Notes::default(), &[9, 0, 0, 1, 0, 9], options));
        let accepted: Vec<usize> = (0..6).filter(|row| outcomes[*row] == Outcome::Accepted).collect();
        assert_eq!((accepted, stop), (vec![0, 3, 5], None), "{kind}: {outcomes:?}");
        // The next run sends them in their order: what was sent of them would be undone by it.
        for row in [2, 4] {
            let (applied, cause) = failure(&outcomes[row]);
            assert_eq!((applied, cause.kind()), (Applied::No, kind), "the failure of the earlier one");
        }
    }
}

#[test]
fn after_a_failure_nothing_new_is_sent_and_what_was_not_written_is_pending() {
    for kind in ["admit", "departs", "settled"] {
        // Outcomes that come together are written down together.
        for (concurrency, calls) in [(1, 12), (8, if kind == "settled" { 4 } else { 12 })] {
            for from in 1..calls {
                let world = World::new(4, accept_all).shared();
                let notes = Notes { fails: Some((kind, from)), ..Notes::default() };
                let users = users(100);
                let options = Options::for_run().with_concurrency(concurrency.try_into().unwrap());
                let (outcomes, stop) = paused(deliver(&world, &notes, &users, options));
                let what = format!("{kind} {from} {concurrency}");
                let Some(Stop::Journal(problem)) = stop else { panic!("{what}: {stop:?}") };
                assert_eq!(problem.to_string(), "the disk is full");
                assert_eq!(*notes.after_failure.lock().unwrap(), 1, "{what}: it is not called again");
                let events = notes.events();
                let departs: Vec<_> = events.iter().filter(|event| matches!(event, Event::Departs(_))).collect();
                assert_eq!(departs.len(), world.requests(), "{what}: nothing leaves that was not told");
                let sent: Vec<usize> = world.departures().into_iter().flat_map(|departure| departure.rows).collect();
                let mut written = vec![None; users.len()];
                for event in &events {
                    if let Event::Settled(settled) = event {
                        settled.iter().for_each(|(_, row, outcome)| written[*row] = Some(outcome));
                    }
                }
                for (row, outcome) in outcomes.iter().enumerate() {
                    let applied = if sent.contains(&row) { Applied::Maybe } else { Applied::No };
                    match written[row] {
                        Some(written) => assert_eq!(outcome, written, "{what}: row {row}"),
                        None => {
                            let (is, cause) = undelivered(outcome).unwrap();
                            let stopped =
                                matches!(cause, Undelivered::Stopped(stop) if matches!(**stop, Stop::Journal(_)));
                            assert_eq!((is, stopped), (applied, true), "{what}: row {row}");
                        }
                    }
                }
                let accepted = outcomes.iter().filter(|outcome| **outcome == Outcome::Accepted).count();
                assert_eq!(
                    accepted,
                    written.iter().flatten().filter(|outcome| ***outcome == Outcome::Accepted).count()
                );
            }
        }
    }
}

#[test]
fn a_failure_after_a_stop_is_told_all_the_same() {
    paused(async {
        let world = World::new(1, accept_all).shared();
        let notes = Notes { fails: Some(("settled", 1)), ..Notes::default() };
        let delivery = Delivery::with_journal(world.clone(), Options::for_run(), notes);
        let caller = delivery.clone();
        let outcome = tokio::spawn(async move { caller.deliver(update_of(0, 0, 1)).await });
        tokio::time::sleep(Duration::from_millis(10)).await;
        delivery.halt();
        let outcome = outcome.await.unwrap();
        assert!(matches!(undelivered(&outcome), Some((Applied::Maybe, Undelivered::Stopped(_)))), "{outcome:?}");
        assert!(matches!(delivery.summary().stop, Some(Stop::Journal(_))), "{:?}", delivery.summary().stop);
    });
}

#[test]
fn a_lane_that_is_closed_has_let_go_of_its_journal() {
    paused(async {
        let world = World::new(1, accept_all).shared();
        for within in [Duration::ZERO, Duration::from_secs(60)] {
            let notes = Notes::default();
            let delivery = Delivery::with_journal(world.clone(), Options::for_run(), notes.clone());
            let _ = delivery.deliver(update_of(0, 0, 1)).await;
            delivery.close(within).await;
            assert_eq!(Arc::strong_count(&notes.events), 1);
        }
    });
}
