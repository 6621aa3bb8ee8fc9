//! A delivery of a service: whatever the vendor and the callers do, it continues, and each caller has an answer in time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use contact_sink_core::{Applied, ErrorCode, Overlap, Rejection, Retry, SinkErrorKind, Verdict};
use contact_sink_delivery::{Delivery, Full, Health, Options, Outcome, Stop, Undelivered};
use futures_util::stream;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::outage::{fails, up_when};
use crate::run::{ended, failure, paused, undelivered};
use crate::script::{Blame, Wording, accept_all, error, refuse_users};
use crate::world::{Answer, Request, World, row_of, update_of, user_of};

const LATENCY: Duration = Duration::from_millis(20);
const HOLD: Duration = Duration::from_secs(10);

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Of a service whose process before closed in order.
fn service(world: &Arc<World>) -> Delivery {
    Delivery::new(world.clone(), options())
}

fn options() -> Options {
    Options::for_service().with_first_after(Duration::ZERO).with_seed(7)
}

fn post(delivery: &Delivery, row: usize, user: usize) -> JoinHandle<Outcome> {
    let delivery = delivery.clone();
    tokio::spawn(async move { delivery.deliver(update_of(row, user, 1)).await })
}

/// The names of all states that a delivery is in from now on.
fn states(delivery: &Delivery) -> Arc<Mutex<Vec<&'static str>>> {
    let mut health = delivery.health();
    let seen = Arc::new(Mutex::new(vec![health.borrow_and_update().name()]));
    let states = seen.clone();
    tokio::spawn(async move {
        while health.changed().await.is_ok() {
            states.lock().unwrap().push(health.borrow_and_update().name());
        }
    });
    seen
}

async fn is_accepted(delivery: &Delivery, row: usize) {
    assert_eq!(delivery.deliver(update_of(row, row, 1)).await, Outcome::Accepted, "row {row}");
}

#[test]
fn refusals_never_stop_or_pause_a_service() {
    // Refused by a rule, before anything is sent.
    paused(async {
        let world = World::new(1, accept_all).shared();
        let delivery = service(&world);
        for row in 0..1_000 {
            assert!(matches!(delivery.deliver(update_of(row, row, 0)).await, Outcome::Rejected { .. }));
        }
        is_accepted(&delivery, 1_000).await;
        assert_eq!((world.requests(), delivery.summary().stop), (1, None));
    });
    // Refused by the vendor: one of eight.
    for blame in Blame::EACH {
        for wording in Wording::EACH {
            paused(async {
                let world =
                    World::new(10, refuse_users(|user| user % 8 == 0, blame, wording)).with_quota("100/s").shared();
                let delivery = service(&world);
                let states = states(&delivery);
                for first in (0..4_000).step_by(40) {
                    let callers: Vec<_> = (first..first + 40).map(|row| post(&delivery, row, row)).collect();
                    for (nth, caller) in callers.into_iter().enumerate() {
                        let is_rejected = matches!(caller.await.unwrap(), Outcome::Rejected { .. });
                        assert_eq!(is_rejected, (first + nth) % 8 == 0, "{blame:?} {wording:?} {}", first + nth);
                    }
                }
                assert_eq!(*states.lock().unwrap(), ["starting", "normal"]);
                assert_eq!(world.breaches(), [""; 0]);
            });
        }
    }
}

#[test]
fn users_whom_the_vendor_does_not_know_are_refused_and_the_others_delivered() {
    for (most, blame) in [(1, Blame::Nobody), (1, Blame::All), (100, Blame::Nobody), (100, Blame::One)] {
        for wording in Wording::EACH {
            paused(async {
                let is_unknown = |user: usize| user >= 10_000;
                let world = World::new(most, refuse_users(is_unknown, blame, wording)).with_quota("100/s").shared();
                let delivery = service(&world);
                let states = states(&delivery);
                for row in 0..500 {
                    is_accepted(&delivery, row).await;
                }
                let unknown: Vec<_> = (10_000..10_012).map(|row| post(&delivery, row, row)).collect();
                let known: Vec<_> = (500..530).map(|row| post(&delivery, row, row)).collect();
                for caller in unknown {
                    assert!(matches!(caller.await.unwrap(), Outcome::Rejected { .. }), "{most} {blame:?} {wording:?}");
                }
                for caller in known {
                    assert_eq!(caller.await.unwrap(), Outcome::Accepted, "{most} {blame:?} {wording:?}");
                }
                assert_eq!(*states.lock().unwrap(), ["starting", "normal"], "{most} {blame:?} {wording:?}");
            });
        }
    }
}

#[test]
fn a_refusal_in_a_quiet_service_is_answered_at_once() {
    for (blame, wording) in
        [(Blame::Nobody, Wording::Unlisted), (Blame::All, Wording::Unlisted), (Blame::Nobody, Wording::Listed)]
    {
        for quota in ["100/s", "10/s"] {
            paused(async {
                let world = World::new(1, refuse_users(|user| user > 0, blame, wording)).with_quota(quota).shared();
                let delivery = service(&world);
                for row in 0..20 {
                    let began = Instant::now();
                    let outcome = delivery.deliver(update_of(row, row, 1)).await;
                    assert_eq!(matches!(outcome, Outcome::Rejected { .. }), row > 0, "{outcome:?}");
                    assert!(began.elapsed() < ms(200), "{blame:?} {wording:?}: {:?}", began.elapsed());
                    sleep(secs(60)).await;
                }
            });
        }
    }
}

