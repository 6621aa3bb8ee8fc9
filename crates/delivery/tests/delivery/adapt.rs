//! The pace finds what a vendor really accepts, asks for more now and then, and comes back when it gets it. What is throttled by
//! chance does not slow it down.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use contact_sink_core::{Quota, Retry, SinkErrorKind};
use contact_sink_delivery::{Limiter, Options};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::run::{deliver_users, paused};
use crate::script::{accept_all, error};
use crate::world::{Request, World};

const SECOND: Duration = Duration::from_secs(1);

/// How a vendor counts its window.
#[derive(Debug, Clone, Copy)]
enum Counts {
    /// Any window.
    Sliding,
    /// By a clock that is so many thousandths of a window ahead of the run.
    ByClock(u32),
}

const ALL: [Counts; 5] =
    [Counts::Sliding, Counts::ByClock(0), Counts::ByClock(300), Counts::ByClock(777), Counts::ByClock(980)];

/// When each request was answered, since the run began, and whether it was accepted.
type Answers = Vec<(Duration, bool)>;

/// A vendor that accepts so many requests a window, by the time since the run began, and throttles the others.
struct Vendor<F> {
    counts: Counts,
    window: Duration,
    most: F,
    began: Instant,
    accepted: VecDeque<Instant>,
    answers: Answers,
}

impl<F: Fn(Duration) -> usize> Vendor<F> {
    fn new(counts: Counts, window: Duration, most: F) -> Self {
        Self { counts, window, most, began: Instant::now(), accepted: VecDeque::new(), answers: Vec::new() }
    }

    fn accepts(&mut self) -> bool {
        let (now, began, window) = (Instant::now(), self.began, self.window);
        let clock = |at: Instant, ahead| (at - began + window * ahead / 1_000).as_nanos() / window.as_nanos();
        let is_old = |at: Instant| match self.counts {
            Counts::Sliding => now - at >= window,
            Counts::ByClock(ahead) => clock(at, ahead) < clock(now, ahead),
        };
        while self.accepted.front().is_some_and(|at| is_old(*at)) {
            self.accepted.pop_front();
        }
        let is_accepted = self.accepted.len() < (self.most)(now - began);
        self.answers.push((now - began, is_accepted));
        self.accepted.extend(is_accepted.then_some(now));
        is_accepted
    }
}

/// After how long an answer comes, and how much longer it takes for what is accepted.
type Latency = (Duration, Duration);

/// Sends for so many windows of a quota to a vendor that accepts something else.
fn run(
    quota: &str,
    counts: Counts,
    windows: u32,
    latency: Latency,
    most: impl Fn(Duration) -> usize + Send + 'static,
) -> Answers {
    let quota: Quota = quota.parse().unwrap();
    paused(async {
        let vendor = Arc::new(Mutex::new(Vendor::new(counts, quota.per, most)));
        send(Limiter::new(quota), vendor.clone(), Instant::now() + quota.per * windows, latency).await;
        std::mem::take(&mut vendor.lock().unwrap().answers)
    })
}

/// Sends as fast as the limiter allows until this time, and counts what is accepted.
async fn send<F>(limiter: Limiter, vendor: Arc<Mutex<Vendor<F>>>, end: Instant, latency: Latency) -> usize
where
    F: Fn(Duration) -> usize + Send + 'static,
{
    let mut answers = JoinSet::new();
    while Instant::now() < end {
        let (permit, vendor) = (limiter.permit().await, vendor.clone());
        answers.spawn(async move {
            tokio::time::sleep(latency.0).await;
            let is_accepted = vendor.lock().unwrap().accepts();
            if is_accepted {
                tokio::time::sleep(latency.1).await;
            } else {
                permit.throttled(None);
            }
            is_accepted
        });
    }
    answers.join_all().await.into_iter().filter(|is_accepted| *is_accepted).count()
}

