//! Outcomes as results, stops as errors, and inputs whose items may be errors.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use contact_sink_core::{Applied, Rejection, SinkError, SinkErrorKind, Verdict};
use contact_sink_delivery::{Delivery, NotAccepted, Options, Outcome, Stop, Undelivered};
use futures_util::{StreamExt as _, stream};
use tokio::time::Instant;

use crate::run::paused;
use crate::script::accept_all;
use crate::world::{World, update_of, user_of};

/// In what must not be shown.
const MARK: &str = "marker";

fn chain(error: &dyn Error) -> Vec<String> {
    let (mut shown, mut next) = (Vec::new(), Some(error));
    while let Some(error) = next {
        shown.push(error.to_string());
        next = error.source();
    }
    shown
}

fn down() -> SinkError {
    SinkError::new("vendor", "set", SinkErrorKind::Credentials).with_status(401)
}

#[test]
fn an_outcome_is_a_result() {
    for outcome in [Outcome::Accepted, Outcome::Unchanged, Outcome::Superseded] {
        assert_eq!(outcome.is_accepted(), outcome == Outcome::Accepted);
        assert_eq!(outcome.into_result(), Ok(()));
    }
    let refused = |code: i64| Rejection::listed(code, "no such user").with_vendor_text(MARK);
    let rejected = |rejections| Outcome::Rejected { rejections, stored: vec![], earlier: Applied::No };
    let undelivered = |cause| Outcome::Undelivered { applied: Applied::No, cause, update: update_of(0, 10_362_819, 1) };
    let failed = || "vendor set: the vendor refused the credentials (http 401)";
    let stop = Stop::Failed(down().into());
    let stop_shown = stop.to_string();
    let table = [
        (rejected(vec![refused(4107)]), vec!["the update was rejected: no such user (code 4107)"]),
        (
            rejected(vec![refused(7), refused(8)]),
            vec!["the update was rejected: no such user (code 7); no such user (code 8)"],
        ),
        (undelivered(Undelivered::Closed), vec!["the update is undelivered: the delivery was closed before"]),
        (
            undelivered(Undelivered::Attempts(down().into())),
            vec!["the update is undelivered: it failed as often as is allowed", failed()],
        ),
        (
            undelivered(Undelivered::Paused(down().into())),
            vec!["the update is undelivered: the delivery is paused", failed()],
        ),
        (
            undelivered(Undelivered::Stopped(stop.into())),
            vec!["the update is undelivered: the delivery has stopped", &stop_shown, failed()],
        ),
    ];
    for (outcome, expected) in table {
        assert!(!outcome.is_accepted());
        let error: Box<dyn Error + Send + Sync> = outcome.clone().into_result().unwrap_err().into();
        assert_eq!(chain(&*error), expected);
        assert!(!format!("{error} {error:?}").contains(MARK) && !format!("{error:?}").contains("10362819"));
        let error: Box<NotAccepted> = error.downcast().unwrap();
        assert_eq!(error.outcome(), &outcome);
        assert_eq!(error.into_outcome(), outcome);
    }
}

/// As a program has it: `?` all the way from what a vendor answers.
#[test]
fn what_is_not_accepted_ends_a_program_with_its_causes() {
    let world = World::new(1, |request| match user_of(&request.batch[0]) {
        1 => Ok(vec![Verdict::Accepted]),
        2 => Ok(vec![Verdict::Rejected(Rejection::listed(4107, "no such user").with_vendor_text(MARK))]),
        _ => Err(down()),
    });
    let deliver = async |delivery: &Delivery, user| -> Result<(), Box<dyn Error>> {
        delivery.deliver(update_of(0, user, 1)).await.into_result()?;
        Ok(())
    };
    paused(async {
        let delivery = Delivery::new(world.shared(), Options::for_run());
        assert!(deliver(&delivery, 1).await.is_ok());
        let rejected = deliver(&delivery, 2).await.unwrap_err();
        assert_eq!(chain(&*rejected), ["the update was rejected: no such user (code 4107)"]);
        let stopped = deliver(&delivery, 3).await.unwrap_err();
        let stop = stopped.source().and_then(|source| source.downcast_ref::<Stop>()).unwrap();
        assert_eq!(delivery.summary().stop.as_ref(), Some(stop));
        let cause = stop.source().and_then(|source| source.downcast_ref::<SinkError>());
        assert_eq!(cause.map(SinkError::kind), Some(SinkErrorKind::Credentials));
    });
}

#[test]
fn an_error_of_the_input_is_passed_on_and_loses_nothing() {
    const ROWS: usize = 2_000;
    // At the start, at the end, several in a row, and one by one.
    let fails = |row: usize| row < 3 || row == ROWS - 1 || row.is_multiple_of(97) || (500..520).contains(&row);
    for places in [1, 40, 5_000] {
        let world = World::new(10, accept_all).shared();
        let rows = (0..ROWS).map(move |row| if fails(row) { Err(row) } else { Ok((row, update_of(row, row, 1))) });
        let (outcomes, errors, summary) = paused(async {
            let options = Options::for_run().with_max_waiting(places.try_into().unwrap());
            let mut outcomes = Delivery::new(world.clone(), options).try_deliver_all(stream::iter(rows));
            let (mut by_row, mut errors) = (BTreeMap::new(), Vec::new());
            while let Some(next) = outcomes.next().await {
                match next {
                    Ok((row, outcome)) => assert_eq!(by_row.insert(row, outcome), None, "{row} has one outcome"),
                    Err(row) => errors.push(row),
                }
            }
            assert!(outcomes.next().await.is_none(), "it has ended");
            (by_row, errors, outcomes.summary())
        });
        assert_eq!(errors, (0..ROWS).filter(|row| fails(*row)).collect::<Vec<_>>(), "{places}");
        assert!(outcomes.keys().copied().eq((0..ROWS).filter(|row| !fails(*row))), "{places}");
        assert!(outcomes.values().all(Outcome::is_accepted), "{places}");
        assert_eq!((summary.accepted, summary.rejected), (outcomes.len() as u64, 0));
        assert_eq!(world.breaches(), [""; 0], "{places}");
    }
}

#[test]
fn an_error_of_the_input_waits_for_no_answer() {
    let world = World::new(1, accept_all).with_latency(|_| Duration::from_secs(9)).shared();
    paused(async {
        let rows = [Ok((0, update_of(0, 0, 1))), Err("no id"), Ok((2, update_of(2, 2, 1)))];
        // One row has the first place, and the error must not hold the second one.
        let options = Options::for_run().with_max_waiting(2.try_into().unwrap());
        let delivery = Delivery::new(world, options);
        let mut outcomes = delivery.try_deliver_all(stream::iter(rows));
        let began = Instant::now();
        assert_eq!(outcomes.next().await, Some(Err("no id")));
        assert_eq!(began.elapsed(), Duration::ZERO);
        assert!(delivery.try_deliver(update_of(3, 3, 1)).unwrap().await.is_accepted());
        // It is a stream, like any other.
        let rest: Vec<_> = outcomes.collect().await;
        assert_eq!(rest, [Ok((0, Outcome::Accepted)), Ok((2, Outcome::Accepted))]);
    });
}