#[test]
fn an_odd_answer_of_something_between_is_an_outage() {
    use SinkErrorKind as K;
    for kind in [K::WrongAddress, K::Credentials, K::Forbidden] {
        for lasts in [ms(30), secs(60), secs(3_600)] {
            paused(async {
                let odd = move |_: &Request<'_>| -> Answer { Err(error(kind).with_odd_answer()) };
                let is_up = move |at| !(secs(5)..secs(5) + lasts).contains(&at);
                let world = World::new(1, up_when(is_up, odd, accept_all)).shared();
                let delivery = service(&world);
                let states = states(&delivery);
                is_accepted(&delivery, 0).await;
                sleep(secs(5)).await;
                let callers: Vec<_> = (1..10).map(|row| post(&delivery, row, row)).collect();
                for caller in callers {
                    assert_eq!(caller.await.unwrap(), Outcome::Accepted, "{kind:?} {lasts:?}");
                }
                let expected: &[&str] =
                    if lasts < secs(1) { &["starting", "normal"] } else { &["starting", "normal", "outage", "normal"] };
                assert_eq!(*states.lock().unwrap(), expected, "{kind:?} {lasts:?}");
                assert!(Instant::now().elapsed() < secs(1), "{kind:?} {lasts:?}");
            });
        }
    }
}

/// The vendor's own answer that a person must act, while a key is rotated.
#[test]
fn wrong_credentials_pause_a_service_and_it_continues_by_itself() {
    use SinkErrorKind as K;
    for kind in [K::Credentials, K::Forbidden, K::WrongAddress, K::Certificate] {
        paused(async {
            let is_up = |at| !(secs(5)..secs(25)).contains(&at);
            let world = World::new(1, up_when(is_up, fails(kind), accept_all)).with_quota("100/s").shared();
            let delivery = service(&world);
            let states = states(&delivery);
            is_accepted(&delivery, 0).await;
            sleep(secs(6)).await;
            let rows = (1_000..1_100).map(|row| (row, update_of(row, row, 1)));
            let mut outcomes = delivery.deliver_all(stream::iter(rows.collect::<Vec<_>>()));
            let rows = tokio::spawn(async move {
                let mut accepted = 0;
                while let Some((_, outcome)) = outcomes.next().await {
                    accepted += usize::from(outcome == Outcome::Accepted);
                }
                accepted
            });
            sleep(secs(1)).await;
            let requests = world.requests();
            for row in 1..100 {
                let began = Instant::now();
                let outcome = delivery.deliver(update_of(row, row, 1)).await;
                let (applied, cause) = failure(&outcome);
                assert_eq!((applied, cause.kind()), (Applied::No, kind));
                assert!(matches!(undelivered(&outcome), Some((_, Undelivered::Paused(_)))));
                assert!(began.elapsed() < ms(1), "at once");
            }
            assert_eq!(world.requests(), requests, "{kind:?}: no request while paused");
            let Health::Paused { cause, .. } = delivery.health().borrow().clone() else { panic!("not paused") };
            assert_eq!(cause.kind(), kind);
            assert_eq!(rows.await.unwrap(), 100, "{kind:?}: rows wait");
            assert!(world.requests() < 120, "{kind:?}: {}", world.requests());
            is_accepted(&delivery, 500).await;
            assert_eq!(*states.lock().unwrap(), ["starting", "normal", "paused", "normal"]);
        });
    }
}

/// With nothing that waits, the next update that is given is the canary.
#[test]
fn a_pause_ends_by_callers_alone() {
    paused(async {
        let is_up = |at| !(secs(5)..secs(100)).contains(&at);
        let world = World::new(1, up_when(is_up, fails(SinkErrorKind::Credentials), accept_all)).shared();
        let delivery = service(&world);
        is_accepted(&delivery, 0).await;
        sleep(secs(6)).await;
        let (mut paused, mut longest, mut since) = (0, Duration::ZERO, Instant::now());
        for row in 1.. {
            let before = world.requests();
            let outcome = delivery.deliver(update_of(row, row, 1)).await;
            if outcome == Outcome::Accepted {
                break;
            }
            paused += usize::from(matches!(undelivered(&outcome), Some((Applied::No, Undelivered::Paused(_)))));
            assert_eq!(paused, row);
            if world.requests() > before {
                longest = longest.max(since.elapsed());
                since = Instant::now();
            }
            sleep(ms(500)).await;
        }
        // 5, 10, 20, 40 and 60 s.
        assert_eq!((longest.as_secs(), world.requests() <= 9), (40, true), "{longest:?} {}", world.requests());
    });
}

#[test]
fn one_wrong_answer_of_one_node_pauses_nothing() {
    paused(async {
        let script = |request: &Request<'_>| match request.number % 10 {
            3 => Err(error(SinkErrorKind::Credentials)),
            _ => accept_all(request),
        };
        let world = World::new(1, script).with_quota("100/s").shared();
        let delivery = service(&world);
        let states = states(&delivery);
        for row in 0..300 {
            let began = Instant::now();
            is_accepted(&delivery, row).await;
            assert!(began.elapsed() < ms(200), "sent again at once: {:?}", began.elapsed());
        }
        assert_eq!(*states.lock().unwrap(), ["starting", "normal"]);
    });
}