/// How many requests were accepted and throttled between these windows.
fn within(answers: &[(Duration, bool)], per: Duration, from: u32, to: u32) -> (f64, f64) {
    let within = || answers.iter().filter(move |(at, _)| *at >= per * from && *at < per * to);
    let accepted = within().filter(|(_, accepted)| *accepted).count();
    (accepted as f64, (within().count() - accepted) as f64)
}

const MS_20: Latency = (Duration::from_millis(20), Duration::ZERO);
const SLOW: Latency = (SECOND, Duration::ZERO);
const SLOW_IF_ACCEPTED: Latency = (Duration::from_millis(20), Duration::from_millis(500));

#[test]
fn what_the_vendor_really_accepts_is_found_within_10_windows() {
    for (quota, real, latency) in [
        ("100/s", 10, MS_20),
        ("100/s", 33, MS_20),
        ("100/s", 50, MS_20),
        ("100/s", 50, SLOW),
        ("100/s", 50, SLOW_IF_ACCEPTED),
        ("100/s", 80, MS_20),
        ("100/s", 90, MS_20),
        ("100/s", 97, MS_20),
        ("1000/m", 100, MS_20),
        ("1000/m", 500, SLOW),
        ("1000/h", 100, MS_20),
        ("1000/h", 500, SLOW),
    ] {
        for counts in ALL {
            let answers = run(quota, counts, 110, latency, move |_| real);
            let per = quota.parse::<Quota>().unwrap().per;
            let (accepted, throttled) = within(&answers, per, 10, 110);
            let used = accepted / (100 * real) as f64;
            let share = throttled / (accepted + throttled);
            assert!(used >= 0.95, "{quota} {real} {counts:?} {latency:?}: {used} of the quota is used");
            assert!(share <= 0.1, "{quota} {real} {counts:?} {latency:?}: {share} is throttled");
        }
    }
}

/// In the worst case the vendor accepts more just after a raise failed.
#[test]
fn the_pace_is_back_within_90_windows() {
    for (quota, real, full) in [("100/s", 10, 100), ("100/s", 50, 100), ("1000/m", 100, 1000), ("1000/h", 500, 1000)] {
        for counts in [Counts::Sliding, Counts::ByClock(300)] {
            let per = quota.parse::<Quota>().unwrap().per;
            let (before, lifted) = (run(quota, counts, 160, MS_20, move |_| real), 130);
            // The last throttled answer before belongs to a raise that failed.
            let (last, _) = before.iter().rfind(|(at, accepted)| !accepted && *at < per * lifted).unwrap();
            let from = *last + MS_20.0;
            let answers = run(quota, counts, 230, MS_20, move |at| if at < from { real } else { full });
            let back = (from.as_nanos() / per.as_nanos()) as u32 + 91;
            let (accepted, _) = within(&answers, per, back, back + 5);
            assert!(accepted >= 5.0 * 0.98 * full as f64, "{quota} {real} {counts:?}: {accepted}");
        }
    }
}

#[test]
fn a_raise_that_fails_doubles_the_windows_before_the_next() {
    let answers = run("100/s", Counts::Sliding, 300, MS_20, |_| 50);
    // Throttled answers stand together at a raise.
    let mut raises: Vec<Duration> = Vec::new();
    for (at, _) in answers.iter().filter(|(at, accepted)| !accepted && *at > 3 * SECOND) {
        if raises.last().is_none_or(|last| *at - *last > 5 * SECOND / 2) {
            raises.push(*at);
        }
    }
    let between: Vec<u64> = raises.windows(2).map(|pair| (pair[1] - pair[0]).as_secs()).collect();
    assert!(between.windows(2).all(|pair| pair[1] >= pair[0]), "{between:?}");
    assert!(between.iter().any(|windows| *windows >= 64), "{between:?}");
}

