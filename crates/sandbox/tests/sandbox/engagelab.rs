//! EngageLab's endpoint: each documented rule and each setting.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::time::Duration;

use contact_sink_sandbox::engagelab::{ErrorStatus, OwnValueAgain, PATH, Settings, Told};
use contact_sink_sandbox::{Fault, FaultKind, Faults, Quota, Sandbox, World};
use serde_json::json;

use crate::client::{AUTHORIZATION, Client};

/// The document's own example.
const GOOD: &str = r#"{"euid":10362473,"contacts":{"mobile_phone":"18023456879","email":"12@gmail.com"}}"#;

fn start(change: impl FnOnce(&mut Settings)) -> Sandbox {
    let mut world = World::default();
    world.engagelab.quota = None;
    change(&mut world.engagelab);
    Sandbox::start(world).unwrap()
}

fn user(euid: i64, contacts: &[(&str, &str)]) -> String {
    let contacts: serde_json::Map<_, _> =
        contacts.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    json!({"euid": euid, "contacts": contacts}).to_string()
}

/// Sends a body to a fresh server.
async fn check(name: &str, change: impl FnOnce(&mut Settings), body: &str, told: (u16, i64)) {
    let sandbox = start(change);
    let reply = Client::connect(sandbox.address()).await.post(body).await;
    assert_eq!(reply.code(), told, "{name}: {}", reply.body);
    assert_eq!(sandbox.engagelab().euids().is_empty(), told.1 != 0, "{name}");
    let counters = sandbox.engagelab().counters();
    let counted = (counters.requests, counters.accepted, counters.refused);
    assert_eq!(counted, if told.1 == 0 { (1, 1, 0) } else { (1, 0, 1) }, "{name}");
    sandbox.shutdown().await;
}

