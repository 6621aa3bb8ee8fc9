//! One write at a time for a `From_Account`: 30008 from when a request is read until its answer is handed out.

use std::time::{Duration, Instant};

use contact_sink_sandbox::tencent::FRIEND_UPDATE_PATH as PATH;
use contact_sink_sandbox::{Fault, FaultKind, Faults, Sandbox};

use super::{start, world};
use crate::client::Client;
use crate::usersig::Signer;

fn update(from: &str, to: &str) -> String {
    format!(
        r#"{{"From_Account":"{from}","UpdateItem":[{{"To_Account":"{to}","SnsItem":[{{"Tag":"Tag_SNS_IM_Remark","Value":"r"}}]}}]}}"#
    )
}

/// Sends a request and waits until it is judged, or stands in the log at least.
async fn send(sandbox: &Sandbox, body: &str, applied: bool) -> Client {
    let mut client = Client::connect(sandbox.address()).await;
    let before = sandbox.requests().iter().filter(|record| record.applied || !applied).count();
    client.write("POST", &format!("{PATH}?{}", Signer::new().query()), "", body).await;
    until(|| sandbox.requests().iter().filter(|record| record.applied || !applied).count() > before).await;
    client
}

/// Looks again until it is so; a test that hangs here has failed.
async fn until(is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(20), "it did not come about");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn latency_counts() {
    let mut slow = world(|_| {});
    slow.latency = Duration::from_secs(3600);
    let sandbox = Sandbox::start(slow).unwrap();
    let first = send(&sandbox, &update("a", "1"), true).await;
    let second = send(&sandbox, &update("a", "2"), true).await;
    let third = send(&sandbox, &update("b", "3"), true).await;
    let codes: Vec<_> = sandbox.requests().iter().map(|record| record.code.unwrap()).collect();
    assert_eq!(codes, [0, 30008, 0], "another From_Account is another matter");
    assert_eq!(sandbox.tencent().friends("a"), ["1"], "the second one stores nothing");
    let tally = sandbox.tencent().counters().friend_update;
    assert_eq!((tally.requests, tally.accepted, tally.refused, tally.conflicts), (3, 2, 0, 1));
    let record = &sandbox.requests()[1];
    assert_eq!((record.owner.as_deref(), record.subjects[0].as_str()), (Some("a"), "2"));

    // It ends when the caller goes away; the refused one held nothing.
    drop(second);
    let conflict = send(&sandbox, &update("a", "4"), true).await;
    assert_eq!(sandbox.requests()[3].code, Some(30008));
    drop((first, conflict, third));
    let mut free = sandbox.tencent().friends("a");
    let began = Instant::now();
    while free.len() < 2 {
        assert!(began.elapsed() < Duration::from_secs(20), "it never ends");
        drop(send(&sandbox, &update("a", "5"), true).await);
        free = sandbox.tencent().friends("a");
    }
    assert_eq!(free, ["1", "5"]);
}

#[tokio::test]
async fn a_request_that_is_answered_holds_nobody_up() {
    let (sandbox, mut client) = start(|_| {}).await;
    for nth in 0..50 {
        assert_eq!(client.call(PATH, &update("a", &nth.to_string())).await.code(), (200, 0));
        // One that is refused holds it as long.
        assert_eq!(client.call(PATH, &update("a", "")).await.code(), (200, 30001));
    }
    assert_eq!(sandbox.tencent().counters().friend_update.conflicts, 0);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn with_faults() {
    let hour = Duration::from_secs(3600);
    // The fault of the first request, and what the second one is told.
    let cases = [
        (Fault::new(FaultKind::Delay).with_after(hour), true, 30008),
        (Fault::new(FaultKind::Silence), false, 0),
        (Fault::new(FaultKind::Silence).applied(true).with_after(hour), false, 0),
    ];
    for (fault, applied, code) in cases {
        let (sandbox, mut client) = start(|_| {}).await;
        let kind = fault.kind;
        sandbox.set_faults(Faults::default().with_next(fault)).unwrap();
        let first = send(&sandbox, &update("a", "1"), applied).await;
        assert_eq!(client.call(PATH, &update("a", "2")).await.code(), (200, code), "{kind:?}");
        drop(first);
        sandbox.shutdown().await;
    }
    // A gateway answers in the endpoint's place, and the endpoint is not done before.
    let mut slow = world(|_| {});
    slow.latency = hour;
    let sandbox = Sandbox::start(slow).unwrap();
    let fault = Fault::new(FaultKind::BadGateway).applied(true);
    sandbox.set_faults(Faults::default().with_next(fault)).unwrap();
    let first = send(&sandbox, &update("a", "1"), true).await;
    let second = send(&sandbox, &update("a", "2"), true).await;
    let told: Vec<_> = sandbox.requests().iter().map(|record| (record.status, record.code)).collect();
    assert_eq!(told, [(Some(502), Some(0)), (Some(200), Some(30008))]);
    drop((first, second));
}
