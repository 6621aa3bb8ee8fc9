//! A vendor that is down from the start: the lane stops in time whatever the manner, loses nothing, and says what was tried.

use std::sync::Arc;
use std::time::Duration;

use contact_sink_core::{Applied, Retry, SinkError, SinkErrorKind, Verdict};
use contact_sink_delivery::{Delivery, Options, Outcome, Stop};
use tokio::time::{Instant, timeout};

use crate::run::{Feed, deliver_users, ended, failure, paused, take_all};
use crate::script::{Wording, accept_all, error, refuse_all};
use crate::world::{Answer, Request, World, update_of};

const HOUR: Duration = Duration::from_secs(3_600);
const LIMIT: Duration = Duration::from_secs(10);
/// What a request in flight at the limit is given.
const GRACE: Duration = Duration::from_secs(4);

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn asking(kind: SinkErrorKind, wait: Duration) -> SinkError {
    error(kind).with_retry(Retry::After(wait))
}

/// A manner of being down: how long each answer takes, what it is, and when the lane stops at the earliest and the latest.
struct Down {
    name: &'static str,
    latency: fn(usize) -> Duration,
    answer: fn(&Request<'_>) -> Answer,
    kind: SinkErrorKind,
    stops: (Duration, Duration),
}

fn manners() -> Vec<Down> {
    use SinkErrorKind as K;
    let at_limit = (LIMIT, LIMIT + ms(100));
    let quick: fn(usize) -> Duration = |_| ms(20);
    vec![
        Down {
            name: "refused",
            latency: |_| ms(0),
            answer: |_| Err(error(K::Connect)),
            kind: K::Connect,
            stops: at_limit,
        },
        Down {
            name: "connect timeout",
            latency: |_| ms(5_000),
            answer: |_| Err(error(K::Connect)),
            kind: K::Connect,
            stops: (LIMIT, LIMIT + ms(500)),
        },
        Down {
            name: "black hole",
            latency: |_| ms(10_000),
            answer: |_| Err(error(K::Timeout)),
            kind: K::Timeout,
            stops: at_limit,
        },
        Down {
            name: "refused, then a black hole",
            latency: |number| if number <= 4 { ms(0) } else { ms(30_000) },
            answer: |_| Err(error(K::Connect)),
            kind: K::Connect,
            stops: (LIMIT + GRACE, LIMIT + GRACE),
        },
        Down {
            name: "no end",
            latency: |_| HOUR,
            answer: accept_all,
            kind: K::Timeout,
            stops: (LIMIT + GRACE, LIMIT + GRACE),
        },
        Down {
            name: "503",
            latency: quick,
            answer: |_| Err(error(K::Unavailable)),
            kind: K::Unavailable,
            stops: at_limit,
        },
        Down {
            name: "503 for an hour",
            latency: quick,
            answer: |_| Err(asking(K::Unavailable, HOUR)),
            kind: K::Unavailable,
            stops: (ms(20), ms(20)),
        },
        Down {
            name: "503 every three seconds",
            latency: quick,
            answer: |_| Err(asking(K::Unavailable, ms(3_000))),
            kind: K::Unavailable,
            stops: (ms(9_080), ms(9_090)),
        },
        Down { name: "429", latency: quick, answer: |_| Err(error(K::Throttled)), kind: K::Throttled, stops: at_limit },
        Down {
            name: "429 for an hour",
            latency: quick,
            answer: |_| Err(asking(K::Throttled, HOUR)),
            kind: K::Throttled,
            stops: (ms(20), ms(20)),
        },
        Down {
            name: "a portal's page",
            latency: quick,
            answer: |_| Err(error(K::Unreadable)),
            kind: K::Unreadable,
            stops: at_limit,
        },
        Down {
            name: "resets",
            latency: quick,
            answer: |_| Err(error(K::Interrupted)),
            kind: K::Interrupted,
            stops: at_limit,
        },
        Down {
            name: "a code that asks for another try",
            latency: quick,
            answer: |request| Ok(vec![Verdict::Retry { code: Some(7.into()) }; request.batch.len()]),
            kind: K::Unavailable,
            stops: at_limit,
        },
    ]
}

#[test]
fn a_vendor_that_is_down_from_the_start_stops_the_lane_within_fifteen_seconds() {
    for Down { name, latency, answer, kind, stops } in manners() {
        for seed in 0..5 {
            let world = World::new(100, answer).with_latency(latency).with_quota("100/s").shared();
            let finished = paused(deliver_users(&world, Options::for_run().with_seed(seed), 600));
            assert!(finished.took >= stops.0 && finished.took <= stops.1, "{name}: {:?}", finished.took);
            let Some(Stop::Unreachable { tried, after, reached_before: false, cause }) = &finished.summary.stop else {
                panic!("{name}: {:?}", finished.summary)
            };
            assert_eq!((*tried as usize, *after, cause.kind()), (world.requests(), finished.took, kind), "{name}");
            assert_eq!((finished.undelivered().len(), world.most_flying()), (600, 1), "{name}: one at a time");
            let asked = matches!(cause.retry(), Retry::After(_));
            assert!(world.requests() >= 10 || latency(9) >= ms(5_000) || asked, "{name}: {}", world.requests());
            let sent: Vec<Vec<usize>> = world.departures().into_iter().map(|departure| departure.users).collect();
            for (row, outcome) in finished.outcomes.iter().enumerate() {
                let (applied, of_row) = failure(outcome);
                let is_lost = |(nth, users): (usize, &Vec<usize>)| {
                    let in_flight = *after == LIMIT + GRACE && nth + 1 == sent.len();
                    users.contains(&row) && (cause.applied() == Applied::Maybe || in_flight)
                };
                let maybe = sent.iter().enumerate().any(is_lost);
                assert_eq!(applied == Applied::Maybe, maybe, "{name}: row {row}");
                assert_eq!(of_row, &**cause, "{name}");
            }
        }
    }
}

#[test]
fn the_message_says_what_was_tried_for_how_long_and_what_to_do() {
    let stop = |tried, after, cause| Stop::Unreachable { tried, after, reached_before: false, cause: Arc::new(cause) };
    let connect = SinkError::new("jiguang", "set channels", SinkErrorKind::Connect).with_detail("connection refused");
    let throttled = SinkError::new("jiguang", "set channels", SinkErrorKind::Throttled).with_status(429);
    for (stop, expected) in [
        (
            stop(7, ms(10_001), connect),
            "nothing got through, 7 requests within 10 s; the last failure: jiguang set channels: no connection \
             (connection refused): check the base URL, the network and the proxy",
        ),
        (
            stop(1, ms(20), throttled.with_retry(Retry::After(HOUR))),
            "nothing got through, 1 request within 1 s; the last failure: jiguang set channels: over the vendor's quota \
             (http 429), to be sent again after 3600 s: lower the quota, or ask the vendor for more",
        ),
    ] {
        assert_eq!(stop.to_string(), expected);
    }
}

#[test]
fn a_vendor_that_comes_up_in_time_costs_no_attempts() {
    for seed in 0..20 {
        let up = Arc::new(std::sync::Mutex::new(None));
        let script = move |request: &Request<'_>| {
            let up = *up.lock().unwrap().get_or_insert(Instant::now() + ms(3_000));
            if Instant::now() < up { Err(error(SinkErrorKind::Connect)) } else { accept_all(request) }
        };
        let world = World::new(100, script).shared();
        let options = Options::for_run().with_seed(seed).with_max_attempts(1.try_into().unwrap());
        let finished = paused(deliver_users(&world, options, 1_000));
        assert!(world.requests() > 10);
        assert_eq!((finished.summary.accepted, finished.summary.stop), (1_000, None));
    }
}

