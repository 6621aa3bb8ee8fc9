//! Jiguang's endpoint: each documented rule and each setting.

use std::collections::BTreeSet;

use contact_sink_sandbox::Sandbox;
use contact_sink_sandbox::jiguang::{self, Channel, ErrorStatus, GoodUsers, Kind, Told, Wording};

use crate::client::{AUTHORIZATION, Client};
use crate::{user, users, world};

/// Sends a body to a fresh server and gives what it told, and the users for whom it stored something.
async fn told(change: impl FnOnce(&mut jiguang::Settings), body: &str) -> ((u16, i64, Vec<String>), Vec<i64>) {
    let sandbox = Sandbox::start(world(change)).unwrap();
    let reply = Client::connect(sandbox.address()).await.put(body).await;
    let stored = sandbox.jiguang().cuids();
    sandbox.shutdown().await;
    (reply.told(), stored)
}

async fn check(name: &str, change: impl FnOnce(&mut jiguang::Settings), body: &str, code: i64, texts: &[&str]) {
    let ((status, told, told_texts), stored) = told(change, body).await;
    assert_eq!((status, told), (200, code), "{name}: {told_texts:?}");
    if code == 40002 {
        assert!(told_texts[0].starts_with("业务参数错误: "), "{name}: {told_texts:?}");
    } else {
        assert_eq!(told_texts, texts, "{name}");
    }
    assert_eq!(stored.is_empty(), code != 0, "{name}: stored {stored:?}");
}

#[tokio::test]
async fn judges_values_as_documented() {
    let (label, mail) = ("默认联系", "a@b.example");
    let same = |_: &mut jiguang::Settings| {};
    let good = [(210, "15088888888"), (219, mail), (2210, "190e35f7e0718c3d4e5"), (2210, "15099999999")];
    for (id, value) in good {
        check(value, same, &format!("[{}]", user(1, id, label, value)), 0, &["ok"]).await;
    }
    let sms = "通道信息保存异常![默认联系] 短信通道值无效";
    for value in ["1508888888", "150888888888", "12088888888", "+15088888888", "1508888888a", "１5088888888", mail] {
        check(value, same, &format!("[{}]", user(1, 210, label, value)), 4107, &[sms]).await;
    }
    let app = "通道信息保存异常![默认联系] jg_registration_id无效";
    for value in ["1509999999", mail, "190e35f7e071 c3d4e5", &"a".repeat(65)] {
        check(value, same, &format!("[{}]", user(1, 2210, label, value)), 4107, &[app]).await;
    }
    let unknown = |s: &mut jiguang::Settings| s.unknown_registration_ids = ["190e35f7e07".to_owned()].into();
    check("unknown Registration ID", unknown, &format!("[{}]", user(1, 2210, label, "190e35f7e07")), 4107, &[app])
        .await;

    let cuid = "通道信息保存异常![1234567] CUID不存在";
    check("CUID", same, &format!("[{}]", user(1_234_567, 7, "x", "y")), 4107, &[cuid]).await;
    let only = |s: &mut jiguang::Settings| s.cuids = Some(BTreeSet::from([5]));
    check("CUID in the list", only, &users([5]), 0, &["ok"]).await;
    check("CUID not in the list", only, &users([6]), 4107, &["通道信息保存异常![6] CUID不存在"]).await;
    let no_label = "通道信息保存异常![默认联系1] 联系标签不存在";
    check("label", same, &format!("[{}]", user(1, 210, "默认联系1", mail)), 4107, &[no_label]).await;
    let labels = |s: &mut jiguang::Settings| s.channels = vec![Channel::new(7, Kind::Other, ["默认联系1"])];
    check("own label", labels, &format!("[{}]", user(1, 7, "默认联系1", mail)), 0, &["ok"]).await;
    let two = format!("[{},{}]", user(1, 210, "默认联系1", mail), user(1_234_567, 210, label, mail));
    check("the document's two errors", same, &two, 4000, &[no_label, cuid]).await;
}