/// What two processes that do not know of each other make of one account with a quota of 100 a second: how much of the quota
/// they use, how much of what they send is throttled, and how much of what is accepted the lesser one of them has.
fn two_processes(percent: u8, counts: Counts, apart: Duration) -> [f64; 3] {
    const WINDOWS: u32 = 300;
    let quota: Quota = "100/s".parse().unwrap();
    paused(async {
        let vendor = Arc::new(Mutex::new(Vendor::new(counts, quota.per, |_| 100)));
        let end = Instant::now() + quota.per * WINDOWS;
        let process = async |after| {
            tokio::time::sleep(after).await;
            send(Limiter::with_share(quota, percent), vendor.clone(), end, MS_20).await
        };
        let (one, other) = tokio::join!(process(Duration::ZERO), process(apart));
        let (accepted, throttled) = within(&vendor.lock().unwrap().answers, quota.per, 10, WINDOWS);
        let lesser = one.min(other) as f64 / (one + other) as f64;
        [accepted / (100.0 * f64::from(WINDOWS - 10)), throttled / (accepted + throttled), lesser]
            .map(|share| share * 100.0)
    })
}

/// The figures are in the crate's page, "Two processes on one account".
#[test]
fn two_processes_on_one_account_use_the_quota_together() {
    for percent in [Limiter::DEFAULT_SHARE, 49] {
        for counts in [Counts::Sliding, Counts::ByClock(0), Counts::ByClock(300)] {
            for apart in [0, 137, 4_444] {
                let [used, throttled, lesser] = two_processes(percent, counts, Duration::from_millis(apart));
                let figures = format!(
                    "{percent} % each, {counts:?}, {apart} ms apart: {used:.1} % is used, {throttled:.2} % throttled, \
                     {lesser:.1} % of what is accepted is the lesser one's"
                );
                println!("{figures}");
                if percent == Limiter::DEFAULT_SHARE {
                    assert!(used >= 98.5 && throttled <= 3.0, "{figures}");
                } else {
                    assert!(used >= 97.9 && throttled == 0.0 && lesser >= 49.0, "{figures}");
                }
            }
        }
    }
}

/// What is throttled is sent again by the lane, and each request costs few attempts.
#[test]
fn a_delivery_over_a_tenth_of_the_quota_delivers_everything() {
    for counts in ALL {
        let finished = paused(async {
            let vendor = Mutex::new(Vendor::new(counts, SECOND, |_| 10));
            let script = move |request: &Request<'_>| match vendor.lock().unwrap().accepts() {
                true => accept_all(request),
                false => Err(error(SinkErrorKind::Throttled)),
            };
            let world = World::new(1, script).with_quota("100/s").shared();
            deliver_users(&world, Options::for_run(), 1_000).await
        });
        assert_eq!(finished.summary.accepted, 1_000, "{counts:?}");
        assert!(finished.took <= 105 * SECOND, "{counts:?}: {:?}", finished.took);
    }
}

/// How long a run takes of which this share of the requests is throttled by chance.
fn with_stray(requests: usize, percent: u8, seed: u64) -> Duration {
    let random = Mutex::new(fastrand::Rng::with_seed(seed));
    let script = move |request: &Request<'_>| match random.lock().unwrap().u8(..100) < percent {
        true => Err(error(SinkErrorKind::Throttled).with_retry(Retry::After(SECOND))),
        false => accept_all(request),
    };
    let world = World::new(1, script).with_quota("100/s").shared();
    let finished = paused(deliver_users(&world, Options::for_run(), requests));
    assert_eq!(finished.summary.accepted as usize, requests);
    finished.took
}

#[test]
fn what_is_throttled_by_chance_waits_alone() {
    for requests in [500, 3_000] {
        let without = with_stray(requests, 0, 0);
        for percent in [1, 2, 5] {
            let mut times: Vec<Duration> = (0..9).map(|seed| with_stray(requests, percent, seed)).collect();
            times.sort();
            let ratio = times[4].as_secs_f64() / without.as_secs_f64();
            assert!(ratio <= 1.3, "{requests} requests, {percent} %: {ratio}");
        }
    }
}