/// The first answer that decides anything ends the probing: from then on attempts count, all of them.
#[test]
fn attempts_count_from_the_first_answer_that_gets_through() {
    let through: [fn(&Request<'_>) -> Answer; 3] = [
        |request| refuse_all(request, Wording::Listed),
        |request| Ok(vec![Verdict::Rejected(Wording::Listed.rejection()); request.batch.len()]),
        |request| {
            let verdict = |nth| if nth == 0 { Verdict::Accepted } else { Verdict::Retry { code: None } };
            Ok((0..request.batch.len()).map(verdict).collect())
        },
    ];
    for (which, through) in through.into_iter().enumerate() {
        let script = move |request: &Request<'_>| match request.number {
            1..=3 => Err(error(SinkErrorKind::Connect)),
            4 => through(request),
            // However often it comes in a row, it is no outage.
            _ => Err(error(SinkErrorKind::Throttled)),
        };
        let world = World::new(2, script).shared();
        let options = Options::for_run().with_max_attempts(3.try_into().unwrap());
        let finished = paused(deliver_users(&world, options, 4));
        let of = |user| world.departures().iter().skip(4).filter(|departure| departure.users.contains(&user)).count();
        let decided = world.departures()[3].users[1];
        assert_eq!(of(if decided == 1 { 3 } else { 1 }), 3, "{which}");
        assert_eq!(of(decided), [3, 0, 2][which], "{which}: that it asked for another attempt is one attempt");
        assert_eq!(finished.summary.stop, None, "{which}: it was there once");
    }
}

