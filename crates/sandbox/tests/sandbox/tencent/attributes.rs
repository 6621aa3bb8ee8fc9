//! The attributes of users: each rule, each setting, and what is stored.

use std::collections::BTreeMap;

use contact_sink_sandbox::tencent::{
    Errors, GET_ATTR_NAME_PATH, GET_ATTR_PATH, GoodAccounts, REMOVE_ATTR_PATH, SET_ATTR_NAME_PATH, SET_ATTR_PATH,
};
use serde_json::{Value, json};

use super::start;

/// The document's own example.
const GOOD: &str = r#"{"UserAttrs":[{"To_Account":"xiaojun012","Attrs":{"sex":"attr1","city":"attr2"}},{"To_Account":"xiaojun013","Attrs":{"city":"attr3","sex":"attr4"}}]}"#;

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn accounts(count: usize, attrs: &Value) -> String {
    let users = (0..count).map(|nth| json!({"To_Account": format!("user{nth}"), "Attrs": attrs}));
    json!({"UserAttrs": users.collect::<Vec<_>>()}).to_string()
}

#[tokio::test]
async fn sets_what_is_documented_and_nothing_else() {
    let long = "字".repeat(16) + "ab";
    let too_long = format!("{long}a");
    let cases = [
        ("the example", "", "", 0),
        ("50 bytes", "attr1", long.as_str(), 0),
        ("one attribute", ",\"city\":\"attr2\"", "", 0),
        ("escapes", "sex", r"s\u0065x", 0),
        ("51 bytes", "attr1", &too_long, 90033),
        ("an empty value", "attr1", "", 90030),
        ("an unknown name", "\"sex\":\"attr1\"", "\"Sex\":\"attr1\"", 90033),
        ("an empty name", "\"sex\":\"attr1\"", "\"\":\"attr1\"", 90033),
        ("no attributes", "\"sex\":\"attr1\",\"city\":\"attr2\"", "", 90033),
        ("an empty account", "xiaojun013", "", 90003),
        ("an account that does not exist", "xiaojun013", "nobody", 70107),
        ("an account twice", "xiaojun013", "xiaojun012", 90001),
        ("an attribute twice", "\"city\":\"attr2\"", "\"sex\":\"attr2\"", 90001),
        ("not JSON", GOOD, "UserAttrs", 90001),
        ("empty", GOOD, "", 90001),
        ("an empty object", GOOD, "{}", 90001),
        ("no accounts", GOOD, r#"{"UserAttrs":[]}"#, 90001),
        ("something after it", "}}]}", "}}]} 1", 90001),
        ("a number", "\"attr1\"", "1", 90001),
        ("null", "\"attr1\"", "null", 90001),
        ("the attributes as array", "{\"sex\":\"attr1\",\"city\":\"attr2\"}", "[\"sex\"]", 90001),
        (
            "a user as array",
            "{\"To_Account\":\"xiaojun012\",\"Attrs\":{\"sex\":\"attr1\",\"city\":\"attr2\"}}",
            "[\"xiaojun012\",{\"sex\":\"a\"}]",
            90001,
        ),
        ("another case", "To_Account", "to_account", 90001),
        ("an unknown field", "\"To_Account\":\"xiaojun012\"", "\"To_Account\":\"xiaojun012\",\"a\":1", 90001),
        ("a field twice", "\"To_Account\":\"xiaojun012\"", "\"To_Account\":\"a\",\"To_Account\":\"b\"", 90001),
    ];
    for (name, old, new, code) in cases {
        assert!(GOOD.contains(old), "{name}");
        let (sandbox, mut client) = start(|_| {}).await;
        let reply = client.call(SET_ATTR_PATH, &GOOD.replacen(old, new, 1)).await;
        assert_eq!(reply.code(), (200, code), "{name}: {}", reply.body);
        let stored = sandbox.tencent().attribute_accounts();
        assert_eq!(stored.len(), if code == 0 { 2 } else { 0 }, "{name}");
        let tally = sandbox.tencent().counters().im_set_attr;
        assert_eq!(
            (tally.requests, tally.accepted, tally.refused),
            (1, (code == 0).into(), (code != 0).into()),
            "{name}"
        );
        sandbox.shutdown().await;
    }
    let (sandbox, mut client) = start(|_| {}).await;
    for (count, code) in [(100, 0), (101, 90018)] {
        assert_eq!(client.call(SET_ATTR_PATH, &accounts(count, &json!({"sex": "a"}))).await.code(), (200, code));
        let record = sandbox.requests().pop().unwrap();
        assert_eq!((record.users, record.subjects[99].as_str(), record.owner), (count, "user99", None));
    }
    assert_eq!(sandbox.tencent().attribute_accounts().len(), 100);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn answers_and_merges() {
    let (sandbox, mut client) = start(|_| {}).await;
    let reply = client.call(SET_ATTR_PATH, GOOD).await;
    assert_eq!(reply.json(), json!({"ActionStatus": "OK", "ErrorInfo": "", "ErrorCode": 0}), "as documented");
    let more = r#"{"UserAttrs":[{"To_Account":"xiaojun012","Attrs":{"sex":"new","country":"x"}}]}"#;
    assert_eq!(client.call(SET_ATTR_PATH, more).await.code().1, 0);
    let merged = map(&[("sex", "new"), ("city", "attr2"), ("country", "x")]);
    assert_eq!(sandbox.tencent().attributes("xiaojun012").unwrap(), merged);

    // Not in the order of the request.
    let get = |accounts: &[&str]| json!({"To_Account": accounts}).to_string();
    let reply = client.call(GET_ATTR_PATH, &get(&["xiaojun012", "xiaojun013", "xiaojun014"])).await;
    let expected = json!([
        {"To_Account": "xiaojun014", "Attrs": {}},
        {"To_Account": "xiaojun013", "Attrs": {"sex": "attr4", "city": "attr3"}},
        {"To_Account": "xiaojun012", "Attrs": merged},
    ]);
    assert_eq!((reply.code().1, &reply.json()["UserAttrs"]), (0, &expected));
    let many: Vec<String> = (0..101).map(|nth| nth.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for (asked, code) in [
        (&many[..100], 0),
        (&many, 90018),
        (&[], 90001),
        (&["a", "a"], 90001),
        (&["", "a"], 90003),
        (&["a", "nobody"], 70107),
    ] {
        assert_eq!(client.call(GET_ATTR_PATH, &get(asked)).await.code().1, code, "{asked:?}");
    }

    let remove =
        |account: &str, names: &[&str]| json!({"UserAttrs": [{"To_Account": account, "Attrs": names}]}).to_string();
    for (account, names, code) in [
        ("xiaojun012", &["sex", "country"][..], 0),
        ("xiaojun012", &["sex"], 0),
        ("xiaojun013", &["sex", "city"], 0),
        ("xiaojun012", &["name"], 90033),
        ("xiaojun012", &[], 90033),
        ("xiaojun012", &["sex", "sex"], 90001),
        ("nobody", &["sex"], 70107),
    ] {
        assert_eq!(client.call(REMOVE_ATTR_PATH, &remove(account, names)).await.code().1, code, "{account} {names:?}");
    }
    assert_eq!(sandbox.tencent().attributes("xiaojun012"), Some(map(&[("city", "attr2")])));
    assert_eq!(sandbox.tencent().attribute_accounts(), ["xiaojun012"], "without attributes there is nothing");
    sandbox.shutdown().await;
}

#[tokio::test]
async fn names_are_created_first() {
    let (sandbox, mut client) = start(|s| s.attribute_names.truncate(1)).await;
    let names = |names: Value| json!({"AttrNames": names}).to_string();
    assert_eq!(client.call(SET_ATTR_PATH, GOOD).await.code().1, 90033, "city is not there yet");
    let long = "n".repeat(50);
    for (given, code) in [
        (json!({"1": "city"}), 0),
        (json!({"9": long}), 0),
        (json!({}), 90001),
        (json!({"2": 1}), 90001),
        (json!({"10": "a"}), 90033),
        (json!({"02": "a"}), 90033),
        (json!({"2": ""}), 90033),
        (json!({"2": format!("{long}n")}), 90033),
        (json!({"2": "city"}), 90033),
    ] {
        assert_eq!(client.call(SET_ATTR_NAME_PATH, &names(given.clone())).await.code().1, code, "{given}");
    }
    assert_eq!(client.call(SET_ATTR_NAME_PATH, r#"{"AttrNames":{"2":"a","2":"b"}}"#).await.code().1, 90001);
    let reply = client.call(GET_ATTR_NAME_PATH, "{}").await;
    assert_eq!((reply.code().1, &reply.json()["AttrNames"]), (0, &json!({"0": "sex", "1": "city", "9": long})));
    assert_eq!(client.call(GET_ATTR_NAME_PATH, "").await.code().1, 90001, "an empty body must be {{}}");
    assert_eq!(client.call(GET_ATTR_NAME_PATH, r#"{"a":1}"#).await.code().1, 90001);
    assert_eq!(client.call(SET_ATTR_PATH, GOOD).await.code().1, 0);
    // A value belongs to its index.
    assert_eq!(client.call(SET_ATTR_NAME_PATH, &names(json!({"0": "gender"}))).await.code().1, 0);
    assert_eq!(sandbox.tencent().attributes("xiaojun012"), Some(map(&[("gender", "attr1"), ("city", "attr2")])));
    sandbox.reset();
    assert_eq!(client.call(GET_ATTR_NAME_PATH, "{}").await.json()["AttrNames"], json!({"0": "sex"}));
    sandbox.shutdown().await;
}

#[tokio::test]
async fn behaves_as_set() {
    let absent = GOOD.replace("xiaojun012", "nobody");
    let bad = GOOD.replace("attr1", "");
    let (dropped, saved) = (GoodAccounts::Dropped, GoodAccounts::Saved);
    let cases = [
        (Errors::Whole, dropped, &absent, 70107, vec![]),
        (Errors::Whole, saved, &absent, 70107, vec!["xiaojun013"]),
        (Errors::Whole, dropped, &bad, 90030, vec![]),
        (Errors::Whole, saved, &bad, 90030, vec!["xiaojun013"]),
        (Errors::List, dropped, &absent, 0, vec!["xiaojun013"]),
        (Errors::List, dropped, &bad, 90030, vec![]),
    ];
    for (errors, good_accounts, body, code, stored) in cases {
        let (sandbox, mut client) = start(|s| (s.errors, s.good_accounts) = (errors, good_accounts)).await;
        let reply = client.call(SET_ATTR_PATH, body).await;
        assert_eq!(reply.code(), (200, code), "{errors:?} {good_accounts:?}");
        assert_eq!(sandbox.tencent().attribute_accounts(), stored, "{errors:?} {good_accounts:?}");
        let list = reply.json().get("ErrorList").cloned();
        let listed = json!([{"ErrorCode": 70107, "To_Account": "nobody"}]);
        assert_eq!(list, (code == 0).then_some(listed.clone()));
        assert_eq!(sandbox.tencent().counters().im_set_attr.failed_items, u64::from(code == 0));
        if code == 0 {
            let reply = client.call(GET_ATTR_PATH, r#"{"To_Account":["xiaojun013","nobody"]}"#).await.json();
            assert_eq!((&reply["ErrorList"], reply["UserAttrs"].as_array().unwrap().len()), (&listed, 1));
        }
        sandbox.shutdown().await;
    }
    // A bad attribute is told first, wherever it stands.
    let both = GOOD.replace("xiaojun012", "nobody").replace("attr4", "");
    let (sandbox, mut client) = start(|s| s.accounts = Some(["xiaojun012".to_owned()].into())).await;
    assert_eq!(client.call(SET_ATTR_PATH, &both).await.code().1, 90030);
    assert_eq!(client.call(SET_ATTR_PATH, GOOD).await.code().1, 70107, "only those of the list exist");
    let alone = r#"{"UserAttrs":[{"To_Account":"xiaojun012","Attrs":{"sex":"a"}}]}"#;
    assert_eq!(client.call(SET_ATTR_PATH, alone).await.code().1, 0);
    sandbox.shutdown().await;
}
