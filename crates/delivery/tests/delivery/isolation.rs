//! One bad update in a request never drags another one down, and finding it costs a bounded number of requests.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use contact_sink_core::{ContactUpdate, Rejection, Verdict};
use contact_sink_delivery::{MaxRejected, Options, Outcome};
use proptest::prelude::*;

use crate::run::{deliver_rows, deliver_users, paused};
use crate::script::{Blame, Wording, accept_all, refuse_all, refuse_users};
use crate::world::{Request, World, update_of};

fn users_and_bad() -> impl Strategy<Value = (usize, BTreeSet<usize>)> {
    (20..500usize).prop_flat_map(|users| (Just(users), prop::collection::btree_set(0..users, 0..=users * 15 / 100)))
}

/// What finding the bad ones may cost. The tries that rule 8 makes when ten in a row were refused come on top: ten at most.
fn most_extra(bad: usize, batch: usize, fields: usize) -> usize {
    let halvings = batch.next_power_of_two().ilog2() as usize;
    let by_field = if fields > 1 { fields } else { 0 };
    bad * (2 * halvings + 1 + by_field) + bad / 10 * 10
}

/// Requests for nobody new.
fn repeated(world: &World) -> u64 {
    let mut seen = HashSet::new();
    world
        .departures()
        .iter()
        .filter(|departure| departure.users.iter().filter(|user| seen.insert(**user)).count() == 0)
        .count() as u64
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn exactly_the_bad_ones_are_rejected(
        (users, bad) in users_and_bad(),
        max_updates in prop_oneof![1..10usize, Just(100usize)],
        fields in 1..4usize,
        blame in prop::sample::select(&Blame::EACH[..]),
        wording in prop::sample::select(&Wording::EACH[..]),
        concurrency in 1..33usize,
    ) {
        paused(async {
            let is_bad = { let bad = bad.clone(); move |user| bad.contains(&user) };
            let world = World::new(max_updates, refuse_users(is_bad, blame, wording)).shared();
            let options = Options::for_run()
                .with_concurrency(concurrency.try_into().unwrap())
                .with_max_rejected(MaxRejected::Share(0.5));
            let rows = (0..users).map(|row| update_of(row, row, fields)).collect();
            let finished = deliver_rows(&world, options, rows).await;

            prop_assert_eq!(finished.rejected(), Vec::from_iter(bad.iter().copied()));
            prop_assert_eq!(finished.undelivered(), [0; 0]);
            let summary = finished.summary;
            prop_assert_eq!(summary.stop, None);
            prop_assert!(summary.isolation_requests as usize <= most_extra(bad.len(), max_updates.min(users), fields));
            // A try may be the first that is sent of its update, so that one batch fewer is needed.
            let batches = summary.requests - summary.isolation_requests;
            prop_assert!(batches <= users.div_ceil(max_updates) as u64);
            if bad.len() < 10 {
                prop_assert_eq!(batches, users.div_ceil(max_updates) as u64);
                prop_assert_eq!(repeated(&world), summary.isolation_requests);
            }
            Ok(())
        })?;
    }
}

#[test]
fn one_bad_update_among_a_hundred_costs_a_bounded_number_of_requests() {
    for (bad, wording) in (0..100).flat_map(|bad| Wording::EACH.map(|wording| (bad, wording))) {
        let world = World::new(100, refuse_users(move |user| user == bad, Blame::Nobody, wording)).shared();
        let finished = paused(deliver_users(&world, Options::for_run(), 100));
        assert_eq!(finished.rejected(), [bad]);
        let heard_again = u64::from(wording == Wording::Unlisted);
        assert!((12 + heard_again..=14 + heard_again).contains(&finished.summary.isolation_requests));
    }
}

