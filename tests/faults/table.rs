//! The table of scenarios.

use std::time::Duration;

use serde_json::{Value, json};

use crate::random::Random;
use crate::scenario::{Advice, Plan, Scenario};
use crate::vendor::{ATTRIBUTES, ENGAGELAB, FRIENDS, JIGUANG, VENDORS, Vendor};

/// Each kind of fault, with and without the effect where both can be had.
fn kinds() -> Vec<(&'static str, Value)> {
    vec![
        ("silence", json!({"fault": "silence"})),
        ("silence_applied", json!({"fault": "silence", "applied": true, "after_ms": 20})),
        ("delay", json!({"fault": "delay", "after_ms": 200})),
        ("500", json!({"fault": "500"})),
        ("500_applied", json!({"fault": "500", "applied": true})),
        ("502", json!({"fault": "502"})),
        ("502_applied", json!({"fault": "502", "applied": true})),
        ("503", json!({"fault": "503"})),
        ("503_applied", json!({"fault": "503", "applied": true})),
        ("503_retry_after", json!({"fault": "503", "retry_after_s": 1})),
        ("429", json!({"fault": "429"})),
        ("429_applied", json!({"fault": "429", "applied": true})),
        ("429_retry_after", json!({"fault": "429", "retry_after_s": 1})),
        ("over_quota", json!({"fault": "over_quota"})),
        ("reset", json!({"fault": "reset"})),
        ("reset_applied", json!({"fault": "reset", "applied": true})),
        ("close", json!({"fault": "close"})),
        ("close_applied", json!({"fault": "close", "applied": true})),
        ("slow_body", json!({"fault": "slow_body", "after_ms": 200})),
        ("broken_body", json!({"fault": "broken_body"})),
        ("truncated_json", json!({"fault": "truncated_json"})),
        ("wrong_type", json!({"fault": "wrong_type"})),
        ("empty", json!({"fault": "empty", "applied": false})),
        ("empty_applied", json!({"fault": "empty"})),
        ("empty_object", json!({"fault": "{}", "applied": false})),
        ("empty_object_applied", json!({"fault": "{}"})),
    ]
}

/// Room for an empty journal, and not for all of a run's.
const BLOCKS: u64 = 800;

/// Room for the journal and its log, and not for all wide rows that are rejected.
const WIDE_BLOCKS: u64 = 50_000;

/// All scenarios of the tests; what is left to chance is drawn from the seed.
pub fn all(seed: u64) -> Vec<Scenario> {
    let mut random = Random::new(seed);
    let mut all = Vec::new();
    // The longest first: they wait while the others work.
    for vendor in VENDORS {
        let outage = Scenario::new("outage", vendor);

        let plan = Plan::Outage { after_requests: 3, down: Duration::from_millis(1_500) };
        all.push(Scenario { plan, ..outage });
    }
    for (kind, fault) in kinds() {
        let mut fault = fault;
        fault["times"] = json!(2);
        for vendor in VENDORS {
            let faults = json!({"next": [{"fault": "none"}, fault]});
            all.push(Scenario { faults, ..Scenario::new(format!("single/{kind}"), vendor) });
        }
    }
    for vendor in VENDORS {
        all.push(mixed(vendor, random.next()));
        all.push(kills(vendor, 3, random.next()));
        // Each answer that is lost holds the next version for ten seconds.
        all.push(order(vendor, if vendor.batch == 1 { 10 } else { 50 }, 4, random.next()));
        let changed =
            [("wrong_secret", Plan::Secret { after_requests: 3 }), ("letters/no_directory", Plan::NoPlaceForLetters)];
        all.extend(changed.map(|(name, plan)| Scenario { plan, ..Scenario::new(name, vendor) }));
    }
    for vendor in [&ATTRIBUTES, &FRIENDS] {
        let revoked = Plan::Changes(json!([{"after_requests": 3, "revoke_signatures": true}]));
        let changed = [("usersig/revoked", revoked), ("usersig/wrong_clock", Plan::Clock { after_requests: 3 })];
        all.extend(changed.map(|(name, plan)| Scenario { plan, ..Scenario::new(name, vendor) }));
    }
    for name in ["before-send", "after-send", "before-commit", "after-commit", "in-dead-letter"] {
        for vendor in VENDORS {
            let killed = Scenario::new(format!("failpoint/{name}"), vendor);
            // One user a request: far more are done with then than can be in flight. Outcomes that come together are one commit.
            let (users, nth) = match (name, vendor.batch) {
                ("in-dead-letter", _) => (killed.users, 1 + random.below(2)),
                (_, 1) => (400, 35 + random.below(20)),
                _ => (killed.users, 1 + random.below(5)),
            };
            all.push(Scenario { users, plan: Plan::Failpoint(name, nth), ..killed });
        }
    }
    for vendor in [&JIGUANG, &ENGAGELAB, &ATTRIBUTES] {
        let full = Scenario::new("journal/full_disk", vendor);
        let users = if vendor.batch == 1 { 600 } else { 6_000 };
        all.push(Scenario { users, latency_ms: 10, plan: Plan::FullDisk(BLOCKS), ..full });
    }
    let advices = [
        ("make_room", Advice::MakeRoom),
        ("name_another_place", Advice::NameAnotherPlace),
        ("move_away", Advice::MoveAway),
    ];
    for (name, advice) in advices {
        let full = Scenario::new(format!("letters/full_disk/{name}"), &JIGUANG);
        let plan = Plan::FullRejected(WIDE_BLOCKS, advice);
        all.push(Scenario { users: 15_000, latency_ms: 10, plan, ..full });
    }
    for vendor in [&JIGUANG, &ENGAGELAB] {
        all.push(resets(vendor, random.next()));
    }
    all
}