#[test]
fn what_is_in_flight_at_the_limit_is_heard_for_four_seconds() {
    for (answers_after, gets_through) in [(ms(13_900), true), (ms(14_100), false)] {
        let world = World::new(10, accept_all).with_latency(move |_| answers_after).shared();
        let finished = paused(deliver_users(&world, Options::for_run(), 25));
        assert_eq!(finished.summary.accepted, if gets_through { 25 } else { 0 });
        assert_eq!(finished.summary.stop.is_none(), gets_through);
        assert_eq!(
            finished.rows(|outcome| matches!(outcome, Outcome::Undelivered { applied: Applied::Maybe, .. })).len(),
            { if gets_through { 0 } else { 10 } }
        );
    }
}

#[test]
fn another_limit_is_kept_and_none_is_none() {
    for limit in [ms(500), Duration::from_secs(60)] {
        let world = World::new(10, |_| Err(error(SinkErrorKind::Connect))).with_latency(|_| ms(0)).shared();
        let finished = paused(deliver_users(&world, Options::for_run().with_unreachable_after(limit), 5));
        assert!(finished.took >= limit && finished.took <= limit + ms(2), "{:?}", finished.took);
    }
    // A service that is up before its vendor is: a caller that waits is served, one that went away costs nobody anything.
    paused(async {
        let up = Instant::now() + HOUR;
        let script = move |request: &Request<'_>| {
            if Instant::now() < up { Err(error(SinkErrorKind::Connect)) } else { accept_all(request) }
        };
        let world = World::new(10, script).shared();
        let delivery = Delivery::new(world.clone(), Options::for_run().with_unreachable_after(None));
        assert!(timeout(LIMIT, delivery.deliver(update_of(0, 0, 1))).await.is_err());
        assert_eq!(delivery.deliver(update_of(1, 1, 1)).await, Outcome::Accepted);
        assert!(Instant::now() < up + Duration::from_secs(31), "no pause is longer than 30 s");
        assert!(world.requests() < 1_000 && world.most_flying() == 1);
    });
}

#[test]
fn a_stop_is_for_good_and_leaves_no_task_behind() {
    paused(async {
        let world = World::new(10, |_| Err(error(SinkErrorKind::Connect))).shared();
        let delivery = Delivery::new(world.clone(), Options::for_run());
        let rows: Vec<_> = (0..5).map(|row| update_of(row, row, 1)).collect();
        let mut outcomes = delivery.deliver_all(Feed::new(world.clone(), rows.clone()));
        take_all(&world, &mut outcomes, &rows).await;
        let (stopped, requests) = (Instant::now(), world.requests());
        let outcome = delivery.deliver(update_of(9, 9, 1)).await;
        let (applied, cause) = failure(&outcome);
        assert_eq!((applied, cause.kind()), (Applied::No, SinkErrorKind::Connect));
        assert_eq!((Instant::now(), world.requests()), (stopped, requests), "at once");
        drop(outcomes);
        delivery.close(HOUR).await;
        assert_eq!(Instant::now(), stopped);
        ended(&world).await;
    });
}

/// A quota that counts by the minute may be used up by the run before.
#[test]
fn a_quota_that_is_used_up_is_given_two_of_its_windows() {
    for (quota, free_at, stops_at) in [("10/m", 60, None), ("10/m", 1_000, Some(120)), ("100/s", 1_000, Some(10))] {
        paused(async {
            let free_at = Instant::now() + Duration::from_secs(free_at);
            let script = move |request: &Request<'_>| {
                if Instant::now() < free_at { Err(error(SinkErrorKind::Throttled)) } else { accept_all(request) }
            };
            let world = World::new(10, script).with_quota(quota).shared();
            let finished = deliver_users(&world, Options::for_run(), 5).await;
            assert_eq!(finished.summary.accepted, if stops_at.is_none() { 5 } else { 0 }, "{quota}");
            if let Some(stops_at) = stops_at {
                assert_eq!(finished.took.as_secs(), stops_at, "{quota}");
            }
        });
    }
}
