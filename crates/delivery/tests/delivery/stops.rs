//! When the run as a whole is wrong the lane stops and rejects nobody; when it is a few updates, it goes on.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use contact_sink_core::{
    Applied, BatchKey, ContactSink, ContactUpdate, ErrorCode, Limits, Rejection, SinkError, SinkErrorKind, Verdict,
};
use contact_sink_delivery::{Delivery, Health, MaxRejected, Options, Outcome, Stop, Undelivered};
use tokio::time::Instant;

use crate::run::{Finished, deliver_rows, deliver_users, failure, paused, undelivered};
use crate::script::{Blame, Wording, accept_all, error, refuse_all, refuse_users};
use crate::world::{Request, World, row_of, update_of, user_of};

fn run(world: World, options: Options, users: usize) -> (Finished, Arc<World>) {
    let world = world.shared();
    (paused(deliver_users(&world, options, users)), world)
}

fn assert_refused_alike(finished: &Finished) {
    assert_eq!(finished.rejected(), [0; 0]);
    assert_eq!(finished.summary.accepted, 0);
    let Some(Stop::RefusedAlike { code: Some(ErrorCode::Number(Wording::CODE)), reason, refused }) =
        &finished.summary.stop
    else {
        panic!("{:?}", finished.summary)
    };
    assert_eq!(reason, "refused");
    assert!(*refused >= 10);
}

#[test]
fn everybody_refused_alike_stops_within_40_requests() {
    for (users, max_updates) in [(100, 1), (100, 7), (100, 100), (101, 100), (1_000, 100), (20_000, 100), (20_000, 1)] {
        for wording in Wording::EACH {
            let (finished, _) =
                run(World::new(max_updates, move |request| refuse_all(request, wording)), Options::for_run(), users);
            assert_refused_alike(&finished);
            assert!(finished.summary.requests <= 40, "{users} {max_updates}: {}", finished.summary.requests);
            assert_eq!(finished.undelivered().len(), users);
        }
    }
}

#[test]
fn everybody_refused_by_name_with_an_unknown_code_stops_too() {
    for (users, max_updates) in [(100, 100), (250, 100), (100, 1), (1_000, 10)] {
        let refuse =
            |request: &Request<'_>| Ok(vec![Verdict::Rejected(Wording::Unlisted.rejection()); request.batch.len()]);
        let (finished, _) = run(World::new(max_updates, refuse), Options::for_run(), users);
        assert_refused_alike(&finished);
        assert!(finished.summary.requests <= 40);
    }
}

/// Later rows of a refused user wait behind it: they cannot be tried, and it is not the end of the input either.
#[test]
fn a_few_users_named_often_and_refused_alike_stop_too() {
    for (users, max_updates) in [(10, 100), (10, 1), (14, 5)] {
        let world = World::new(max_updates, |request| refuse_all(request, Wording::Listed)).shared();
        let rows = (0..200).map(|row| update_of(row, row % users, 1)).collect();
        let finished = paused(deliver_rows(&world, Options::for_run(), rows));
        assert_refused_alike(&finished);
        assert!(finished.summary.requests <= 40);
    }
}

#[test]
fn a_short_file_of_bad_rows_only_is_rejected() {
    for users in 1..=10 {
        for (blame, wording) in Blame::EACH.into_iter().flat_map(|blame| Wording::EACH.map(|wording| (blame, wording)))
        {
            for max_updates in [1, 3, 100] {
                let (finished, _) =
                    run(World::new(max_updates, refuse_users(|_| true, blame, wording)), Options::for_run(), users);
                assert_eq!(finished.rejected().len(), users, "{blame:?} {wording:?} {max_updates}");
                assert_eq!(finished.summary.stop, None);
                assert!(
                    finished.took < Duration::from_millis(900),
                    "the end of the input is known: nothing to wait for"
                );
            }
        }
    }
}

#[test]
fn bad_rows_that_stand_together_are_rejected_and_nothing_stops() {
    for (from, to) in [(0, 30), (0, 100), (500, 530), (250, 450), (990, 1_000)] {
        for (max_updates, wording) in
            [(1, Wording::Listed), (10, Wording::Unlisted), (100, Wording::Listed), (100, Wording::Unlisted)]
        {
            let is_bad = move |user| (from..to).contains(&user);
            let options = Options::for_run().with_max_rejected(MaxRejected::Share(0.5));
            let (finished, _) =
                run(World::new(max_updates, refuse_users(is_bad, Blame::Nobody, wording)), options, 1_000);
            assert_eq!(finished.rejected(), Vec::from_iter(from..to), "{from} {max_updates} {:?}", finished.summary);
            assert_eq!(finished.summary.accepted, 1_000 - (to - from) as u64);
        }
    }
}

