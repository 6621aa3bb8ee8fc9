//! Two updates of one subject are sent in their order, the later one when the earlier one has its outcome, in bounded memory.

use std::collections::BTreeSet;
use std::time::Duration;

use contact_sink_core::{Applied, ContactUpdate, SinkErrorKind, Verdict};
use contact_sink_delivery::{Delivery, Numbered, Options, Outcome};
use futures_util::stream;
use tokio::time::{sleep, timeout};

use crate::run::{Fed, Feed, deliver_rows, paused};
use crate::script::{accept_all, error};
use crate::world::{Request, World, row_of, update_of};

#[test]
fn a_user_named_fifty_times_ends_with_the_last_value() {
    for (fails, max_updates) in [(0, 100), (20, 100), (20, 1)] {
        for seed in 0..5 {
            let script = move |request: &Request<'_>| {
                let roll = fastrand::Rng::with_seed(seed << 32 | request.number as u64).u8(..100);
                if roll < fails { Err(error(SinkErrorKind::Unavailable)) } else { accept_all(request) }
            };
            let world =
                World::new(max_updates, script).with_latency(|number| Duration::from_millis(number as u64 * 37 % 90));
            let world = world.shared();
            let options = Options::for_run().with_seed(seed).with_max_attempts(50.try_into().unwrap());
            let rows = (0..1_000).map(|row| update_of(row, if row % 20 == 7 { 7 } else { row }, 1)).collect();
            let finished = paused(deliver_rows(&world, options, rows));
            assert_eq!(finished.summary.accepted, 1_000);
            assert_eq!(world.stored(7, "field-0"), Some(987));
        }
    }
}

/// An outcome that its caller has not taken yet holds up nothing: the caller may wait for a later update of the same user.
#[test]
fn an_outcome_that_was_not_taken_does_not_block_its_subject() {
    for options in [Options::for_run(), Options::for_service().with_first_after(Duration::ZERO)] {
        let world = World::new(10, accept_all).shared();
        paused(async {
            let delivery = Delivery::new(world.clone(), options.with_max_waiting(2.try_into().unwrap()));
            let first = delivery.try_deliver(update_of(0, 7, 1)).unwrap();
            assert_eq!(delivery.deliver(update_of(1, 7, 1)).await, Outcome::Accepted);
            assert_eq!(first.await, Outcome::Accepted);
            // Where an outcome is met, the current value is sent again.
            let rows = (2..10).map(|row| (row, update_of(row, row % 3, 1)));
            let mut outcomes = delivery.deliver_all(stream::iter(rows.collect::<Vec<_>>()));
            while let Some((row, outcome)) = outcomes.next().await {
                assert_eq!(outcome, Outcome::Accepted);
                assert_eq!(delivery.deliver(update_of(100 + row, row % 3, 1)).await, Outcome::Accepted);
            }
        });
        assert_eq!(world.stored(7, "field-0"), Some(1));
        assert_eq!(world.breaches(), [""; 0]);
    }
}

#[test]
fn a_caller_that_went_away_does_not_block_its_subject() {
    let world = World::new(10, accept_all).shared();
    paused(async {
        let delivery = Delivery::new(world.clone(), Options::for_run());
        assert!(timeout(Duration::from_millis(10), delivery.deliver(update_of(0, 1, 1))).await.is_err());
        assert_eq!(delivery.deliver(update_of(1, 1, 1)).await, Outcome::Accepted);
        assert_eq!(world.departures().iter().map(|departure| departure.rows[0]).collect::<Vec<_>>(), [0, 1]);
    });
}

#[test]
fn an_endless_input_is_never_read_far_ahead() {
    for (max_updates, users) in [(100, usize::MAX), (10, usize::MAX), (10, 20)] {
        let world = World::new(max_updates, accept_all).shared();
        paused(async {
            let delivery = Delivery::new(world.clone(), Options::for_run().with_max_waiting(50.try_into().unwrap()));
            let endless = (0..).map(move |row| update_of(row, row % users, 1));
            let mut outcomes = delivery.deliver_all(Feed::new(world.clone(), endless));
            for nth in 0..2_000 {
                let (row, outcome) = outcomes.next().await.unwrap();
                assert_eq!(outcome, Outcome::Accepted);
                world.row_taken(row % users, row);
                if nth % 500 == 0 {
                    sleep(Duration::from_secs(5)).await;
                }
            }
        });
        assert_eq!(world.most_ahead(), 50);
        assert_eq!(world.breaches(), [""; 0]);
    }
}

#[test]
fn an_input_with_nothing_to_give_keeps_no_place() {
    paused(async {
        let delivery = Delivery::new(
            World::new(10, accept_all).shared(),
            Options::for_run().with_max_waiting(1.try_into().unwrap()),
        );
        let (rows, input) = tokio::sync::mpsc::unbounded_channel();
        let mut outcomes = delivery.deliver_all(Fed(input));
        let streamed = tokio::spawn(async move { (outcomes.next().await, outcomes.next().await, outcomes) });
        sleep(Duration::from_secs(1)).await;
        assert_eq!(delivery.deliver(update_of(0, 1, 1)).await, Outcome::Accepted);
        rows.send((7, update_of(7, 2, 1))).unwrap();
        drop(rows);
        let (first, second, _outcomes) = streamed.await.unwrap();
        assert_eq!((first, second), (Some((7, Outcome::Accepted)), None));
        assert_eq!(delivery.deliver(update_of(1, 3, 1)).await, Outcome::Accepted, "nor does one that is over");
    });
}

/// The next run sends the one that was given up again: what came after it in the input must not be there before.
#[test]
fn numbered_updates_behind_one_that_was_given_up_are_left_to_the_next_run() {
    paused(async {
        let is_bad = |update: &ContactUpdate| row_of(update) == 1;
        let script = move |request: &Request<'_>| {
            let verdict = |update| if is_bad(update) { Verdict::Retry { code: None } } else { Verdict::Accepted };
            Ok(request.batch.iter().map(verdict).collect())
        };
        // The others keep it from being taken for an outage.
        let world = World::new(1, script).with_quota("20/s").shared();
        let delivery = Delivery::new(world.clone(), Options::for_run());
        let users = [0, 1, 2, 1, 2, 1].into_iter().chain(3..2_000);
        let numbered = |(row, user)| Numbered::new(row as u64, update_of(row, user, 1));
        let rows: Vec<Numbered> = users.enumerate().map(numbered).collect();
        let mut outcomes = delivery.deliver_numbered(stream::iter(rows));
        let mut pending = BTreeSet::new();
        while let Some((row, outcome)) = outcomes.next().await {
            if let Outcome::Undelivered { applied, .. } = outcome {
                assert_eq!(applied, if row == 1 { Applied::Maybe } else { Applied::No });
                pending.insert(row);
            }
        }
        assert_eq!(pending, [1, 3, 5].into());
        assert!(world.departures().iter().all(|request| !request.rows.contains(&3) && !request.rows.contains(&5)));
        // A service sends nothing again: its newer value goes.
        assert_eq!(delivery.deliver(update_of(3_000, 1, 1)).await, Outcome::Accepted);
        assert_eq!(outcomes.summary().stop, None);
    });
}
