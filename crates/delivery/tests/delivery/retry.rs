//! What failed is sent again: how often, after which pause, and what the caller is told in the end.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use contact_sink_core::{Applied, Retry, SinkErrorKind, Verdict};
use contact_sink_delivery::{Delivery, Limiter, Options, Undelivered};
use tokio::time::{Instant, timeout};

use crate::run::{deliver_rows, deliver_users, ended, failure, paused, undelivered};
use crate::script::{Wording, accept_all, error, refuse_all};
use crate::world::{Request, World, row_of, update_of};

const LATENCY: Duration = Duration::from_millis(20);

/// The first request gets through; every later one fails.
fn failing(kind: SinkErrorKind) -> World {
    World::new(10, move |request| if request.number == 1 { accept_all(request) } else { Err(error(kind)) })
}

/// The pauses between the answer to one request and the departure of the next, from the first that failed on.
fn pauses(world: &World) -> Vec<Duration> {
    world.departures()[1..].windows(2).map(|pair| pair[1].at - pair[0].at - LATENCY).collect()
}

#[test]
fn an_update_that_ran_out_of_tries_is_unsettled_with_what_is_known() {
    for (kind, expected) in [
        (SinkErrorKind::Timeout, Applied::Maybe),
        (SinkErrorKind::Unavailable, Applied::Maybe),
        (SinkErrorKind::Connect, Applied::No),
        (SinkErrorKind::Throttled, Applied::No),
    ] {
        for (options, attempts) in
            [(Options::for_run(), 8), (Options::for_run().with_max_attempts(3.try_into().unwrap()), 3)]
        {
            // Others get through all the while: the vendor is not down.
            let script = move |request: &Request<'_>| match row_of(&request.batch[0]) {
                10 => Err(error(kind)),
                _ => accept_all(request),
            };
            let world = World::new(1, script).with_latency(|_| Duration::from_millis(100)).shared();
            let mut finished = paused(deliver_users(&world, options.with_concurrency(2.try_into().unwrap()), 800));
            assert_eq!((world.requests(), finished.summary.retries), (799 + attempts, attempts as u64 - 1));
            assert_eq!(finished.undelivered(), [10]);
            for outcome in finished.outcomes.drain(10..11) {
                let (applied, cause) = failure(&outcome);
                assert_eq!((applied, cause.kind()), (expected, kind));
            }
            assert_eq!(finished.summary.stop, None);
        }
    }
}

#[test]
fn one_lost_answer_among_the_failures_is_not_forgotten() {
    let script = |request: &Request<'_>| match request.number {
        1 => accept_all(request),
        4 => Err(error(SinkErrorKind::Interrupted)),
        _ => Err(error(SinkErrorKind::Connect)),
    };
    // It ends by the patience, with more attempts than an update has.
    let world = World::new(1, script).shared();
    let finished = paused(deliver_users(&world, Options::for_run(), 2));
    assert!(world.requests() > 10);
    let (applied, cause) = failure(&finished.outcomes[1]);
    assert_eq!((applied, cause.kind()), (Applied::Maybe, SinkErrorKind::Connect));
}

#[test]
fn a_vendor_that_asks_for_no_wait_is_not_hammered() {
    for kind in [SinkErrorKind::Unavailable, SinkErrorKind::Throttled] {
        for first_good in [0, 1] {
            let requests = |retry| {
                let script = move |request: &Request<'_>| match request.number > first_good {
                    true => Err(error(kind).with_retry(retry)),
                    false => accept_all(request),
                };
                let world = World::new(1, script).with_quota("100/s").shared();
                let options = Options::for_run()
                    .with_unreachable_after(Duration::from_secs(60))
                    .with_patience(Duration::from_secs(60));
                paused(deliver_users(&world, options, 100));
                let departures = world.departures();
                departures.iter().filter(|departure| departure.at - departures[0].at < Duration::from_secs(10)).count()
            };
            let (asked, ours) = (requests(Retry::After(Duration::ZERO)), requests(Retry::Backoff));
            assert!(
                asked <= ours.max(20),
                "{asked} requests in 10 s, and {ours} without a header: {kind:?}, {first_good}"
            );
        }
    }
}

#[test]
fn pauses_have_full_jitter_under_a_ceiling_that_doubles() {
    let (mut shortest, mut longest) = ([Duration::MAX; 11], [Duration::ZERO; 11]);
    for seed in 0..100 {
        let world = failing(SinkErrorKind::Connect).shared();
        let options = Options::for_run().with_seed(seed).with_max_attempts(12.try_into().unwrap());
        paused(deliver_users(&world, options, 11));
        for (attempt, pause) in pauses(&world).into_iter().take(11).enumerate() {
            let ceiling = Duration::from_millis(200 << attempt).min(Duration::from_secs(30));
            // A timer may be late by its tick.
            assert!(pause <= ceiling + Duration::from_millis(1), "attempt {attempt}: {pause:?}");
            shortest[attempt] = shortest[attempt].min(pause);
            longest[attempt] = longest[attempt].max(pause);
        }
    }
    for (attempt, (shortest, longest)) in shortest.into_iter().zip(longest).enumerate() {
        let ceiling = Duration::from_millis(200 << attempt).min(Duration::from_secs(30));
        assert!(longest > ceiling.mul_f64(0.8), "attempt {attempt}: full jitter comes near its ceiling");
        assert!(shortest < ceiling.mul_f64(0.2), "attempt {attempt}: and near none");
    }
}

