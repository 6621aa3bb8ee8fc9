//! Departures use the quota fully, never exceed it, and follow what the vendor says.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use contact_sink_core::{Retry, SinkErrorKind};
use contact_sink_delivery::{Delivery, Limiter, Options};
use tokio::time::{Instant, timeout};

use crate::run::{deliver_users, paused};
use crate::script::{accept_all, error};
use crate::world::{Request, World, update_of};

const SECOND: Duration = Duration::from_secs(1);

fn departures(worlds: &[&World]) -> Vec<Instant> {
    let mut all: Vec<Instant> =
        worlds.iter().flat_map(|world| world.departures()).map(|departure| departure.at).collect();
    all.sort();
    all
}

/// The most departures in any window.
fn most_in(departures: &[Instant], window: Duration) -> usize {
    let within = |from: &Instant| departures.iter().filter(|at| *at >= from && **at - *from < window).count();
    departures.iter().map(within).max().unwrap_or_default()
}

fn span(departures: &[Instant]) -> Duration {
    *departures.last().unwrap() - departures[0]
}

#[test]
fn the_quota_is_used_fully_and_never_exceeded() {
    for (quota, rows, max_updates, window, longest) in [
        ("100/s", 20_000, 100, SECOND, Duration::from_millis(2_100)),
        ("500/s", 2_000, 1, SECOND, Duration::from_millis(4_200)),
        ("3/s", 60, 1, SECOND, Duration::from_secs(21)),
        ("50/10s", 150, 1, 10 * SECOND, Duration::from_secs(31)),
        ("1000/m", 2_000, 1, 60 * SECOND, Duration::from_secs(125)),
    ] {
        let world = World::new(max_updates, accept_all).with_quota(quota).shared();
        let finished = paused(deliver_users(&world, Options::for_run(), rows));
        let departures = departures(&[&world]);
        assert_eq!(finished.summary.accepted, rows as u64);
        assert_eq!(departures.len(), rows / max_updates);
        let most: usize = quota.split('/').next().unwrap().parse().unwrap();
        assert!(most_in(&departures, window) <= most, "{quota}: {}", most_in(&departures, window));
        assert!(span(&departures) <= longest, "{quota}: {:?}", span(&departures));
    }
}

#[test]
fn two_lanes_with_one_limiter_share_the_quota_fairly() {
    let worlds = [World::new(100, accept_all).shared(), World::new(100, accept_all).shared()];
    paused(async {
        let options = Options::for_run().with_limiter(Limiter::new("100/s".parse().unwrap()));
        tokio::join!(deliver_users(&worlds[0], options.clone(), 10_000), deliver_users(&worlds[1], options, 10_000));
    });
    let both = departures(&[&worlds[0], &worlds[1]]);
    assert!(most_in(&both, SECOND) <= 100);
    assert!(span(&both) <= Duration::from_millis(2_100), "{:?}", span(&both));
    for world in &worlds {
        let first_half = world.departures().iter().filter(|departure| departure.at - both[0] < SECOND).count();
        assert!((45..=55).contains(&first_half), "{first_half}");
    }
}

#[test]
fn throttling_holds_the_lane_then_it_goes_on_slower_and_comes_back() {
    for asked in [None, Some(Duration::from_millis(2_500)), Some(Duration::from_millis(1))] {
        let script = move |request: &Request<'_>| match (request.number, asked) {
            (50, None) => Err(error(SinkErrorKind::Throttled)),
            (50, Some(wait)) => Err(error(SinkErrorKind::Throttled).with_retry(Retry::After(wait))),
            _ => accept_all(request),
        };
        let world = World::new(1, script).with_quota("100/s").shared();
        let finished = paused(deliver_users(&world, Options::for_run(), 3_000));
        assert_eq!(finished.summary.accepted, 3_000);
        let departures = departures(&[&world]);
        let answered = departures[49] + Duration::from_millis(20);
        let next = departures.iter().find(|at| **at > answered).unwrap();
        assert_eq!(*next - answered, asked.unwrap_or(SECOND));
        let in_second = |nth: u32| {
            let from = *next + nth * SECOND;
            departures.iter().filter(|at| **at >= from && **at < from + SECOND).count()
        };
        assert!(
            (45..=55).contains(&in_second(0)),
            "about as many as were accepted in the last window: {}",
            in_second(0)
        );
        assert!(in_second(4) > in_second(0) + 10);
        assert!(in_second(15) >= 98, "{}", in_second(15));
        assert!(most_in(&departures, SECOND) <= 100);
    }
}