/// Updates that the vendor never answers well must not fill the buffer for the others.
#[test]
fn five_thousand_poison_updates_end_while_good_ones_are_delivered_in_time() {
    for kind in [SinkErrorKind::Unavailable, SinkErrorKind::Timeout] {
        paused(async {
            let is_poison = |user: usize| user >= 100_000;
            let script =
                move |request: &Request<'_>| match request.batch.iter().any(|update| is_poison(user_of(update))) {
                    true => Err(error(kind)),
                    false => accept_all(request),
                };
            let world = World::new(1, script).with_quota("100/s").shared();
            let delivery = service(&world);
            is_accepted(&delivery, 0).await;
            let (mut poison, mut good, mut row) = (Vec::new(), Vec::new(), 1);
            while poison.len() < 5_000 || poison.iter().any(|caller: &JoinHandle<_>| !caller.is_finished()) {
                for nth in poison.len()..(poison.len() + 12).min(5_000) {
                    poison.push(post(&delivery, nth, 100_000 + nth));
                }
                for _ in 0..20 {
                    let delivery = delivery.clone();
                    good.push(tokio::spawn(
                        async move { delivery.deliver_within(update_of(row, row, 1), secs(5)).await },
                    ));
                    row += 1;
                    sleep(ms(50)).await;
                }
                assert!(row < 100_000, "poison updates are left");
            }
            for caller in poison {
                let outcome = caller.await.unwrap();
                assert!(matches!(undelivered(&outcome), Some((_, Undelivered::Attempts(_)))), "{outcome:?}");
            }
            let (mut in_time, all) = (0, good.len());
            for caller in good {
                in_time += usize::from(caller.await.unwrap() == Outcome::Accepted);
            }
            assert!(in_time * 100 >= all * 99, "{kind:?}: {in_time} of {all} in time");
        });
    }
}

/// A caller who sends the failed value again must not undo a newer one.
#[test]
fn later_updates_of_a_subject_end_with_the_one_that_ran_out_of_attempts() {
    paused(async {
        let script = |request: &Request<'_>| match request.batch.iter().any(|update| row_of(update) == 1) {
            true => Err(error(SinkErrorKind::Unavailable)),
            false => accept_all(request),
        };
        let world = World::new(1, script).shared();
        let delivery = service(&world);
        is_accepted(&delivery, 0).await;
        let (first, second, third) = (post(&delivery, 1, 7), post(&delivery, 2, 7), post(&delivery, 3, 7));
        for row in 100.. {
            is_accepted(&delivery, row).await;
            if first.is_finished() {
                break;
            }
            sleep(ms(100)).await;
        }
        for (caller, applied, row) in [(first, Applied::Maybe, 1), (second, Applied::No, 2), (third, Applied::No, 3)] {
            let Outcome::Undelivered { applied: is, cause: Undelivered::Attempts(_), update } = caller.await.unwrap()
            else {
                panic!("row {row}")
            };
            assert_eq!((is, row_of(&update)), (applied, row));
        }
        assert_eq!(world.departures().iter().filter(|request| request.rows == [1]).count(), 8);
        // The current value is sent again.
        assert_eq!(delivery.deliver(update_of(3, 7, 1)).await, Outcome::Accepted);
        assert_eq!((world.stored(7, "field-0"), world.breaches()), (Some(3), vec![]));
    });
}

#[test]
fn attempts_count_only_while_later_requests_succeed() {
    paused(async {
        let is_up = |at| !(secs(5)..secs(3_600)).contains(&at);
        let world = World::new(1, up_when(is_up, fails(SinkErrorKind::Unavailable), accept_all)).shared();
        let delivery = service(&world);
        is_accepted(&delivery, 0).await;
        sleep(secs(6)).await;
        let callers: Vec<_> = (1..5).map(|row| post(&delivery, row, row)).collect();
        for caller in callers {
            assert_eq!(caller.await.unwrap(), Outcome::Accepted);
        }
        assert!(world.requests() > 50);
    });
}

/// A request of the process before may still arrive.
#[test]
fn the_first_request_waits_for_the_hold_unless_the_process_before_closed_in_order() {
    paused(async {
        let world = World::new(1, accept_all).shared();
        let delivery = Delivery::new(world.clone(), Options::for_service());
        let began = Instant::now();
        assert_eq!(*delivery.health().borrow(), Health::Starting { until: began + HOLD });
        is_accepted(&delivery, 0).await;
        assert!((HOLD..HOLD + 2 * LATENCY).contains(&began.elapsed()), "{:?}", began.elapsed());
        assert_eq!(*delivery.health().borrow(), Health::Normal);
    });
    paused(async {
        let world = World::new(1, accept_all).shared();
        let began = Instant::now();
        is_accepted(&service(&world), 0).await;
        assert!(began.elapsed() < 2 * LATENCY);
    });
}

#[test]
fn a_caller_does_not_wait_for_the_rows_of_a_table() {
    paused(async {
        let world = World::new(1, accept_all).with_quota("1000/m").shared();
        let delivery = service(&world);
        let rows: Vec<_> = (0..20_000).map(|row| (row, update_of(row, row, 1))).collect();
        let mut outcomes = delivery.deliver_all(stream::iter(rows));
        let table = tokio::spawn(async move { while outcomes.next().await.is_some() {} });
        sleep(secs(10)).await;
        for row in 0..100 {
            let began = Instant::now();
            is_accepted(&delivery, 100_000 + row).await;
            assert!(began.elapsed() < secs(3), "{:?}", began.elapsed());
            // One of whom a row waits: the row is sent first.
            let (began, user) = (Instant::now(), 1_500 + row);
            assert_eq!(delivery.deliver(update_of(200_000 + row, user, 1)).await, Outcome::Accepted);
            assert!(began.elapsed() < secs(3), "{:?}", began.elapsed());
            let of_user: Vec<_> = world.departures().into_iter().filter(|request| request.users == [user]).collect();
            assert_eq!(of_user.iter().map(|request| request.rows[0]).collect::<Vec<_>>(), [user, 200_000 + row]);
        }
        table.await.unwrap();
        assert_eq!(world.breaches(), [""; 0]);
    });
}

