//! Faults: what the caller sees, what is stored, and what the server says of it.

use std::time::{Duration, Instant};

use contact_sink_sandbox::jiguang::{PATH, Told};
use contact_sink_sandbox::{Fault, FaultKind, Faults, Sandbox};
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
            let named = Faults::from_json(format!(r#"{{"next": [{{"fault": "{}"}}]}}"#, fault.kind.name()).as_bytes());
            assert_eq!(named.unwrap(), Faults::default().with_next(Fault::new(fault.kind)));
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
            assert_eq!(
                (record.code, record.subjects),
                if applied { (Some(0), vec![cuid.to_string()]) } else { (None, vec![]) }
            );
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
async fn over_quota_is_the_vendors_own_answer() {
    for (over_quota, status, code) in [(Told::Status, 429, None), (Told::Code, 200, Some(1902))] {
        let sandbox = Sandbox::start(world(|settings| settings.over_quota = over_quota)).unwrap();
        let fault = Fault::new(FaultKind::OverQuota).with_retry_after(Duration::from_secs(3));
        sandbox.set_faults(Faults::default().with_next(fault)).unwrap();
        let mut client = Client::connect(sandbox.address()).await;
        let reply = client.put(&users([1])).await;
        assert_eq!((reply.status, code.is_some()), (status, reply.body.contains("1902")), "{}", reply.body);
        assert!(reply.head.contains("retry-after: 3"), "{}", reply.head);
        let record = sandbox.requests().pop().unwrap();
        assert_eq!((record.applied, record.status, record.code), (false, Some(status), code));
        assert!(sandbox.jiguang().cuids().is_empty());
        assert_eq!(sandbox.jiguang().counters().over_quota, 0, "the quota itself was kept");
        sandbox.shutdown().await;
    }
}

#[tokio::test]
async fn a_silence_ends_with_the_server_and_a_reset_forgets_its_effect() {
    let sandbox = Sandbox::start(world(|_| {})).unwrap();
    let late = Fault::new(FaultKind::Silence).applied(true).with_after(Duration::from_millis(1));
    let mut clients = Vec::new();
    let after = |time| late.clone().with_after(time);
    let silences =
        [(1, after(Duration::from_millis(50)), 1), (4, after(Duration::from_secs(3600)), 1), (2, late.clone(), 2)];
    for (cuid, fault, met) in silences {
        sandbox.set_faults(Faults::default().with_next(fault)).unwrap();
        let mut client = Client::connect(sandbox.address()).await;
        let headers = format!("Content-Type: application/json\r\nAuthorization: {AUTHORIZATION}\r\n");
        client.write("PUT", PATH, &headers, &users([cuid])).await;
        until(|| sandbox.faults_met().get(&FaultKind::Silence) == Some(&met)).await;
        if cuid == 1 {
            sandbox.reset();
        }
        clients.push(client);
    }
    until(|| sandbox.jiguang().stored(2).is_some()).await;
    // More than the 50 ms later: the same wait on the same clock, begun after that of the first request.
    let fault = Fault::new(FaultKind::Delay).with_after(Duration::from_millis(60));
    sandbox.set_faults(Faults::default().with_next(fault)).unwrap();
    Client::connect(sandbox.address()).await.put(&users([3])).await;
    assert_eq!(sandbox.jiguang().cuids(), [2, 3], "1 is forgotten, and 4 has an hour");
    sandbox.shutdown().await;
    for mut client in clients {
        assert!(tokio::time::timeout(Duration::from_secs(20), client.ends()).await.unwrap());
    }
}
