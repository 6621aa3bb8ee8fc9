//! The query, the method, the headers and the quotas.

use std::num::NonZeroU32;
use std::time::Duration;

use contact_sink_sandbox::tencent::{self, FRIEND_UPDATE_PATH, GET_ATTR_NAME_PATH, RateLimitCode, SET_ATTR_PATH};
use contact_sink_sandbox::{Fault, FaultKind, Faults, Quota};
use serde_json::json;

use super::start;
use crate::client::Client;
use crate::usersig::{Signer, encode};

const FRIENDS: &str =
    r#"{"From_Account":"id","UpdateItem":[{"To_Account":"id1","SnsItem":[{"Tag":"Tag_SNS_IM_Remark","Value":"r"}]}]}"#;

/// The five parameters, with one of them changed: another value, or gone.
fn changed(name: &str, value: Option<&str>) -> String {
    let signer = Signer::new();
    let pairs = [
        ("usersig", encode(&signer.usersig())),
        ("identifier", "administrator".to_owned()),
        ("sdkappid", "1400000000".to_owned()),
        ("random", "0".to_owned()),
        ("contenttype", "json".to_owned()),
    ];
    let pairs = pairs.into_iter().filter_map(|(known, good)| match value {
        _ if known != name => Some(format!("{known}={good}")),
        Some(value) => Some(format!("{known}={value}")),
        None => None,
    });
    pairs.collect::<Vec<_>>().join("&")
}

#[tokio::test]
async fn takes_the_documented_query_only() {
    let good = Signer::new().query();
    let with = |more: &str| format!("{good}{more}");
    let raw = Signer::new().usersig();
    let cases = [
        ("good", good.clone(), 0),
        ("another order", changed("", None), 0),
        ("nothing escaped", changed("usersig", Some(&raw)), 0),
        ("small letters", changed("identifier", Some("%61dministrator")), 0),
        ("random, the largest", changed("random", Some("4294967295")), 0),
        ("no query", String::new(), 60012),
        ("sdkappid missing", changed("sdkappid", None), 60012),
        ("sdkappid empty", changed("sdkappid", Some("")), 60006),
        ("sdkappid as text", changed("sdkappid", Some("app")), 60006),
        ("sdkappid with zeros", changed("sdkappid", Some("01400000000")), 60006),
        ("sdkappid with a sign", changed("sdkappid", Some("%2B1400000000")), 60006),
        ("another sdkappid", changed("sdkappid", Some("1400000001")), 70020),
        ("identifier missing", changed("identifier", None), 60004),
        ("identifier empty", changed("identifier", Some("")), 60004),
        ("usersig missing", changed("usersig", None), 60005),
        ("usersig empty", changed("usersig", Some("")), 60005),
        ("random missing", changed("random", None), 60002),
        ("random empty", changed("random", Some("")), 60002),
        ("random negative", changed("random", Some("-1")), 60002),
        ("random with zeros", changed("random", Some("00")), 60002),
        ("random past 32 bits", changed("random", Some("4294967296")), 60002),
        ("contenttype missing", changed("contenttype", None), 60002),
        ("contenttype in capitals", changed("contenttype", Some("JSON")), 60002),
        ("a parameter twice", with("&random=1"), 60002),
        ("an unknown parameter", with("&a=1"), 60002),
        ("a name in capitals", with("&Random=1"), 60002),
        ("an empty pair", with("&"), 60002),
        ("a name alone", with("&random"), 60002),
        ("not an escape", changed("identifier", Some("%6")), 60002),
        ("not hexadecimal", changed("identifier", Some("%6g")), 60002),
        ("not UTF-8", changed("identifier", Some("%ff")), 60002),
        ("a plus", changed("identifier", Some("a+b")), 60002),
        ("an equals sign", changed("identifier", Some("a=b")), 60002),
        ("a semicolon", changed("identifier", Some("a;b")), 60002),
    ];
    let (sandbox, mut client) = start(|_| {}).await;
    let count = cases.len() as u64;
    for (name, query, code) in cases {
        for (path, body) in [(GET_ATTR_NAME_PATH, "{}"), (FRIEND_UPDATE_PATH, FRIENDS)] {
            let reply = client.send("POST", &format!("{path}?{query}"), "", body).await;
            assert_eq!(reply.code(), (200, code), "{name}: {}", reply.body);
            let answer = reply.json();
            assert_eq!(answer["ActionStatus"], if code == 0 { "OK" } else { "FAIL" }, "{name}");
            assert_eq!(answer["ErrorInfo"] == "", code == 0, "{name}");
            assert_eq!(answer.get("ErrorDisplay").is_some(), path == FRIEND_UPDATE_PATH, "{name}");
            let record = sandbox.requests().pop().unwrap();
            assert_eq!((record.path.as_str(), record.code, record.counted), (path, Some(code), code == 0), "{name}");
        }
    }
    let tally = sandbox.tencent().counters().friend_update;
    assert_eq!((tally.requests, tally.accepted, tally.refused, tally.bad_signature), (count, 5, count - 5, 0));
    sandbox.shutdown().await;
}