/// Callers who wait keep the vendor busy: the rows of a table still have a share.
#[test]
fn one_request_in_ten_is_for_the_rows_of_a_table() {
    paused(async {
        let world = World::new(1, accept_all).with_quota("100/s").shared();
        let delivery = service(&world);
        let rows: Vec<_> = (0..100).map(|row| (row, update_of(row, row, 1))).collect();
        let mut outcomes = delivery.deliver_all(stream::iter(rows));
        for caller in 0..300 {
            let delivery = delivery.clone();
            tokio::spawn(async move {
                for row in 0.. {
                    let row = 1_000 + row * 1_000 + caller;
                    let _ = delivery.deliver(update_of(row, row, 1)).await;
                }
            });
        }
        let began = Instant::now();
        while outcomes.next().await.is_some() {}
        assert!((secs(9)..secs(12)).contains(&began.elapsed()), "{:?}", began.elapsed());
    });
}

/// More callers than the vendor has capacity for: the capacity goes to callers who still wait.
#[test]
fn updates_of_callers_who_left_cost_no_request() {
    for with_deadline in [false, true] {
        paused(async {
            let world = World::new(1, accept_all).with_quota("1000/m").shared();
            let delivery = service(&world);
            let answered = Arc::new(Mutex::new(0));
            for caller in 0..60 {
                let (delivery, answered) = (delivery.clone(), answered.clone());
                tokio::spawn(async move {
                    for nth in 0.. {
                        let row = nth * 60 + caller;
                        let is_answered = match with_deadline {
                            true => delivery.deliver_within(update_of(row, row, 1), secs(2)).await == Outcome::Accepted,
                            false => timeout(secs(2), delivery.deliver(update_of(row, row, 1))).await.is_ok(),
                        };
                        *answered.lock().unwrap() += usize::from(is_answered);
                    }
                });
            }
            sleep(secs(120)).await;
            let (answered, capacity) = (*answered.lock().unwrap(), 120 * 1_000 * 99 / 100 / 60);
            assert!(answered * 10 >= capacity * 9, "{with_deadline}: {answered} of {capacity}");
        });
    }
}

#[test]
fn a_deadline_ends_an_update_at_no_cost_or_tells_that_it_may_be_applied() {
    paused(async {
        let world = World::new(1, accept_all).with_latency(|_| secs(8)).shared();
        let delivery = Delivery::new(world.clone(), options().with_concurrency(1.try_into().unwrap()));
        let began = Instant::now();
        let in_flight = delivery.deliver_within(update_of(0, 0, 1), secs(3));
        let never_sent = delivery.deliver_within(update_of(1, 1, 1), secs(3));
        let (in_flight, never_sent) = tokio::join!(in_flight, never_sent);
        assert_eq!(undelivered(&in_flight), Some((Applied::Maybe, &Undelivered::Deadline)));
        assert_eq!(undelivered(&never_sent), Some((Applied::No, &Undelivered::Deadline)));
        assert_eq!((began.elapsed(), world.requests()), (secs(3), 1));
        // The subject stays busy until the exchange ends.
        assert_eq!(delivery.deliver(update_of(2, 0, 1)).await, Outcome::Accepted);
        assert_eq!((world.departures()[1].at - began).as_secs(), 8);
        let summary = delivery.close(secs(1)).await;
        assert_eq!((summary.accepted, summary.undelivered), (2, 1), "what became of the first is counted");
        assert_eq!(world.breaches(), [""; 0]);
    });
}

/// An answer takes 1 s: with less than 1.5 s left an update is not sent.
#[test]
fn an_update_is_sent_only_if_its_answer_can_come_in_time() {
    paused(async {
        let world = World::new(1, accept_all).with_latency(|_| secs(1)).shared();
        let delivery = Delivery::new(world.clone(), options().with_concurrency(1.try_into().unwrap()));
        is_accepted(&delivery, 0).await;
        let began = Instant::now();
        let first = post(&delivery, 1, 1);
        sleep(ms(10)).await;
        let outcome = delivery.deliver_within(update_of(2, 2, 1), ms(2_400)).await;
        assert_eq!(undelivered(&outcome), Some((Applied::No, &Undelivered::Deadline)));
        assert!(began.elapsed() < secs(1), "as soon as that is known: {:?}", began.elapsed());
        assert_eq!(first.await.unwrap(), Outcome::Accepted);
        // With nothing in flight it is tried: the vendor may be quicker than it was.
        let outcome = delivery.deliver_within(update_of(3, 3, 1), ms(1_400)).await;
        assert_eq!((outcome, world.requests()), (Outcome::Accepted, 3));
    });
}

#[test]
fn without_a_place_an_update_is_given_back_and_a_ticket_is_its_outcome() {
    paused(async {
        let world = World::new(1, accept_all).shared();
        let delivery = Delivery::new(world.clone(), options().with_max_waiting(4.try_into().unwrap()));
        let first = delivery.try_deliver(update_of(0, 0, 1)).unwrap();
        let second = delivery.try_deliver(update_of(1, 1, 1)).unwrap();
        let Err(Full(update)) = delivery.try_deliver(update_of(2, 2, 1)) else {
            panic!("half of the buffer is for rows")
        };
        assert_eq!(row_of(&update), 2);
        drop(first);
        assert_eq!(second.await, Outcome::Accepted);
        assert_eq!(world.departures().iter().map(|request| request.rows[0]).collect::<Vec<_>>(), [1]);
        assert_eq!(delivery.try_deliver(update).unwrap().await, Outcome::Accepted);
        assert_eq!(delivery.close(secs(1)).await.accepted, 2);
    });
}

