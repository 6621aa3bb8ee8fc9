//! The friends of a user: each rule, each setting, and what is stored.

use contact_sink_sandbox::tencent::{EmptyValues, FRIEND_UPDATE_PATH as PATH, FriendValue, Groups, Settings, TagKind};
use serde_json::{Value, json};

use super::start;

/// The document's third example.
const GOOD: &str = r#"{"From_Account":"id","UpdateItem":[{"To_Account":"id1","SnsItem":[{"Tag":"Tag_SNS_IM_Remark","Value":"remark1"}]},{"To_Account":"id2","SnsItem":[{"Tag":"Tag_SNS_IM_Remark","Value":"remark2"},{"Tag":"Tag_SNS_IM_Group","Value":["group1","group2"]}]},{"To_Account":"id3","SnsItem":[{"Tag":"Tag_SNS_IM_Remark","Value":"remark3"},{"Tag":"Tag_SNS_IM_Group","Value":["group3"]},{"Tag":"Tag_SNS_Custom_Test","Value":"test"}]}]}"#;

/// One friend, one field.
fn field(to: &str, tag: &str, value: Value) -> String {
    request(&[(to, json!([{"Tag": tag, "Value": value}]))])
}

fn request(friends: &[(&str, Value)]) -> String {
    let items = friends.iter().map(|(to, fields)| json!({"To_Account": to, "SnsItem": fields}));
    json!({"From_Account": "id", "UpdateItem": items.collect::<Vec<_>>()}).to_string()
}

/// Sends a body to a fresh server.
async fn check(name: &str, change: impl FnOnce(&mut Settings), body: &str, code: i64) {
    let (sandbox, mut client) = start(change).await;
    let reply = client.call(PATH, body).await;
    assert_eq!(reply.code(), (200, code), "{name}: {}", reply.body);
    let answer = reply.json();
    assert_eq!(answer.get("ResultItem").is_some(), code == 0, "{name}");
    assert_eq!((answer["ErrorDisplay"].as_str(), answer.get("Fail_Account")), (Some(""), None), "{name}");
    assert_eq!(sandbox.tencent().friend_owners().is_empty(), code != 0, "{name}");
    let tally = sandbox.tencent().counters().friend_update;
    assert_eq!((tally.requests, tally.accepted, tally.refused), (1, (code == 0).into(), (code != 0).into()), "{name}");
    sandbox.shutdown().await;
}

