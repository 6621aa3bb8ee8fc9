//! What looks like an outage and is none, and what an outage must not disturb: requests that always fail, late answers, flapping,
//! updates that are being taken apart.

use std::time::Duration;

use contact_sink_core::{Applied, Retry, SinkErrorKind};
use contact_sink_delivery::{Delivery, Options, Outcome};
use tokio::time::{Instant, sleep};

use crate::outage::{fails, up_when};
use crate::run::{deliver_rows, deliver_users, paused};
use crate::script::{Blame, Wording, accept_all, error, refuse_users};
use crate::world::{Request, World, row_of, update_of};

const MINUTE: Duration = Duration::from_secs(60);
/// The longest backoff, an answer, and the ticks of the timers.
const LONGEST_PAUSE: Duration = Duration::from_millis(30_100);

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// A request that the vendor always answers with HTTP 500 while it takes all others.
#[test]
fn a_poisonous_request_is_given_up_and_holds_up_nobody() {
    for (concurrency, poisons) in [(1, 6), (1, 1), (2, 1), (32, 1), (32, 6), (4, 6)] {
        for seed in 0..2 {
            paused(async {
                // The poisonous ones stand together.
                let is_poison = move |row: usize| (20..20 + poisons).contains(&row);
                let script = move |request: &Request<'_>| match is_poison(row_of(&request.batch[0])) {
                    true => Err(error(SinkErrorKind::Unavailable)),
                    false => accept_all(request),
                };
                let world = World::new(1, script).with_quota("20/s").shared();
                let options = Options::for_run().with_concurrency(concurrency.try_into().unwrap()).with_seed(seed);
                let users = 2_000;
                let finished = deliver_users(&world, options, users).await;
                assert_eq!(finished.undelivered(), Vec::from_iter(20..20 + poisons), "{concurrency} {poisons}");
                assert_eq!(finished.summary.stop, None);
                let departures = world.departures();
                for row in 20..20 + poisons {
                    let sent = departures.iter().filter(|departure| departure.rows == [row]).count();
                    assert!((8..8 + 8).contains(&sent), "{concurrency} {poisons} {seed}: {sent} times");
                }
                // What takes no attempt takes a little time, and the quota is used all the same.
                let full = users as u32 * secs(1) / 20;
                assert!(
                    finished.took < full.mul_f64(1.15) + 2 * MINUTE,
                    "{concurrency} {poisons} {seed}: {:?} {full:?}",
                    finished.took
                );
            });
        }
    }
}

/// The same in a batch: the vendor answers HTTP 500 to each request that one update is in.
#[test]
fn a_poisonous_update_is_found_in_its_batch_and_the_others_are_delivered() {
    for (batch, poisons) in [(2, &[140][..]), (100, &[140]), (100, &[140, 141, 177]), (300, &[500])] {
        paused(async {
            let is_poison = |row: &usize| poisons.contains(row);
            let script = move |request: &Request<'_>| match request.batch.iter().map(row_of).any(|row| is_poison(&row))
            {
                true => Err(error(SinkErrorKind::Unavailable)),
                false => accept_all(request),
            };
            let world = World::new(batch, script).with_quota("2/s").shared();
            let users = 300 * batch;
            let finished = deliver_users(&world, Options::for_run().with_seed(3), users).await;
            assert!(finished.undelivered() == poisons, "{batch} {poisons:?}");
            assert_eq!((finished.summary.accepted, &finished.summary.stop), ((users - poisons.len()) as u64, &None));
            let extra = world.requests() - users.div_ceil(batch);
            assert!(extra < poisons.len() * 40, "{batch} {poisons:?}: {extra}");
        });
    }
}