#[test]
fn a_closed_service_says_so() {
    paused(async {
        let world = World::new(1, accept_all).shared();
        let delivery = service(&world);
        let other = delivery.clone();
        is_accepted(&delivery, 0).await;
        delivery.close(secs(1)).await;
        assert_eq!(other.health().borrow().name(), "stopped");
        assert_eq!(other.summary().stop, None, "it was closed in order");
        assert_eq!(undelivered(&other.deliver(update_of(1, 1, 1)).await), Some((Applied::No, &Undelivered::Closed)));
        let health = other.health();
        drop(other);
        ended(&world).await;
        assert!(matches!(&*health.borrow(), Health::Stopped(stop) if **stop == Stop::Halted), "{:?}", *health.borrow());
    });
}

/// 200 users in 30 versions each, through concurrent callers of whom a third leaves: the last value that was given wins.
#[test]
fn no_value_is_stale_whatever_callers_and_vendor_do() {
    for seed in 0..5 {
        paused(async {
            let stored = Arc::new(Mutex::new(HashMap::<usize, usize>::new()));
            let at_vendor = stored.clone();
            let script = move |request: &Request<'_>| {
                let mut rng = fastrand::Rng::with_seed(seed * 1_000_000 + request.number as u64);
                let fails = rng.u32(..10) < 3;
                // Half of what fails is applied all the same.
                if !fails || rng.bool() {
                    let mut stored = at_vendor.lock().unwrap();
                    stored.extend(request.batch.iter().map(|update| (user_of(update), row_of(update))));
                }
                use SinkErrorKind as K;
                match [K::Timeout, K::Interrupted, K::Unavailable][rng.usize(..3)] {
                    kind if fails => Err(error(kind)),
                    _ => Ok(vec![Verdict::Accepted; request.batch.len()]),
                }
            };
            let world = World::new(10, script).with_quota("100/s").shared();
            let delivery = service(&world);
            let users: Vec<_> = (0..200)
                .map(|user| {
                    let delivery = delivery.clone();
                    tokio::spawn(async move {
                        let mut rng = fastrand::Rng::with_seed(seed ^ user as u64);
                        let mut callers = Vec::new();
                        for version in 0..30 {
                            let caller = post(&delivery, version, user);
                            sleep(ms(rng.u64(..2_000))).await;
                            if version < 29 && rng.u32(..3) == 0 {
                                caller.abort();
                            } else {
                                callers.push(caller);
                            }
                        }
                        // As the docs say: what is undelivered is sent again with the current value.
                        let mut last = callers.pop().unwrap().await.unwrap();
                        while last != Outcome::Accepted {
                            last = delivery.deliver(update_of(29, user, 1)).await;
                        }
                    })
                })
                .collect();
            for user in users {
                user.await.unwrap();
            }
            let stored = stored.lock().unwrap();
            assert!((0..200).all(|user| stored[&user] == 29), "a value is stale");
            assert_eq!(world.breaches(), [""; 0]);
        });
    }
}

/// Also with a code that the vendor's table lacks, which is confirmed in a quiet window: there is one for all of them.
#[test]
fn many_refusals_at_once_do_not_silence_a_service() {
    for (most, blame) in [(1, Blame::All), (100, Blame::AllAndTheRestIsTaken), (100, Blame::Nobody)] {
        paused(async {
            let is_bad = |user: usize| (100..164).contains(&user);
            let world = World::new(most, refuse_users(is_bad, blame, Wording::Unlisted)).with_quota("100/s").shared();
            let delivery = service(&world);
            is_accepted(&delivery, 0).await;
            let bad: Vec<_> = (100..164).map(|row| post(&delivery, row, row)).collect();
            let began = Instant::now();
            for row in 1..20 {
                is_accepted(&delivery, row).await;
            }
            for caller in bad {
                assert!(matches!(caller.await.unwrap(), Outcome::Rejected { .. }));
            }
            assert!(began.elapsed() < secs(5), "{most} {blame:?}: {:?}", began.elapsed());
        });
    }
}

/// A row for which the vendor always answers that a person must act is that row's fault, if others are accepted meanwhile.
#[test]
fn a_pause_for_one_row_ends_with_the_next_canary() {
    for kind in [SinkErrorKind::BadRequest, SinkErrorKind::Forbidden] {
        paused(async {
            let script = move |request: &Request<'_>| match request.users() {
                users if users.contains(&7) => Err(error(kind)),
                _ => accept_all(request),
            };
            let world = World::new(1, script).with_quota("100/s").shared();
            let delivery = service(&world);
            is_accepted(&delivery, 0).await;
            let mut outcomes = delivery
                .deliver_all(stream::iter((7..500).map(|row| (row, update_of(row, row, 1))).collect::<Vec<_>>()));
            let mut row = 1_000;
            let busy = delivery.clone();
            tokio::spawn(async move {
                loop {
                    let _ = busy.deliver(update_of(row, row, 1)).await;
                    row += 1;
                    sleep(ms(100)).await;
                }
            });
            let began = Instant::now();
            let (mut accepted, mut ended) = (0, 0);
            while let Some((row, outcome)) = outcomes.next().await {
                accepted += usize::from(outcome == Outcome::Accepted);
                ended += usize::from(row == 7 && matches!(undelivered(&outcome), Some((_, Undelivered::Attempts(_)))));
            }
            assert_eq!((accepted, ended), (492, 1), "{kind:?}");
            assert!(began.elapsed() < secs(300), "{kind:?}: {:?}", began.elapsed());
            sleep(secs(1)).await;
            assert_eq!(*delivery.health().borrow(), Health::Normal);
        });
    }
}

