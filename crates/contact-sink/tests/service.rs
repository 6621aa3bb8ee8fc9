//! The example `service` as a process: every request has its answer, also through an outage and a SIGTERM, and what was answered
//! 204 is stored at all vendors.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg(unix)]

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, Request, StatusCode};
use contact_sink::sandbox::tencent::FriendValue;
use contact_sink::sandbox::{Fault, FaultKind, Faults, Sandbox, World};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

const LONGEST: Duration = Duration::from_secs(60);
const POSTS: i64 = 40;
const ENDPOINTS: [&str; 4] = ["jiguang", "engagelab", "tencent-attributes", "tencent-friends"];

#[derive(Clone)]
struct Service {
    client: Client<HttpConnector, Full<Bytes>>,
    url: String,
}

impl Service {
    async fn start(arguments: &[&str]) -> (Self, Child) {
        let test = std::env::current_exe().unwrap();
        let example: PathBuf = test.parent().unwrap().with_file_name("examples").join("service");
        let mut command = Command::new(&example);
        for secret in ["JIGUANG_PROJECT_SECRET", "ENGAGELAB_API_SECRET", "TENCENT_SECRET_KEY", "SERVICE_LOG"] {
            command.env_remove(secret);
        }
        let child = command.args(arguments).arg("127.0.0.1:0").stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = child.kill_on_drop(true).spawn();
        let mut child =
            child.unwrap_or_else(|error| panic!("{}: {error}: cargo build --examples makes it", example.display()));
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        while let Some(line) = lines.next_line().await.unwrap() {
            if let Some(url) = line.strip_prefix("listening on ") {
                let client = Client::builder(TokioExecutor::new()).build_http();
                return (Self { client, url: url.to_owned() }, child);
            }
        }
        panic!("the service ended before it listened: {:?}", child.wait_with_output().await);
    }

