//! Faults: what the caller sees, what is stored, and what the server says of it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use contact_sink_sandbox::jiguang::PATH;
use contact_sink_sandbox::{Fault, FaultKind, Faults, Sandbox, World};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::{AUTHORIZATION, Client};
use crate::{users, world};

/// What the caller sees.
#[derive(Debug, PartialEq)]
enum Seen {
    /// A whole answer: status, content type, body.
    Answer(u16, &'static str, &'static str),
    /// The connection ends without an answer.
    Closed,
    /// The connection is reset without an answer.
    Reset,
    /// A head, half of the body, and a reset.
    Half,
}

const OK: &str = r#"{"code":0,"msg":"ok"}"#;

/// One request on a connection of its own: all that came back, and how it ended.
async fn exchange(sandbox: &Sandbox, cuid: i64) -> (String, std::io::Result<()>) {
    let mut stream = TcpStream::connect(sandbox.address()).await.unwrap();
    let body = users([cuid]);
    let head = format!(
        "PUT {PATH} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\nauthorization: {AUTHORIZATION}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    let mut read = Vec::new();
    let ended = stream.read_to_end(&mut read).await.map(|_| ());
    (String::from_utf8(read).unwrap(), ended)
}

/// The part of an answer after its head, and the head.
fn parts(answer: &str) -> (&str, &str) {
    answer.split_once("\r\n\r\n").unwrap_or((answer, ""))
}

#[tokio::test]
async fn each_kind_alone() {
    let html =
        "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><h1>502 Bad Gateway</h1></body>\r\n</html>\r\n";
    let json = "application/json";
    // The fault, what is seen, whether it is applied by default.
    let cases = [
        (Fault::new(FaultKind::Delay).with_after(Duration::from_millis(1)), Seen::Answer(200, json, OK), true),
        (Fault::new(FaultKind::InternalError), Seen::Answer(500, json, r#"{"error":"internal server error"}"#), false),
        (Fault::new(FaultKind::BadGateway), Seen::Answer(502, "text/html", html), false),
        (Fault::new(FaultKind::Unavailable), Seen::Answer(503, "text/plain", ""), false),
        (Fault::new(FaultKind::TooManyRequests), Seen::Answer(429, "text/plain", "too many requests\n"), false),
        (Fault::new(FaultKind::Reset), Seen::Reset, false),
        (Fault::new(FaultKind::Close), Seen::Closed, false),
        (Fault::new(FaultKind::SlowBody).with_after(Duration::from_millis(20)), Seen::Answer(200, json, OK), true),
        (Fault::new(FaultKind::BrokenBody), Seen::Half, true),
        (Fault::new(FaultKind::TruncatedJson), Seen::Answer(200, json, &OK[..OK.len() / 2]), true),
        (Fault::new(FaultKind::WrongType), Seen::Answer(200, "text/html", OK), true),
        (Fault::new(FaultKind::Empty), Seen::Answer(200, json, ""), true),
        (Fault::new(FaultKind::EmptyObject), Seen::Answer(200, json, "{}"), true),
    ];
    let sandbox = Sandbox::start(world(|_| {})).unwrap();
    let mut cuid = 0;
    for (fault, seen, by_default) in cases {
        for told in [None, Some(true), Some(false)] {
            let fault = told.map_or(fault.clone(), |applied| fault.clone().applied(applied));
            let (kind, applied) = (fault.kind, told.unwrap_or(by_default));
            let before = sandbox.faults_met().get(&kind).copied().unwrap_or_default();
            let Ok(()) = sandbox.set_faults(Faults::default().with_next(fault)) else {
                assert!(by_default && !applied, "{kind:?}: an answer of the endpoint's own needs its effect");
                continue;
            };
            cuid += 1;
            let (answer, ended) = exchange(&sandbox, cuid).await;
            let (head, body) = parts(&answer);
            match &seen {
                Seen::Answer(status, content_type, expected) => {
                    assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{kind:?}: {answer}");
                    assert!(head.contains(&format!("content-type: {content_type}")), "{kind:?}: {head}");
                    assert!(head.contains(&format!("content-length: {}", expected.len())), "{kind:?}: {head}");
                    assert_eq!((body, ended.is_ok()), (*expected, true), "{kind:?}");
                }
                Seen::Closed => assert!(answer.is_empty() && ended.is_ok(), "{answer} {ended:?}"),
                Seen::Reset => {
                    assert!(answer.is_empty(), "{answer}");
                    assert_eq!(ended.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
                }
                Seen::Half => {
                    assert!(head.contains(&format!("content-length: {}", OK.len())), "{head}");
                    assert!(OK.starts_with(body) && body.len() < OK.len(), "{body}");
                    assert_eq!(ended.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
                }
            }
            assert_eq!(sandbox.jiguang().stored(cuid).is_some(), applied, "{kind:?}");
            let record = sandbox.requests().pop().unwrap();
            assert_eq!((record.fault, record.applied, record.counted), (Some(kind), applied, true), "{kind:?}");
            assert_eq!((record.code, record.cuids), if applied { (Some(0), vec![cuid]) } else { (None, vec![]) });
            assert_eq!(sandbox.faults_met()[&kind], before + 1);
            // The next one meets nothing.
            cuid += 1;
            assert!(exchange(&sandbox, cuid).await.0.ends_with(OK), "{kind:?}");
            assert!(sandbox.requests().pop().unwrap().fault.is_none());
        }
    }
    sandbox.shutdown().await;
}

#[tokio::test]
async fn silence_may_be_applied_late() {
    let sandbox = Sandbox::start(world(|_| {})).unwrap();
    for (cuid, applied) in [(1, false), (2, true)] {
        let fault = Fault::new(FaultKind::Silence).applied(applied).with_after(Duration::from_millis(20));
        sandbox.set_faults(Faults::default().with_next(fault)).unwrap();
        let mut client = Client::connect(sandbox.address()).await;
        let headers = format!("Content-Type: application/json\r\nAuthorization: {AUTHORIZATION}\r\n");
        client.write("PUT", PATH, &headers, &users([cuid])).await;
        until(|| sandbox.faults_met().get(&FaultKind::Silence) == Some(&(cuid as u64))).await;
        if applied {
            // The caller is gone before it has its effect.
            drop(client);
            until(|| sandbox.jiguang().stored(cuid).is_some()).await;
            assert!(sandbox.requests().pop().unwrap().applied);
        } else {
            assert!(sandbox.jiguang().stored(cuid).is_none() && !sandbox.requests().pop().unwrap().applied);
        }
        assert_eq!(sandbox.requests().pop().unwrap().status, None);
    }
    sandbox.shutdown().await;
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
    assert_eq!(client.put(&users([1])).await.status, 503, "what was scripted before is still there");
    let error = World::from_toml("[faults]\nnext = [{ fault = \"500\", times = 0 }]\n").unwrap_err();
    assert_eq!(error.to_string(), "faults: next[0]: times is 0");
    sandbox.shutdown().await;
}