/// What waits for its own time is no canary: the next caller is.
#[test]
fn a_pause_does_not_last_as_long_as_the_wait_of_one_row() {
    paused(async {
        let is_up = |at| !(secs(5)..secs(25)).contains(&at);
        let busy = |request: &Request<'_>| match request.users() {
            users if users.contains(&7) => Err(error(SinkErrorKind::Unavailable).with_retry(Retry::After(secs(3_600)))),
            _ => accept_all(request),
        };
        let world = World::new(1, up_when(is_up, fails(SinkErrorKind::Credentials), busy)).shared();
        let delivery = service(&world);
        is_accepted(&delivery, 0).await;
        let _row = post(&delivery, 7, 7);
        sleep(secs(6)).await;
        assert!(matches!(undelivered(&delivery.deliver(update_of(1, 1, 1)).await), Some((_, Undelivered::Paused(_)))));
        sleep(secs(20)).await;
        for row in 2.. {
            if delivery.deliver(update_of(row, row, 1)).await == Outcome::Accepted {
                break;
            }
            sleep(ms(100)).await;
            assert!(row < 300, "still paused");
        }
    });
}

/// A row that a caller's update of the same user waits for stays a row.
#[test]
fn a_row_with_the_priority_of_a_caller_waits_in_a_pause() {
    paused(async {
        let is_up = |at| !(secs(5)..secs(25)).contains(&at);
        let world =
            World::new(1, up_when(is_up, fails(SinkErrorKind::Credentials), accept_all)).with_quota("10/s").shared();
        let delivery = service(&world);
        is_accepted(&delivery, 0).await;
        sleep(secs(5)).await;
        let mut outcomes =
            delivery.deliver_all(stream::iter((7..20).map(|row| (row, update_of(row, row, 1))).collect::<Vec<_>>()));
        let rows = tokio::spawn(async move {
            let mut accepted = 0;
            while let Some((_, outcome)) = outcomes.next().await {
                accepted += usize::from(outcome == Outcome::Accepted);
            }
            accepted
        });
        sleep(ms(1)).await;
        let outcome = delivery.deliver(update_of(100, 15, 1)).await;
        assert!(matches!(undelivered(&outcome), Some((_, Undelivered::Paused(_)))), "{outcome:?}");
        assert_eq!(rows.await.unwrap(), 13);
    });
}

/// A row that failed once is sent again, however many rows and callers wait.
#[test]
fn rows_that_failed_have_their_share_too() {
    paused(async {
        let script = |request: &Request<'_>| match request.number {
            5..8 => Err(error(SinkErrorKind::Unavailable)),
            _ => accept_all(request),
        };
        let world = World::new(1, script).with_quota("100/s").shared();
        let delivery = service(&world);
        let rows = (0..2_000).map(|row| (row, update_of(row, row, 1))).collect::<Vec<_>>();
        let mut outcomes = delivery.deliver_all(stream::iter(rows));
        let began = Instant::now();
        tokio::spawn(async move { while outcomes.next().await.is_some() {} });
        sleep(ms(500)).await;
        for caller in 0..50 {
            let delivery = delivery.clone();
            tokio::spawn(async move {
                for row in 0.. {
                    let row = 100_000 + row * 50 + caller;
                    let _ = delivery.deliver(update_of(row, row, 1)).await;
                }
            });
        }
        sleep(secs(10)).await;
        let failed: Vec<_> = world.departures()[4..7].iter().map(|request| request.rows[0]).collect();
        for row in failed {
            let again = world.departures().into_iter().filter(|request| request.rows == [row]).nth(1);
            assert!(again.is_some_and(|again| again.at - began < secs(5)), "row {row}");
        }
    });
}

#[test]
fn a_panic_over_one_update_of_a_batch_ends_that_one_alone() {
    paused(async {
        let script = |request: &Request<'_>| match request.users() {
            users if users.contains(&7) => panic!("a sink may panic"),
            _ => accept_all(request),
        };
        let world = World::new(10, script).shared();
        let delivery = service(&world);
        is_accepted(&delivery, 100).await;
        let callers: Vec<_> = (0..10).map(|row| post(&delivery, row, row)).collect();
        for (row, caller) in callers.into_iter().enumerate() {
            let outcome = caller.await.unwrap();
            let is_broken = matches!(undelivered(&outcome), Some((Applied::Maybe, Undelivered::Broken)));
            assert_eq!((is_broken, outcome == Outcome::Accepted), (row == 7, row != 7), "{row}: {outcome:?}");
        }
        assert_eq!(*delivery.health().borrow(), Health::Normal);
    });
}