    async fn send(&self, method: &str, path: &str, body: String) -> (StatusCode, HeaderMap, String) {
        let request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        let request = request.header(CONTENT_TYPE, "application/json").body(Full::from(body)).unwrap();
        let (head, body) = self.client.request(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (head.status, head.headers, String::from_utf8(body.into()).unwrap())
    }

    async fn put(&self, id: i64, user: serde_json::Value) -> (StatusCode, HeaderMap, String) {
        self.send("PUT", &format!("/users/{id}"), user.to_string()).await
    }

    async fn get(&self, path: &str) -> (StatusCode, String) {
        let (status, _, text) = self.send("GET", path, String::new()).await;
        (status, text)
    }

    /// The sum of all series of a metric for one endpoint.
    async fn metric(&self, name: &str, endpoint: &str) -> f64 {
        let (status, text) = self.get("/metrics").await;
        assert_eq!(status, StatusCode::OK);
        let label = format!("destination=\"{endpoint}\"");
        let is_wanted = |line: &&str| line.starts_with(&format!("{name}{{")) && line.contains(&label);
        text.lines().filter(is_wanted).map(|line| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap()).sum()
    }
}

fn user(id: i64) -> serde_json::Value {
    json!({
        "phone": format!("150{id:08}"), "email": format!("{id}@example.com"),
        "city": format!("city {id}"), "remark": format!("remark {id}"),
    })
}

fn is_stored(sandbox: &Sandbox, id: i64) -> bool {
    let (phone, email) = (format!("150{id:08}"), format!("{id}@example.com"));
    let jiguang = sandbox.jiguang().stored(id).unwrap_or_default();
    let engagelab = sandbox.engagelab().stored(id).unwrap_or_default();
    let attributes = sandbox.tencent().attributes(&id.to_string()).unwrap_or_default();
    let friend = sandbox.tencent().friend("support", &id.to_string()).unwrap_or_default();
    jiguang.get("210/默认联系") == Some(&phone)
        && jiguang.get("219/默认联系") == Some(&email)
        && engagelab.get("mobile_phone") == Some(&phone)
        && engagelab.get("email") == Some(&email)
        && attributes.get("city") == Some(&format!("city {id}"))
        && friend.get("Tag_SNS_IM_Remark") == Some(&FriendValue::Text(format!("remark {id}")))
}

async fn terminate(child: &mut Child) {
    let id = Pid::from_raw(child.id().unwrap().try_into().unwrap()).unwrap();
    kill_process(id, Signal::TERM).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_is_answered_and_what_was_answered_204_is_stored() {
    let sandbox = Sandbox::start(World::from_toml("latency_ms = 20").unwrap()).unwrap();
    let (service, mut child) = Service::start(&[&format!("--sandbox={}", sandbox.base_url())]).await;
    assert_eq!(service.get("/health/live").await.0, StatusCode::OK);

    // Good ones, one of them with a part of the fields.
    assert_eq!(service.put(1, user(1)).await.0, StatusCode::NO_CONTENT);
    assert!(is_stored(&sandbox, 1));
    assert_eq!(service.put(2, json!({ "city": "Shenzhen", "phone": null })).await.0, StatusCode::NO_CONTENT);
    assert_eq!(sandbox.tencent().attributes("2").unwrap()["city"], "Shenzhen");
    assert_eq!(sandbox.jiguang().stored(2), None, "there was nothing to send");

    // Refused by the mapping, by a rule of the sink, and by the vendor, which does not know this user.
    for (id, body, reason) in [
        (3, json!({ "email": "no-address" }), "e-mail address"),
        (3, json!({ "phone": "12345" }), "11 digits"),
        (1234567, json!({ "phone": "15088888888" }), "4107"),
    ] {
        let (status, _, text) = service.put(id, body).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(text.contains("jiguang: ") && text.contains(reason), "{text}");
        assert!(!text.contains("12345") && !text.contains("15088888888"), "{text}");
    }
    let states: String = ENDPOINTS.map(|endpoint| format!("{endpoint}: normal\n")).concat();
    assert_eq!(service.get("/health/ready").await, (StatusCode::OK, states));

    // While the vendors are down the caller is told to come back, and the service stays ready.
    sandbox.set_faults(Faults::default().with_share(1.0, Fault::new(FaultKind::Unavailable))).unwrap();
    let (status, headers, _) = service.put(4, user(4)).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(headers[RETRY_AFTER], "5");
    assert!(!is_stored(&sandbox, 4));
    let (status, states) = service.get("/health/ready").await;
    assert_eq!(status, StatusCode::OK);
    assert!(states.contains(": outage\n"), "{states}");
    sandbox.set_faults(Faults::default()).unwrap();
    let began = Instant::now();
    while service.put(4, user(4)).await.0 != StatusCode::NO_CONTENT {
        assert!(began.elapsed() < LONGEST, "the vendors are back, and the service does not see it");
    }
    assert!(is_stored(&sandbox, 4));

    // SIGTERM with requests in the middle. They are in the service once the slowest endpoint has an update of each.
    let (total, waiting) = ("contact_sink_updates_total", "contact_sink_waiting_updates");
    let before = service.metric(total, "engagelab").await + service.metric(waiting, "engagelab").await;
    let mut posts = JoinSet::new();
    for id in 100..100 + POSTS {
        let service = service.clone();
        posts.spawn(async move { (id, service.put(id, user(id)).await.0) });
    }
    let (began, mut open) = (Instant::now(), 0.0);
    while service.metric(total, "engagelab").await + open < before + POSTS as f64 {
        assert!(began.elapsed() < LONGEST, "not all requests arrive");
        open = service.metric(waiting, "engagelab").await;
    }
    assert!(open > 0.0, "all were answered before the signal");
    terminate(&mut child).await;
    let answers = posts.join_all().await;
    let mut accepted = 0;
    for (id, status) in &answers {
        match *status {
            StatusCode::NO_CONTENT => assert!(is_stored(&sandbox, *id), "{id} was answered 204 and is not stored"),
            status => assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE),
        }
        accepted += usize::from(*status == StatusCode::NO_CONTENT);
    }
    assert_eq!(answers.len(), POSTS as usize);
    println!("{open} updates were open at the signal; {accepted} of {POSTS} requests were answered 204");

    let output = tokio::time::timeout(LONGEST, child.wait_with_output()).await.expect("it ends").unwrap();
    assert!(output.status.success(), "{output:?}");
    let log = String::from_utf8(output.stderr).unwrap();
    assert_eq!(log.matches(" closed ").count(), ENDPOINTS.len(), "{log}");
    for value in ["15088888888", "15000000100", "@example.com", "remark 1", "Shenzhen"] {
        assert!(!log.contains(value), "{value} is in the log");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_account_it_runs_with_a_sandbox_of_its_own() {
    let (service, mut child) = Service::start(&[]).await;
    assert_eq!(service.put(7, user(7)).await.0, StatusCode::NO_CONTENT);
    terminate(&mut child).await;
    let output = tokio::time::timeout(LONGEST, child.wait_with_output()).await.expect("it ends").unwrap();
    assert!(output.status.success(), "{output:?}");
}
