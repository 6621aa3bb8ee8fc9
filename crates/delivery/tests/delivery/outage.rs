//! A vendor that was there and goes down: the lane waits for it, and loses nothing.

use std::time::Duration;

use contact_sink_core::{Applied, Retry, SinkErrorKind, Verdict};
use contact_sink_delivery::{Delivery, Options, Outcome, Stop};
use tokio::time::{Instant, sleep, sleep_until};

use crate::run::{Finished, deliver_users, paused};
use crate::script::{accept_all, error};
use crate::world::{Answer, Departure, Request, World, update_of};

const MINUTE: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(30 * 60);

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// A vendor that is up or down by the time since the test began, and answers otherwise as it is told.
pub(crate) fn up_when(
    is_up: impl Fn(Duration) -> bool + Send + Sync + 'static,
    down: impl Fn(&Request<'_>) -> Answer + Send + Sync + 'static,
    up: impl Fn(&Request<'_>) -> Answer + Send + Sync + 'static,
) -> impl Fn(&Request<'_>) -> Answer + Send + Sync + 'static {
    let began = Instant::now();
    move |request| if is_up(began.elapsed()) { up(request) } else { down(request) }
}

pub(crate) fn fails(kind: SinkErrorKind) -> impl Fn(&Request<'_>) -> Answer + Send + Sync + Copy + 'static {
    move |_| Err(error(kind))
}

fn between(departures: &[Departure], began: Instant, from: Duration, to: Duration) -> Vec<&Departure> {
    departures.iter().filter(|departure| (from..to).contains(&(departure.at - began))).collect()
}

fn assert_unreachable(finished: &Finished) -> (u32, Duration, SinkErrorKind) {
    let Some(Stop::Unreachable { tried, after, reached_before: true, cause, .. }) = &finished.summary.stop else {
        panic!("{:?}", finished.summary)
    };
    (*tried, *after, cause.kind())
}

/// Twenty minutes in the middle of a long input, in every manner of being down.
#[test]
fn an_outage_of_twenty_minutes_ends_complete_by_itself() {
    use SinkErrorKind as K;
    let asks_again = |request: &Request<'_>| Ok(vec![Verdict::Retry { code: Some(7.into()) }; request.batch.len()]);
    let busy = |_: &Request<'_>| Err(error(K::Unavailable).with_retry(Retry::After(secs(45))));
    type Down = fn(&Request<'_>) -> Answer;
    let downs: [(&str, Down); 6] = [
        ("connect", |request| fails(K::Connect)(request)),
        ("timeout", |request| fails(K::Timeout)(request)),
        ("500", |request| fails(K::Unavailable)(request)),
        ("portal", |request| fails(K::Unreadable)(request)),
        ("asks for another try", asks_again),
        ("503 for 45 s", busy),
    ];
    for (name, down) in downs {
        for (concurrency, quota) in [(32, None), (32, Some("100/s")), (1, Some("100/s")), (2, Some("10/s"))] {
            paused(async {
                let began = Instant::now();
                let (from, to) = (secs(2), secs(2) + 20 * MINUTE);
                let is_up = move |at| at < from || at >= to;
                let world = World::new(10, up_when(is_up, down, accept_all)).with_latency(|_| secs(1) / 5);
                let world = quota.into_iter().fold(world, World::with_quota).shared();
                let options = Options::for_run().with_concurrency(concurrency.try_into().unwrap());
                let finished = deliver_users(&world, options, 5_000).await;
                assert_eq!((finished.summary.accepted, &finished.summary.stop), (5_000, &None), "{name}");
                let departures = world.departures();
                // A minute after it went down nothing is in flight but a probe.
                let probes = between(&departures, began, from + secs(10), to);
                for pair in probes.windows(2) {
                    assert!(pair[1].at - pair[0].at >= secs(1) / 5, "{name}: one at a time");
                    assert!(pair[1].at - pair[0].at <= secs(46), "{name}: {:?}", pair[1].at - pair[0].at);
                }
                assert!((25..200).contains(&probes.len()), "{name}: {}", probes.len());
                let first_up = departures.iter().position(|departure| departure.at >= began + to).unwrap();
                assert!(departures[first_up].at - began < to + secs(46), "{name}");
                // One request finds out, and the next ones leave as soon as it is answered.
                let back = departures[first_up].at + secs(1) / 5;
                let waited = departures[first_up + 1].at - back;
                assert!(waited <= Duration::from_millis(15), "{name}: {waited:?}");
                if quota.is_none() && concurrency == 32 {
                    assert!(
                        between(&departures, began, back - began, back - began + secs(1) / 20).len() == 32,
                        "{name}"
                    );
                }
            });
        }
    }
}

#[test]
fn attempts_do_not_count_while_nothing_gets_through() {
    for seed in 0..10 {
        paused(async {
            let down = |at: Duration| at < secs(1) || at >= 28 * MINUTE;
            let world = World::new(1, up_when(down, fails(SinkErrorKind::Connect), accept_all)).shared();
            let delivery = Delivery::new(world.clone(), Options::for_run().with_seed(seed));
            assert_eq!(delivery.deliver(update_of(0, 0, 1)).await, Outcome::Accepted);
            sleep(secs(2)).await;
            assert_eq!(delivery.deliver(update_of(1, 1, 1)).await, Outcome::Accepted);
            assert!(world.requests() > 32, "{}", world.requests());
        });
    }
}

#[test]
fn patience_ends_it_with_everything_pending() {
    for (patience, latency) in [(PATIENCE, secs(0)), (5 * MINUTE, secs(1)), (secs(20), secs(3))] {
        paused(async {
            let script = |request: &Request<'_>| match request.number {
                1..=5 => accept_all(request),
                _ => Err(error(SinkErrorKind::Connect)),
            };
            let world = World::new(10, script).with_latency(move |_| latency).shared();
            let options = Options::for_run().with_patience(patience);
            let finished = deliver_users(&world, options, 1_000).await;
            let (tried, after, kind) = assert_unreachable(&finished);
            assert_eq!((kind, tried as usize), (SinkErrorKind::Connect, world.requests() - 5));
            assert_eq!((finished.summary.accepted, finished.summary.undelivered), (50, 950));
            assert!(after >= patience && after <= patience + latency + secs(1) / 10, "{after:?}");
            // It counts from the first failure.
            let first_failed = world.departures()[5].at + latency;
            assert_eq!(world.departures()[0].at + finished.took - first_failed, after);
            assert!(tried as usize >= if latency.is_zero() { 60 } else { 9 }, "{tried}");
            let text = finished.summary.stop.unwrap().to_string();
            if patience == PATIENCE {
                assert!(
                    text.starts_with(&format!("nothing got through for 30 min, {tried} requests; the last")),
                    "{text}"
                );
            }
        });
    }
}

#[test]
fn a_night_without_traffic_is_no_outage_and_none_is_for_ever() {
    paused(async {
        let script = up_when(|at| at < MINUTE || at > 11 * 60 * MINUTE, fails(SinkErrorKind::Connect), accept_all);
        let world = World::new(1, script).shared();
        let delivery = Delivery::new(world.clone(), Options::for_run());
        assert_eq!(delivery.deliver(update_of(0, 0, 1)).await, Outcome::Accepted);
        sleep(11 * 60 * MINUTE - 20 * MINUTE).await;
        assert_eq!(delivery.deliver(update_of(1, 1, 1)).await, Outcome::Accepted, "the night does not count");
    });
    paused(async {
        let script = up_when(|at| at < MINUTE || at > 11 * 60 * MINUTE, fails(SinkErrorKind::Connect), accept_all);
        let world = World::new(1, script).shared();
        let delivery = Delivery::new(world.clone(), Options::for_run().with_patience(None));
        assert_eq!(delivery.deliver(update_of(0, 0, 1)).await, Outcome::Accepted);
        sleep(2 * MINUTE).await;
        assert_eq!(delivery.deliver(update_of(1, 1, 1)).await, Outcome::Accepted);
    });
}

#[test]
fn a_wait_that_is_longer_than_the_patience_that_is_left_stops_at_once() {
    for (wait, stops) in [(31 * MINUTE, true), (29 * MINUTE, false)] {
        paused(async {
            let script = move |request: &Request<'_>| match request.number {
                1 => accept_all(request),
                2..=6 => Err(error(SinkErrorKind::Connect)),
                7 => Err(error(SinkErrorKind::Unavailable).with_retry(Retry::After(wait))),
                _ => accept_all(request),
            };
            let world = World::new(10, script).shared();
            let finished = deliver_users(&world, Options::for_run(), 11).await;
            assert_eq!(finished.summary.stop.is_some(), stops, "{:?}", finished.summary);
            if stops {
                assert!(finished.took < MINUTE && assert_unreachable(&finished).0 == 6);
            } else {
                assert_eq!((finished.summary.accepted, world.requests()), (11, 8));
                assert!(finished.took >= wait, "it is kept");
            }
        });
    }
}

#[test]
fn what_is_in_flight_at_the_end_of_the_patience_is_heard_for_four_seconds() {
    for (late, gets_through) in [(Duration::from_millis(3_900), true), (Duration::from_millis(4_100), false)] {
        paused(async {
            let script = |request: &Request<'_>| match request.number {
                2..=5 => Err(error(SinkErrorKind::Connect)),
                _ => accept_all(request),
            };
            let began = Instant::now();
            let ends = began + MINUTE;
            // The sixth is the probe that is in flight then.
            let answers = move |number: usize| match number {
                6 => ends + late - Instant::now(),
                _ => secs(0),
            };
            let world = World::new(10, script).with_latency(answers).shared();
            let options = Options::for_run().with_patience(MINUTE).with_linger(secs(0));
            let finished = deliver_users(&world, options, 20).await;
            assert_eq!(finished.summary.accepted, if gets_through { 20 } else { 10 });
            let maybe = |outcome: &Outcome| matches!(outcome, Outcome::Undelivered { applied: Applied::Maybe, .. });
            assert_eq!(finished.rows(maybe).len(), if gets_through { 0 } else { 10 });
            assert_eq!(finished.summary.stop.is_none(), gets_through);
        });
    }
}

/// Throttling says that the vendor is there: the limiter deals with it.
#[test]
fn throttling_is_no_outage() {
    paused(async {
        let script = |request: &Request<'_>| match request.number {
            10..=14 => Err(error(SinkErrorKind::Throttled)),
            _ => accept_all(request),
        };
        let world = World::new(1, script).with_quota("10/s").shared();
        let delivery = Delivery::new(world.clone(), Options::for_run());
        for user in 0..40 {
            let delivery = delivery.clone();
            tokio::spawn(async move { delivery.deliver(update_of(user, user, 1)).await });
        }
        for _ in 0..200 {
            sleep(Duration::from_millis(50)).await;
            assert_eq!(delivery.summary().unreachable_for, None);
        }
        assert_eq!(delivery.close(MINUTE).await.accepted, 40);
    });
}

/// What a user interface can show.
#[test]
fn an_outage_is_told() {
    paused(async {
        let began = Instant::now();
        let script = up_when(|at| at < secs(5) || at > 10 * MINUTE, fails(SinkErrorKind::Connect), accept_all);
        let world = World::new(1, script).with_latency(|_| secs(0)).shared();
        let delivery = Delivery::new(world.clone(), Options::for_run().with_seed(1));
        assert_eq!(delivery.deliver(update_of(0, 0, 1)).await, Outcome::Accepted);
        assert_eq!(delivery.summary().unreachable_for, None);
        sleep_until(began + MINUTE).await;
        let caller = tokio::spawn({
            let delivery = delivery.clone();
            async move { delivery.deliver(update_of(1, 1, 1)).await }
        });
        let mut waits = Vec::new();
        for minute in 2..10 {
            sleep_until(began + minute * MINUTE).await;
            let summary = delivery.summary();
            let off = summary.unreachable_for.unwrap().abs_diff((minute - 1) * MINUTE);
            assert!(off < secs(1) / 10, "{summary:?}");
            waits.extend(summary.waits);
        }
        assert!(waits.len() > 4 && waits.iter().all(|wait| *wait <= secs(30)), "{waits:?}");
        assert_eq!(caller.await.unwrap(), Outcome::Accepted);
        assert_eq!(delivery.summary().unreachable_for, None);
    });
}