/// Few others come: the poison's attempts count whenever one of them gets through.
#[test]
fn a_poisonous_request_is_given_up_also_if_there_is_little_traffic() {
    paused(async {
        let script = |request: &Request<'_>| match row_of(&request.batch[0]) {
            0 => Err(error(SinkErrorKind::Unavailable)),
            _ => accept_all(request),
        };
        let world = World::new(1, script).shared();
        let delivery = Delivery::new(world.clone(), Options::for_run());
        assert_eq!(delivery.deliver(update_of(1, 1, 1)).await, Outcome::Accepted);
        let poison = tokio::spawn({
            let delivery = delivery.clone();
            async move { delivery.deliver(update_of(0, 0, 1)).await }
        });
        let began = Instant::now();
        for row in 2.. {
            sleep(5 * MINUTE).await;
            if poison.is_finished() {
                break;
            }
            let asked = Instant::now();
            assert!(delivery.summary().unreachable_for.is_some());
            assert_eq!(delivery.deliver(update_of(row, row, 1)).await, Outcome::Accepted);
            assert!(asked.elapsed() < 2 * LONGEST_PAUSE, "{:?}", asked.elapsed());
        }
        assert!(matches!(poison.await.unwrap(), Outcome::Undelivered { applied: Applied::Maybe, .. }));
        assert!(began.elapsed() < 11 * MINUTE);
        assert_eq!(delivery.summary().unreachable_for, None);
        // With nothing to send there is nothing to find out, and no patience to lose.
        sleep(10 * 60 * MINUTE).await;
        assert_eq!((delivery.deliver(update_of(7, 7, 1)).await, delivery.summary().stop), (Outcome::Accepted, None));
    });
}

#[test]
fn a_vendor_that_flaps_is_outlived() {
    for (concurrency, seed) in [(1, 1), (1, 2), (4, 3), (32, 4), (32, 5)] {
        paused(async {
            let is_up = |at: Duration| at.as_secs() % 70 < 10;
            let script = up_when(is_up, fails(SinkErrorKind::Interrupted), accept_all);
            let world = World::new(10, script).with_quota("20/s").shared();
            let options = Options::for_run().with_concurrency(concurrency.try_into().unwrap()).with_seed(seed);
            let finished = deliver_users(&world, options, 20_000).await;
            assert_eq!((finished.summary.accepted, &finished.summary.stop), (20_000, &None), "{concurrency}");
        });
    }
}

/// Whatever an update was in the middle of, it goes on after the outage as if there had been none.
#[test]
fn what_is_being_found_out_is_kept_through_an_outage() {
    for wording in Wording::EACH {
        for blame in Blame::EACH {
            for down_at_ms in (30..700).step_by(40) {
                paused(async {
                    let from = Duration::from_millis(down_at_ms);
                    let is_up = move |at| at < from || at >= from + 10 * MINUTE;
                    let is_bad = |user: usize| user.is_multiple_of(40) || (70..82).contains(&user);
                    let refuse = refuse_users(is_bad, blame, wording);
                    let world = World::new(20, up_when(is_up, fails(SinkErrorKind::Unavailable), refuse)).shared();
                    let rows: Vec<_> = (0..200).map(|row| update_of(row, row, 2)).collect();
                    let finished = deliver_rows(&world, Options::for_run(), rows).await;
                    let bad: Vec<usize> = (0..200).filter(|user| is_bad(*user)).collect();
                    assert_eq!(
                        (finished.rejected(), finished.undelivered()),
                        (bad, vec![]),
                        "{blame:?} {wording:?} {down_at_ms}"
                    );
                });
            }
        }
    }
}

/// An answer to what left before does not end an outage, and what failed then does not begin one.
#[test]
fn answers_that_come_late_are_seen_in_the_order_of_departures() {
    paused(async {
        // The second to fifth leave together and are answered long after ten others got through: they fail, and it is no outage.
        let script = |request: &Request<'_>| match request.number {
            2..=5 => Err(error(SinkErrorKind::Timeout)),
            _ => accept_all(request),
        };
        let latency = |number| if (2..=5).contains(&number) { secs(10) } else { secs(1) };
        let world = World::new(1, script).with_latency(latency).shared();
        let delivery = Delivery::new(world, Options::for_run());
        let call = |user| {
            let delivery = delivery.clone();
            tokio::spawn(async move { delivery.deliver(update_of(user, user, 1)).await })
        };
        let callers: Vec<_> = (0..40).map(call).collect();
        for _ in 0..140 {
            sleep(secs(1) / 10).await;
            assert_eq!(delivery.summary().unreachable_for, None);
        }
        for caller in callers {
            assert_eq!(caller.await.unwrap(), Outcome::Accepted);
        }
    });
}

