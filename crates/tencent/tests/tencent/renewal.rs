//! A lane whose UserSig ends in the middle of a run: no update is rejected, and each refused request is sent once more.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use contact_sink_core::{ContactSink, ContactUpdate};
use contact_sink_delivery::{Outcome, Stop};
use contact_sink_tencent::usersig::verify;
use contact_sink_tencent::{AttributesSink, Config, FriendsSink, Tencent};
use tokio::time::{Instant, advance};

use super::{ADMIN, APP, Clock, KEY, Script, block_on, city, config, deliver, failure, remarked, success, usersig_of};

/// A configuration whose clock goes with the paused one.
fn paused_clock() -> (Config, impl Fn() -> Duration + Copy + Send + Sync + 'static) {
    let start = Instant::now();
    let now = move || Duration::from_secs(Clock::START) + start.elapsed();
    (config().with_clock(move || SystemTime::UNIX_EPOCH + now()), now)
}

/// A vendor that takes its time, and whose clock is ahead; it keeps count of the signatures that it refuses.
struct Vendor {
    script: Arc<Script>,
    refused: Arc<AtomicUsize>,
}

/// The `last`-th request is the last with an old UserSig that is taken; after it those are made invalid.
fn revoking(code: i64, last: usize, now: impl Fn() -> Duration + Send + Sync + 'static) -> Vendor {
    let (answered, since, refused) = (AtomicUsize::new(0), AtomicU64::new(0), Arc::new(AtomicUsize::new(0)));
    let count = refused.clone();
    let script = Script::slow(Duration::from_millis(500), move |request| {
        let claims = verify(&usersig_of(request), APP, ADMIN, &KEY.into(), now()).unwrap();
        if answered.fetch_add(1, Ordering::SeqCst) == last {
            since.store(now().as_secs(), Ordering::SeqCst);
        }
        let stale = claims.time < since.load(Ordering::SeqCst);
        count.fetch_add(usize::from(stale), Ordering::SeqCst);
        let (status, body) = if stale { failure(code) } else { success(request) };
        Ok((status, body.into()))
    });
    Vendor { script, refused }
}

/// How often each request was sent, by its body.
fn times_sent(script: &Script) -> BTreeMap<Vec<u8>, usize> {
    script.requests().iter().fold(BTreeMap::new(), |mut sent, request| {
        *sent.entry(request.body().to_vec()).or_default() += 1;
        sent
    })
}

/// The first UserSig for the first requests, the second for all others.
fn parts(script: &Script) -> Vec<String> {
    let mut usersigs = super::usersigs(script);
    usersigs.dedup();
    usersigs
}

async fn check<S: ContactSink + 'static>(
    code: i64,
    last: usize,
    updates: Vec<ContactUpdate>,
    sink: impl FnOnce(Tencent) -> S,
) {
    let (config, now) = paused_clock();
    let vendor = revoking(code, last, now);
    let client = Tencent::new(config, vendor.script.clone());
    client.set_attribute_names(&[(0, "city")]).await.unwrap();
    advance(Duration::from_secs(120)).await;
    let rows = updates.len();
    let (outcomes, summary) = deliver(sink(client), updates).await;
    assert_eq!(outcomes, vec![Outcome::Accepted; rows]);
    assert_eq!((summary.rejected, summary.undelivered, summary.stop), (0, 0, None));
    let refused = vendor.refused.load(Ordering::SeqCst);
    assert!((5..=32).contains(&refused), "{refused} were in flight");
    let sent = times_sent(&vendor.script);
    assert_eq!(sent.values().filter(|times| **times == 2).count(), refused);
    assert_eq!(sent.values().max(), Some(&2), "each was repeated once at most");
    assert_eq!(summary.requests as usize, sent.len() - 1 + refused, "none is sent without need");
    assert_eq!(parts(&vendor.script).len(), 2, "one new UserSig, and never the old one after it");
}

#[test]
fn a_usersig_that_ends_in_the_middle_of_a_run_costs_one_more_request_for_each_in_flight() {
    for code in [70001, 70052] {
        block_on(async {
            let users = (0..10_000).map(|nth| city(&format!("user{nth}"))).collect();
            check(code, 40, users, AttributesSink::from).await;
            let friends =
                (0..10_000).map(|nth| remarked(&format!("owner{}", nth % 50), &format!("friend{nth}"))).collect();
            check(code, 40, friends, |client| FriendsSink::from(client).with_quota(None)).await;
        });
    }
}

