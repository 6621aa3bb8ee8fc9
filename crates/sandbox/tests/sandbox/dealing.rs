//! Which requests meet which fault: scripts, shares and their ends, the quota, and scripts that are wrong.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use contact_sink_sandbox::jiguang::PATH;
use contact_sink_sandbox::{Fault, FaultKind, Faults, Quota, Sandbox, World};

use crate::client::Client;
use crate::{users, world};

#[tokio::test]
async fn a_script_over_http_in_order() {
    let sandbox = Sandbox::start(world(|_| {})).unwrap();
    let mut client = Client::connect(sandbox.address()).await;
    let script = r#"{"next": [{"fault": "429", "retry_after_s": 7, "times": 2}, {"fault": "none"}, {"fault": "503"}]}"#;
    assert_eq!(client.send("POST", "/_sandbox/faults", "", script).await.status, 200);
    // What the head alone refuses meets no fault.
    assert_eq!(client.send("PUT", PATH, "", "[]").await.status, 401);
    let mut statuses = Vec::new();
    for cuid in 0..5 {
        let reply = client.put(&users([cuid])).await;
        assert_eq!(reply.head.contains("retry-after: 7"), reply.status == 429, "{}", reply.head);
        statuses.push(reply.status);
    }
    assert_eq!(statuses, [429, 429, 200, 503, 200]);
    assert_eq!(client.get("/_sandbox/state").await["faults"], serde_json::json!({"429": 2, "503": 1}));
    let requests = client.get("/_sandbox/requests").await;
    assert_eq!(
        (&requests["requests"][1]["fault"], &requests["requests"][1]["applied"]),
        (&"429".into(), &false.into())
    );

    // What is left of a script ends with the next one, and what was met is forgotten with the log.
    assert_eq!(client.send("POST", "/_sandbox/faults", "", r#"{"next": [{"fault": "500"}]}"#).await.status, 200);
    assert_eq!(client.send("POST", "/_sandbox/faults", "", "{}").await.status, 200);
    assert_eq!(client.put(&users([9])).await.status, 200);
    assert_eq!(client.send("POST", "/_sandbox/faults", "", r#"{"next": [{"fault": "500"}]}"#).await.status, 200);
    assert_eq!(client.send("DELETE", "/_sandbox/faults", "", "").await.status, 204);
    assert_eq!(client.put(&users([9])).await.status, 200);
    client.send("POST", "/_sandbox/reset", "", "").await;
    assert_eq!(client.get("/_sandbox/state").await["faults"], serde_json::json!({}));
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_share_is_the_same_for_the_same_seed() {
    let deal = |seed| async move {
        let sandbox = Sandbox::start(world(|_| {})).unwrap();
        let faults = Faults::default()
            .with_seed(seed)
            .with_share(0.1, Fault::new(FaultKind::InternalError))
            .with_share(0.05, Fault::new(FaultKind::EmptyObject));
        sandbox.set_faults(faults).unwrap();
        let mut client = Client::connect(sandbox.address()).await;
        for cuid in 0..1000 {
            client.put(&users([cuid])).await;
        }
        let dealt: Vec<Option<FaultKind>> = sandbox.requests().iter().map(|request| request.fault).collect();
        let met = sandbox.faults_met();
        sandbox.shutdown().await;
        (dealt, met)
    };
    let (first, met) = deal(7).await;
    assert_eq!(deal(7).await.0, first);
    assert_ne!(deal(8).await.0, first);
    // Four standard deviations.
    let expected = BTreeMap::from([(FaultKind::InternalError, 62..=138), (FaultKind::EmptyObject, 22..=78)]);
    for (kind, range) in expected {
        assert!(range.contains(&met[&kind]), "{kind:?}: {met:?}");
    }
}

#[tokio::test]
async fn a_request_over_the_quota_meets_no_fault() {
    let quota = Quota { requests: NonZeroU32::new(2).unwrap(), per: Duration::from_secs(3600) };
    let sandbox = Sandbox::start(world(|settings| settings.quota = Some(quota))).unwrap();
    sandbox.set_faults(Faults::default().with_next(Fault::new(FaultKind::BadGateway).times(3))).unwrap();
    let mut client = Client::connect(sandbox.address()).await;
    for (cuid, status, counted) in [(1, 502, true), (2, 502, true), (3, 429, false)] {
        assert_eq!(client.put(&users([cuid])).await.status, status);
        let record = sandbox.requests().pop().unwrap();
        assert_eq!((record.counted, record.fault.is_some()), (counted, counted));
    }
    assert_eq!(sandbox.faults_met()[&FaultKind::BadGateway], 2);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn shares_end_after_so_many_requests_or_so_long() {
    // As the world has it, from the first request on; the script does not draw lots.
    let faults = "[faults]\nnext = [{ fault = 'none' }]\nshares = [{ fault = '500', share = 1.0 }]\nfor_requests = 3\n";
    let mut from_the_start = World::from_toml(faults).unwrap();
    from_the_start.jiguang.quota = None;
    let sandbox = Sandbox::start(from_the_start).unwrap();
    let mut client = Client::connect(sandbox.address()).await;
    let mut statuses = Vec::new();
    for cuid in 0..6 {
        statuses.push(client.put(&users([cuid])).await.status);
    }
    assert_eq!(statuses, [200, 500, 500, 500, 200, 200]);

    let always = Faults::default().with_share(1.0, Fault::new(FaultKind::InternalError));
    sandbox.set_faults(always.clone().with_for_time(Duration::from_secs(3600))).unwrap();
    assert_eq!(client.put(&users([7])).await.status, 500);
    sandbox.set_faults(always.with_for_time(Duration::from_millis(5))).unwrap();
    let began = Instant::now();
    while client.put(&users([8])).await.status != 200 {
        assert!(began.elapsed() < Duration::from_secs(20), "it never ends");
    }
    sandbox.shutdown().await;
}

#[tokio::test]
async fn wrong_faults_are_refused_and_change_nothing() {
    let sandbox = Sandbox::start(world(|_| {})).unwrap();
    sandbox.set_faults(Faults::default().with_next(Fault::new(FaultKind::Unavailable))).unwrap();
    let mut client = Client::connect(sandbox.address()).await;
    let cases = [
        ("", "EOF while parsing"),
        (r#"{"nxt": []}"#, "unknown field `nxt`, expected one of `next`, `seed`, `shares`"),
        (r#"{"next": [{"fault": "501"}]}"#, "unknown variant `501`"),
        (r#"{"next": [{"times": 2}]}"#, "missing field `fault`"),
        (r#"{"next": [{"fault": "500", "times": 0}]}"#, "next[0]: times is 0"),
        (r#"{"next": [{"fault": "500", "share": 0.5}]}"#, "next[0]: a share belongs to `shares`"),
        (r#"{"next": [{"fault": "reset", "retry_after_s": 1}]}"#, "next[0]: reset: retry_after_s belongs to"),
        (r#"{"next": [{"fault": "500"}, {"fault": "delay", "applied": false}]}"#, "next[1]: delay: "),
        (
            r#"{"next": [{"fault": "500", "after_ms": 5}]}"#,
            "next[0]: 500: after_ms belongs to delay, slow_body and silence",
        ),
        (r#"{"next": [{"fault": "over_quota", "applied": true}]}"#, "next[0]: over_quota: the vendor refuses it"),
        (r#"{"next": [{"fault": "500"}], "for_ms": 5}"#, "for_requests and for_ms belong to `shares`"),
        (r#"{"shares": [{"fault": "500", "share": 1}], "for_requests": 0}"#, "for_requests or for_ms is 0"),
        (r#"{"shares": [{"fault": "500"}]}"#, "shares[0]: share must be a number from 0 to 1"),
        (r#"{"shares": [{"fault": "500", "share": 1.5}]}"#, "shares[0]: share must be a number from 0 to 1"),
        (r#"{"shares": [{"fault": "500", "share": 0.6}, {"fault": "503", "share": 0.6}]}"#, "more than 1 together"),
        (r#"{"shares": [{"fault": "500", "share": 0.6, "times": 2}]}"#, "shares[0]: times belongs to `next`"),
    ];
    for (body, says) in cases {
        let reply = client.send("POST", "/_sandbox/faults", "", body).await;
        assert_eq!(reply.status, 400, "{body}");
        assert!(reply.body.contains(says), "{body}: {}", reply.body);
    }
    let halves = Fault::new(FaultKind::TooManyRequests).with_retry_after(Duration::from_millis(1500));
    let error = sandbox.set_faults(Faults::default().with_next(halves)).unwrap_err();
    assert_eq!(error.to_string(), "next[0]: 429: retry_after_s is in whole seconds");
    assert_eq!(client.put(&users([1])).await.status, 503, "what was scripted before is still there");
    let error = World::from_toml("[faults]\nnext = [{ fault = \"500\", times = 0 }]\n").unwrap_err();
    assert_eq!(error.to_string(), "faults: next[0]: times is 0");
    sandbox.shutdown().await;
}
