//! What a lane holds in memory: so many updates and so many bytes, and never too few to tell a wrong label from bad rows.

use std::sync::Arc;
use std::time::Duration;

use contact_sink_core::{ContactUpdate, Field};
use contact_sink_delivery::{Delivery, Options, Outcome, Stop};
use proptest::prelude::*;
use tokio::time::{Instant, timeout};

use crate::run::{Feed, deliver_rows, paused, take_all};
use crate::script::{Blame, Wording, accept_all, refuse_all, refuse_users};
use crate::world::{World, update_of};

const KB: usize = 1_000;

/// A row with so many bytes of text: its user, and its number with zeros in front.
fn large(row: usize, user: usize, bytes: usize) -> ContactUpdate {
    let (subject, row) = (update_of(row, user, 0).subject().clone(), row.to_string());
    let zeros = "0".repeat(bytes.saturating_sub(user.to_string().len() + row.len()));
    ContactUpdate::new(subject).with(Field::new("field-0").unwrap(), zeros + &row).unwrap()
}

fn options(max_bytes: usize) -> Options {
    Options::for_run().with_max_waiting_bytes(max_bytes.try_into().unwrap())
}

/// How far an input is read while no request is answered.
fn read_ahead(options: Options, bytes: usize) -> usize {
    let world = World::new(10, accept_all).with_latency(|_| Duration::from_secs(9)).shared();
    paused(async {
        let delivery = Delivery::new(world.clone(), options);
        let endless = (0..).map(move |row| large(row, row, bytes));
        let mut outcomes = delivery.deliver_all(Feed::new(world.clone(), endless));
        assert!(timeout(Duration::from_secs(8), outcomes.next()).await.is_err());
    });
    world.most_ahead()
}

#[test]
fn an_input_is_read_as_far_as_its_text_fits() {
    // One more is read, and waits outside until there is room for its text.
    for (max_bytes, bytes, expected) in [
        (1_000 * KB, 10 * KB, 101),
        (1_000 * KB, KB, 1_001),
        // Each counts for 1/32 at most.
        (1_000 * KB, 80 * KB, 33),
        (1, 80 * KB, 33),
        (usize::MAX, 10 * KB, 5_000),
        (1_000 * KB, 1, 5_000),
    ] {
        assert_eq!(read_ahead(options(max_bytes), bytes), expected, "{max_bytes} {bytes}");
    }
    // The default is 16 MiB.
    assert_eq!(read_ahead(Options::for_run(), 80 * KB), 16 * 1024 * 1024 / (80 * KB) + 1);
    assert_eq!(read_ahead(Options::for_run(), 100), 5_000);
}

/// Room for four updates of 8 KB each, or thirty-two small ones.
#[test]
fn what_does_not_wait_for_a_place_is_given_back_when_its_text_does_not_fit() {
    paused(async {
        let world = World::new(1, accept_all).shared();
        let delivery = Delivery::new(world.clone(), options(32 * 8));
        let tickets: Vec<_> = (0..40).map_while(|user| delivery.try_deliver(large(user, user, 8)).ok()).collect();
        assert_eq!(tickets.len(), 32);
        // A caller who waits holds the update anyway.
        assert_eq!(delivery.deliver(large(99, 99, 8)).await, Outcome::Accepted);
        for ticket in tickets {
            assert_eq!(ticket.await, Outcome::Accepted);
        }
        assert!(delivery.try_deliver(large(41, 41, 8)).is_ok());
    });
}

/// Held refusals must leave room for those that are tried: else an idle second would make them rejections, ten by ten.
#[test]
fn a_wrong_label_rejects_nobody_however_large_the_rows() {
    for (max_bytes, max_updates) in [(1, 1), (1, 100), (200 * KB, 10), (2_000 * KB, 100)] {
        for wording in Wording::EACH {
            let world = World::new(max_updates, move |request| refuse_all(request, wording)).shared();
            let rows = (0..300).map(|row| large(row, row, 80 * KB)).collect();
            let finished = paused(deliver_rows(&world, options(max_bytes), rows));
            assert_eq!(finished.rejected(), [0; 0], "{max_bytes} {max_updates}");
            assert!(matches!(finished.summary.stop, Some(Stop::RefusedAlike { .. })), "{:?}", finished.summary);
            assert!(finished.took < Duration::from_secs(1), "{:?}", finished.took);
        }
    }
}

#[test]
fn a_few_large_bad_rows_hold_nobody_up() {
    for (max_bytes, bad) in [(1, 0..9), (1, 100..112), (200 * KB, 288..298), (1, 291..300)] {
        let is_bad = {
            let bad = bad.clone();
            move |user: usize| bad.contains(&user)
        };
        for wording in Wording::EACH {
            let world = World::new(10, refuse_users(is_bad.clone(), Blame::Nobody, wording)).shared();
            let rows = (0..300).map(|row| large(row, row, 80 * KB)).collect();
            let finished = paused(deliver_rows(&world, options(max_bytes), rows));
            assert_eq!(finished.rejected(), Vec::from_iter(bad.clone()), "{max_bytes}");
            assert_eq!(finished.summary.accepted as usize, 300 - bad.len());
            assert!(finished.took < Duration::from_secs(2), "{:?}", finished.took);
        }
    }
}

#[test]
fn an_input_that_is_dropped_while_a_row_waits_for_room_keeps_nothing() {
    paused(async {
        let world = World::new(1, accept_all).with_latency(|_| Duration::from_secs(1)).shared();
        let delivery = Delivery::new(world.clone(), options(32).with_max_waiting(33.try_into().unwrap()));
        let rows = (0..50).map(|row| update_of(row, row, 1));
        let mut outcomes = delivery.deliver_all(Feed::new(world.clone(), rows));
        assert!(timeout(Duration::from_millis(10), outcomes.next()).await.is_err());
        assert_eq!(world.most_ahead(), 33);
        drop(outcomes);
        let began = Instant::now();
        assert_eq!(delivery.deliver(update_of(99, 99, 1)).await, Outcome::Accepted);
        assert!(began.elapsed() < Duration::from_secs(3));
        assert_eq!(delivery.close(Duration::from_secs(60)).await.accepted, 33);
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    /// However little room there is and whoever shares it: everybody is served.
    #[test]
    fn nobody_waits_for_ever(
        max_bytes in 1..5_000usize,
        max_waiting in 1..40usize,
        sizes in prop::collection::vec(0..2_000usize, 1..80),
        users in 1..20usize,
    ) {
        paused(async {
            let world: Arc<World> = World::new(7, accept_all).shared();
            let delivery =
                Delivery::new(world.clone(), options(max_bytes).with_max_waiting(max_waiting.try_into().unwrap()));
            let rows: Vec<_> = sizes.iter().enumerate().map(|(row, size)| large(row, row % users, *size)).collect();
            let callers: Vec<_> = rows.iter().cloned().enumerate().map(|(row, update)| {
                let delivery = delivery.clone();
                let update = large(1_000 + row, 1_000 + row, update.text_bytes());
                tokio::spawn(async move { delivery.deliver(update).await })
            }).collect();
            let mut outcomes = delivery.deliver_all(Feed::new(world.clone(), rows.clone()));
            let taken = take_all(&world, &mut outcomes, &rows).await;
            prop_assert!(taken.len() == rows.len() && taken.values().all(|outcome| *outcome == Outcome::Accepted));
            for caller in callers {
                prop_assert_eq!(caller.await.unwrap(), Outcome::Accepted);
            }
            Ok(())
        })?;
    }
}