#[test]
fn six_hundred_bad_ones_spread_over_twenty_thousand() {
    for (blame, quota) in [(Blame::Nobody, "10000/s"), (Blame::One, "100/s"), (Blame::All, "100/s")] {
        let world = World::new(100, refuse_users(|user| user % 33 == 5 && user < 19_800, blame, Wording::Listed))
            .with_quota(quota);
        let world = world.shared();
        let finished = paused(deliver_users(&world, Options::for_run(), 20_000));
        assert_eq!(finished.rejected(), Vec::from_iter((0..19_800).filter(|user| user % 33 == 5)));
        assert_eq!(finished.summary.accepted, 19_400);
        let stored = |outcome: &Outcome| *outcome == Outcome::Accepted;
        assert!((0..20_000).all(|user| world.stored(user, "field-0").is_some() == stored(&finished.outcomes[user])));
    }
}

#[test]
fn a_bad_update_that_is_named_costs_one_request() {
    for blame in [Blame::One, Blame::All] {
        let world = World::new(100, refuse_users(|user| user == 40, blame, Wording::Listed)).shared();
        let finished = paused(deliver_users(&world, Options::for_run(), 100));
        assert_eq!((finished.rejected(), finished.summary.isolation_requests), (vec![40], 1));
    }
}

/// Some vendors may word "over the quota" as an unknown code in a 200: it hits whoever is in the request.
#[test]
fn a_refusal_that_goes_away_rejects_nobody() {
    for (max_updates, concurrency) in [(100, 1), (100, 5), (100, 32), (10, 1)] {
        let world: Arc<World> = World::new(max_updates, |request| match request.number % 7 {
            0 => refuse_all(request, Wording::Unlisted),
            _ => accept_all(request),
        })
        .shared();
        let options = Options::for_run().with_concurrency(concurrency.try_into().unwrap());
        let finished = paused(deliver_users(&world, options, 5_000));
        assert_eq!((finished.rejected(), finished.undelivered()), (vec![], vec![]), "{max_updates} {concurrency}");
    }
}

/// One value may be the beginning of another, and the text may be cut within one.
#[test]
fn no_part_of_another_users_value_is_left_in_the_vendors_text() {
    let values = ["0000", "00001", "0002", "0000000000003"];
    let text = format!("refused {} and {} {}{}", values[1], values[0], "-".repeat(268), values[3]);
    let script = move |request: &Request<'_>| {
        Ok(vec![Verdict::Rejected(Rejection::listed(1, "refused").with_vendor_text(&text)); request.batch.len()])
    };
    let outcomes = paused(async {
        let world = World::new(4, script).shared();
        let update = |row: usize| {
            let subject = update_of(row, row, 1).subject().clone();
            ContactUpdate::new(subject).with("mobile".parse().unwrap(), values[row]).unwrap()
        };
        deliver_rows(&world, Options::for_run(), (0..4).map(update).collect()).await.outcomes
    });
    let Outcome::Rejected { rejections, .. } = &outcomes[2] else { panic!("{outcomes:?}") };
    let kept = rejections[0].vendor_text().unwrap();
    assert!(kept.ends_with("***…") && !kept.contains(char::is_numeric), "{kept}");
}

/// A vendor may repeat the request in its text, and every update of the request gets that text.
#[test]
fn the_vendors_text_holds_no_value_of_another_user() {
    let text = "refused: 0000, 0001 and 0002 are taken";
    let script = move |request: &Request<'_>| {
        Ok(vec![Verdict::Rejected(Rejection::listed(1, "refused").with_vendor_text(text)); request.batch.len()])
    };
    let outcomes = paused(async {
        let world = World::new(3, script).shared();
        let update = |row: usize| {
            let subject = update_of(row, row, 1).subject().clone();
            ContactUpdate::new(subject).with("mobile".parse().unwrap(), format!("{row:04}")).unwrap()
        };
        let rows = (0..3).map(update).collect();
        deliver_rows(&world, Options::for_run(), rows).await.outcomes
    });
    for (outcome, kept) in outcomes.iter().zip(["0000", "0001", "0002"]) {
        let Outcome::Rejected { rejections, .. } = outcome else { panic!("{outcome:?}") };
        let numbers = ["0000", "0001", "0002"].map(|number| if number == kept { number } else { "***" });
        let [first, second, third] = numbers;
        assert_eq!(rejections[0].vendor_text().unwrap(), format!("refused: {first}, {second} and {third} are taken"));
    }
}