/// What takes longer than a test may.
pub fn long(seed: u64) -> Vec<Scenario> {
    let pace = Scenario::new("long/pace", &JIGUANG);
    let pace =
        Scenario { users: 594_000, bad: false, quota: 100, latency_ms: 20, plan: Plan::Pace { used: 0.98 }, ..pace };
    // A signature of five minutes runs out 75 seconds after its making: one that is younger than a minute was wrong from the start.
    let changes = json!([{"clock_ahead_ms": 225_000}]);
    let expires = Scenario::new("long/usersig_expires", &ATTRIBUTES);
    let expires = Scenario { users: 9_000, bad: false, quota: 1, seed, plan: Plan::Changes(changes), ..expires };
    let order = VENDORS.iter().copied().map(|vendor| {
        let long = order(vendor, 50, 40, seed);
        Scenario { name: format!("long/{}", long.name), ..long }
    });
    [pace, expires].into_iter().chain(order).collect()
}

/// 20,000 users, and a run that lasts long enough for some kills.
pub fn long_kills(vendor: &'static Vendor, most: u32, seed: u64) -> Scenario {
    let users = 20_000;
    Scenario { users, latency_ms: 20, seed, plan: Plan::Kills(most), ..Scenario::new("long/kills", vendor) }
}

/// A mixture of faults over several versions of each user.
fn mixed(vendor: &'static Vendor, seed: u64) -> Scenario {
    let users = vendor.users.min(600);
    let faults = shares(seed, 0.2);
    Scenario { users, versions: 3, faults, seed, ..Scenario::new("mixed", vendor) }
}

/// Few users with many versions, answers that come at their own pace, faults and kills: the last one is the last.
fn order(vendor: &'static Vendor, users: u32, versions: u32, seed: u64) -> Scenario {
    let faults = shares(seed, 0.2);
    Scenario { users, versions, bad: false, faults, seed, plan: Plan::Kills(2), ..Scenario::new("order", vendor) }
}

/// Kills in the middle of a run, one rejected row or another among the rows.
fn kills(vendor: &'static Vendor, most: u32, seed: u64) -> Scenario {
    let users = vendor.users.max(600);
    Scenario { users, latency_ms: 20, seed, plan: Plan::Kills(most), ..Scenario::new("kills", vendor) }
}

/// Answers are lost after the request had its effect.
fn resets(vendor: &'static Vendor, seed: u64) -> Scenario {
    let shares = json!([{"fault": "reset", "applied": true, "share": 0.05}]);
    let users = if vendor.batch == 1 { 300 } else { 12_000 };
    Scenario { users, faults: json!({"seed": seed, "shares": shares}), ..Scenario::new("resets", vendor) }
}

/// Such a share of failures of all kinds that cost no ten seconds, and as many late answers.
fn shares(seed: u64, failures: f64) -> Value {
    let mut random = Random::new(seed);
    let kinds: Vec<Value> = kinds()
        .into_iter()
        .filter(|(name, _)| !name.starts_with("silence") && !name.contains("429") && !name.contains("over"))
        .map(|(_, fault)| fault)
        .collect();
    let mut shares = Vec::new();
    for _ in 0..6 {
        let mut fault = kinds[usize::try_from(random.below(kinds.len() as u64)).unwrap()].clone();
        fault["share"] = json!(failures / 6.0);
        shares.push(fault);
    }
    for after_ms in [5, 20, 60, 150] {
        shares.push(json!({"fault": "delay", "after_ms": after_ms, "share": failures / 4.0}));
    }
    json!({"seed": seed, "shares": shares})
}