#[test]
fn a_vendors_wait_is_kept_and_only_by_what_it_was_asked_of() {
    for wait in [Duration::from_millis(1), Duration::from_millis(1_234), Duration::from_secs(3_600)] {
        let script = move |request: &Request<'_>| match request.number {
            3 => Err(error(SinkErrorKind::Unavailable).with_retry(Retry::After(wait))),
            _ => accept_all(request),
        };
        let world = World::new(10, script).shared();
        paused(deliver_users(&world, Options::for_run(), 200));
        let departures = world.departures();
        let again = departures.iter().rposition(|departure| departure.rows == departures[2].rows).unwrap();
        let waited = departures[again].at - departures[2].at - LATENCY;
        // Our own pause is the least: 200 ms at most after a first failure.
        assert!(waited >= wait && (waited == wait || waited <= Duration::from_millis(200)), "{waited:?} for {wait:?}");
        assert_eq!(departures.len(), 21);
        let others = departures[..again].iter().filter(|departure| departure.at > departures[2].at).count();
        assert!(wait < LATENCY || others > 0, "the others go on");
    }
}

#[test]
fn only_the_updates_that_asked_for_it_are_sent_again() {
    let script = |request: &Request<'_>| {
        let again = |row: usize| request.number == 1 && row.is_multiple_of(3);
        let verdict = |row| if again(row) { Verdict::Retry { code: Some(1.into()) } } else { Verdict::Accepted };
        Ok(request.batch.iter().map(|update| verdict(row_of(update))).collect())
    };
    let world = World::new(10, script).shared();
    let finished = paused(deliver_users(&world, Options::for_run(), 10));
    let rows: Vec<_> = world.departures().into_iter().map(|departure| departure.rows).collect();
    assert_eq!(rows, [vec![0, 1, 2, 3, 4, 5, 6, 7, 8, 9], vec![0, 3, 6, 9]]);
    assert_eq!((finished.summary.accepted, finished.summary.retries), (10, 1));
}

#[test]
fn a_vendors_wait_is_kept_by_a_try_too() {
    let wait = Duration::from_secs(60);
    // Everything but two rows is refused, and one of these was told to wait: it is all that is left to try.
    let script = move |request: &Request<'_>| match (row_of(&request.batch[0]), request.number) {
        (1, 2) => Err(error(SinkErrorKind::Unavailable).with_retry(Retry::After(wait))),
        (0 | 1, _) => accept_all(request),
        _ => refuse_all(request, Wording::Listed),
    };
    let world = World::new(1, script).shared();
    let options = Options::for_run().with_concurrency(1.try_into().unwrap());
    let finished = paused(deliver_users(&world, options, 12));
    assert_eq!((finished.summary.accepted, finished.summary.rejected), (2, 10));
    let departures = world.departures();
    assert_eq!(departures.len(), 13);
    assert_eq!(departures[12].at - departures[1].at, LATENCY + wait);
}

#[test]
fn only_failures_in_a_row_count() {
    // Each request, of all four and then of each half, is answered at the third attempt only.
    let asked = Mutex::new(HashMap::new());
    let script = move |request: &Request<'_>| {
        let rows: Vec<usize> = request.batch.iter().map(row_of).collect();
        let mut asked = asked.lock().unwrap();
        let attempts = asked.entry(rows).or_insert(0);
        *attempts += 1;
        match (*attempts, request.batch.len()) {
            (1 | 2, _) => Err(error(SinkErrorKind::Connect)),
            (_, 1) => accept_all(request),
            _ => refuse_all(request, Wording::Listed),
        }
    };
    let world = World::new(4, script).shared();
    let finished = paused(deliver_users(&world, Options::for_run().with_max_attempts(3.try_into().unwrap()), 4));
    assert_eq!(finished.summary.accepted, 4);
}

/// Nothing but the backoff of each, the requests in flight and the quota holds retries back.
#[test]
fn many_retries_at_once_take_no_longer_than_their_backoff() {
    // The first request of two updates in three fails: never four in a row, which is an outage.
    let script = |request: &Request<'_>| {
        if request.number <= 450 && request.number % 3 != 1 {
            Err(error(SinkErrorKind::Connect))
        } else {
            accept_all(request)
        }
    };
    let world = World::new(1, script).shared();
    let options = Options::for_run().with_concurrency(450.try_into().unwrap());
    let finished = paused(deliver_users(&world, options, 450));
    assert_eq!((finished.summary.accepted, finished.summary.retries), (450, 300));
    assert!(finished.took < Duration::from_secs(2), "{:?}", finished.took);
}

