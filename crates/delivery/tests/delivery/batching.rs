//! Updates share requests: by count, by linger time, at once at the end of an input, and only where they may.

use std::sync::Arc;
use std::time::Duration;

use contact_sink_core::{Overlap, Retry, SinkErrorKind};
use contact_sink_delivery::{Delivery, Options, Outcome};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::run::{deliver_rows, deliver_users, paused};
use crate::script::{Blame, Wording, accept_all, error, refuse_users};
use crate::world::{Request, World, update_of};

/// So many callers, each with a user of its own.
fn callers(delivery: &Delivery, users: impl Iterator<Item = usize>) -> Vec<JoinHandle<Outcome>> {
    let call = |user| {
        let delivery = delivery.clone();
        tokio::spawn(async move { delivery.deliver(update_of(user, user, 1)).await })
    };
    users.map(call).collect()
}

#[test]
fn a_hundred_callers_become_batches_and_each_has_its_own_outcome() {
    for (max_updates, most_requests) in [(100, 2), (50, 3), (25, 5)] {
        let is_bad = |user: usize| user.is_multiple_of(10);
        let world =
            World::new(max_updates, refuse_users(is_bad, Blame::AllAndTheRestIsTaken, Wording::Listed)).shared();
        paused(async {
            let delivery = Delivery::new(world.clone(), Options::for_run());
            for (user, caller) in callers(&delivery, 0..100).into_iter().enumerate() {
                let outcome = caller.await.unwrap();
                assert_eq!(matches!(outcome, Outcome::Rejected { .. }), is_bad(user));
                assert_eq!(outcome == Outcome::Accepted, !is_bad(user));
            }
        });
        assert!(world.requests() <= most_requests, "{}", world.requests());
        assert_eq!(world.breaches(), [""; 0]);
    }
}

/// Whenever callers go away: what the lane has is sent all the same, in their subjects' order, and nobody else loses anything.
#[test]
fn callers_that_go_away_lose_nothing_for_the_others() {
    for (when_ms, requests_until_then) in [(2, 0), (20, 1), (500, 1), (1_040, 2), (1_070, 2)] {
        let script = |request: &Request<'_>| match request.number {
            1 => Err(error(SinkErrorKind::Unavailable).with_retry(Retry::After(Duration::from_secs(1)))),
            _ => accept_all(request),
        };
        let world = World::new(50, script).shared();
        paused(async {
            let options = Options::for_run().with_max_waiting(30.try_into().unwrap());
            let delivery = Delivery::new(world.clone(), options.with_linger(Duration::from_millis(10)));
            let all = callers(&delivery, 0..40);
            tokio::time::sleep(Duration::from_millis(when_ms)).await;
            assert_eq!(world.requests(), requests_until_then, "{when_ms}");
            for caller in all.iter().step_by(3) {
                caller.abort();
            }
            for (user, caller) in all.into_iter().enumerate() {
                match caller.await {
                    Ok(outcome) => assert_eq!(outcome, Outcome::Accepted),
                    Err(gone) => assert!(gone.is_cancelled() && user % 3 == 0),
                }
            }
            assert_eq!(delivery.deliver(update_of(1_000, 0, 1)).await, Outcome::Accepted);
        });
        let stored = |user: usize| world.stored(user, "field-0");
        assert!((1..30).all(|user| stored(user) == Some(user)), "{when_ms}: what the lane had");
        assert_eq!(stored(0), Some(1_000), "{when_ms}: the later one of that subject came last");
        assert!((30..40).all(|user| user % 3 == 0 || stored(user) == Some(user)));
    }
}

#[test]
fn a_lone_update_lingers_and_a_full_batch_does_not() {
    let linger = Duration::from_millis(300);
    let world = World::new(10, accept_all).shared();
    paused(async {
        let delivery = Delivery::new(world.clone(), Options::for_run().with_linger(linger));
        let began = Instant::now();
        let lone = callers(&delivery, 0..1);
        tokio::time::sleep(Duration::from_millis(200)).await;
        let joining = callers(&delivery, 1..3);
        for caller in lone.into_iter().chain(joining) {
            let _ = caller.await.unwrap();
        }
        assert_eq!(world.departures()[0].at - began, linger, "the one that came first decides");
        assert_eq!(world.departures()[0].users, [0, 1, 2]);

        for first in [10, 30] {
            let (before, began) = (world.requests(), Instant::now());
            let (full, rest) = (callers(&delivery, first..first + 10), callers(&delivery, first + 10..first + 13));
            for caller in full.into_iter().chain(rest) {
                let _ = caller.await.unwrap();
            }
            let departures = world.departures().split_off(before);
            let left: Vec<_> =
                departures.iter().map(|departure| (departure.users.len(), departure.at - began)).collect();
            assert_eq!(left, [(10, Duration::ZERO), (3, linger)]);
        }
    });
}

#[test]
fn linger_without_end_means_full_batches_and_the_end_of_the_input() {
    let world = World::new(10, accept_all).shared();
    let finished = paused(deliver_users(&world, Options::for_run().with_linger(Duration::MAX), 25));
    let sizes: Vec<usize> = world.departures().iter().map(|departure| departure.users.len()).collect();
    assert_eq!((finished.summary.accepted, sizes), (25, vec![10, 10, 5]));
    assert!(finished.took <= Duration::from_millis(60), "the end of the input is not lingered for");
}

#[test]
fn keys_share_no_request_and_a_key_that_must_not_overlap_does_not() {
    for (keys, overlap, most_flying) in [(1, Overlap::Free, 32), (1, Overlap::OnePerKey, 1), (5, Overlap::OnePerKey, 5)]
    {
        let world = World::new(10, accept_all).with_keys(keys, overlap).shared();
        let rows = (0..2_000).map(|row| update_of(row, row, 1)).collect();
        let finished = paused(deliver_rows(&world, Options::for_run(), rows));
        assert_eq!((finished.summary.accepted, world.requests()), (2_000, 200));
        assert_eq!(world.most_flying(), most_flying);
    }
}

/// Ten thousand wait at once, each under a key of its own or all under one, and all of them fail first.
#[test]
fn ten_thousand_waiting_updates_are_no_burden() {
    for (keys, overlap, fails) in
        [(10_000, Overlap::OnePerKey, false), (10_000, Overlap::Free, true), (1, Overlap::OnePerKey, false)]
    {
        let world = World::new(1, move |request| match request.number {
            // Not four in a row, which is an outage.
            2..=7_500 if fails && request.number % 3 > 0 => Err(error(SinkErrorKind::Connect)),
            _ => accept_all(request),
        });
        let world: Arc<World> = world.with_keys(keys, overlap).shared();
        let options = Options::for_run().with_max_attempts(100.try_into().unwrap());
        let finished = paused(deliver_users(&world, options, 10_000));
        assert_eq!(finished.summary.accepted, 10_000);
    }
}
