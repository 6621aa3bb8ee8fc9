//! The way from an update to a vendor and back, through the facade's names only.

#![cfg(all(feature = "delivery", feature = "hyper", feature = "jiguang", feature = "sandbox"))]
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::time::Duration;

use contact_sink::delivery::{Delivery, Options, Outcome};
use contact_sink::jiguang::{ChannelKind, Config, JiguangSink, channel};
use contact_sink::sandbox::jiguang::UNKNOWN_CUIDS;
use contact_sink::sandbox::{Sandbox, World};
use contact_sink::transport::HyperTransport;
use contact_sink::{ContactUpdate, ErrorCode, Subject, UserId};

const CUID: i64 = 10362819;
const MOBILE: &str = "15088888888";

fn delivery(sandbox: &Sandbox) -> Delivery {
    let config = Config::new("sandbox", "sandbox".into()).unwrap().with_base_url(sandbox.base_url().parse().unwrap());
    let transport = HyperTransport::new().unwrap();
    let sink = JiguangSink::new(config, transport).with_channel(210, ChannelKind::Sms);
    Delivery::new(sink, Options::for_run())
}

fn update(cuid: i64, mobile: &str) -> ContactUpdate {
    let subject = Subject::User(UserId::from(cuid));
    ContactUpdate::new(subject).with(channel(210, "默认联系").unwrap(), mobile).unwrap()
}

#[tokio::test]
async fn one_update_is_stored() {
    let sandbox = Sandbox::start(World::default()).unwrap();
    let delivery = delivery(&sandbox);
    assert_eq!(delivery.deliver(update(CUID, MOBILE)).await, Outcome::Accepted);
    let stored = BTreeMap::from([("210/默认联系".to_owned(), MOBILE.to_owned())]);
    assert_eq!(sandbox.jiguang().stored(CUID), Some(stored));
    let summary = delivery.close(Duration::from_secs(30)).await;
    assert_eq!((summary.accepted, summary.rejected, summary.requests), (1, 0, 1));
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_refused_update_has_a_reason_and_prints_nothing_personal() {
    let sandbox = Sandbox::start(World::default()).unwrap();
    let delivery = delivery(&sandbox);
    let [unknown] = UNKNOWN_CUIDS;
    for (cuid, mobile, code) in [(unknown, MOBILE, Some(4107)), (CUID, "1508888888x", None)] {
        let outcome = delivery.deliver(update(cuid, mobile)).await;
        let Outcome::Rejected { rejections, .. } = &outcome else { panic!("rejected, not {outcome:?}") };
        let [rejection] = rejections.as_slice() else { panic!("one rejection, not {rejections:?}") };
        assert_eq!(rejection.code().cloned(), code.map(ErrorCode::Number));
        let printed = format!("{outcome:?} {rejection}");
        assert!(!printed.contains(&cuid.to_string()) && !printed.contains(mobile), "{printed}");
        assert_eq!(sandbox.jiguang().stored(cuid), None);
    }
    sandbox.shutdown().await;
}