/// The tries are spread over what is waiting, and must not all fall on bad rows because these come at regular distances.
#[test]
fn bad_rows_at_regular_distances_do_not_stop_the_lane() {
    for period in [100, 400, 800, 1_000] {
        let options =
            Options::for_run().with_max_rejected(MaxRejected::Share(0.5)).with_max_waiting(8_000.try_into().unwrap());
        let world =
            World::new(100, refuse_users(move |user| user % period < period / 10, Blame::Nobody, Wording::Listed));
        let (finished, _) = run(world, options.with_seed(1), 8_000);
        assert!(finished.rejected().into_iter().eq((0..8_000).filter(|user| user % period < period / 10)), "{period}");
    }
}

#[test]
fn a_key_that_goes_wrong_in_the_middle_rejects_nobody() {
    for (k, wording) in [2, 20, 45].into_iter().flat_map(|k| Wording::EACH.map(|wording| (k, wording))) {
        for (max_updates, users) in [(100, 6_000), (1, 200)] {
            let script = move |request: &Request<'_>| {
                if request.number < k { accept_all(request) } else { refuse_all(request, wording) }
            };
            let (finished, world) = run(World::new(max_updates, script), Options::for_run(), users);
            let accepted = finished.summary.accepted as usize;
            assert_eq!(accepted, (k - 1) * max_updates);
            assert_eq!((finished.rejected(), finished.undelivered().len()), (vec![], users - accepted));
            assert!(matches!(finished.summary.stop, Some(Stop::RefusedAlike { .. })));
            assert!(world.requests() < k + 32 * 9 + 60, "{}", world.requests());
            let departures = world.departures();
            let tries = &departures[departures.len() - 10..];
            assert!(tries.windows(2).all(|pair| pair[1].at - pair[0].at >= Duration::from_millis(20)), "one at a time");
        }
    }
}

/// An acceptance proves something about what was refused before its request left, and nothing about what came later.
#[test]
fn an_acceptance_that_was_long_under_way_convicts_nobody() {
    for wording in Wording::EACH {
        let script = move |request: &Request<'_>| {
            if request.number <= 2 { accept_all(request) } else { refuse_all(request, wording) }
        };
        let latency = |number| Duration::from_millis(if number == 2 { 500 } else { 20 });
        let options = Options::for_run().with_concurrency(2.try_into().unwrap());
        let (finished, _) = run(World::new(1, script).with_latency(latency), options, 100);
        assert_eq!((finished.summary.accepted, finished.rejected()), (2, vec![]));
    }
}

/// A try that is refused by name is no acceptance, and while everything is refused it makes no dead letter.
#[test]
fn a_try_that_is_refused_by_name_counts_as_one_more_refusal() {
    let script = |request: &Request<'_>| match user_of(&request.batch[0]) {
        0..10 => refuse_all(request, Wording::Listed),
        _ => Ok(vec![Verdict::Rejected(Wording::Listed.rejection())]),
    };
    let (finished, world) = run(World::new(1, script), Options::for_run(), 100);
    assert_refused_alike(&finished);
    assert_eq!(world.requests(), 20);
}

#[test]
fn a_try_that_gets_no_answer_is_one_less() {
    let script = |request: &Request<'_>| match user_of(&request.batch[0]) {
        0..10 => refuse_all(request, Wording::Listed),
        50 => accept_all(request),
        // No other failure: several in a row are an outage, in which attempts do not count.
        _ => Err(error(SinkErrorKind::Throttled)),
    };
    let options = || Options::for_run().with_max_attempts(2.try_into().unwrap());
    let (finished, _) = run(World::new(1, script), options(), 51);
    assert_eq!(
        (finished.rejected(), finished.summary.accepted),
        (Vec::from_iter(0..10), 1),
        "the last one is tried first"
    );
    let (finished, _) = run(World::new(1, script), options(), 50);
    assert_refused_alike(&finished);
}