#[tokio::test]
async fn takes_the_documented_shape_only() {
    let same = |_: &mut Settings| {};
    for (old, new) in [("", ""), ("{", "\n{ "), ("mobile_phone", "whatsapp_phone"), ("10362473", "9223372036854775807")]
    {
        check(new, same, &GOOD.replacen(old, new, 1), (200, 0)).await;
    }
    let bad = [
        ("not JSON", GOOD, "euid=1"),
        ("empty", GOOD, ""),
        ("in an array", GOOD, &format!("[{GOOD}]")),
        ("as an array", GOOD, r#"[10362473,{"email":"a"}]"#),
        ("something after it", "}}", "}} 1"),
        ("euid as text", "10362473", "\"10362473\""),
        ("euid as fraction", "10362473", "10362473.0"),
        ("euid past 64 bits", "10362473", "9223372036854775808"),
        ("euid twice", "\"euid\":10362473,", "\"euid\":10362473,\"euid\":10362473,"),
        ("unknown field", "\"euid\"", "\"cuid\":1,\"euid\""),
        ("contacts missing", GOOD, r#"{"euid":10362473}"#),
        ("contacts empty", GOOD, r#"{"euid":10362473,"contacts":{}}"#),
        ("contacts null", GOOD, r#"{"euid":10362473,"contacts":null}"#),
        ("contacts as array", GOOD, r#"{"euid":10362473,"contacts":[["email","a"]]}"#),
        ("a contact twice", "mobile_phone", "email"),
        ("value as number", "\"18023456879\"", "18023456879"),
        ("value null", "\"18023456879\"", "null"),
        ("value empty", "18023456879", ""),
        ("name empty", "mobile_phone", ""),
    ];
    for (name, old, new) in bad {
        assert!(GOOD.contains(old), "{name}");
        check(name, same, &GOOD.replacen(old, new, 1), (200, 1911)).await;
    }
    for euid in [r#""euid":10362473,"#, "10362473"] {
        let new = if euid.starts_with('1') { "null" } else { "" };
        check("EUID empty", same, &GOOD.replacen(euid, new, 1), (200, 40007)).await;
    }
    check("unknown EUID", same, &user(1_234_567, &[("email", "a")]), (200, 1912)).await;
    let only = |s: &mut Settings| s.euids = Some([5].into());
    check("EUID in the list", only, &user(5, &[("email", "a")]), (200, 0)).await;
    check("EUID not in the list", only, &user(6, &[("email", "a")]), (200, 1912)).await;
    let names = |s: &mut Settings| s.contact_names = Some(["email".to_owned()].into());
    check("name in the list", names, &user(5, &[("email", "a")]), (200, 0)).await;
    check("name not in the list", names, &user(5, &[("email", "a"), ("fax", "b")]), (200, 1911)).await;
    let bad_request = |s: &mut Settings| s.error_status = ErrorStatus::BadRequest;
    for (body, told) in [(GOOD, (200, 0)), ("", (400, 1911)), (&*user(1_234_567, &[("email", "a")]), (400, 1912))] {
        check("status", bad_request, body, told).await;
    }
}

#[tokio::test]
async fn answers_as_documented() {
    let sandbox = start(|_| {});
    let mut client = Client::connect(sandbox.address()).await;
    assert_eq!(client.post(GOOD).await.body, r#"{"code":0,"message":"success"}"#);
    let other = GOOD.replace("10362473", "7");
    assert_eq!(client.post(&other).await.body, r#"{"code":55014,"message":"Contact exists"}"#);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_unique_contact_is_one_users() {
    let (email, phone) = ("email", "mobile_phone");
    // User, contacts, code, what is stored then.
    type Step = (i64, Vec<(&'static str, &'static str)>, i64, Vec<(&'static str, &'static str)>);
    let ok: Vec<Step> = vec![
        (1, vec![(email, "a"), (phone, "1")], 0, vec![(email, "a"), (phone, "1")]),
        // All of it is another's: nothing is stored.
        (2, vec![(email, "a"), (phone, "1")], 55014, vec![]),
        // Some of it is: success, and nobody says which.
        (2, vec![(email, "a"), (phone, "2")], 0, vec![(phone, "2")]),
        // The names are apart, and not all are unique.
        (2, vec![(email, "1"), ("landline_phone", "9")], 0, vec![(phone, "2"), (email, "1"), ("landline_phone", "9")]),
        (3, vec![("landline_phone", "9")], 0, vec![("landline_phone", "9")]),
        // What is not named stays; one's own value may be set again.
        (1, vec![(email, "a")], 0, vec![(email, "a"), (phone, "1")]),
        // A value that is given up is free.
        (1, vec![(email, "b")], 0, vec![(email, "b"), (phone, "1")]),
        (3, vec![(email, "a")], 0, vec![(email, "a"), ("landline_phone", "9")]),
        (1, vec![(email, "a")], 55014, vec![(email, "b"), (phone, "1")]),
    ];
    let exists: Vec<Step> = vec![
        (1, vec![(email, "a"), ("fax", "1")], 0, vec![(email, "a"), ("fax", "1")]),
        (1, vec![(email, "a")], 55014, vec![(email, "a"), ("fax", "1")]),
        (1, vec![(email, "a"), ("fax", "2")], 0, vec![(email, "a"), ("fax", "2")]),
        (1, vec![("fax", "2")], 0, vec![(email, "a"), ("fax", "2")]),
    ];
    let off: Vec<Step> =
        vec![(1, vec![(email, "a")], 0, vec![(email, "a")]), (2, vec![(email, "a")], 0, vec![(email, "a")])];
    type Change = fn(&mut Settings);
    let scripts: [(&str, Change, Vec<Step>, u64); 3] = [
        ("ok", |_| {}, ok, 1),
        ("exists", |s| s.own_value_again = OwnValueAgain::Exists, exists, 1),
        ("off", |s| s.unique_contacts = BTreeSet::new(), off, 0),
    ];
    for (name, change, steps, partly) in scripts {
        let sandbox = start(change);
        let mut client = Client::connect(sandbox.address()).await;
        for (nth, (euid, contacts, code, stored)) in steps.into_iter().enumerate() {
            let reply = client.post(&user(euid, &contacts)).await;
            assert_eq!(reply.code(), (200, code), "{name} {nth}");
            let expected = stored.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            assert_eq!(sandbox.engagelab().stored(euid).unwrap_or_default(), expected, "{name} {nth}");
        }
        assert_eq!(sandbox.engagelab().counters().partly, partly, "{name}");
        sandbox.reset();
        assert_eq!(client.post(&user(9, &[(email, "a"), (phone, "1")])).await.code(), (200, 0), "all is free");
        sandbox.shutdown().await;
    }
}

#[tokio::test]
async fn judges_the_head() {
    const JSON: &str = "Content-Type: application/json\r\n";
    let good = format!("Authorization: {AUTHORIZATION}\r\n{JSON}");
    let kind = |value: &str| format!("Authorization: {AUTHORIZATION}\r\n{value}");
    let cases = [
        ("POST", PATH, good.clone(), 200),
        ("POST", PATH, kind("content-type: Application/JSON; charset=UTF-8\r\n"), 200),
        ("PUT", PATH, good.clone(), 405),
        ("GET", PATH, good.clone(), 405),
        ("POST", "/v1/user/contact/", good.clone(), 404),
        ("POST", PATH, JSON.to_owned(), 401),
        ("POST", PATH, format!("Authorization: Basic c2FuZGJveDp3cm9uZw==\r\n{JSON}"), 401),
        ("POST", PATH, format!("{good}Authorization: {AUTHORIZATION}\r\n"), 401),
        ("POST", PATH, kind(""), 415),
        ("POST", PATH, kind("Content-Type: text/json\r\n"), 415),
        ("POST", PATH, kind("Content-Type: application/json\r\nContent-Encoding: gzip\r\n"), 415),
    ];
    let sandbox = start(|s| s.bad_credentials = Told::Status);
    let mut client = Client::connect(sandbox.address()).await;
    for (method, target, headers, status) in &cases {
        let reply = client.send(method, target, headers, GOOD).await;
        assert_eq!(reply.status, *status, "{method} {target} {headers}: {reply:?}");
        assert_eq!(reply.head.contains("allow: post"), *status == 405, "{reply:?}");
        assert_eq!(reply.head.contains("www-authenticate: basic"), *status == 401, "{reply:?}");
    }
    assert_eq!(client.send("POST", &format!("{PATH}?a=1"), &good, GOOD).await.code(), (200, 1911));
    let counters = sandbox.engagelab().counters();
    assert_eq!((counters.requests, counters.accepted, counters.refused, counters.bad_credentials), (11, 2, 6, 3));
    let large = format!("{{\"euid\":1,\"contacts\":{{\"a\":\"{}\"}}}}", "x".repeat(8 * 1024 * 1024));
    assert_eq!(client.send("POST", PATH, &good, &large).await.status, 413);
    sandbox.shutdown().await;

    let sandbox = start(|_| {});
    let reply = Client::connect(sandbox.address()).await.send("POST", PATH, JSON, GOOD).await;
    assert_eq!(reply.body, r#"{"code":40050,"message":"authentication failed"}"#);
    assert_eq!((reply.status, sandbox.engagelab().euids()), (200, vec![]));
    sandbox.shutdown().await;
}

#[tokio::test]
async fn refuses_what_is_over_the_quota() {
    for (over_quota, status, code) in [(Told::Status, 429, None), (Told::Code, 200, Some(1910))] {
        let per = Duration::from_secs(3600);
        let sandbox = start(|s| {
            s.over_quota = over_quota;
            s.quota = Some(Quota { requests: NonZeroU32::new(2).unwrap(), per });
        });
        // The fault says the same, and counts in the quota.
        sandbox.set_faults(Faults::default().with_next(Fault::new(FaultKind::OverQuota))).unwrap();
        let mut client = Client::connect(sandbox.address()).await;
        for (euid, taken) in [(1, false), (2, true), (3, false)] {
            let reply = client.post(&user(euid, &[("fax", "1")])).await;
            let record = sandbox.requests().pop().unwrap();
            let told = (reply.status, record.status, record.code);
            assert_eq!(told, if taken { (200, Some(200), Some(0)) } else { (status, Some(status), code) });
            assert_eq!((record.counted, record.fault.is_some()), (euid < 3, euid == 1));
        }
        assert_eq!((sandbox.engagelab().euids(), sandbox.engagelab().counters().over_quota), (vec![2], 1));
        sandbox.shutdown().await;
    }
    let quota = World::default().engagelab.quota.unwrap();
    assert_eq!((quota.requests.get(), quota.per), (1000, Duration::from_secs(60)));
}

#[tokio::test]
async fn shows_what_it_holds() {
    let sandbox = start(|_| {});
    let mut client = Client::connect(sandbox.address()).await;
    client.post(GOOD).await;
    let state = client.get("/_sandbox/state").await;
    assert_eq!(state["engagelab"], json!({"10362473": {"mobile_phone": "18023456879", "email": "12@gmail.com"}}));
    assert_eq!(
        (&state["counters"]["engagelab"]["accepted"], &state["counters"]["jiguang"]["requests"]),
        (&1.into(), &0.into())
    );
    let record = sandbox.requests().pop().unwrap();
    assert_eq!((record.path.as_str(), record.users, record.owner), (PATH, 1, None));
    assert_eq!(record.subjects, ["10362473"]);
    let shown = format!("{sandbox:?} {:?} {:?}", sandbox.requests(), World::default());
    for secret in ["18023456879", "12@gmail.com", "10362473", "1234567", "api_secret"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
    client.send("POST", "/_sandbox/reset", "", "").await;
    assert_eq!((sandbox.engagelab().stored(10_362_473), sandbox.engagelab().counters()), (None, Default::default()));

    let mut world = World::default();
    world.store = false;
    let sandbox = Sandbox::start(world).unwrap();
    let mut client = Client::connect(sandbox.address()).await;
    for euid in [1, 2] {
        assert_eq!(client.post(&user(euid, &[("email", "a")])).await.code(), (200, 0), "nothing is anybody's");
    }
    assert!(sandbox.engagelab().euids().is_empty());
}
