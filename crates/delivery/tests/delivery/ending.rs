//! However a lane ends, everybody is answered, nothing is sent that should not be, and nothing wakes up for nothing.

use std::sync::Arc;
use std::time::Duration;

use contact_sink_core::{Applied, Retry, SinkErrorKind};
use contact_sink_delivery::{Delivery, Options, Outcome, Stop, Undelivered};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::run::{Feed, ended, paused, take_all, undelivered};
use crate::script::{Blame, Wording, accept_all, error, refuse_users};
use crate::world::{World, update_of};

const NEVER_SENT: Option<(Applied, &Undelivered)> = Some((Applied::No, &Undelivered::Closed));
const MAYBE_SENT: Option<(Applied, &Undelivered)> = Some((Applied::Maybe, &Undelivered::Closed));

fn call(delivery: &Delivery, row: usize, user: usize) -> JoinHandle<Outcome> {
    let delivery = delivery.clone();
    tokio::spawn(async move { delivery.deliver(update_of(row, user, 1)).await })
}

fn slow(max_updates: usize) -> Arc<World> {
    World::new(max_updates, accept_all).with_latency(|_| Duration::from_secs(10)).shared()
}

#[test]
fn closing_settles_everything_at_once() {
    let is_bad = |user: usize| user.is_multiple_of(50);
    let world = World::new(10, refuse_users(is_bad, Blame::Nobody, Wording::Unlisted)).shared();
    paused(async {
        let delivery = Delivery::new(world.clone(), Options::for_run().with_linger(Duration::from_secs(3_600)));
        let callers: Vec<_> = (0..105).map(|user| call(&delivery, user, user)).collect();
        sleep(Duration::from_millis(1)).await;
        let began = Instant::now();
        let summary = delivery.close(Duration::from_secs(60)).await;
        assert!(began.elapsed() < Duration::from_secs(1), "no linger and no idle second at the end");
        assert_eq!((summary.accepted, summary.rejected, summary.undelivered, summary.stop), (102, 3, 0, None));
        for caller in callers {
            assert!(!matches!(caller.await.unwrap(), Outcome::Undelivered { .. }));
        }
        ended(&world).await;
    });
}

#[test]
fn closing_gives_up_what_takes_too_long_and_says_what_may_be_applied() {
    paused(async {
        let world = slow(2);
        let delivery = Delivery::new(world.clone(), Options::for_run());
        // One request in flight, one that waits for the first to be accepted, and one behind its own subject.
        let callers: Vec<_> =
            [0, 1, 2, 3, 0].into_iter().enumerate().map(|(row, user)| call(&delivery, row, user)).collect();
        sleep(Duration::from_millis(100)).await;
        let began = Instant::now();
        let summary = delivery.close(Duration::from_secs(2)).await;
        assert_eq!(began.elapsed(), Duration::from_secs(2));
        assert_eq!((summary.undelivered, summary.stop), (5, Some(Stop::Halted)));
        for (row, caller) in callers.into_iter().enumerate() {
            assert_eq!(undelivered(&caller.await.unwrap()), if row < 2 { MAYBE_SENT } else { NEVER_SENT });
        }
        ended(&world).await;
        assert_eq!(world.requests(), 1);
    });
}

#[test]
fn closing_in_the_middle_of_taking_a_request_apart_answers_everybody() {
    for within_ms in (1..400).step_by(7) {
        let world = World::new(100, refuse_users(|user| user % 9 < 2, Blame::Nobody, Wording::Unlisted)).shared();
        paused(async {
            let delivery = Delivery::new(world.clone(), Options::for_run());
            let callers: Vec<_> = (0..150).map(|row| call(&delivery, row, row % 120)).collect();
            sleep(Duration::from_millis(within_ms)).await;
            let summary = delivery.close(Duration::from_millis(within_ms)).await;
            assert_eq!(summary.accepted + summary.rejected + summary.undelivered, 150);
            for caller in callers {
                let _ = caller.await.unwrap();
            }
            ended(&world).await;
        });
        assert_eq!(world.breaches(), [""; 0]);
    }
}

#[test]
fn nothing_is_taken_after_closing() {
    paused(async {
        let world = World::new(10, accept_all).shared();
        let delivery = Delivery::new(world.clone(), Options::for_run());
        let other = delivery.clone();
        delivery.close(Duration::from_secs(1)).await;
        assert_eq!(undelivered(&other.deliver(update_of(0, 1, 1)).await), NEVER_SENT);
        let rows = vec![update_of(0, 1, 1), update_of(1, 1, 1)];
        let mut outcomes = other.deliver_all(Feed::new(world.clone(), rows.clone()));
        let taken = take_all(&world, &mut outcomes, &rows).await;
        assert_eq!(taken.values().map(undelivered).collect::<Vec<_>>(), [NEVER_SENT, NEVER_SENT]);
        assert_eq!(world.requests(), 0);
        assert_eq!(other.summary().undelivered, 3);
        tokio::join!(other.clone().close(Duration::from_secs(1)), other.close(Duration::ZERO));
    });
}