/// The vendor went down after that request left: its answer ends no outage, and sets nobody free to fail once more.
#[test]
fn a_late_answer_from_before_an_outage_does_not_end_it() {
    paused(async {
        let script = |request: &Request<'_>| match request.number {
            1 | 2 | 60.. => accept_all(request),
            _ => Err(error(SinkErrorKind::Connect)),
        };
        let latency = |number| if number == 2 { secs(10) } else { secs(0) };
        let world = World::new(1, script).with_latency(latency).shared();
        let delivery = Delivery::new(world.clone(), Options::for_run());
        let began = Instant::now();
        let call = |user| {
            let delivery = delivery.clone();
            tokio::spawn(async move { delivery.deliver(update_of(user, user, 1)).await })
        };
        let callers: Vec<_> = (0..200).map(call).collect();
        sleep(secs(9)).await;
        let before = world.requests();
        assert!(before <= 40 && delivery.summary().unreachable_for.unwrap() > secs(8), "{before}");
        sleep(secs(2)).await;
        assert!(world.requests() <= before + 6, "one at a time: {}", world.requests());
        let told = delivery.summary().unreachable_for.unwrap();
        assert!(told < secs(2), "the patience begins anew: {told:?}");
        for caller in callers {
            assert_eq!(caller.await.unwrap(), Outcome::Accepted);
        }
        assert!(began.elapsed() > MINUTE);
    });
}

/// What failed in an outage is sent at once when it is over, and what the vendor asked one update to wait is kept.
#[test]
fn after_an_outage_everything_goes_on_at_once_but_what_was_told_to_wait() {
    paused(async {
        let is_up = |at: Duration| at < Duration::from_millis(30) || at >= secs(6);
        let world = World::new(1, up_when(is_up, fails(SinkErrorKind::Connect), accept_all)).shared();
        let options = Options::for_run().with_concurrency(300.try_into().unwrap());
        let finished = deliver_users(&world, options, 400).await;
        assert_eq!(finished.summary.accepted, 400);
        assert!(finished.took < secs(45), "{:?}", finished.took);
    });
    paused(async {
        let busy = || error(SinkErrorKind::Unavailable).with_retry(Retry::After(MINUTE));
        let script = move |request: &Request<'_>| match request.number {
            2..=5 => Err(busy()),
            _ => accept_all(request),
        };
        let latency = |number| if number == 6 { secs(1) } else { secs(0) };
        let world = World::new(1, script).with_latency(latency).shared();
        let finished = deliver_users(&world, Options::for_run(), 100).await;
        assert_eq!(finished.summary.accepted, 100);
        let departures = world.departures();
        for failed in &departures[1..5] {
            let again = departures.iter().rfind(|departure| departure.rows == failed.rows).unwrap();
            assert!(again.at - failed.at >= MINUTE, "{:?}", again.at - failed.at);
        }
        let others = departures.iter().filter(|departure| departure.at - departures[0].at < secs(2)).count();
        assert_eq!(others, 100, "the others do not wait");
    });
}

/// Neither at the beginning of a run, nor as its only batch, nor at its end is an update that always fails taken for an outage.
#[test]
fn wherever_an_update_that_always_fails_stands_the_others_are_delivered() {
    for kind in [SinkErrorKind::Timeout, SinkErrorKind::Unavailable] {
        for (rows, poison) in [(1_000, 0), (1_000, 999), (50, 25), (2, 0), (350, 349)] {
            let script = move |request: &Request<'_>| match request.users().contains(&poison) {
                true => Err(error(kind)),
                false => accept_all(request),
            };
            let world = World::new(100, script).with_quota("100/s").shared();
            let finished = paused(deliver_users(&world, Options::for_run(), rows));
            assert_eq!(finished.undelivered(), [poison], "{kind:?} {rows}: {:?}", finished.summary);
        }
    }
}
