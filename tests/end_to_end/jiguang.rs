//! Jiguang: exactly the bad users are rejected, whatever the vendor's manners.

use std::collections::{BTreeMap, BTreeSet};

use contact_sink_core::{ErrorCode, Field};
use contact_sink_delivery::{Outcome, Stop};
use contact_sink_sandbox::World;
use contact_sink_sandbox::jiguang::{Channel, ErrorStatus, GoodUsers, Kind, Wording};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::world::{APP, Fields, MAIL, Run, SMS, deliver};

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(work)
}

fn manners() -> Vec<World> {
    let mut worlds = Vec::new();
    for good_users in [GoodUsers::Saved, GoodUsers::Dropped] {
        for wording in [Wording::Label, Wording::Value, Wording::Id, Wording::Nothing] {
            let mut world = World::default();
            (world.jiguang.good_users, world.jiguang.wording) = (good_users, wording);
            world.jiguang.error_status = if wording == Wording::Id { ErrorStatus::BadRequest } else { ErrorStatus::Ok };
            worlds.push(world);
        }
    }
    worlds
}

fn mail(cuid: i64) -> Fields {
    vec![(MAIL, format!("user{cuid}@example.com"))]
}

#[test]
fn six_hundred_unknown_users_among_twenty_thousand() {
    // Three in every request of a hundred.
    let unknown: BTreeSet<i64> = (0..20_000).filter(|nth| [3, 50, 97].contains(&(nth % 100))).collect();
    assert_eq!(unknown.len(), 600);
    for good_users in [GoodUsers::Saved, GoodUsers::Dropped] {
        let mut world = World::default();
        world.jiguang.good_users = good_users;
        world.jiguang.unknown_cuids = Some(unknown.clone());
        let run = block_on(deliver(world, (0..20_000).map(|cuid| (cuid, mail(cuid))).collect()));
        for (cuid, outcome) in &run.outcomes {
            let rejected =
                matches!(outcome, Outcome::Rejected { rejections, .. } if rejections[0].code() == Some(&4107.into()));
            assert_eq!(rejected, unknown.contains(cuid), "{outcome:?}");
            assert_eq!(rejected, *outcome != Outcome::Accepted, "{outcome:?}");
            assert_eq!(run.stored(*cuid).is_empty(), rejected);
        }
        assert_eq!((run.summary.accepted, run.summary.rejected), (19_400, 600));
        // Each request names its three, and is sent once more without them.
        assert!(run.summary.isolation_requests >= 200 && run.summary.isolation_requests <= 600, "{:?}", run.summary);
        let batches = run.summary.requests - run.summary.isolation_requests;
        assert!((200..=240).contains(&batches), "{:?}", run.summary);
        run.check_requests();
    }
}

#[test]
fn one_bad_number_among_a_hundred_users() {
    for world in manners() {
        let number = |cuid: i64| if cuid == 37 { "23000000000".to_owned() } else { "13000000000".to_owned() };
        let run = block_on(deliver(world, (1..=100).map(|cuid| (cuid, vec![(SMS, number(cuid))])).collect()));
        for (cuid, outcome) in &run.outcomes {
            assert_eq!(*outcome == Outcome::Accepted, *cuid != 37, "{cuid}: {outcome:?}");
        }
        let Outcome::Rejected { rejections, stored, .. } = &run.outcomes[&37] else { panic!("rejected") };
        assert_eq!((rejections[0].code(), rejections[0].field()), (Some(&4107.into()), Some(&SMS.parse().unwrap())));
        assert!(stored.is_empty() && run.stored(37).is_empty());
        assert!(run.summary.isolation_requests <= 2 * 7 + 1, "{:?}", run.summary);
        run.check_requests();
    }
}

#[test]
fn a_label_that_nobody_has_rejects_nobody() {
    for mut world in manners() {
        world.jiguang.channels = vec![Channel::new(219, Kind::Mail, ["Default Contact"])];
        let run = block_on(deliver(world, (0..5_000).map(|cuid| (cuid, mail(cuid))).collect()));
        assert!(run.outcomes.values().all(|outcome| matches!(outcome, Outcome::Undelivered { .. })));
        assert!(run.summary.requests <= 40, "{:?}", run.summary);
        assert!(
            matches!(run.summary.stop, Some(Stop::RefusedAlike { code: Some(ErrorCode::Number(4107)), .. })),
            "{:?}",
            run.summary
        );
        run.check_requests();
    }
}