#[test]
fn halting_sends_nothing_new_and_settles_what_is_in_flight() {
    paused(async {
        let world = slow(2);
        let delivery = Delivery::new(world.clone(), Options::for_run());
        let callers: Vec<_> = (0..5).map(|user| call(&delivery, user, user)).collect();
        sleep(Duration::from_secs(1)).await;
        let began = Instant::now();
        delivery.halt();
        for (user, caller) in callers.into_iter().enumerate() {
            assert_eq!(undelivered(&caller.await.unwrap()), if user < 2 { None } else { NEVER_SENT });
        }
        assert_eq!(began.elapsed(), Duration::from_secs(9) + Duration::from_millis(0));
        assert_eq!(undelivered(&delivery.deliver(update_of(9, 9, 1)).await), NEVER_SENT);
        assert_eq!((world.requests(), delivery.summary().stop), (1, Some(Stop::Halted)));
    });
}

#[test]
fn a_lane_without_handles_finishes_its_work() {
    paused(async {
        let world = World::new(10, accept_all).with_quota("10/s").shared();
        let delivery = Delivery::new(world.clone(), Options::for_run());
        let callers: Vec<_> = (0..100).map(|user| call(&delivery, user, user)).collect();
        sleep(Duration::from_millis(1)).await;
        for caller in callers {
            caller.abort();
        }
        drop(delivery);
        ended(&world).await;
        assert!((0..100).all(|user| world.stored(user, "field-0").is_some()));
    });
}

#[test]
fn outcomes_dropped_halfway_end_the_reading_and_nothing_else() {
    paused(async {
        let world = World::new(10, accept_all).shared();
        let delivery = Delivery::new(world.clone(), Options::for_run().with_max_waiting(100.try_into().unwrap()));
        let endless = (0..).map(|row| update_of(row, row, 1));
        let mut outcomes = delivery.deliver_all(Feed::new(world.clone(), endless));
        for _ in 0..250 {
            let _ = outcomes.next().await.unwrap();
        }
        drop(outcomes);
        let other = World::new(1, accept_all);
        drop(other);
        assert_eq!(delivery.deliver(update_of(0, 1_000_000, 1)).await, Outcome::Accepted);
        let summary = delivery.close(Duration::from_secs(10)).await;
        assert!((250..=351).contains(&summary.accepted), "{}", summary.accepted);
        assert_eq!(summary.undelivered, 0);
        ended(&world).await;
    });
}

#[test]
fn a_lane_whose_task_is_ended_leaves_nobody_waiting() {
    let lane = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let world = slow(10);
    let delivery = {
        let _inside = lane.enter();
        Delivery::new(world.clone(), Options::for_run().with_max_waiting(3.try_into().unwrap()))
    };
    paused(async {
        let callers: Vec<_> = (0..5).map(|user| call(&delivery, user, user)).collect();
        let rows = vec![update_of(5, 5, 1), update_of(6, 5, 1)];
        let mut outcomes = delivery.deliver_all(Feed::new(world.clone(), rows.clone()));
        sleep(Duration::from_millis(1)).await;
        lane.shutdown_background();
        let never_sent = Some((Applied::No, &Undelivered::Broken));
        for caller in callers {
            assert_eq!(undelivered(&caller.await.unwrap()), never_sent);
        }
        let taken = take_all(&world, &mut outcomes, &rows).await;
        assert_eq!(taken.values().map(undelivered).collect::<Vec<_>>(), [never_sent, never_sent]);
        assert_eq!(undelivered(&delivery.deliver(update_of(9, 9, 1)).await), never_sent);
        drop(outcomes);
        delivery.close(Duration::from_secs(1)).await;
    });
}

/// A lane that waits, for whatever reason, does not wake up meanwhile.
#[test]
fn a_lane_that_waits_sleeps() {
    let hour = Duration::from_secs(3_600);
    let answer_late = || World::new(1, accept_all).with_latency(move |_| hour);
    let told_to_wait = || World::new(1, move |_| Err(error(SinkErrorKind::Unavailable).with_retry(Retry::After(hour))));
    let held = || {
        World::new(1, move |_| Err(error(SinkErrorKind::Throttled).with_retry(Retry::After(hour)))).with_quota("100/s")
    };
    for (what, world) in [("answer", answer_late()), ("retry", told_to_wait()), ("quota", held())] {
        paused(async {
            let world = world.shared();
            let delivery = Delivery::new(world.clone(), Options::for_run().with_unreachable_after(None));
            let _callers: Vec<_> = (0..500).map(|user| call(&delivery, user, user % 400)).collect();
            sleep(Duration::from_secs(60)).await;
            let parked = || tokio::runtime::Handle::current().metrics().worker_park_count(0);
            let before = parked();
            sleep(hour / 2).await;
            assert!(parked() - before < 10, "{what}: woken {} times", parked() - before);
            assert_eq!(world.requests(), 1);
        });
    }
}