/// What left before the lane was held may be throttled too: a longer wait counts, the same news once more does not.
#[test]
fn throttling_of_what_left_before_holds_the_lane_once() {
    for (second_wait, held_until_ms) in [(Some(Duration::from_secs(5)), 5_030), (None, 1_020)] {
        let script = move |request: &Request<'_>| match (request.number, second_wait) {
            (20, _) | (21, None) => Err(error(SinkErrorKind::Throttled)),
            (21, Some(wait)) => Err(error(SinkErrorKind::Throttled).with_retry(Retry::After(wait))),
            _ => accept_all(request),
        };
        let world = World::new(1, script).with_quota("100/s").shared();
        paused(deliver_users(&world, Options::for_run(), 100));
        let departures = departures(&[&world]);
        let held = Duration::from_millis(held_until_ms);
        let next = departures.iter().find(|at| **at > departures[19] + Duration::from_millis(100)).unwrap();
        let late = (*next - departures[19]).abs_diff(held);
        assert!(late <= Duration::from_millis(3), "{:?}", *next - departures[19]);
    }
    // The answer to the nineteenth comes when the lane goes on already.
    let script = |request: &Request<'_>| match request.number {
        19 => Err(error(SinkErrorKind::Throttled)),
        20 => Err(error(SinkErrorKind::Throttled).with_retry(Retry::After(Duration::from_millis(50)))),
        _ => accept_all(request),
    };
    let latency = |number| Duration::from_millis(if number == 19 { 300 } else { 20 });
    let world = World::new(1, script).with_quota("100/s").with_latency(latency).shared();
    paused(deliver_users(&world, Options::for_run(), 100));
    let longest = departures(&[&world]).windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
    assert!(longest < SECOND / 2, "{longest:?}");
}

#[test]
fn what_was_throttled_goes_first() {
    let script = |request: &Request<'_>| match request.number {
        20..=40 => Err(error(SinkErrorKind::Throttled)),
        _ => accept_all(request),
    };
    let world = World::new(1, script).with_quota("1000/s").with_latency(|_| Duration::from_millis(25)).shared();
    let finished = paused(deliver_users(&world, Options::for_run(), 200));
    assert_eq!((finished.summary.accepted, finished.summary.retries), (200, 21));
    let rows: Vec<usize> = world.departures().iter().map(|departure| departure.rows[0]).collect();
    let again = rows.iter().rposition(|row| *row == rows[19]).unwrap();
    assert!(again <= 60, "{again}");

    let script = |request: &Request<'_>| match request.number {
        20..=99 => Err(error(SinkErrorKind::Throttled)),
        _ => accept_all(request),
    };
    let world = World::new(1, script).with_quota("1000/s").with_latency(|_| Duration::from_millis(200)).shared();
    let options = Options::for_run().with_concurrency(200.try_into().unwrap());
    let finished = paused(deliver_users(&world, options, 120));
    assert_eq!((finished.summary.accepted, finished.summary.retries), (120, 80));
    assert!(finished.took < Duration::from_secs(10), "{:?}", finished.took);
}

#[test]
fn what_was_throttled_leaves_as_soon_as_the_lane_is_no_longer_held() {
    let script = |request: &Request<'_>| match request.number {
        1..7 => Err(error(SinkErrorKind::Throttled)),
        _ => accept_all(request),
    };
    let world = World::new(1, script).with_quota("100/s").shared();
    paused(deliver_users(&world, Options::for_run(), 1));
    for pair in departures(&[&world]).windows(2) {
        assert_eq!(pair[1] - pair[0], Duration::from_millis(20) + SECOND, "no backoff on top");
    }
}