#[tokio::test]
async fn takes_the_documented_shape_only() {
    const GOOD: &str = r#"[{"cuid":1,"channels":[{"id":219,"channelValues":{"默认联系":"x"}}]}]"#;
    let same = |_: &mut jiguang::Settings| {};
    for (old, new) in [("", ""), ("[{", "\n[ {"), ("默认联系", r"\u9ed8\u8ba4\u8054\u7cfb")] {
        check(new, same, &GOOD.replacen(old, new, 1), 0, &["ok"]).await;
    }
    let channel = r#"{"id":219,"channelValues":{"默认联系":"x"}}"#;
    let bad = [
        ("not JSON", GOOD, "cuid=1"),
        ("empty", GOOD, ""),
        ("no array", GOOD, r#"{"cuid":1,"channels":[]}"#),
        ("something after it", "}]", "}] 1"),
        ("a byte order mark", "[{", "\u{feff}[{"),
        ("a comment", "\"cuid\":1,", "\"cuid\":1, // User identity ID\n"),
        ("cuid as text", "\"cuid\":1", "\"cuid\":\"1\""),
        ("cuid as fraction", "\"cuid\":1", "\"cuid\":1.0"),
        ("cuid null", "\"cuid\":1", "\"cuid\":null"),
        ("cuid past 64 bits", "\"cuid\":1", "\"cuid\":9223372036854775808"),
        ("cuid missing", "\"cuid\":1,", ""),
        ("cuid twice in a user", "\"cuid\":1,", "\"cuid\":1,\"cuid\":1,"),
        ("id as text", "\"id\":219", "\"id\":\"219\""),
        ("id missing", "\"id\":219,", ""),
        ("unknown field of a user", "\"cuid\":1,", "\"cuid\":1,\"name\":\"x\","),
        ("unknown field of a channel", "\"id\":219,", "\"id\":219,\"type\":1,"),
        ("other case", "channelValues", "channelvalues"),
        ("channels missing", &format!(",\"channels\":[{channel}]"), ""),
        ("channels empty", channel, ""),
        ("channels as object", &format!("[{channel}]"), channel),
        ("a channel twice", channel, &format!("{channel},{channel}")),
        ("a channel as array", channel, r#"[219,{"默认联系":"x"}]"#),
        ("a user as array", GOOD, &format!("[[1,[{channel}]]]")),
        ("channelValues empty", "\"默认联系\":\"x\"", ""),
        ("channelValues missing", ",\"channelValues\":{\"默认联系\":\"x\"}", ""),
        ("channelValues as array", "{\"默认联系\":\"x\"}", "[[\"默认联系\",\"x\"]]"),
        ("a label twice", "\"默认联系\":\"x\"", "\"默认联系\":\"x\",\"默认联系\":\"y\""),
        ("value as number", "\"x\"", "15088888888"),
        ("value null", "\"x\"", "null"),
        ("value empty", "\"x\"", "\"\""),
    ];
    for (name, old, new) in bad {
        assert!(GOOD.contains(old), "{name}");
        check(name, same, &GOOD.replacen(old, new, 1), 40002, &[]).await;
    }
    check("a CUID twice", same, &users([1, 2, 1]), 40002, &[]).await;
    check("64-bit", same, &users([i64::MAX]), 0, &["ok"]).await;
    check("none", same, "[]", 40011, &["CUID数组的个数须在1到100之间"]).await;
    check("100", same, &users(1..=100), 0, &["ok"]).await;
    check("101", same, &users(1..=101), 40011, &["CUID数组的个数须在1到100之间"]).await;
}

#[tokio::test]
async fn reads_the_documents_example() {
    const EXAMPLE: &str = r#"[{ "cuid": 10362819, // User identity ID
        "channels": [{ "id": 210, "channelValues": { "默认联系": "15088888888", "自定义联系": "123@qq.com" } },
        { "id": 2210, "channelValues": { "默认联系": "15099999999", "自定义联系1": "123@qq.com" } }] },
        { "cuid": 103629, "channels": [{ "id": 219, "channelValues": { "默认联系": "15088888888", "自定义联系": "123@qq.com" } }] }]"#;
    check("comment", |_| {}, EXAMPLE, 40002, &[]).await;
    let example = EXAMPLE.replace("// User identity ID", "");
    let texts = ["通道信息保存异常![自定义联系] 短信通道值无效", "通道信息保存异常![自定义联系1] 联系标签不存在"];
    let (answer, stored) = told(|_| {}, &example).await;
    assert_eq!(answer, (200, 4000, texts.map(str::to_owned).to_vec()));
    assert_eq!(stored, [103_629], "a bad user stores nothing, not even its good values");
    let fits = |s: &mut jiguang::Settings| {
        s.channels[0].kind = Kind::Other;
        s.channels[2] = Channel::new(2210, Kind::Other, ["默认联系", "自定义联系1"]);
    };
    let (answer, stored) = told(fits, &example).await;
    assert_eq!((answer, stored), ((200, 0, vec!["ok".to_owned()]), vec![103_629, 10_362_819]));
}

