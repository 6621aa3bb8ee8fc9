//! After an attempt whose end is unknown, a different value of its subject waits, and nothing else does.

use std::sync::Arc;
use std::time::Duration;

use contact_sink_core::{Applied, ContactUpdate, SinkErrorKind};
use contact_sink_delivery::{Delivery, Numbered, Options, Outcome, Undelivered};
use futures_util::stream;
use tokio::time::{Instant, sleep, timeout};

use crate::run::{deliver_rows, ended, paused, undelivered};
use crate::script::{Blame, Wording, accept_all, error, refuse_users};
use crate::world::{Request, World, update_of};

const HOLD: Duration = Duration::from_secs(10);
const LATENCY: Duration = Duration::from_millis(20);

fn fails(numbers: std::ops::RangeInclusive<usize>, kind: SinkErrorKind) -> Arc<World> {
    let script = move |request: &Request<'_>| match numbers.contains(&request.number) {
        true => Err(error(kind)),
        false => accept_all(request),
    };
    World::new(1, script).with_latency(|_| LATENCY).shared()
}

/// When the first request with this row left.
fn left(world: &World, row: usize) -> Instant {
    world.departures().into_iter().find(|departure| departure.rows == [row]).unwrap().at
}

/// When the last request of this row that failed was answered.
fn ended_at(world: &World, number: usize) -> Instant {
    world.departures()[number - 1].at + LATENCY
}

#[test]
fn a_different_value_waits_and_the_same_and_other_subjects_do_not() {
    use SinkErrorKind as K;
    for (kind, waits) in [(K::Timeout, true), (K::Interrupted, true), (K::Unavailable, true), (K::Connect, false)] {
        for hold in [HOLD, Duration::from_secs(60)] {
            // The first request is one that gets through, so that many leave together.
            let world =
                Arc::try_unwrap(fails(2..=2, kind)).unwrap_or_else(|_| panic!()).with_maybe_applied_hold(hold).shared();
            let rows =
                [9, 0, 0, 1, 2, 0, 3].into_iter().enumerate().map(|(row, user)| update_of(row, user, 2)).collect();
            let finished = paused(deliver_rows(&world, Options::for_run().with_maybe_applied_hold(hold), rows));
            assert_eq!(finished.summary.accepted, 7);
            let (failed, second) = (ended_at(&world, 2), left(&world, 2));
            let waited = second - failed;
            assert_eq!(waited >= hold, waits, "{kind}: {waited:?}");
            assert!(waited < hold + Duration::from_millis(50), "and no longer: {waited:?}");
            let again = world.departures().iter().filter(|departure| departure.rows == [1]).nth(1).unwrap().at;
            assert!(again - failed <= Duration::from_millis(201), "the same goes at once");
            for row in [3, 4, 6] {
                assert!(left(&world, row) <= failed, "{kind}: others go at once");
            }
            assert!(
                left(&world, 5) >= second + LATENCY && left(&world, 5) < second + LATENCY * 2,
                "the third needs no hold"
            );
            assert_eq!(world.stored(0, "field-1"), Some(5));
        }
    }
}

#[test]
fn what_is_given_to_the_lane_later_waits_for_the_rest_whatever_became_of_the_first() {
    paused(async {
        // The first ends unsettled, with one attempt.
        let world = fails(2..=2, SinkErrorKind::Timeout);
        let delivery = Delivery::new(world.clone(), Options::for_run().with_max_attempts(1.try_into().unwrap()));
        assert_eq!(delivery.deliver(update_of(0, 9, 1)).await, Outcome::Accepted);
        let unsettled = delivery.deliver(update_of(1, 0, 1)).await;
        assert!(matches!(unsettled, Outcome::Undelivered { applied: Applied::Maybe, .. }));
        let failed = Instant::now();
        sleep(HOLD / 5).await;
        assert_eq!(delivery.deliver(update_of(1, 0, 1)).await, Outcome::Accepted);
        assert!(failed.elapsed() < HOLD / 5 + LATENCY * 2, "the same");
        assert_eq!(delivery.deliver(update_of(2, 1, 1)).await, Outcome::Accepted);
        assert!(failed.elapsed() < HOLD / 4, "another subject");
        assert_eq!(delivery.deliver(update_of(3, 0, 1)).await, Outcome::Accepted);
        assert!(left(&world, 3) - failed >= HOLD, "what was accepted meanwhile may still be undone");
        assert!(left(&world, 3) - failed < HOLD + LATENCY);
        assert_eq!(delivery.deliver(update_of(4, 0, 1)).await, Outcome::Accepted);
        assert!(left(&world, 4) - left(&world, 3) < LATENCY * 2);
        assert_eq!(world.breaches(), [""; 0]);
    });
}

#[test]
fn an_attempt_of_an_earlier_run_counts_from_its_submission() {
    paused(async {
        let world = fails(0..=0, SinkErrorKind::Timeout);
        let delivery = Delivery::new(world.clone(), Options::for_run());
        let began = Instant::now();
        let perhaps = |number: u64, user| {
            let row = number.try_into().unwrap();
            Numbered::new(number, update_of(row, user, 1)).with_earlier(Applied::Maybe)
        };
        let rows = vec![
            perhaps(0, 0),
            Numbered::new(1, update_of(1, 0, 1)),
            perhaps(2, 2),
            Numbered::new(3, update_of(3, 3, 1)),
        ];
        let mut outcomes = delivery.deliver_numbered(stream::iter(rows));
        let mut count = 0;
        while let Some((_, outcome)) = outcomes.next().await {
            assert_eq!(outcome, Outcome::Accepted);
            count += 1;
        }
        assert_eq!(count, 4);
        assert!(left(&world, 1) - began >= HOLD && left(&world, 1) - began < HOLD + LATENCY);
        assert!(left(&world, 3) - began < LATENCY * 3 && left(&world, 2) - began < LATENCY * 3);
    });
}

