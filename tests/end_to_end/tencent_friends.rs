//! Tencent's friends: exactly the bad ones are rejected, and no owner has two requests in flight.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use contact_sink_core::{ContactUpdate, UserId};
use contact_sink_delivery::{Outcome, Summary};
use contact_sink_sandbox::tencent::FriendValue;
use contact_sink_sandbox::{Fault, FaultKind, Faults, RequestRecord, Sandbox, World};
use contact_sink_tencent::{Config, FriendsSink, custom, group, remark};
use contact_sink_transport::TransportOptions;

use crate::world::{hyper, send};

type Pair = (String, String);

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(work)
}

/// Delivers to a simulator without a quota, with some latency, so that requests overlap if anything lets them.
async fn deliver(mut world: World, updates: Vec<(Pair, ContactUpdate)>) -> (BTreeMap<Pair, Outcome>, Summary, Sandbox) {
    world.tencent.friend_quota = None;
    world.latency = Duration::from_millis(5);
    let sandbox = Sandbox::start(world).unwrap();
    let config = Config::new(1_400_000_000, "administrator", "sandbox".into()).unwrap();
    let config = config.with_base_url(sandbox.base_url().parse().unwrap());
    let sink = FriendsSink::new(config, hyper(TransportOptions::default())).with_quota(None);
    let (outcomes, summary) = send(sink, updates).await;
    (outcomes, summary, sandbox)
}

fn friend(owner: &str, friend: &str) -> ContactUpdate {
    let [owner, friend] = [owner, friend].map(|id| UserId::new(id).unwrap());
    ContactUpdate::friend(owner, friend)
}

fn pair(owner: &str, contact: &str) -> Pair {
    (owner.to_owned(), contact.to_owned())
}

/// The simulator refuses a request for an owner who has one in flight; its log must show none that it had to refuse.
fn check_in_flight(requests: &[RequestRecord]) {
    let mut last: BTreeMap<&str, Duration> = BTreeMap::new();
    for request in requests {
        let owner = request.owner.as_deref().expect("each names its owner");
        if let Some(answered) = last.insert(owner, request.answered.expect("each is answered")) {
            assert!(request.arrival >= answered, "two requests of one owner are in flight");
        }
    }
}

#[test]
fn forty_three_of_five_thousand_friends_of_seven_owners() {
    let friends: Vec<Pair> = (0..5_000).map(|nth| pair(&format!("agent{}", nth % 7), &format!("user{nth}"))).collect();
    let unknown: BTreeSet<String> = (0..40).map(|nth| format!("user{}", 37 + nth * 121)).collect();
    let untagged: BTreeSet<String> = [111, 2_222, 4_444].map(|nth| format!("user{nth}")).into();
    assert!(unknown.is_disjoint(&untagged) && unknown.len() == 40);
    let mut world = World::default();
    world.tencent.unknown_accounts = Some(unknown.clone());
    let updates = friends.iter().map(|key| {
        let update = friend(&key.0, &key.1).with(remark(), format!("备注 {}", key.1)).unwrap();
        let update = if untagged.contains(&key.1) {
            update.with(custom("Nowhere").unwrap(), "x").unwrap()
        } else {
            update.with(group(), vec!["VIP".to_owned(), "老客户".to_owned()]).unwrap()
        };
        (key.clone(), update)
    });
    let (outcomes, summary, sandbox) = block_on(deliver(world, updates.collect()));
    for (key, outcome) in &outcomes {
        let has = sandbox.tencent().friend(&key.0, &key.1).unwrap_or_default();
        let remark = FriendValue::from(format!("备注 {}", key.1).as_str());
        match outcome {
            Outcome::Accepted => {
                assert!(!unknown.contains(&key.1) && !untagged.contains(&key.1));
                let groups = FriendValue::from(["VIP", "老客户"]);
                assert_eq!((&has["Tag_SNS_IM_Remark"], &has["Tag_SNS_IM_Group"]), (&remark, &groups));
            }
            Outcome::Rejected { rejections, stored, .. } if untagged.contains(&key.1) => {
                let [rejection] = &rejections[..] else { panic!("one field is to blame: {rejections:?}") };
                assert_eq!(
                    (rejection.code(), rejection.field()),
                    (Some(&30001.into()), Some(&custom("Nowhere").unwrap()))
                );
                assert_eq!(stored, &[contact_sink_tencent::remark()], "the good field went through");
                assert_eq!((has.len(), &has["Tag_SNS_IM_Remark"]), (1, &remark));
            }
            Outcome::Rejected { rejections, stored, .. } => {
                assert!(unknown.contains(&key.1), "{outcome:?}");
                assert_eq!((rejections[0].code(), stored.len(), has.len()), (Some(&30003.into()), 0, 0));
            }
            outcome => panic!("{outcome:?}"),
        }
    }
    assert_eq!((summary.accepted, summary.rejected), (4_957, 43));
    assert_eq!(sandbox.tencent().counters().friend_update.conflicts, 0);
    check_in_flight(&sandbox.requests());
    // Seven owners with some 714 friends each; the three are found by halving, and their fields one by one.
    assert!(summary.requests <= 7 * 30 + 3 * (2 * 10 + 1 + 2), "{summary:?}");
}