#[test]
fn credentials_that_are_refused_stop_at_once_and_what_is_in_flight_is_settled() {
    use SinkErrorKind::{Certificate, Credentials, Exhausted, Forbidden, WrongAddress};
    for kind in [Credentials, Forbidden, WrongAddress, Certificate, Exhausted] {
        let script =
            move |request: &Request<'_>| if request.number == 10 { Err(error(kind)) } else { accept_all(request) };
        // The tenth is answered first of those that left with it.
        let latency = |number| Duration::from_millis(if number == 10 { 5 } else { 50 });
        let options = Options::for_run().with_concurrency(8.try_into().unwrap());
        let (finished, world) = run(World::new(10, script).with_latency(latency), options, 1_000);
        let requests = world.requests();
        assert!((16..=17).contains(&requests), "{requests}");
        assert_eq!(finished.summary.accepted, (requests as u64 - 1) * 10, "those in flight are settled");
        assert_eq!(finished.rejected(), [0; 0]);
        let Some(Stop::Failed(why)) = &finished.summary.stop else { panic!("{:?}", finished.summary) };
        assert_eq!(why.kind(), kind);
        for row in finished.undelivered() {
            assert_eq!(failure(&finished.outcomes[row]).1.kind(), kind);
        }
    }
}

#[test]
fn too_many_rejected_stop_the_lane_unless_any_number_is_allowed() {
    let every = |nth: usize| refuse_users(move |user| user % nth == 0, Blame::AllAndTheRestIsTaken, Wording::Listed);
    for (nth, max_rejected, stops) in [
        (5, MaxRejected::Share(0.1), true),
        (11, MaxRejected::Share(0.1), false),
        (5, MaxRejected::Share(0.25), false),
        (5, MaxRejected::Count(20), true),
        (100, MaxRejected::Count(50), false),
        (100, MaxRejected::Count(49), true),
        (1, MaxRejected::Any, false),
    ] {
        let options = Options::for_run().with_max_rejected(max_rejected).with_concurrency(1.try_into().unwrap());
        let (finished, _) = run(World::new(10, every(nth)), options, 5_000);
        let rejected = finished.summary.rejected;
        match finished.summary.stop {
            Some(Stop::TooManyRejected { rejected: then, outcomes }) => {
                assert!(stops, "{nth} {max_rejected:?}");
                assert!(rejected - then < 10, "what was in flight is settled");
                match max_rejected {
                    MaxRejected::Count(most) => assert_eq!(then, most + 1),
                    _ => assert!((1_000..1_010).contains(&outcomes)),
                }
                assert!(finished.undelivered().len() > 1_000 || max_rejected == MaxRejected::Count(49));
            }
            None => assert!(!stops && rejected == 5_000_u64.div_ceil(nth as u64), "{nth} {max_rejected:?}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn any_number_rejected_switches_the_tries_off() {
    for wording in Wording::EACH {
        let options = Options::for_run().with_max_rejected(MaxRejected::Any);
        let (finished, _) = run(World::new(10, move |request| refuse_all(request, wording)), options, 300);
        assert_eq!((finished.rejected().len(), finished.summary.stop), (300, None));
    }
}

#[test]
fn bad_rows_at_the_very_end_are_rejected_without_delay() {
    for (bad, wording) in [1, 3, 10].into_iter().flat_map(|bad| Wording::EACH.map(|wording| (bad, wording))) {
        for max_updates in [1, 10, 100] {
            let is_bad = move |user| user >= 500 - bad;
            let world = World::new(max_updates, refuse_users(is_bad, Blame::Nobody, wording));
            let (finished, _) = run(world, Options::for_run(), 500);
            assert_eq!(finished.rejected(), Vec::from_iter(500 - bad..500));
            assert!(finished.took < Duration::from_millis(2_000));
        }
    }
}

/// Ten in a row are rejected at the end of the input; more than ten that nothing accepted follows are no longer a few rows.
#[test]
fn more_than_ten_refused_in_a_row_at_the_end_are_left_pending() {
    for max_updates in [1, 100] {
        let world = World::new(max_updates, refuse_users(|user| user >= 400, Blame::Nobody, Wording::Listed));
        let (finished, _) = run(world, Options::for_run(), 500);
        assert_eq!((finished.rejected(), finished.undelivered().len()), (vec![], 100));
        assert!(matches!(finished.summary.stop, Some(Stop::RefusedAlike { .. })));
    }
}

#[test]
fn a_lone_bad_update_is_rejected_after_an_idle_second() {
    for wording in Wording::EACH {
        let world = World::new(100, refuse_users(|user| user == 1, Blame::Nobody, wording)).shared();
        paused(async {
            let delivery = Delivery::new(world.clone(), Options::for_run());
            for _ in 0..12 {
                let began = Instant::now();
                assert!(matches!(delivery.deliver(update_of(0, 1, 1)).await, Outcome::Rejected { .. }));
                let waited = began.elapsed();
                assert!(waited >= Duration::from_secs(1) && waited < Duration::from_millis(1_100), "{waited:?}");
            }
            assert_eq!(delivery.deliver(update_of(0, 2, 1)).await, Outcome::Accepted, "a service goes on");
        });
    }
}

#[test]
fn a_caller_with_a_bad_update_learns_it_as_soon_as_somebody_elses_is_accepted() {
    let world = World::new(1, refuse_users(|user| user == 1, Blame::Nobody, Wording::Listed)).shared();
    paused(async {
        let delivery = Delivery::new(world.clone(), Options::for_run());
        let began = Instant::now();
        let good = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            delivery.deliver(update_of(1, 2, 1)).await
        };
        let (bad, good) = tokio::join!(delivery.deliver(update_of(0, 1, 1)), good);
        assert!(matches!(bad, Outcome::Rejected { .. }) && good == Outcome::Accepted);
        assert!(began.elapsed() < Duration::from_millis(200));
    });
}

/// Its code panics over some updates.
struct Panicking;

#[async_trait]
impl ContactSink for Panicking {
    fn limits(&self) -> Limits {
        Limits::new(10.try_into().unwrap())
    }

    fn batch_key(&self, update: &ContactUpdate) -> BatchKey {
        assert_ne!(user_of(update), 7, "this one has no key");
        BatchKey::any()
    }

    fn validate(&self, update: &ContactUpdate) -> Result<(), Rejection> {
        assert_ne!(user_of(update), 3, "this one cannot be validated");
        Ok(())
    }

    async fn send(&self, batch: &[ContactUpdate]) -> Result<Vec<Verdict>, SinkError> {
        Ok(vec![Verdict::Accepted; batch.len()])
    }
}

#[test]
fn a_sink_that_panics_over_an_update_leaves_that_one_undelivered_and_no_other() {
    paused(async {
        let delivery = Delivery::new(Panicking, Options::for_run());
        for user in 0..10 {
            let outcome = delivery.deliver(update_of(0, user, 1)).await;
            if user == 3 || user == 7 {
                assert_eq!(undelivered(&outcome), Some((Applied::No, &Undelivered::Broken)));
            } else {
                assert_eq!(outcome, Outcome::Accepted);
            }
        }
        assert_eq!(delivery.summary().stop, None);
    });
}

#[test]
fn a_delivery_whose_runtime_is_gone_says_so() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let delivery = runtime.block_on(async { Delivery::new(Panicking, Options::for_run()) });
    drop(runtime);
    assert_eq!(delivery.summary().stop, Some(Stop::Broken));
    assert_eq!(*delivery.health().borrow(), Health::Stopped(Arc::new(Stop::Broken)));
    let outcome = paused(async move { delivery.deliver(update_of(0, 1, 1)).await });
    assert!(matches!(outcome, Outcome::Undelivered { applied: Applied::No, .. }), "{outcome:?}");
}

/// Their later updates wait for the next run, so they are remembered: there is a limit.
#[test]
fn a_run_ends_when_updates_of_too_many_users_ran_out_of_attempts() {
    let script = |request: &Request<'_>| {
        let verdict = |update| {
            if user_of(update).is_multiple_of(2) { Verdict::Accepted } else { Verdict::Retry { code: Some(7.into()) } }
        };
        Ok(request.batch.iter().map(verdict).collect())
    };
    let options = Options::for_run().with_max_attempts(1.try_into().unwrap());
    let (finished, _) = run(World::new(100, script), options, 30_000);
    let Some(Stop::TooManyUndelivered { subjects: 10_000, cause }) = &finished.summary.stop else {
        panic!("{:?}", finished.summary)
    };
    assert_eq!(cause.code(), Some(&7.into()));
    assert!((9_000..=13_300).contains(&finished.summary.accepted), "{:?}", finished.summary);
    assert!(
        finished.summary.stop.as_ref().unwrap().to_string().starts_with("updates of 10000 users ran out of attempts")
    );
}

/// The next run sends the row over which the sink panicked again: what came after it must not be there before.
#[test]
fn rows_behind_one_over_which_the_sink_panicked_are_left_to_the_next_run() {
    let script = |request: &Request<'_>| match request.batch.iter().any(|update| row_of(update) == 1) {
        true => panic!("a sink may panic"),
        false => accept_all(request),
    };
    for most in [1, 10] {
        let world = World::new(most, script).shared();
        let users = [0, 7, 2, 7, 4, 7];
        let rows = users.iter().enumerate().map(|(row, user)| update_of(row, *user, 1)).collect();
        let finished = paused(deliver_rows(&world, Options::for_run(), rows));
        assert_eq!((finished.undelivered(), finished.summary.stop.clone()), (vec![1, 3, 5], None), "{most}");
        assert_eq!(undelivered(&finished.outcomes[1]), Some((Applied::Maybe, &Undelivered::Broken)));
    }
}