#[test]
fn a_lane_that_no_longer_wants_to_send_leaves_its_turn_to_others() {
    paused(async {
        let limiter = Limiter::new("1/s".parse().unwrap());
        let options = Options::for_run().with_limiter(limiter.clone());
        let world = World::new(1, accept_all).shared();
        let delivery = Delivery::new(world.clone(), options);
        for user in 0..3 {
            let delivery = delivery.clone();
            tokio::spawn(async move { delivery.deliver(update_of(user, user, 1)).await });
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        delivery.halt();
        drop(limiter.permit().await);
        let waited = Instant::now() - world.departures()[0].at;
        assert!(world.requests() == 1 && waited < Duration::from_millis(1_012), "{waited:?}");
    });
}

#[test]
fn permits_come_in_turn_and_one_that_is_not_waited_for_takes_nothing() {
    paused(async {
        let limiter = Limiter::new("100/s".parse().unwrap());
        let began = Instant::now();
        let came = Arc::new(Mutex::new(Vec::new()));
        let mut waiting = Vec::new();
        for nth in 0..40 {
            let (limiter, came) = (limiter.clone(), came.clone());
            waiting.push(tokio::spawn(async move {
                let permit = limiter.permit().await;
                came.lock().unwrap().push((nth, began.elapsed()));
                drop(permit);
            }));
            tokio::task::yield_now().await;
        }
        tokio::time::sleep(Duration::from_millis(15)).await;
        for nth in (5..40).step_by(2) {
            waiting[nth].abort();
        }
        for task in waiting {
            let _ = task.await;
        }
        let came = came.lock().unwrap();
        let order: Vec<usize> = came.iter().map(|(nth, _)| *nth).collect();
        assert_eq!(order, Vec::from_iter((0..40).filter(|nth| *nth < 5 || nth % 2 == 0)));
        for (place, (_, at)) in came.iter().enumerate() {
            let due = Duration::from_secs_f64(place as f64 / 99.0);
            assert!(*at >= due && *at <= due + Duration::from_millis(1), "{place}: {at:?}");
        }
    });
}

#[test]
fn typed_calls_can_hold_the_limiter_too() {
    paused(async {
        let limiter = Limiter::new("100/s".parse().unwrap());
        let began = Instant::now();
        limiter.permit().await.throttled(Some(Duration::from_secs(3)));
        drop(limiter.permit().await);
        assert_eq!(began.elapsed(), Duration::from_secs(3));
        limiter.permit().await.throttled(Some(Duration::MAX));
        let never = timeout(Duration::from_secs(1_000_000), limiter.permit()).await;
        assert!(never.is_err(), "held for as long as the vendor asked");
    });
}

/// How long after the one before a permit comes, if it is asked for so much later than it was due.
#[test]
fn a_late_departure_is_caught_up_by_three_milliseconds_and_an_idle_time_earns_no_burst() {
    let slot = SECOND.div_f64(99.0);
    let most = Duration::from_millis(3);
    for late in
        [Duration::ZERO, Duration::from_millis(2), Duration::from_millis(3), Duration::from_millis(8), 60 * SECOND]
    {
        paused(async {
            let limiter = Limiter::new("100/s".parse().unwrap());
            drop(limiter.permit().await);
            tokio::time::advance(slot + late).await;
            let began = Instant::now();
            let mut came = Vec::new();
            for _ in 0..6 {
                drop(limiter.permit().await);
                came.push(began.elapsed());
            }
            for (nth, at) in came.into_iter().enumerate() {
                let due = if nth == 0 { Duration::ZERO } else { slot * nth as u32 - late.min(most) };
                // A timer is late by its tick at most.
                assert!(at >= due && at <= due + Duration::from_millis(1), "{late:?} {nth}: {at:?}, due {due:?}");
            }
        });
    }
}