/// A run of five minutes with a UserSig that lives for five: here it is made anew after four. By the vendor's clock, which is
/// ahead, it may have ended before.
#[test]
fn a_vendor_whose_clock_is_ahead_refuses_only_what_is_in_flight() {
    for (ahead, most_refused) in [(0, 0), (45, 0), (70, 5), (200, 15)] {
        block_on(async {
            let (config, now) = paused_clock();
            let refused = Arc::new(AtomicUsize::new(0));
            let count = refused.clone();
            let script = Script::slow(Duration::from_secs(10), move |request| {
                let here = now() + Duration::from_secs(ahead);
                let expired = verify(&usersig_of(request), APP, ADMIN, &KEY.into(), here).is_err();
                count.fetch_add(usize::from(expired), Ordering::SeqCst);
                let (status, body) = if expired { failure(70001) } else { success(request) };
                Ok((status, body.into()))
            });
            let client = Tencent::new(config.with_lifetime(Duration::from_secs(300)).unwrap(), script.clone());
            let sink = AttributesSink::from(client).with_quota("1/3s".parse().ok());
            let updates = (0..10_000).map(|nth| city(&format!("user{nth}"))).collect();
            let (outcomes, summary) = deliver(sink, updates).await;
            assert_eq!(outcomes, vec![Outcome::Accepted; 10_000]);
            let refused = refused.load(Ordering::SeqCst);
            assert!(refused <= most_refused && (refused > 0) == (ahead > 60), "{refused} at {ahead} s");
            assert_eq!(summary.requests as usize, 100 + refused);
            assert!(times_sent(&script).values().all(|times| *times <= 2));
            let usersigs = super::usersigs(&script);
            assert_eq!(parts(&script).len(), usersigs.iter().collect::<BTreeSet<_>>().len(), "none comes back");
        });
    }
}

#[test]
fn a_new_usersig_that_is_refused_as_well_stops_the_run_and_rejects_nobody() {
    block_on(async {
        let (config, _) = paused_clock();
        let script = Script::slow(Duration::from_millis(500), |request| {
            let names = request.uri().path().ends_with("im_set_attr_name");
            let (status, body) = if names { success(request) } else { failure(70052) };
            Ok((status, body.into()))
        });
        let client = Tencent::new(config, script.clone());
        client.set_attribute_names(&[(0, "city")]).await.unwrap();
        advance(Duration::from_secs(120)).await;
        let updates = (0..1_000).map(|nth| city(&format!("user{nth}"))).collect();
        let (outcomes, summary) = deliver(AttributesSink::from(client), updates).await;
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Undelivered { .. })));
        let Some(Stop::Failed(error)) = &summary.stop else { panic!("{:?}", summary.stop) };
        assert_eq!((error.code(), summary.requests, summary.rejected), (Some(&70052.into()), 2, 0));
        assert!(summary.stop.unwrap().to_string().contains("secret key"));
        assert_eq!(parts(&script).len(), 2, "it was tried with a new UserSig");
    });
}

/// The clock is set by an hour in the middle of a run, forward or back; the vendor's was right all the time or jumps with it.
#[test]
fn a_clock_that_jumps_an_hour_rejects_nobody() {
    const HOUR: i64 = 3_600;
    for (jump, vendor_jumps) in [(HOUR, true), (-HOUR, true), (HOUR, false), (-HOUR, false)] {
        block_on(async {
            let start = Instant::now();
            let offset = Arc::new(AtomicI64::new(0));
            let at = move |offset: i64| {
                let steady = Duration::from_secs(Clock::START + 7_200) + start.elapsed();
                Duration::from_secs(steady.as_secs().checked_add_signed(offset).unwrap())
            };
            let ours = offset.clone();
            let clock = move || SystemTime::UNIX_EPOCH + at(ours.load(Ordering::SeqCst));
            let (answered, theirs, refused) = (AtomicUsize::new(0), offset, Arc::new(AtomicUsize::new(0)));
            let count = refused.clone();
            let script = Script::slow(Duration::from_millis(100), move |request| {
                if answered.fetch_add(1, Ordering::SeqCst) == 20 {
                    theirs.store(jump, Ordering::SeqCst);
                }
                let now = at(if vendor_jumps { theirs.load(Ordering::SeqCst) } else { 0 });
                let expired = verify(&usersig_of(request), APP, ADMIN, &KEY.into(), now).is_err();
                count.fetch_add(usize::from(expired), Ordering::SeqCst);
                let (status, body) = if expired { failure(70001) } else { success(request) };
                Ok((status, body.into()))
            });
            let half = Duration::from_secs(1_800);
            let client = Tencent::new(config().with_clock(clock).with_lifetime(half).unwrap(), script.clone());
            let updates = (0..10_000).map(|nth| city(&format!("user{nth}"))).collect();
            let (outcomes, summary) = deliver(AttributesSink::from(client), updates).await;
            let refused = refused.load(Ordering::SeqCst);
            let accepted = outcomes.iter().filter(|outcome| **outcome == Outcome::Accepted).count();
            assert!(refused <= 32 && summary.rejected == 0, "{jump} {vendor_jumps}: {refused} refused, {summary:?}");
            if jump < 0 && !vendor_jumps {
                // It is wrong from now on: every UserSig that it dates has ended. A person must act, and the rest is pending.
                let Some(Stop::Failed(error)) = &summary.stop else { panic!("{:?}", summary.stop) };
                assert!(error.advice().contains("check the clock") && accepted >= 2_000, "{accepted} {error}");
            } else {
                assert_eq!((accepted, summary.stop), (10_000, None), "{jump} {vendor_jumps}: {refused} refused");
            }
        });
    }
}