/// Of a batch that is refused as malformed one update is at fault: the others are delivered, and no other caller waits.
#[test]
fn a_malformed_update_pauses_nobody() {
    for most in [1, 100] {
        paused(async {
            let script = |request: &Request<'_>| match request.users() {
                users if users.contains(&7) => Err(error(SinkErrorKind::BadRequest)),
                _ => accept_all(request),
            };
            let world = World::new(most, script).with_quota("100/s").shared();
            let delivery = service(&world);
            let states = states(&delivery);
            let callers: Vec<_> = (0..100).map(|row| post(&delivery, row, row)).collect();
            for row in 100..300 {
                let began = Instant::now();
                is_accepted(&delivery, row).await;
                assert!(began.elapsed() < secs(2), "{most}: {:?}", began.elapsed());
                sleep(ms(100)).await;
            }
            for (row, caller) in callers.into_iter().enumerate() {
                let outcome = caller.await.unwrap();
                assert_eq!(outcome == Outcome::Accepted, row != 7, "{most} {row}: {outcome:?}");
            }
            assert_eq!(*states.lock().unwrap(), ["starting", "normal"]);
        });
    }
}

/// Codes that the vendor's table lacks, of which the confirmation is refused, accepted, or never sent in time.
#[test]
fn unlisted_codes_of_any_kind_hold_up_no_other_caller() {
    for (deadline, nth_is_bad, again, codes) in
        [(ms(900), 20, true, 1), (secs(5), 30, false, 1), (secs(5), 10, false, 1), (secs(5), 20, true, 50)]
    {
        paused(async {
            let seen = Mutex::new(HashMap::<usize, usize>::new());
            let script = move |request: &Request<'_>| {
                let verdict = |update| {
                    let user = user_of(update);
                    let times = *seen.lock().unwrap().entry(user).and_modify(|times| *times += 1).or_insert(1);
                    let code = 9_000 + (user % codes) as i64;
                    match user % nth_is_bad == 1 && (again || times == 1) {
                        true => Verdict::Rejected(Rejection::unlisted(Some(code.into()), "unlisted")),
                        false => Verdict::Accepted,
                    }
                };
                Ok(request.batch.iter().map(verdict).collect())
            };
            let world = World::new(1, script).with_quota("100/s").shared();
            let delivery = service(&world);
            let mut callers = Vec::new();
            for row in 0..3_000 {
                let delivery = delivery.clone();
                callers
                    .push(tokio::spawn(async move { delivery.deliver_within(update_of(row, row, 1), deadline).await }));
                sleep(ms(20)).await;
            }
            for (row, caller) in callers.into_iter().enumerate() {
                let outcome = caller.await.unwrap();
                let is_rejected = again && row % nth_is_bad == 1;
                assert_eq!(matches!(outcome, Outcome::Rejected { .. }), is_rejected, "{row}: {outcome:?}");
                assert_eq!(outcome == Outcome::Accepted, !is_rejected, "{row}: {outcome:?}");
            }
        });
    }
}

/// A key with an old update must not be passed over for another key's.
#[test]
fn no_batch_key_starves_under_overload() {
    paused(async {
        let world = World::new(1, accept_all).with_quota("10/s").with_keys(2, Overlap::Free).shared();
        let delivery = service(&world);
        let _old: Vec<_> = (0..100).map(|row| post(&delivery, row, 2 * row)).collect();
        let accepted = Arc::new(Mutex::new([0, 0]));
        for row in 0..1_000 {
            let (delivery, accepted) = (delivery.clone(), accepted.clone());
            tokio::spawn(async move {
                let user = 1_000 + row;
                if delivery.deliver_within(update_of(row, user, 1), secs(2)).await == Outcome::Accepted {
                    accepted.lock().unwrap()[user % 2] += 1;
                }
            });
            sleep(ms(50)).await;
        }
        let accepted = accepted.lock().unwrap();
        assert!(accepted.iter().all(|accepted| *accepted > 100), "{accepted:?}");
    });
}

/// Rows that always fail must not keep out the others, which show that the vendor is there.
#[test]
fn a_table_whose_first_rows_always_fail_is_delivered() {
    for (max_waiting, poison, most, code) in
        [(20, 10, 1, None), (5_000, 3_000, 100, None), (20, 10, 1, Some(7)), (5_000, 3_000, 100, Some(7))]
    {
        paused(async {
            let script = move |request: &Request<'_>| match request.users().iter().any(|user| *user < poison) {
                true if code.is_some() => {
                    Ok(vec![Verdict::Retry { code: code.map(ErrorCode::Number) }; request.batch.len()])
                }
                true => Err(error(SinkErrorKind::Unavailable)),
                false => accept_all(request),
            };
            let world = World::new(most, script).with_quota("100/s").shared();
            let delivery = Delivery::new(world.clone(), options().with_max_waiting(max_waiting.try_into().unwrap()));
            is_accepted(&delivery, 1_000_000).await;
            let rows = (0..20_000).map(|row| (row, update_of(row, row, 1))).collect::<Vec<_>>();
            let mut outcomes = delivery.deliver_all(stream::iter(rows));
            let (mut accepted, mut last) = (0, Instant::now());
            while accepted < 20_000 - poison {
                let next = timeout(secs(24 * 3_600), outcomes.next()).await;
                let (row, outcome) = next.unwrap_or_else(|_| panic!("stuck after {accepted}")).unwrap();
                assert_eq!(outcome == Outcome::Accepted, row >= poison, "{row}: {outcome:?}");
                accepted += usize::from(outcome == Outcome::Accepted);
                last = Instant::now();
            }
            assert!(last.elapsed() < secs(1));
        });
    }
}

