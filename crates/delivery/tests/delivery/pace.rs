//! Departures use the quota fully, never exceed it, and follow what the vendor says.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use contact_sink_core::{Retry, SinkError, SinkErrorKind};
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
fn a_vendor_that_throttles_everything_gets_probes_and_then_what_it_accepted() {
    let (from, to) = (2 * SECOND, 7 * SECOND);
    for asked in [None, Some(Duration::from_millis(1_700)), Some(Duration::from_millis(1))] {
        let began = Arc::new(Mutex::new(None));
        let script = move |request: &Request<'_>| {
            let at = began.lock().unwrap().get_or_insert_with(Instant::now).elapsed();
            let throttled = || asked.into_iter().fold(error(SinkErrorKind::Throttled), after_a_wait);
            if at >= from && at < to { Err(throttled()) } else { accept_all(request) }
        };
        let world = World::new(1, script).with_quota("100/s").shared();
        let finished = paused(deliver_users(&world, Options::for_run(), 3_000));
        assert_eq!(finished.summary.accepted, 3_000);
        let departures = departures(&[&world]);
        let within = |from, to| {
            let sent = departures.iter().map(|at| *at - departures[0]);
            sent.filter(|at| *at >= from && *at < to).count()
        };
        let probes = within(from + SECOND / 10, to);
        let most = if asked.is_some_and(|wait| wait > SECOND) { 4 } else { 14 };
        assert!((2..=most).contains(&probes), "{asked:?}: {probes}");
        let next = 2 * SECOND;
        assert!(within(to, to + next) > 0, "{asked:?}: probes go on");
        let accepted = within(to + next, to + next + SECOND);
        assert!((85..=97).contains(&accepted), "about as many as in the last window before: {accepted}");
        assert!(within(to + 5 * SECOND, to + 6 * SECOND) >= 98);
        assert!(most_in(&departures, SECOND) <= 100);
    }
}

/// Probes during a hold too.
#[test]
fn the_quota_is_kept_while_everything_is_throttled() {
    let minute = 60 * SECOND;
    for (quota, per, latency) in [
        ("1/s", SECOND, SECOND / 2),
        ("3/s", SECOND, SECOND / 3),
        ("100/s", SECOND, SECOND / 2),
        ("5/m", minute, SECOND),
        ("20/m", minute, SECOND),
    ] {
        let began = Arc::new(Mutex::new(None));
        let script = move |request: &Request<'_>| {
            let at = began.lock().unwrap().get_or_insert_with(Instant::now).elapsed();
            if at >= 3 * per && at < 9 * per { Err(error(SinkErrorKind::Throttled)) } else { accept_all(request) }
        };
        let world = World::new(1, script).with_quota(quota).with_latency(move |_| latency).shared();
        let most: usize = quota.split('/').next().unwrap().parse().unwrap();
        let options = Options::for_run().with_max_attempts(100.try_into().unwrap());
        let finished = paused(deliver_users(&world, options, 8 * most));
        assert_eq!(finished.summary.accepted as usize, 8 * most, "{quota}");
        let departures = departures(&[&world]);
        assert!(most_in(&departures, per) <= most, "{quota}: {}", most_in(&departures, per));
    }
}

fn after_a_wait(error: SinkError, wait: Duration) -> SinkError {
    error.with_retry(Retry::After(wait))
}

/// It waits for what the vendor asks, or for a window of the quota, and the others do not wait.
#[test]
fn what_is_throttled_waits_alone() {
    let five = Duration::from_secs(5);
    for (quota, asked, wait) in [
        ("100/s", None, SECOND),
        ("100/s", Some(five), five),
        // The vendor knows better than we how long its window is.
        ("6000/m", Some(SECOND), SECOND),
        ("6000/m", None, 30 * SECOND),
    ] {
        let script = move |request: &Request<'_>| match request.number {
            // Also the answers to what was sent before one of them came.
            20 | 21 | 50 => Err(asked.into_iter().fold(error(SinkErrorKind::Throttled), after_a_wait)),
            _ => accept_all(request),
        };
        let world = World::new(1, script).with_quota(quota).shared();
        let finished = paused(deliver_users(&world, Options::for_run(), 1_000));
        assert_eq!((finished.summary.accepted, finished.summary.retries), (1_000, 3));
        let sent = world.departures();
        let longest = departures(&[&world])[..990].windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
        assert!(longest <= Duration::from_millis(25), "{longest:?}");
        for nth in [19, 20, 49] {
            let again = sent.iter().rfind(|departure| departure.rows == sent[nth].rows).unwrap();
            let waited = again.at - sent[nth].at;
            assert!((wait..wait + SECOND / 3).contains(&waited), "{quota}, {asked:?}: {waited:?}");
        }
    }
}

/// What was sent before the vendor began to throttle says nothing of the slower rate.
#[test]
fn late_answers_do_not_slow_the_lane_twice() {
    paused(async {
        let limiter = Limiter::new("100/s".parse().unwrap());
        let mut early = Vec::new();
        for _ in 0..150 {
            drop(limiter.permit().await);
        }
        for _ in 0..30 {
            early.push(limiter.permit().await);
        }
        early.split_off(15).into_iter().for_each(|permit| permit.throttled(None));
        let took = async |requests: u32| {
            let began = Instant::now();
            for _ in 0..requests {
                drop(limiter.permit().await);
            }
            began.elapsed()
        };
        let slower = took(80).await;
        early.into_iter().for_each(|permit| permit.throttled(None));
        let after = took(80).await;
        assert!(after <= slower, "{slower:?}, then {after:?}");
    });
}

#[test]
fn what_was_throttled_goes_first() {
    let script = |request: &Request<'_>| match request.number {
        20..=40 => Err(error(SinkErrorKind::Throttled)),
        _ => accept_all(request),
    };
    let world = World::new(1, script).with_quota("1000/s").with_latency(|_| Duration::from_millis(25)).shared();
    let finished = paused(deliver_users(&world, Options::for_run(), 3_000));
    assert_eq!((finished.summary.accepted, finished.summary.retries), (3_000, 21));
    let sent = world.departures();
    let again = sent.iter().rfind(|departure| departure.rows == sent[19].rows).unwrap();
    assert!(again.at - sent[19].at < SECOND * 11 / 10, "before what was never sent: {:?}", again.at - sent[19].at);

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
        let throttled = async |times: u32, wait| {
            for _ in 0..times {
                limiter.permit().await.throttled(Some(wait));
            }
        };
        throttled(7, Duration::from_secs(3)).await;
        let began = Instant::now();
        drop(limiter.permit().await);
        assert_eq!(began.elapsed(), Duration::from_secs(3));
        throttled(7, Duration::MAX).await;
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