#[test]
fn a_vendor_that_fails_one_request_in_ten_costs_little_time() {
    for seed in 0..8 {
        let script = move |request: &Request<'_>| {
            let fails = fastrand::Rng::with_seed(seed << 32 | request.number as u64).u8(..10) == 0;
            if fails { Err(error(SinkErrorKind::Unavailable)) } else { accept_all(request) }
        };
        let world = World::new(100, script).with_quota("100/s").shared();
        let finished = paused(deliver_users(&world, Options::for_run().with_seed(seed), 20_000));
        assert_eq!(finished.summary.accepted, 20_000);
        assert!(finished.took <= Duration::from_millis(3_500), "{:?}", finished.took);
    }
}

/// A vendor can ask for a wait that no clock can hold. It must not end the lane's task.
#[test]
fn an_absurd_wait_is_waited_for_and_can_be_broken_off() {
    for (kind, quota) in [(SinkErrorKind::Unavailable, None), (SinkErrorKind::Throttled, Some("10/s"))] {
        paused(async {
            let world = World::new(1, move |_| Err(error(kind).with_retry(Retry::After(Duration::MAX))));
            let world = Arc::new(quota.into_iter().fold(world, World::with_quota));
            let delivery = Delivery::new(world.clone(), Options::for_run().with_unreachable_after(None));
            let began = Instant::now();
            let caller = tokio::spawn({
                let delivery = delivery.clone();
                async move { delivery.deliver(update_of(0, 0, 1)).await }
            });
            tokio::time::sleep(Duration::from_secs(1_000_000)).await;
            assert_eq!((world.requests(), caller.is_finished()), (1, false));
            delivery.halt();
            assert_eq!(undelivered(&caller.await.unwrap()).unwrap().1, &Undelivered::Closed);
            assert!(began.elapsed() < Duration::from_secs(1_000_001));
            drop(delivery);
            ended(&world).await;
        });
    }
}

#[test]
fn a_request_that_fails_as_a_whole_is_sent_again_as_a_whole() {
    let script = |request: &Request<'_>| match request.number {
        1 => Err(error(SinkErrorKind::Unreadable)),
        _ => accept_all(request),
    };
    let world = World::new(10, script).shared();
    let rows = (0..10).map(|row| update_of(row, row, 2)).collect();
    paused(deliver_rows(&world, Options::for_run(), rows));
    let departures = world.departures();
    assert_eq!((departures.len(), &departures[0].rows), (2, &departures[1].rows));
}

/// What a user interface can show while the vendor makes the lane wait.
#[test]
fn a_long_wait_is_told() {
    let minute = Duration::from_secs(60);
    for (kind, quota) in [(SinkErrorKind::Unavailable, "1000/s"), (SinkErrorKind::Throttled, "100/s")] {
        paused(async {
            let script = move |request: &Request<'_>| match request.number {
                2 => Err(error(kind).with_retry(Retry::After(minute))),
                _ => accept_all(request),
            };
            // The first is answered after 2 s, the second, which is told to wait, after 4, and the third after 22.
            let latency = |number| Duration::from_secs(if number == 3 { 20 } else { 2 });
            let world = World::new(1, script).with_quota(quota).with_latency(latency).shared();
            let delivery = Delivery::new(world.clone(), Options::for_run());
            for user in 0..3 {
                let delivery = delivery.clone();
                tokio::spawn(async move { delivery.deliver(update_of(user, user, 1)).await });
            }
            let began = Instant::now();
            for (at_ms, requests, told_ms) in
                [(3_900, 3, None), (5_000, 3, None), (25_000, 3, Some(39_000)), (63_500, 3, None), (64_500, 4, None)]
            {
                tokio::time::sleep_until(began + Duration::from_millis(at_ms)).await;
                let told = delivery.summary().waits;
                assert_eq!(
                    (world.requests(), told.is_some()),
                    (requests, told_ms.is_some()),
                    "{kind} {at_ms}: {told:?}"
                );
                let off = told.unwrap_or_default().abs_diff(Duration::from_millis(told_ms.unwrap_or_default()));
                assert!(off < Duration::from_millis(50), "{kind} {at_ms}: {told:?}");
            }
            assert_eq!(delivery.close(minute).await.accepted, 3);
        });
    }
    // A lane that has sent nothing is told of the wait that another one's request brought about.
    paused(async {
        let limiter = Limiter::new("100/s".parse().unwrap());
        let world = World::new(1, accept_all).shared();
        let delivery = Delivery::new(world.clone(), Options::for_run().with_limiter(limiter.clone()));
        for _ in 0..7 {
            limiter.permit().await.throttled(Some(minute));
        }
        assert!(timeout(minute / 2, delivery.deliver(update_of(0, 0, 1))).await.is_err());
        let told = delivery.summary().waits.unwrap();
        assert!(told.abs_diff(minute / 2) < Duration::from_millis(50), "{told:?}");
        assert_eq!((delivery.close(minute).await.accepted, world.requests()), (1, 1));
    });
}