#[test]
fn in_a_pause_a_user_whose_value_is_held_back_is_answered_at_once() {
    paused(async {
        let is_up = |at| !(secs(5)..secs(60)).contains(&at);
        let lost = |request: &Request<'_>| match request.number {
            2 => Err(error(SinkErrorKind::Timeout)),
            _ => accept_all(request),
        };
        let world = World::new(1, up_when(is_up, fails(SinkErrorKind::Credentials), lost)).shared();
        let delivery = Delivery::new(world.clone(), options().with_maybe_applied_hold(secs(60)));
        is_accepted(&delivery, 0).await;
        let _ = delivery.deliver_within(update_of(1, 7, 1), ms(15)).await;
        sleep(secs(6)).await;
        let _ = delivery.deliver(update_of(2, 2, 1)).await;
        assert_eq!(delivery.health().borrow().name(), "paused");
        sleep(secs(6)).await;
        for row in 3..6 {
            let began = Instant::now();
            let outcome = delivery.deliver(update_of(row, 7, 1)).await;
            assert!(matches!(undelivered(&outcome), Some((_, Undelivered::Paused(_)))), "{outcome:?}");
            assert!(began.elapsed() < ms(100), "{:?}", began.elapsed());
        }
    });
}

/// Also of a large batch, in which each half that is refused counts for all of its updates.
#[test]
fn of_a_thousand_updates_one_that_is_malformed_ends_alone() {
    paused(async {
        let script = |request: &Request<'_>| match request.users() {
            users if users.contains(&777) => Err(error(SinkErrorKind::BadRequest)),
            _ => accept_all(request),
        };
        let world = World::new(1_000, script).with_quota("100/s").shared();
        let delivery = service(&world);
        is_accepted(&delivery, 5_000).await;
        let callers: Vec<_> = (0..1_000).map(|row| post(&delivery, row, row)).collect();
        for row in 6_000.. {
            is_accepted(&delivery, row).await;
            sleep(ms(100)).await;
            if callers.iter().all(JoinHandle::is_finished) {
                break;
            }
        }
        for (row, caller) in callers.into_iter().enumerate() {
            assert_eq!(caller.await.unwrap() == Outcome::Accepted, row != 777, "{row}");
        }
    });
}

/// Batches of which most have an update that always fails: probes are single updates, and the service continues.
#[test]
fn a_few_users_who_always_fail_do_not_stop_a_service_that_sends_batches() {
    paused(async {
        let script = |request: &Request<'_>| match request.users().iter().any(|user| user % 33 == 0) {
            true => Err(error(SinkErrorKind::Unavailable)),
            false => accept_all(request),
        };
        let world = World::new(100, script).with_quota("100/s").shared();
        let delivery = service(&world);
        let mut callers = Vec::new();
        for row in 0..20_000 {
            let delivery = delivery.clone();
            callers.push(tokio::spawn(async move { delivery.deliver_within(update_of(row, row, 1), secs(10)).await }));
            sleep(ms(10)).await;
        }
        let (mut accepted, all) = (0, callers.len());
        for caller in callers {
            accepted += usize::from(caller.await.unwrap() == Outcome::Accepted);
        }
        assert!(accepted > all / 2, "{accepted} of {all}");
    });
}

/// A request that is throttled for ever because of one of its updates.
#[test]
fn of_a_batch_that_is_always_throttled_one_update_is_at_fault() {
    for quota in ["100/s", "1000/m"] {
        paused(async {
            let script = |request: &Request<'_>| match request.users().contains(&7) {
                true => Err(error(SinkErrorKind::Throttled)),
                false => accept_all(request),
            };
            let world = World::new(100, script).with_quota(quota).shared();
            let delivery = service(&world);
            let callers: Vec<_> = (0..50).map(|row| post(&delivery, row, row)).collect();
            let mut row = 100;
            while callers.iter().filter(|caller| caller.is_finished()).count() < 49 {
                let _ = delivery.deliver_within(update_of(row, row, 1), secs(10)).await;
                row += 1;
                sleep(secs(1)).await;
                assert!(row < 10_000, "{quota}: the others wait");
            }
            for (row, caller) in callers.into_iter().enumerate().filter(|(row, _)| *row != 7) {
                assert_eq!(caller.await.unwrap(), Outcome::Accepted, "{quota} {row}");
            }
        });
    }
}

fn requests_runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).thread_name("requests").enable_time().build().unwrap()
}

#[test]
fn requests_are_made_on_the_runtime_that_is_named() {
    let requests = requests_runtime();
    let script = |request: &Request<'_>| {
        assert_eq!(std::thread::current().name(), Some("requests"));
        accept_all(request)
    };
    let world = World::new(4, script).with_latency(|_| Duration::ZERO).shared();
    let options = options().with_requests_on(requests.handle().clone());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let outcome = runtime.block_on(async { Delivery::new(world, options).deliver(update_of(0, 0, 1)).await });
    assert_eq!(outcome, Outcome::Accepted);
}

#[test]
fn a_delivery_stops_if_the_runtime_of_its_requests_ends() {
    let requests = requests_runtime();
    let world = World::new(4, accept_all).with_latency(|_| secs(3_600)).shared();
    let options = options().with_requests_on(requests.handle().clone());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let delivery = Delivery::new(world.clone(), options);
        let first = delivery.clone();
        let first = tokio::spawn(async move { first.deliver(update_of(0, 0, 1)).await });
        while world.requests() == 0 {
            tokio::task::yield_now().await;
        }
        requests.shutdown_background();
        let first = first.await.unwrap();
        assert!(matches!(first, Outcome::Undelivered { applied: Applied::Maybe, cause: Undelivered::Stopped(_), .. }));
        let second = delivery.deliver(update_of(1, 1, 1)).await;
        assert!(matches!(second, Outcome::Undelivered { applied: Applied::No, .. }));
        assert_eq!(delivery.summary().stop, Some(Stop::Broken));
    });
}
