//! The server around the endpoint: quota, log, state, start and stop, and the world's file.

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpStream};
use std::num::NonZeroU32;
use std::time::Duration;

use contact_sink_sandbox::jiguang::{self, Channel, Kind, Told, UnlistedCode, Wording};
use contact_sink_sandbox::{DEFAULT_TOML, Quota, Sandbox, VENDORS, Window, World, engagelab, tencent};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;

use crate::client::{AUTHORIZATION, Client};
use crate::{user, users, world};

#[test]
fn a_window_slides() {
    let quota = Quota { requests: NonZeroU32::new(2).unwrap(), per: Duration::from_millis(1000) };
    let mut window = Window::new(quota);
    // The refused ones at 998 and 999 do not count: 1000 is taken as soon as 0 has left.
    let arrivals = [(0, true), (600, true), (998, false), (999, false), (1000, true), (1001, false), (1600, true)];
    for (at, taken) in arrivals {
        assert_eq!(window.take(Duration::from_millis(at)), taken, "at {at}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refuses_what_is_over_the_quota() {
    for (over_quota, told) in [(Told::Status, (429, None)), (Told::Code, (200, Some(1902)))] {
        let sandbox = Sandbox::start(world(|s| {
            s.over_quota = over_quota;
            s.quota = Some(Quota { requests: NonZeroU32::new(100).unwrap(), per: Duration::from_secs(60) });
        }))
        .unwrap();
        let mut lanes = JoinSet::new();
        for lane in 0..5 {
            let address = sandbox.address();
            lanes.spawn(async move {
                let mut client = Client::connect(address).await;
                for n in 0..26 {
                    client.put(&users([lane * 26 + n])).await;
                }
            });
        }
        lanes.join_all().await;
        let records = sandbox.requests();
        let (taken, refused): (Vec<_>, Vec<_>) = records.iter().partition(|record| record.counted);
        assert_eq!((taken.len(), refused.len()), (100, 30));
        assert!(taken.iter().all(|record| (record.status, record.code) == (Some(200), Some(0))));
        assert!(refused.iter().all(|record| (record.status, record.code) == (Some(told.0), told.1)));
        assert!(records.is_sorted_by_key(|record| record.arrival));
        assert!(records.iter().all(|record| record.answered.unwrap() >= record.arrival));
        let named: BTreeSet<i64> =
            taken.iter().flat_map(|record| &record.subjects).map(|cuid| cuid.parse().unwrap()).collect();
        assert_eq!(
            named.into_iter().collect::<Vec<_>>(),
            sandbox.jiguang().cuids(),
            "a refused request is not applied"
        );
        assert_eq!((sandbox.jiguang().counters().accepted, sandbox.jiguang().counters().over_quota), (100, 30));
        sandbox.shutdown().await;
    }
}

#[tokio::test]
async fn shows_what_it_holds() {
    let mut world = world(|_| {});
    world.request_log = 50;
    let sandbox = Sandbox::start(world.clone()).unwrap();
    let mut client = Client::connect(sandbox.address()).await;
    for batch in 0..200 {
        client.put(&users(batch * 100..batch * 100 + 100)).await;
    }
    client.put(&format!("[{}]", user(7, 219, "自定义联系", "a@b.example"))).await;
    let state = client.get("/_sandbox/state").await;
    let stored = state["jiguang"].as_object().unwrap();
    assert_eq!(stored.len(), 20_000);
    assert_eq!(stored["7"], json!({"210/默认联系": "15088888888", "219/自定义联系": "a@b.example"}));
    assert_eq!(state["counters"]["jiguang"]["accepted"], 201);
    assert_eq!(sandbox.jiguang().stored(7).unwrap().len(), 2);

    let log = client.get("/_sandbox/requests").await;
    assert_eq!((&log["seen"], log["requests"].as_array().unwrap().len()), (&json!(201), 50));
    let last = &log["requests"][49];
    assert!(last["arrival_us"].as_u64().unwrap() <= last["answered_us"].as_u64().unwrap(), "{last}");
    assert_eq!((&last["method"], &last["path"]), (&json!("PUT"), &json!(jiguang::PATH)));
    assert_eq!((&last["status"], &last["code"], &last["counted"]), (&json!(200), &json!(0), &json!(true)));
    assert_eq!((&last["users"], &last["subjects"], &last["owner"]), (&json!(1), &json!(["7"]), &json!(null)));

    let shown = format!("{sandbox:?} {:?} {world:?}", sandbox.requests());
    for secret in ["15088888888", "a@b.example", "project_secret", "subjects: [", "1234567"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
    assert_eq!(client.send("POST", "/_sandbox/reset", "", "").await.status, 204);
    assert!(sandbox.jiguang().cuids().is_empty() && sandbox.requests().is_empty() && sandbox.seen() == 0);
    client.put(&users([7])).await;
    assert_eq!((sandbox.requests().len(), sandbox.seen(), sandbox.jiguang().counters().accepted), (1, 1, 1));

    world.store = false;
    let sandbox = Sandbox::start(world).unwrap();
    assert_eq!(Client::connect(sandbox.address()).await.put(&users([7])).await.told().1, 0);
    assert_eq!((sandbox.jiguang().cuids(), sandbox.jiguang().counters().accepted), (vec![], 1));
}

/// A page in a browser can send a request to this machine, or have its own name lead here.
#[tokio::test]
async fn pages_are_for_programs_of_this_machine() {
    let sandbox = Sandbox::start(World::default()).unwrap();
    let address = sandbox.address();
    for (headers, status) in [
        ("Origin: http://evil.example\r\n".to_owned(), 403),
        ("Origin: null\r\n".to_owned(), 403),
        (format!("Host: {address}\r\nOrigin: http://{address}\r\n"), 204),
        (format!("Origin: http://{address}\r\nOrigin: http://evil.example\r\n"), 403),
        ("Sec-Fetch-Site: cross-site\r\n".to_owned(), 403),
        ("Sec-Fetch-Site: same-origin\r\n".to_owned(), 204),
        (String::new(), 204),
    ] {
        let mut client = Client::connect(address).await;
        assert_eq!(client.send("POST", "/_sandbox/reset", &headers, "").await.status, status, "{headers}");
    }
    for (host, status) in [
        ("evil.example", 403),
        ("127.0.0.1.evil.example:80", 403),
        ("127.0.0.1:80@evil.example", 403),
        ("127.0.0.1:evil.example", 403),
        ("", 403),
        ("LocalHost:1", 200),
        ("[::1]:9", 200),
    ] {
        let headers = format!("Host: {host}\r\n");
        let reply = Client::connect(address).await.send("GET", "/_sandbox/state", &headers, "").await;
        assert_eq!(reply.status, status, "{host}");
    }
    let mut without = World::default();
    without.pages = false;
    let sandbox = Sandbox::start(without).unwrap();
    for path in ["/_sandbox/state", "/_sandbox/requests"] {
        assert_eq!(Client::connect(sandbox.address()).await.send("GET", path, "", "").await.status, 404);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_half_sent_is_not_waited_for() {
    let sandbox = Sandbox::start(World::default()).unwrap();
    let host = "Host: localhost\r\nContent-Length: 100\r\n\r\n[";
    for (sent, answer) in [
        (String::new(), ""),
        ("PUT / HTTP/1.1\r\nHost: local".to_owned(), ""),
        (format!("PUT /smartop/api/v1/user/channel/batch HTTP/1.1\r\n{host}"), "HTTP/1.1 408 "),
        (format!("POST /_sandbox/faults HTTP/1.1\r\n{host}"), "HTTP/1.1 408 "),
    ] {
        let mut stream = tokio::net::TcpStream::connect(sandbox.address()).await.unwrap();
        stream.write_all(sent.as_bytes()).await.unwrap();
        let mut read = Vec::new();
        stream.read_to_end(&mut read).await.unwrap();
        let read = String::from_utf8(read).unwrap();
        assert_eq!(read.get(..answer.len()), Some(answer), "{sent}: {read}");
        assert_eq!(read.is_empty(), answer.is_empty(), "{sent}: {read}");
    }
}

#[tokio::test]
async fn starts_delays_and_stops() {
    let error = Sandbox::start_at(World::default(), SocketAddr::from(([0, 0, 0, 0], 0))).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    let error = Sandbox::start(world(|s| s.project_id = "a:b".to_owned())).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);

    let mut slow = world(|_| {});
    slow.latency = Duration::from_secs(3600);
    let sandbox = Sandbox::start(slow).unwrap();
    let headers = format!("Content-Type: application/json\r\nAuthorization: {AUTHORIZATION}\r\n");
    Client::connect(sandbox.address()).await.write("PUT", jiguang::PATH, &headers, &users([7])).await;
    while sandbox.requests().first().is_none_or(|record| record.status.is_none()) {
        tokio::task::yield_now().await;
    }
    assert!(sandbox.jiguang().stored(7).is_some(), "applied before the delay");
    assert_eq!(sandbox.requests()[0].answered, None);

    let mut quick = world(|_| {});
    quick.latency = Duration::from_millis(20);
    let sandbox = Sandbox::start(quick).unwrap();
    let mut client = Client::connect(sandbox.address()).await;
    client.put(&users([7])).await;
    let record = &sandbox.requests()[0];
    assert!(record.answered.unwrap() - record.arrival >= Duration::from_millis(20));
    assert_eq!(sandbox.base_url(), format!("http://127.0.0.1:{}", sandbox.address().port()));
    let address = sandbox.address();
    sandbox.shutdown().await;
    assert!(TcpStream::connect(address).is_err(), "the port is free at once");
    assert!(client.ends().await);
    let sandbox = Sandbox::start_at(world(|_| {}), address).unwrap();
    let mut client = Client::connect(sandbox.address()).await;
    client.put(&users([7])).await;
    drop(sandbox);
    assert!(client.ends().await);
}

#[test]
fn reads_worlds_and_tells_what_is_wrong() {
    let mut default = World::from_toml(DEFAULT_TOML).unwrap();
    assert_eq!(default.jiguang.unknown_cuids.take(), Some(jiguang::UNKNOWN_CUIDS.into()));
    assert_eq!(default.engagelab.unknown_euids.take(), Some(engagelab::UNKNOWN_EUIDS.into()));
    let unknown = default.tencent.unknown_accounts.take().unwrap();
    assert_eq!(Vec::from_iter(&unknown), tencent::UNKNOWN_ACCOUNTS);
    assert_eq!(default, World::default());
    assert_eq!(World::from_toml("").unwrap(), World::default());
    assert_eq!(UnlistedCode::try_from(1901).unwrap().get(), 1901);

    let commented =
        DEFAULT_TOML.lines().filter_map(|line| line.strip_prefix("#   ")).filter(|line| line.contains(" = ["));
    let example = World::from_toml(&format!("[faults]\n{}", commented.collect::<Vec<_>>().join("\n"))).unwrap();
    assert_eq!((example.faults.next.len(), example.faults.shares.len()), (3, 2));

    let text = "[jiguang]\nquota = 'off'\ncuids = [1]\nwording = 'id'\n[[jiguang.channels]]\nid = 7\nkind = 'other'\nlabels = ['a']";
    let world = World::from_toml(text).unwrap().jiguang;
    assert_eq!((world.quota, world.wording), (None, Wording::Id));
    assert_eq!(world.channels, [Channel::new(7, Kind::Other, ["a"])]);
    let text = "[tencent]\nclock_ahead_ms = 1500\nfriend_quota = 'off'\nnot_friends = [['a', 'b']]\nerrors = 'list'\naccounts = []";
    let world = World::from_toml(text).unwrap().tencent;
    assert_eq!((world.clock_ahead, world.friend_quota), (Duration::from_millis(1500), None));
    assert_eq!(world.not_friends, [("a".to_owned(), "b".to_owned())].into());
    assert_eq!(world.errors, tencent::Errors::List);

    for (text, problem) in [
        ("latency = 1", "line 1 (`latency`): unknown field `latency`, expected one of `latency_ms`"),
        ("latency_ms = -1", "line 1 (`latency_ms`): "),
        ("\n[jiguang]\nwording = 'ids'", "line 3 (`wording`): unknown variant `ids`, expected one of `label`, `value`"),
        ("[jiguang]\nerror_status = 500", "line 2 (`error_status`): 500 is neither 200 nor 400"),
        ("[jiguang]\nover_quota_code = 4107", "line 2 (`over_quota_code`): 4107 has a meaning at the vendor"),
        ("[jiguang]\nquota = 'none'", "line 2 (`quota`): invalid value: string \"none\", expected { requests"),
        ("[jiguang]\nquota = { requests = 0, per_ms = 1 }", "line 2 (`quota`): "),
        ("[jiguang]\nquota = { requests = 1 }", "line 2 (`quota`): missing field `per_ms`"),
        ("[jiguang]\nproject_secret = s3cret", "line 2 (`project_secret`): string values must be quoted"),
        ("[jiguang]\nproject_secret = 5313137", "line 2 (`project_secret`): expected a text in quotes"),
        ("jiguang = { project_secret = 5313137 }", "line 1 (`jiguang`): expected a text in quotes"),
        ("[jiguang]\nproject_secret = ['s3cret']", "line 2 (`project_secret`): expected a text in quotes"),
        ("[[jiguang.channels]]\nid = 1\nkind = 'fax'\nlabels = []", "line 3 (`kind`): unknown variant `fax`"),
        ("[jiguang]\ncuids = []\nunknown_cuids = []", "jiguang: `cuids` and `unknown_cuids` exclude each other"),
        ("[jiguang]\nproject_id = 'a:b'", "jiguang: `project_id` has a colon"),
        ("[engagelab]\napi_secret = 5313137", "line 2 (`api_secret`): expected a text in quotes"),
        ("[engagelab]\napi_key = 'a:b'", "engagelab: `api_key` has a colon"),
        ("[engagelab]\neuids = []\nunknown_euids = []", "engagelab: `euids` and `unknown_euids` exclude each other"),
        ("[engagelab]\nunique_contacts = ['']", "engagelab: `contact_names` or `unique_contacts` has an empty name"),
        ("[engagelab]\nunknown_euid_code = 55014", "line 2 (`unknown_euid_code`): 55014 has a meaning at the vendor"),
        ("[tencent]\nsecret_key = 5313137", "line 2 (`secret_key`): expected a text in quotes"),
        ("[tencent]\nsecret_key = ''", "tencent: `secret_key` is empty"),
        ("[tencent]\nover_quota_code = 60012", "line 2 (`over_quota_code`): 60012 is none of 60007, 60011, 60018"),
        ("[tencent]\naccounts = []\nunknown_accounts = []", "tencent: `accounts` and `unknown_accounts` exclude"),
        ("[tencent]\nattribute_names = ['a', 'a']", "tencent: `attribute_names` are at most 10 different ones"),
        ("[tencent]\nattribute_names = ['']", "tencent: `attribute_names` are at most 10 different ones"),
        ("[tencent]\ncustom_tags = { Tag_SNS_Custom_a1 = 'text' }", "tencent: `custom_tags`: a tag is not"),
        ("[tencent]\ncustom_tags = { Tag_SNS_Custom_Abcdefghi = 'text' }", "tencent: `custom_tags`: a tag is not"),
        ("[tencent]\nnot_friend_code = 0", "tencent: `not_friend_code` is 0, which is success"),
    ] {
        let error = World::from_toml(text).unwrap_err();
        assert!(error.to_string().starts_with(problem), "{text}: {error}");
        assert!(
            !error.to_string().contains("s3cret")
                && !error.to_string().contains("5313137")
                && !error.to_string().contains('\n'),
            "{error}"
        );
    }
    for labels in ["['a', 'a']", "['']"] {
        let text = format!("[[jiguang.channels]]\nid = 1\nkind = 'sms'\nlabels = {labels}");
        assert!(
            World::from_toml(&text).unwrap_err().to_string().contains("channel 1 has an empty label, or one twice")
        );
    }
}

#[tokio::test]
async fn each_vendor_is_in_the_world_and_on_the_page_of_the_state() {
    let mut world = World::default();
    world.set_secret("another secret");
    let shown = format!("{world:?} {:?}", world.engagelab.api_secret);
    assert!(!shown.contains("another secret"), "{shown}");
    let logins = world.logins();
    assert_eq!(logins.iter().map(|(vendor, _)| *vendor).collect::<Vec<_>>(), VENDORS);
    let names = logins.into_iter().map(|(_, login)| login).collect::<Vec<_>>();
    let app = "sdk_app_id = 1400000000, identifier = \"administrator\"";
    assert_eq!(names, ["project_id = \"sandbox\"", "api_key = \"sandbox\"", app]);

    let tables: toml::Table = DEFAULT_TOML.parse().unwrap();
    let sandbox = Sandbox::start(world).unwrap();
    let mut client = Client::connect(sandbox.address()).await;
    let state = client.get("/_sandbox/state").await;
    for vendor in VENDORS {
        assert!(tables.contains_key(*vendor), "{vendor} has a table in world.toml");
        assert!(state[vendor].is_object() && state["counters"][vendor].is_object(), "{vendor}: {state}");
    }
    assert_eq!(client.put(&users([7])).await.status, 401, "the secret is another one");
}