#[tokio::test]
async fn behaves_as_set() {
    let bad = [user(1, 9, "登录", "v"), user(2, 210, "默认联系", "v"), user(3, 2210, "默认联系", "v")].join(",");
    for (wording, tokens) in [
        (Wording::Label, ["[登录] ", "[默认联系] ", "[默认联系] "]),
        (Wording::Value, ["[v] "; 3]),
        (Wording::Id, ["[9] ", "[210] ", "[2210] "]),
        (Wording::Nothing, [""; 3]),
    ] {
        let (answer, _) = told(|s| s.wording = wording, &format!("[{bad}]")).await;
        let causes = ["通道ID不存在", "短信通道值无效", "jg_registration_id无效"];
        let texts = tokens.iter().zip(causes).map(|(token, cause)| format!("通道信息保存异常!{token}{cause}"));
        assert_eq!(answer, (200, 4000, texts.collect()), "{wording:?}");
    }
    for (good_users, stored) in [(GoodUsers::Saved, vec![1, 3]), (GoodUsers::Dropped, vec![])] {
        let answer = told(|s| s.good_users = good_users, &users([1, 1_234_567, 3])).await;
        assert_eq!((answer.0.1, answer.1), (4107, stored), "{good_users:?}");
    }
    for (body, code) in [("[]", 40011), ("{}", 40002), (&*users([1_234_567]), 4107), (&*users([1]), 0)] {
        let (answer, _) = told(|s| s.error_status = ErrorStatus::BadRequest, body).await;
        assert_eq!((answer.0, answer.1), (if code == 0 { 200 } else { 400 }, code));
    }
}

#[tokio::test]
async fn judges_the_head() {
    const JSON: &str = "Content-Type: application/json\r\n";
    let (good, path) = (format!("Authorization: {AUTHORIZATION}\r\n{JSON}"), jiguang::PATH);
    let auth = |value: &str| format!("Authorization: {value}\r\n{JSON}");
    let kind = |value: &str| format!("Authorization: {AUTHORIZATION}\r\n{value}");
    let cases = [
        ("PUT", path, good.clone(), 200),
        ("PUT", path, kind("content-type: Application/JSON; charset=UTF-8\r\n"), 200),
        ("POST", path, good.clone(), 405),
        ("GET", path, good.clone(), 405),
        ("PUT", "/", good.clone(), 404),
        ("PUT", &format!("{path}/"), good.clone(), 404),
        ("GET", "/_sandbox/nothing", String::new(), 404),
        ("PUT", path, JSON.to_owned(), 401),
        ("PUT", path, auth("Basic c2FuZGJveDp3cm9uZw=="), 401),
        ("PUT", path, auth("Bearer c2FuZGJveDpzYW5kYm94"), 401),
        ("PUT", path, format!("{good}Authorization: {AUTHORIZATION}\r\n"), 401),
        ("PUT", path, kind(""), 415),
        ("PUT", path, kind("Content-Type: text/json\r\n"), 415),
        ("PUT", path, kind("Content-Type: application/json; charset=gbk\r\n"), 415),
        ("PUT", path, kind("Content-Type: application/json\r\nContent-Encoding: gzip\r\n"), 415),
    ];
    let sandbox = Sandbox::start(world(|_| {})).unwrap();
    let mut client = Client::connect(sandbox.address()).await;
    for (method, target, headers, status) in &cases {
        let reply = client.send(method, target, headers, &users([1])).await;
        assert_eq!(reply.status, *status, "{method} {target} {headers}: {reply:?}");
        assert_eq!(reply.head.contains("allow: put"), *status == 405, "{reply:?}");
        assert_eq!(reply.head.contains("www-authenticate: basic"), *status == 401, "{reply:?}");
    }
    assert_eq!(client.send("PUT", &format!("{path}?a=1"), &good, &users([1])).await.told().1, 40002);
    let counters = sandbox.jiguang().counters();
    assert_eq!((counters.requests, counters.accepted, counters.refused, counters.bad_credentials), (13, 2, 7, 4));
    let statuses: Vec<u16> = sandbox.requests().iter().filter_map(|record| record.status).collect();
    assert_eq!(statuses[..cases.len()], cases.map(|case| case.3));

    let sandbox = Sandbox::start(world(|s| s.bad_credentials = Told::Code)).unwrap();
    let reply = Client::connect(sandbox.address()).await.send("PUT", path, JSON, &users([1])).await;
    assert_eq!((reply.status, reply.told().1), (200, 1901));
    assert_eq!(sandbox.jiguang().stored(1), None);
}