/// Whoever waits is given up as usual, and told that it was never sent.
#[test]
fn what_is_held_is_given_up_with_everything_else() {
    for how in ["halt", "close", "stop"] {
        paused(async {
            let world = fails(2..=2, SinkErrorKind::Timeout);
            let delivery = Delivery::new(world.clone(), Options::for_run());
            assert_eq!(delivery.deliver(update_of(0, 9, 1)).await, Outcome::Accepted);
            assert_eq!(delivery.deliver(update_of(1, 0, 1)).await, Outcome::Accepted);
            let began = Instant::now();
            let held = tokio::spawn({
                let delivery = delivery.clone();
                async move { delivery.deliver(update_of(2, 0, 1)).await }
            });
            sleep(HOLD / 10).await;
            let told = delivery.summary().waits.unwrap();
            assert!(told < HOLD && told > HOLD / 2, "{told:?}");
            match how {
                "halt" => delivery.halt(),
                "close" => assert_eq!(delivery.clone().close(HOLD / 10).await.undelivered, 1),
                _ => {
                    let summary = delivery.clone().close(2 * HOLD).await;
                    assert_eq!((summary.accepted, summary.undelivered), (3, 0), "it has the time");
                }
            }
            let never_sent = Some((Applied::No, &Undelivered::Closed));
            assert_eq!(undelivered(&held.await.unwrap()), if how == "stop" { None } else { never_sent });
            assert!(began.elapsed() < if how == "stop" { HOLD + LATENCY * 2 } else { HOLD / 2 });
            drop(delivery);
            ended(&world).await;
        });
    }
}

/// Refusals that wait for an acceptance wait for what is held too: it is the end of the input.
#[test]
fn the_end_of_an_input_is_reached_when_what_is_held_is_done() {
    for blame in Blame::EACH {
        let refuse = refuse_users(|user| (1..=12).contains(&user), blame, Wording::Unlisted);
        let script = move |request: &Request<'_>| match request.number {
            1 => Err(error(SinkErrorKind::Timeout)),
            _ => refuse(request),
        };
        let world = World::new(1, script).shared();
        // The newer value of the first user is the only other good one.
        let rows = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0].into_iter().enumerate();
        let rows: Vec<ContactUpdate> = rows.map(|(row, user)| update_of(row, user, 1)).collect();
        let finished = paused(deliver_rows(&world, Options::for_run(), rows));
        assert_eq!((finished.rejected(), finished.summary.accepted), (Vec::from_iter(1..=12), 2), "{blame:?}");
        assert_eq!((finished.summary.stop, world.stored(0, "field-0")), (None, Some(13)));
    }
}

/// Two values of one subject may be on their way, of which the second was refused here: none is the same as both.
#[test]
fn with_two_values_on_their_way_any_value_waits() {
    paused(async {
        let world = fails(0..=0, SinkErrorKind::Timeout);
        let delivery = Delivery::new(world.clone(), Options::for_run());
        let first = Numbered::new(0, update_of(0, 0, 1)).with_earlier(Applied::Maybe);
        let second = Numbered::new(1, update_of(1, 0, 0)).with_earlier(Applied::Maybe);
        let mut outcomes = delivery.deliver_numbered(stream::iter([first, second]));
        let began = Instant::now();
        while outcomes.next().await.is_some() {}
        assert!(began.elapsed() < LATENCY * 2);
        assert_eq!(delivery.deliver(update_of(0, 0, 1)).await, Outcome::Accepted);
        assert!(began.elapsed() >= HOLD && began.elapsed() < HOLD + LATENCY * 2, "{:?}", began.elapsed());
    });
}

/// A hold is remembered for each subject, so there is a limit.
#[test]
fn while_too_many_subjects_are_held_back_nothing_is_sent_for_the_first_time() {
    const MOST: usize = 50_000;
    for halted in [false, true] {
        paused(async {
            let world = World::new(1_000, accept_all).with_latency(|_| LATENCY).shared();
            let options = Options::for_run()
                .with_concurrency(1.try_into().unwrap())
                .with_max_waiting((2 * MOST).try_into().unwrap())
                .with_max_waiting_bytes((1 << 30).try_into().unwrap());
            let delivery = Delivery::new(world.clone(), options);
            let began = Instant::now();
            let perhaps = |user| Numbered::new(user as u64, update_of(user, user, 1)).with_earlier(Applied::Maybe);
            let rows: Vec<_> = (0..MOST + 100).map(perhaps).collect();
            let mut outcomes = delivery.deliver_numbered(stream::iter(rows));
            if halted {
                let delivery = delivery.clone();
                tokio::spawn(async move {
                    sleep(HOLD / 2).await;
                    delivery.halt();
                });
            }
            let (mut early, mut late) = (0, 0);
            while outcomes.next().await.is_some() {
                if began.elapsed() < HOLD { early += 1 } else { late += 1 }
            }
            assert_eq!((early, late), if halted { (MOST + 100, 0) } else { (MOST, 100) });
            if halted {
                return;
            }
            // The memory is free again.
            assert!(began.elapsed() < HOLD + Duration::from_secs(2));
            let other = timeout(Duration::from_secs(1), delivery.deliver(update_of(7, 7, 2)));
            assert_eq!(other.await.unwrap(), Outcome::Accepted);
            assert_eq!(world.breaches(), [""; 0]);
        });
    }
}