#[tokio::test]
async fn judges_method_and_headers() {
    let (sandbox, mut client) = start(|_| {}).await;
    let target = format!("{GET_ATTR_NAME_PATH}?{}", Signer::new().query());
    let cases = [
        ("POST", "", 0),
        ("POST", "Content-Type: application/json; charset=utf-8\r\n", 0),
        ("GET", "", 60009),
        ("PUT", "", 60009),
        ("POST", "Content-Type: text/plain\r\n", 60002),
        ("POST", "Content-Type: application/json\r\nContent-Type: application/json\r\n", 60002),
        ("POST", "Content-Type: application/json\r\nContent-Encoding: gzip\r\n", 60002),
    ];
    for (method, headers, code) in cases {
        assert_eq!(client.send(method, &target, headers, "{}").await.code(), (200, code), "{method} {headers}");
    }
    let tally = sandbox.tencent().counters().im_get_attr_name;
    assert_eq!((tally.requests, tally.accepted, tally.refused), (7, 2, 5));
    let body = format!("[\"{}\"]", "x".repeat(8 * 1024 * 1024));
    assert_eq!(client.send("POST", &target, "", &body).await.status, 413);
    assert_eq!(Client::connect(sandbox.address()).await.send("POST", "/v4/sns/friend_add", "", "{}").await.status, 404);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn each_command_has_its_quota() {
    let quota = |requests| Some(Quota { requests: NonZeroU32::new(requests).unwrap(), per: Duration::from_secs(3600) });
    for code in [60007, 60011, 60018, 60019] {
        let (sandbox, mut client) = start(|s| {
            (s.attribute_quota, s.friend_quota) = (quota(2), quota(3));
            s.over_quota_code = RateLimitCode::try_from(code).unwrap();
        })
        .await;
        // What is refused before does not count.
        assert_eq!(client.send("POST", GET_ATTR_NAME_PATH, "", "{}").await.code().1, 60012);
        let set = r#"{"UserAttrs":[{"To_Account":"a","Attrs":{"sex":"1"}}]}"#;
        let calls = [(GET_ATTR_NAME_PATH, "{}", 2), (SET_ATTR_PATH, set, 2), (FRIEND_UPDATE_PATH, FRIENDS, 3)];
        for (path, body, taken) in calls {
            for nth in 0..=taken {
                let reply = client.call(path, body).await;
                assert_eq!(reply.code(), (200, if nth < taken { 0 } else { code }), "{path} {nth}");
                assert_eq!(reply.json()["ActionStatus"], if nth < taken { "OK" } else { "FAIL" });
            }
            let record = sandbox.requests().pop().unwrap();
            assert_eq!((record.counted, record.applied, record.code), (false, false, Some(code)));
        }
        let counters = sandbox.tencent().counters();
        assert_eq!((counters.im_set_attr.over_quota, counters.friend_update.over_quota), (1, 1));
        sandbox.reset();
        sandbox.set_faults(Faults::default().with_next(Fault::new(FaultKind::OverQuota))).unwrap();
        let reply = client.call(FRIEND_UPDATE_PATH, FRIENDS).await;
        assert_eq!((reply.code(), reply.json()["ErrorDisplay"].as_str()), ((200, code), Some("")), "by a fault");
        assert_eq!(sandbox.tencent().friend_owners(), [""; 0]);
        assert_eq!(client.call(FRIEND_UPDATE_PATH, FRIENDS).await.code().1, 0, "after the reset there is room");
        sandbox.shutdown().await;
    }
    let (attributes, friends) =
        (tencent::Settings::default().attribute_quota, tencent::Settings::default().friend_quota);
    let per_second = |requests| NonZeroU32::new(requests).map(Quota::per_second);
    assert_eq!((attributes, friends), (per_second(100), per_second(200)));
}

#[tokio::test]
async fn shows_what_it_holds() {
    let (sandbox, mut client) = start(|_| {}).await;
    client.call(SET_ATTR_PATH, r#"{"UserAttrs":[{"To_Account":"xiaojun012","Attrs":{"sex":"attr1"}}]}"#).await;
    let target = format!("{FRIEND_UPDATE_PATH}?{}", Signer::new().query());
    client.send("POST", &target, "", &FRIENDS.replace("\"r\"", "\"remark1\"")).await;
    let state = client.get("/_sandbox/state").await;
    assert_eq!(
        state["tencent"],
        json!({
            "attributes": {"xiaojun012": {"sex": "attr1"}},
            "friends": {"id": {"id1": {"Tag_SNS_IM_Remark": "remark1"}}},
        })
    );
    assert_eq!(state["counters"]["tencent"]["friend_update"]["accepted"], 1);
    let log = client.get("/_sandbox/requests").await;
    let (set, update) = (&log["requests"][0], &log["requests"][1]);
    assert_eq!((&set["owner"], &set["subjects"]), (&json!(null), &json!(["xiaojun012"])));
    assert_eq!((&update["owner"], &update["subjects"], &update["users"]), (&json!("id"), &json!(["id1"]), &json!(1)));
    assert!(!log.to_string().contains("usersig") && !log.to_string().contains("identifier"), "{log}");

    let friend = sandbox.tencent().friend("id", "id1").unwrap();
    let settings = super::world(|s| {
        s.accounts = Some(["xiaojun012".to_owned()].into());
        s.not_friends = [("id".to_owned(), "id1".to_owned())].into();
    });
    let shown = format!("{sandbox:?} {:?} {friend:?} {settings:?}", sandbox.requests());
    for secret in ["xiaojun012", "attr1", "remark1", "id1", "administrator", "secret_key"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
    client.send("POST", "/_sandbox/reset", "", "").await;
    assert_eq!((sandbox.tencent().attribute_accounts(), sandbox.tencent().friends("id")), (vec![], vec![]));
    assert_eq!(sandbox.tencent().counters(), tencent::Counters::default());
    sandbox.shutdown().await;
}
