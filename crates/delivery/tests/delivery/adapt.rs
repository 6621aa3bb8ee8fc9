//! The pace finds what a vendor really takes, asks for more now and then, and comes back when it gets it.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use contact_sink_core::SinkErrorKind;
use contact_sink_delivery::Options;
use tokio::time::{Instant, timeout};

use crate::run::{Finished, deliver_users, paused};
use crate::script::{accept_all, error};
use crate::world::{Answer, Request, World};

const SECOND: Duration = Duration::from_secs(1);

/// How a vendor counts its second.
#[derive(Debug, Clone, Copy)]
enum Counts {
    /// Any second.
    Sliding,
    /// By a clock that is so many milliseconds ahead of the run.
    ByClock(u64),
}

const ALL: [Counts; 5] =
    [Counts::Sliding, Counts::ByClock(0), Counts::ByClock(300), Counts::ByClock(777), Counts::ByClock(980)];

/// A vendor that takes so many requests a second, by the time since the run began, and refuses the others.
fn taking(
    counts: Counts,
    most: impl Fn(Duration) -> usize + Send + Sync + 'static,
) -> impl Fn(&Request<'_>) -> Answer + Send + Sync + 'static {
    let began = Instant::now();
    let taken = Mutex::new(VecDeque::new());
    move |request| {
        let (mut taken, now) = (taken.lock().unwrap(), Instant::now());
        let clock = |at: Instant, ahead| (at - began + Duration::from_millis(ahead)).as_secs();
        let is_old = |at: Instant| match counts {
            Counts::Sliding => now - at >= SECOND,
            Counts::ByClock(ahead) => clock(at, ahead) < clock(now, ahead),
        };
        while taken.front().is_some_and(|at| is_old(*at)) {
            taken.pop_front();
        }
        if taken.len() >= most(now - began) {
            return Err(error(SinkErrorKind::Throttled));
        }
        taken.push_back(now);
        accept_all(request)
    }
}

/// A run over a vendor that says 100 requests a second, and when its requests left after it began.
fn run(counts: Counts, most: fn(Duration) -> usize, requests: usize) -> (Finished, Vec<Duration>) {
    paused(async {
        let began = Instant::now();
        let world = World::new(1, taking(counts, most)).with_quota("100/s").shared();
        let finished = deliver_users(&world, Options::for_run(), requests).await;
        assert_eq!(finished.summary.accepted as usize, requests);
        (finished, world.departures().into_iter().map(|departure| departure.at - began).collect())
    })
}

/// The throttled share of the first so many requests is small, and the vendor's quota is used.
#[test]
fn a_tenth_of_the_quota_is_found_with_few_requests_throttled() {
    for counts in ALL {
        for (requests, most_throttled, least_rate) in [(300, 0.03, 8.5), (1_000, 0.015, 9.2), (3_000, 0.005, 9.5)] {
            let (finished, _) = run(counts, |_| 10, requests);
            let throttled = finished.summary.retries as f64 / finished.summary.requests as f64;
            assert!(throttled <= most_throttled, "{counts:?} {requests}: {throttled}");
            let rate = requests as f64 / finished.took.as_secs_f64();
            assert!(rate >= least_rate, "{counts:?} {requests}: {rate}");
        }
    }
}

/// When the lane was held: throttling is the only reason for so long a gap.
fn holds(departures: &[Duration]) -> Vec<Duration> {
    departures.windows(2).filter(|pair| pair[1] - pair[0] >= SECOND * 9 / 10).map(|pair| pair[0]).collect()
}

/// Clean windows before each raise: what lies between two holds but for the hold, and the part of a second that it takes to
/// be throttled at the higher rate.
fn windows_before_raises(holds: &[Duration]) -> Vec<u64> {
    holds.windows(2).map(|pair| (pair[1] - pair[0]).as_secs() - 1).collect()
}

#[test]
fn each_raise_that_is_throttled_doubles_the_windows_before_the_next() {
    let (_, departures) = run(Counts::Sliding, |_| 10, 3_000);
    let windows = windows_before_raises(&holds(&departures));
    assert_eq!(windows[..9], [1, 2, 4, 8, 16, 32, 64, 64, 64], "{windows:?}");
}

#[test]
fn a_raise_that_holds_resets_the_windows() {
    let more_after = |elapsed: Duration| if elapsed < 80 * SECOND { 10 } else { 21 };
    let (_, departures) = run(Counts::Sliding, more_after, 4_000);
    let holds = holds(&departures);
    let first_more = holds.iter().position(|at| *at > 80 * SECOND).unwrap();
    assert_eq!(windows_before_raises(&holds[..first_more]), [1, 2, 4, 8, 16, 32]);
    assert_eq!(windows_before_raises(&holds[first_more..])[..5], [2, 4, 8, 16, 32]);
}

/// In the worst case the vendor takes more just after a raise was throttled: 64 windows to the next one, and 18 raises.
#[test]
fn the_pace_comes_back_to_the_full_quota_within_83_windows() {
    for counts in [Counts::Sliding, Counts::ByClock(300)] {
        let (_, departures) = run(counts, |_| 10, 1_000);
        let holds = holds(&departures);
        assert_eq!(windows_before_raises(&holds), [1, 2, 4, 8, 16, 32], "the next one comes after 64");
        let more_from = *holds.last().unwrap() + Duration::from_millis(100);
        paused(async {
            let began = Instant::now();
            let most = move |elapsed| if elapsed < more_from { 10 } else { 100 };
            let world = World::new(1, taking(counts, most)).with_quota("100/s").shared();
            let back = more_from + 83 * SECOND;
            let endless = deliver_users(&world, Options::for_run(), 20_000);
            assert!(timeout(back + 2 * SECOND, endless).await.is_err());
            let departures: Vec<_> = world.departures().into_iter().map(|departure| departure.at - began).collect();
            let in_second =
                |from: Duration| departures.iter().filter(|at| **at >= from && **at < from + SECOND).count();
            assert!((99..=100).contains(&in_second(back)), "{counts:?}: {}", in_second(back));
            assert!(in_second(back - 20 * SECOND) <= 15, "{counts:?}: the longest way back");
        });
    }
}
