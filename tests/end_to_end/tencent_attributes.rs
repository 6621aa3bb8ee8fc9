//! Tencent's user attributes: what is too long, whom nobody knows, names that were never set, and a UserSig that runs out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use contact_sink_core::{ContactUpdate, ErrorCode, UserId};
use contact_sink_delivery::{Delivery, Options, Outcome, Stop, Summary};
use contact_sink_sandbox::tencent::{Errors, GoodAccounts};
use contact_sink_sandbox::{Sandbox, World};
use contact_sink_tencent::{AttributesSink, Config, Tencent, attribute};
use contact_sink_transport::TransportOptions;
use futures_util::stream;

use crate::world::{hyper, send};

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(work)
}

fn config(sandbox: &Sandbox) -> Config {
    let config = Config::new(1_400_000_000, "administrator", "sandbox".into()).unwrap();
    config.with_base_url(sandbox.base_url().parse().unwrap())
}

async fn deliver(mut world: World, updates: Vec<(u32, ContactUpdate)>) -> (BTreeMap<u32, Outcome>, Summary, Sandbox) {
    world.tencent.attribute_quota = None;
    let sandbox = Sandbox::start(world).unwrap();
    let client = Tencent::new(config(&sandbox), hyper(TransportOptions::default()));
    let (outcomes, summary) = send(AttributesSink::from(client).with_quota(None), updates).await;
    (outcomes, summary, sandbox)
}

fn account(number: u32) -> String {
    format!("user{number}")
}

fn update(number: u32, fields: &[(&str, &str)]) -> ContactUpdate {
    let empty = ContactUpdate::user(UserId::new(account(number)).unwrap());
    fields.iter().fold(empty, |update, (name, value)| update.with(attribute(name).unwrap(), *value).unwrap())
}

#[test]
fn one_value_of_51_bytes_among_a_thousand_users() {
    let long = "x".repeat(51);
    let value = |number| if number == 500 { &long } else { "深圳" };
    let updates = (0..1_000).map(|number| (number, update(number, &[("city", value(number))]))).collect();
    let (outcomes, summary, sandbox) = block_on(deliver(World::default(), updates));
    let Outcome::Rejected { rejections, .. } = &outcomes[&500] else { panic!("{:?}", outcomes[&500]) };
    assert_eq!((rejections[0].code(), rejections[0].field()), (None, Some(&attribute("city").unwrap())));
    assert_eq!((summary.accepted, summary.rejected, summary.isolation_requests), (999, 1, 0));
    let stored = sandbox.tencent().attribute_accounts();
    assert_eq!(stored.len(), 999);
    assert!(!sandbox.requests().iter().any(|request| request.subjects.contains(&account(500))), "it never left");
}

#[test]
fn an_attribute_name_that_was_never_set_stops_and_rejects_nobody() {
    for good_accounts in [GoodAccounts::Dropped, GoodAccounts::Saved] {
        let mut world = World::default();
        world.tencent.good_accounts = good_accounts;
        let updates = (0..5_000).map(|number| (number, update(number, &[("city", "深圳"), ("town", "南山")])));
        let (outcomes, summary, _sandbox) = block_on(deliver(world, updates.collect()));
        assert!(outcomes.values().all(|outcome| matches!(outcome, Outcome::Undelivered { .. })), "{summary:?}");
        assert!(
            matches!(summary.stop, Some(Stop::RefusedAlike { code: Some(ErrorCode::Number(90033)), .. })),
            "{summary:?}"
        );
        assert!(summary.requests <= 40, "{summary:?}");
    }
}

#[test]
fn exactly_the_accounts_that_nobody_knows_are_rejected_however_the_vendor_says_it() {
    let unknown: BTreeSet<u32> = (0..3_000).filter(|number| number % 211 == 7).collect();
    for (errors, good_accounts) in [
        (Errors::Whole, GoodAccounts::Dropped),
        (Errors::Whole, GoodAccounts::Saved),
        (Errors::List, GoodAccounts::Saved),
    ] {
        let mut world = World::default();
        (world.tencent.errors, world.tencent.good_accounts) = (errors, good_accounts);
        world.tencent.unknown_accounts = Some(unknown.iter().copied().map(account).collect());
        let updates = (0..3_000).map(|number| (number, update(number, &[("city", "深圳")]))).collect();
        let (outcomes, summary, sandbox) = block_on(deliver(world, updates));
        for (number, outcome) in &outcomes {
            let rejected =
                matches!(outcome, Outcome::Rejected { rejections, .. } if rejections[0].code() == Some(&70107.into()));
            assert_eq!(
                (rejected, *outcome == Outcome::Accepted),
                (unknown.contains(number), !unknown.contains(number))
            );
            assert_eq!(sandbox.tencent().attributes(&account(*number)).is_some(), !rejected);
        }
        let most = if errors == Errors::List { 0 } else { unknown.len() as u64 * (2 * 7 + 1) };
        assert!(summary.isolation_requests <= most, "{errors:?}: {summary:?}");
    }
}

/// The vendor's clock jumps ahead, so that the UserSig of the run is over; by the caller's own clock it has two hours behind it.
#[test]
fn a_usersig_that_expires_in_the_middle_of_a_run_costs_no_rejected_update() {
    const HOUR: Duration = Duration::from_secs(3_600);
    let mut world = World::default();
    world.tencent.attribute_quota = None;
    world.latency = Duration::from_millis(20);
    let (outcomes, summary, requests, bad_signature) = block_on(async {
        let sandbox = Sandbox::start(world).unwrap();
        let start = SystemTime::now();
        let later = Arc::new(AtomicBool::new(false));
        let clock = {
            let later = later.clone();
            move || start - if later.load(Ordering::SeqCst) { Duration::ZERO } else { 2 * HOUR }
        };
        let client = Tencent::new(config(&sandbox).with_clock(clock), hyper(TransportOptions::default()));
        let delivery = Delivery::new(AttributesSink::from(client).with_quota(None), Options::for_run());
        let updates = (0..20_000).map(|number| (number, update(number, &[("city", "深圳")])));
        let mut delivered = delivery.deliver_all(stream::iter(updates.collect::<Vec<_>>()));
        let mut outcomes = Vec::new();
        while let Some((_, outcome)) = delivered.next().await {
            outcomes.push(outcome);
            if outcomes.len() == 10_000 {
                later.store(true, Ordering::SeqCst);
                sandbox.tencent().set_clock_ahead(23 * HOUR);
            }
        }
        let bad = sandbox.tencent().counters().im_set_attr.bad_signature;
        (outcomes, delivered.summary(), sandbox.seen(), bad)
    });
    assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Accepted) && outcomes.len() == 20_000, "{summary:?}");
    assert!((1..=32).contains(&bad_signature), "at most those that were in flight were refused: {bad_signature}");
    assert_eq!((summary.requests, summary.retries), (requests, bad_signature), "each of them went once more");
}

#[test]
fn a_usersig_that_is_refused_from_the_start_stops_after_one_request() {
    let mut world = World::default();
    world.tencent.clock_ahead = Duration::from_secs(30 * 24 * 3_600);
    let updates = (0..500).map(|number| (number, update(number, &[("city", "深圳")]))).collect();
    let (outcomes, summary, _sandbox) = block_on(deliver(world, updates));
    assert!(outcomes.values().all(|outcome| matches!(outcome, Outcome::Undelivered { .. })));
    assert_eq!(summary.requests, 1);
    let Some(Stop::Failed(error)) = summary.stop else { panic!("{summary:?}") };
    assert_eq!((error.code(), error.advice()), (Some(&70001.into()), "check the clock of this machine"));
}