#[tokio::test]
async fn takes_the_documented_shape_only() {
    let same = |_: &mut Settings| {};
    let remark1 = r#"{"Tag":"Tag_SNS_IM_Remark","Value":"remark1"}"#;
    let cases = [
        ("the example", "", "", 0),
        ("escapes", "Tag_SNS_IM_Remark", r"Tag_SNS_IM_\u0052emark", 0),
        ("not JSON", GOOD, "From_Account", 60003),
        ("empty", GOOD, "", 60003),
        ("cut off", "\"test\"}]}]}", "\"test\"}]}]", 60003),
        ("an empty object", GOOD, "{}", 30001),
        ("From_Account missing", "\"From_Account\":\"id\",", "", 30001),
        ("From_Account empty", "\"From_Account\":\"id\"", "\"From_Account\":\"\"", 30001),
        ("From_Account as number", "\"From_Account\":\"id\"", "\"From_Account\":1", 30001),
        ("From_Account twice", "\"From_Account\":\"id\"", "\"From_Account\":\"a\",\"From_Account\":\"id\"", 30001),
        ("From_Account unknown", "\"From_Account\":\"id\"", "\"From_Account\":\"nobody\"", 30003),
        ("an unknown field", "\"From_Account\"", "\"ForceAddFlags\":1,\"From_Account\"", 30001),
        ("an unknown field of a friend", "\"To_Account\":\"id1\"", "\"To_Account\":\"id1\",\"Remark\":\"r\"", 30001),
        ("an unknown field of a field", "\"Value\":\"remark1\"", "\"Value\":\"remark1\",\"a\":1", 30001),
        ("To_Account empty", "id1", "", 30001),
        ("a friend twice", "id2", "id1", 30001),
        ("no fields", remark1, "", 30001),
        ("a field as array", remark1, r#"["Tag_SNS_IM_Remark","remark1"]"#, 30001),
        ("a tag twice", remark1, &format!("{remark1},{remark1}"), 30001),
        ("no value", ",\"Value\":\"remark1\"", "", 30001),
        ("null", "\"remark1\"", "null", 30001),
        ("an object", "\"remark1\"", "{}", 30001),
    ];
    for (name, old, new, code) in cases {
        assert!(GOOD.contains(old), "{name}");
        check(name, same, &GOOD.replacen(old, new, 1), code).await;
    }
    let friends = |count| {
        let names: Vec<String> = (0..count).map(|nth| format!("friend{nth}")).collect();
        let remark = json!([{"Tag": "Tag_SNS_IM_Remark", "Value": "r"}]);
        request(&names.iter().map(|name| (name.as_str(), remark.clone())).collect::<Vec<_>>())
    };
    for (count, code) in [(0, 30001), (1, 0), (1000, 0), (1001, 30001)] {
        check(&format!("{count} friends"), same, &friends(count), code).await;
    }
}

#[tokio::test]
async fn a_value_that_breaks_a_rule_refuses_all() {
    let text = |bytes: usize| Value::from("字".repeat(bytes / 3) + &"a".repeat(bytes % 3));
    let groups = |count: usize| Value::from((0..count).map(|nth| format!("g{nth}")).collect::<Vec<_>>());
    let refuses = |s: &mut Settings| s.empty_values = EmptyValues::Refused;
    let same = |_: &mut Settings| {};
    let cases = [
        ("Tag_SNS_IM_Remark", text(96), 0),
        ("Tag_SNS_IM_Remark", text(97), 30001),
        ("Tag_SNS_IM_Remark", json!(1), 30001),
        ("Tag_SNS_IM_Remark", json!(["a"]), 30001),
        ("Tag_SNS_IM_Group", groups(32), 0),
        ("Tag_SNS_IM_Group", groups(33), 30001),
        ("Tag_SNS_IM_Group", json!([text(30)]), 0),
        ("Tag_SNS_IM_Group", json!([text(31)]), 30001),
        ("Tag_SNS_IM_Group", json!([""]), 30001),
        ("Tag_SNS_IM_Group", json!(["a", "a"]), 30001),
        ("Tag_SNS_IM_Group", json!(["a", 1]), 30001),
        ("Tag_SNS_IM_Group", json!("a"), 30001),
        ("Tag_SNS_Custom_Test", text(500), 0),
        ("Tag_SNS_Custom_Test", text(501), 30001),
        ("Tag_SNS_Custom_Test", json!(7), 30001),
        ("Tag_SNS_Custom_Level", json!(i64::MIN), 0),
        ("Tag_SNS_Custom_Level", json!(i64::MAX as u64 + 1), 30001),
        ("Tag_SNS_Custom_Level", json!(7.0), 30001),
        ("Tag_SNS_Custom_Level", json!("7"), 30001),
        ("Tag_SNS_Custom_test", json!("a"), 30001),
        ("Tag_SNS_Custom_Other", json!("a"), 30001),
        ("Tag_SNS_IM_AddTime", json!(1), 30001),
        ("", json!("a"), 30001),
    ];
    for (tag, value, code) in cases {
        let good = json!([{"Tag": "Tag_SNS_IM_Remark", "Value": "r"}]);
        let bad = json!([{"Tag": tag, "Value": value}]);
        check(&format!("{tag} {value}"), same, &request(&[("a", good), ("b", bad)]), code).await;
    }
    let empty = [("Tag_SNS_IM_Remark", json!("")), ("Tag_SNS_Custom_Test", json!("")), ("Tag_SNS_IM_Group", json!([]))];
    for (tag, value) in empty {
        check(tag, same, &field("a", tag, value.clone()), 0).await;
        check(tag, refuses, &field("a", tag, value), 30001).await;
    }
    let own = |s: &mut Settings| s.custom_tags = [("Tag_SNS_Custom_Own".to_owned(), TagKind::Text)].into();
    check("own tag", own, &field("a", "Tag_SNS_Custom_Own", json!("a")), 0).await;
    check("not the default's", own, &field("a", "Tag_SNS_Custom_Test", json!("a")), 30001).await;
}

#[tokio::test]
async fn answers_each_friend_and_merges() {
    let (sandbox, mut client) = start(|s| {
        s.groups_per_owner = 3;
        s.not_friends = [("id".to_owned(), "stranger".to_owned())].into();
        s.not_friend_code = 30_520;
    })
    .await;
    let one = field("id1", "Tag_SNS_IM_Remark", json!("remark1"));
    let expected = r#"{"ResultItem":[{"To_Account":"id1","ResultCode":0,"ResultInfo":""}],"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"","ErrorDisplay":""}"#;
    let reply = client.call(PATH, &one).await;
    assert_eq!(reply.json(), serde_json::from_str::<Value>(expected).unwrap(), "as documented");

    // In the reverse order; what fails stores nothing, and keeps nobody else from anything.
    let remark = |text: &str| json!([{"Tag": "Tag_SNS_IM_Remark", "Value": text}]);
    let groups = |names: &[&str]| json!([{"Tag": "Tag_SNS_IM_Group", "Value": names}]);
    let many = json!([{"Tag": "Tag_SNS_IM_Remark", "Value": "r"}, {"Tag": "Tag_SNS_IM_Group", "Value": ["3", "4"]}]);
    let body = request(&[
        ("id1", groups(&["1", "2"])),
        ("nobody", remark("a")),
        ("stranger", remark("b")),
        ("id", remark("myself")),
        ("id2", many.clone()),
        ("id3", groups(&["2", "3"])),
    ]);
    let reply = client.call(PATH, &body).await;
    let threshold = "Err_SNS_FriendUpdate_Group_Num_Exceed_Threshold";
    let results = [("id3", 0), ("id2", 30011), ("id", 30520), ("stranger", 30520), ("nobody", 30003), ("id1", 0)];
    let answer = reply.json();
    let items = answer["ResultItem"].as_array().unwrap();
    let told: Vec<(&str, i64)> =
        items.iter().map(|item| (item["To_Account"].as_str().unwrap(), item["ResultCode"].as_i64().unwrap())).collect();
    assert_eq!((reply.code().1, &answer["ActionStatus"], told.as_slice()), (0, &json!("OK"), &results[..]));
    assert_eq!(answer["Fail_Account"], json!(["id2", "id", "stranger", "nobody"]));
    assert_eq!((&items[0]["ResultInfo"], &items[1]["ResultInfo"]), (&json!(""), &json!(threshold)));
    assert!(items[1..5].iter().all(|item| item["ResultInfo"] != ""), "{items:?}");
    assert_eq!(sandbox.tencent().friends("id"), ["id1", "id3"]);
    let stored = sandbox.tencent().friend("id", "id1").unwrap();
    assert_eq!(stored["Tag_SNS_IM_Remark"], FriendValue::from("remark1"), "what is not named stays");
    assert_eq!(stored["Tag_SNS_IM_Group"], FriendValue::from(["1", "2"]));
    let record = sandbox.requests().pop().unwrap();
    assert_eq!((record.owner.as_deref(), record.users, record.subjects[1].as_str()), (Some("id"), 6, "nobody"));
    assert_eq!(sandbox.tencent().counters().friend_update.failed_items, 4);

    // A group in which nobody is left is gone, and another owner has its own.
    assert_eq!(
        client.call(PATH, &request(&[("id1", groups(&[])), ("id2", many.clone())])).await.json().get("Fail_Account"),
        None
    );
    let other = request(&[("id2", groups(&["5", "6", "7"]))]).replace("\"id\"", "\"id9\"");
    assert_eq!(client.call(PATH, &other).await.json().get("Fail_Account"), None);
    assert_eq!(sandbox.tencent().friend_owners(), ["id", "id9"]);
    let integer = field("id1", "Tag_SNS_Custom_Level", json!(7));
    assert_eq!(client.call(PATH, &integer).await.code().1, 0);
    assert_eq!(sandbox.tencent().friend("id", "id1").unwrap()["Tag_SNS_Custom_Level"], FriendValue::from(7));
    assert_eq!((sandbox.tencent().friend("id", "nobody"), sandbox.tencent().friend("id1", "id")), (None, None));
    sandbox.shutdown().await;
}

#[tokio::test]
async fn groups_come_on_top_if_set_so() {
    let groups = |names: &[String]| field("a", "Tag_SNS_IM_Group", json!(names));
    let names = |range: std::ops::Range<u32>| range.map(|nth| nth.to_string()).collect::<Vec<_>>();
    for (setting, first, second, code) in [
        (Groups::Set, 0..2, 1..3, 0),
        (Groups::Append, 0..2, 1..3, 0),
        (Groups::Append, 0..20, 12..32, 0),
        (Groups::Append, 0..20, 13..33, 30011),
    ] {
        let (sandbox, mut client) = start(|s| s.groups = setting).await;
        client.call(PATH, &groups(&names(first.clone()))).await;
        let answer = client.call(PATH, &groups(&names(second.clone()))).await.json();
        assert_eq!(answer["ResultItem"][0]["ResultCode"], code, "{setting:?} {second:?}");
        let kept = match (setting, code) {
            (Groups::Append, 0) => first.start..second.end,
            (_, 0) => second,
            _ => first,
        };
        let stored = sandbox.tencent().friend("id", "a").unwrap();
        assert_eq!(stored["Tag_SNS_IM_Group"], FriendValue::List(names(kept)), "{setting:?}");
        sandbox.shutdown().await;
    }
}

#[tokio::test]
async fn a_friend_may_be_left_out_once() {
    let (sandbox, mut client) = start(|s| s.unanswered_friends = ["id1".to_owned()].into()).await;
    let ask = field("id1", "Tag_SNS_IM_Remark", json!("r"));
    let results = |answer: Value| answer["ResultItem"].as_array().unwrap().len();
    let both = GOOD.replace("id3", "id4");
    assert_eq!(results(client.call(PATH, &both).await.json()), 2);
    assert_eq!(sandbox.tencent().friends("id"), ["id2", "id4"], "and nothing is stored for it");
    assert_eq!(results(client.call(PATH, &ask).await.json()), 1);
    assert_eq!(sandbox.tencent().friends("id"), ["id1", "id2", "id4"]);
    let reply = client.call(PATH, &ask.replace("\"id\"", "\"id9\"")).await;
    assert_eq!((reply.code().1, results(reply.json())), (0, 0), "once for each From_Account");
    sandbox.reset();
    assert_eq!(results(client.call(PATH, &ask).await.json()), 0, "again after a reset");
    sandbox.shutdown().await;
}