/// What may be wrong with a user.
#[derive(Debug, Clone, Copy)]
enum Wrong {
    Nothing,
    Unknown,
    Number,
    Registration,
    Both,
}

fn fields(nth: i64, wrong: Wrong) -> Fields {
    let number = if matches!(wrong, Wrong::Number | Wrong::Both) { "2" } else { "1" };
    let registration = if matches!(wrong, Wrong::Registration | Wrong::Both) { "-" } else { "a" };
    vec![
        (SMS, format!("{number}30{nth:08}")),
        (MAIL, format!("user{nth}@example.com")),
        (APP, format!("{registration}{nth:015}")),
    ]
}

/// Random users, a few of them wrong in a random way, in a random manner of the vendor: the outcomes are those that the
/// users deserve, and what the simulator has stored is what the outcomes say.
#[test]
fn the_outcomes_and_the_vendors_state_agree() {
    let wrong = prop_oneof![
        60 => Just(Wrong::Nothing),
        1 => Just(Wrong::Unknown),
        1 => Just(Wrong::Number),
        1 => Just(Wrong::Registration),
        1 => Just(Wrong::Both),
    ];
    let users = proptest::collection::vec(wrong, 1..600);
    let manner = proptest::sample::select(manners());
    let config = ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() };
    TestRunner::new(config)
        .run(&(users, manner), |(users, world)| {
            check(users, world);
            Ok(())
        })
        .unwrap();
}

fn check(users: Vec<Wrong>, mut world: World) {
    let users: BTreeMap<i64, Wrong> = (1_i64..).zip(users).collect();
    let unknown = users.iter().filter(|(_, wrong)| matches!(wrong, Wrong::Unknown)).map(|(cuid, _)| *cuid).collect();
    world.jiguang.unknown_cuids = Some(unknown);
    let run: Run = block_on(deliver(world, users.iter().map(|(cuid, wrong)| (*cuid, fields(*cuid, *wrong))).collect()));
    run.check_requests();
    let stopped = run.summary.stop.is_some();
    for (cuid, outcome) in &run.outcomes {
        let (wrong, has) = (users[cuid], run.stored(*cuid));
        let all: BTreeMap<String, String> =
            fields(*cuid, wrong).into_iter().map(|(at, value)| (at.to_owned(), value)).collect();
        let bad: &[&str] = match wrong {
            Wrong::Nothing | Wrong::Unknown => &[],
            Wrong::Number => &[SMS],
            Wrong::Registration => &[APP],
            Wrong::Both => &[SMS, APP],
        };
        match (outcome, wrong) {
            (Outcome::Accepted, Wrong::Nothing) => assert_eq!(has, all),
            (Outcome::Rejected { stored, rejections, .. }, Wrong::Unknown) => {
                assert!(stored.is_empty() && has.is_empty());
                // A CUID that is also a channel id decides nothing: that user is found by isolation, and field by field.
                let ambiguous = [210, 219].contains(cuid);
                assert!(rejections[0].field().is_none() || ambiguous, "{cuid}: {rejections:?}");
            }
            (Outcome::Rejected { stored, rejections, .. }, Wrong::Number | Wrong::Registration | Wrong::Both) => {
                let named: BTreeSet<&str> =
                    rejections.iter().filter_map(|one| one.field()).map(Field::as_str).collect();
                assert_eq!(named, bad.iter().copied().collect(), "the fields to blame");
                let stored: BTreeSet<&str> = stored.iter().map(Field::as_str).collect();
                assert_eq!(
                    has.keys().map(String::as_str).collect::<BTreeSet<_>>(),
                    stored,
                    "the fields that went through"
                );
                assert!(has.iter().all(|(field, value)| all[field] == *value));
            }
            (Outcome::Undelivered { .. }, _) if stopped => {}
            _ => panic!("user {cuid} is {wrong:?} and has {outcome:?}"),
        }
    }
}