#[test]
fn a_friend_without_a_result_is_sent_again() {
    let silent: BTreeSet<String> = (0..300).step_by(7).map(|nth| format!("user{nth}")).collect();
    let mut world = World::default();
    world.tencent.unanswered_friends = silent.clone();
    let updates = (0..300).map(|nth| {
        let key = pair("agent", &format!("user{nth}"));
        (key.clone(), friend(&key.0, &key.1).with(remark(), "备注").unwrap())
    });
    let (outcomes, summary, sandbox) = block_on(deliver(world, updates.collect()));
    assert!(outcomes.values().all(|outcome| *outcome == Outcome::Accepted));
    assert_eq!(sandbox.tencent().friends("agent").len(), 300, "all of them are stored");
    let times = |name: &String| sandbox.requests().iter().filter(|request| request.subjects.contains(name)).count();
    for nth in 0..300 {
        let name = format!("user{nth}");
        assert_eq!(times(&name), if silent.contains(&name) { 2 } else { 1 }, "only those without a result go again");
    }
    assert!(summary.retries >= 1);
}

#[test]
fn an_owner_who_does_not_exist_rejects_all_of_its_friends_and_nobody_else() {
    let mut world = World::default();
    world.tencent.unknown_accounts = Some(["agent1".to_owned()].into());
    let updates = (0..400).map(|nth| {
        let key = pair(&format!("agent{}", nth % 40), &format!("user{nth}"));
        (key.clone(), friend(&key.0, &key.1).with(remark(), "备注").unwrap())
    });
    let (outcomes, summary, _sandbox) = block_on(deliver(world, updates.collect()));
    for ((owner, _), outcome) in &outcomes {
        let rejected =
            matches!(outcome, Outcome::Rejected { rejections, .. } if rejections[0].code() == Some(&30003.into()));
        assert_eq!((rejected, *outcome == Outcome::Accepted), (owner == "agent1", owner != "agent1"), "{outcome:?}");
    }
    assert_eq!((summary.rejected, summary.isolation_requests), (10, 0));
}

#[test]
fn a_field_that_is_configured_for_nobody_stops_and_rejects_nobody() {
    let mut world = World::default();
    world.tencent.custom_tags.clear();
    let updates = (0..3_000).map(|nth| {
        let key = pair(&format!("agent{}", nth % 9), &format!("user{nth}"));
        (key.clone(), friend(&key.0, &key.1).with(custom("Test").unwrap(), "x").unwrap())
    });
    let (outcomes, summary, _sandbox) = block_on(deliver(world, updates.collect()));
    assert!(outcomes.values().all(|outcome| matches!(outcome, Outcome::Undelivered { .. })), "{summary:?}");
    assert!(summary.requests <= 60, "{summary:?}");
}

#[test]
fn order_holds_under_faults_and_one_owners_requests_never_overlap() {
    let mut world = World::default();
    world.faults = Faults::default()
        .with_seed(3)
        .with_share(0.05, Fault::new(FaultKind::BadGateway))
        .with_share(0.05, Fault::new(FaultKind::Reset).applied(true))
        .with_share(0.03, Fault::new(FaultKind::OverQuota))
        .with_share(0.05, Fault::new(FaultKind::TruncatedJson));
    // Twenty versions of each of fifty friends of five owners.
    let updates = (0..1_000).map(|nth| {
        let (friend_number, version) = (nth % 50, nth / 50);
        let (owner, contact) = (format!("agent{}", friend_number % 5), format!("user{friend_number}"));
        let update = friend(&owner, &contact).with(remark(), format!("version {version}")).unwrap();
        ((format!("{owner}/{contact}"), format!("{version:02}")), update)
    });
    let (outcomes, summary, sandbox) = block_on(deliver(world, updates.collect()));
    assert!(outcomes.values().all(|outcome| *outcome == Outcome::Accepted), "{summary:?}");
    for number in 0..50 {
        let has = sandbox.tencent().friend(&format!("agent{}", number % 5), &format!("user{number}")).unwrap();
        assert_eq!(has["Tag_SNS_IM_Remark"], FriendValue::from("version 19"));
    }
    // A lost answer frees the owner at the vendor, too, so none of our requests meets another one.
    assert_eq!(sandbox.tencent().counters().friend_update.conflicts, 0);
    assert!(sandbox.faults_met().len() == 4, "{:?}", sandbox.faults_met());
}
