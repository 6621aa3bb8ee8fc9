//! The typed client: what stands in the URL of every call, the bodies of the siblings and their answers, and what is not sent.

use std::collections::{BTreeMap, BTreeSet};

use contact_sink_core::{Applied, ContactSink as _, ContactUpdate, Retry, SinkError, SinkErrorKind as Kind};
use contact_sink_tencent::{
    Caller, Config, Friend, InvalidConfig, MAX_ACCOUNTS, MAX_FRIENDS, TagValue, Tencent, UserAttributeNames,
    UserAttributes, build_set_attribute_names, build_set_attributes, build_update_friends, operation,
};
use serde_json::{Value, json};

use super::{
    APP, KEY, Script, block_on, body_of, city, client, config, contact, friends, query, remarked, send, success,
    update, user, usersig_of,
};

/// Makes each of the six calls once.
fn call_all(client: &Tencent) -> Vec<Result<(), SinkError>> {
    block_on(async {
        vec![
            client.set_attributes(&[UserAttributes::new("a").with("city", "x")]).await.map(drop),
            client.remove_attributes(&[UserAttributeNames::new("a", ["city"])]).await.map(drop),
            client.attributes(&["a"]).await.map(drop),
            client.set_attribute_names(&[(0, "city")]).await.map(drop),
            client.attribute_names().await.map(drop),
            client
                .update_friends("a", &[Friend::new("b").with("Tag_SNS_IM_Remark", TagValue::Text("x"))])
                .await
                .map(drop),
        ]
    })
}

const PATHS: [&str; 6] = [
    "/v4/all_member_push/im_set_attr",
    "/v4/all_member_push/im_remove_attr",
    "/v4/all_member_push/im_get_attr",
    "/v4/all_member_push/im_set_attr_name",
    "/v4/all_member_push/im_get_attr_name",
    "/v4/sns/friend_update",
];

#[test]
fn every_call_says_once_who_calls() {
    for identifier in ["administrator", "a&b=c d#用户+%", "x&sdkappid=1&random=2", "~._-/?:@!$'()*,;[]\"<>\\^`{|}"] {
        let script = Script::new(200, r#"{"ErrorCode":0,"ActionStatus":"OK","UserAttrs":[],"AttrNames":{}}"#);
        let config = Config::new(APP, identifier, KEY.into())
            .unwrap()
            .with_base_url("http://localhost:9/gate/".parse().unwrap());
        for (outcome, path) in call_all(&Tencent::new(config, script.clone())).into_iter().zip(PATHS) {
            assert_eq!(outcome, Ok(()), "{path}");
        }
        let requests = script.requests();
        assert_eq!(requests.len(), PATHS.len(), "one request a call");
        for (request, path) in requests.iter().zip(PATHS) {
            assert_eq!((request.method(), request.uri().path()), (&http::Method::POST, &*format!("/gate{path}")));
            let named = query(request);
            let names: Vec<&str> = named.iter().map(|(name, _)| &**name).collect();
            assert_eq!(names.len(), 5, "{names:?}");
            let value: BTreeMap<&str, &str> = named.iter().map(|(name, value)| (&**name, &**value)).collect();
            assert_eq!(
                (value["sdkappid"], value["identifier"], value["contenttype"]),
                ("1400000000", identifier, "json")
            );
            assert!(value["random"].parse::<u32>().is_ok());
            let claims = contact_sink_tencent::usersig::decode(value["usersig"]).unwrap().0;
            assert_eq!((&*claims.identifier, claims.sdk_app_id), (identifier, APP));
            let raw = request.uri().query().unwrap();
            assert!(raw.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%&=".contains(&byte)), "{raw}");
            assert!(request.headers().iter().all(|(_, value)| !value.to_str().unwrap().contains(&usersig_of(request))));
        }
        assert_eq!(super::usersigs(&script).iter().collect::<BTreeSet<_>>().len(), 1, "all calls share one UserSig");
    }
}

#[test]
fn the_random_number_is_new_each_time_and_of_32_bits() {
    let script = Script::by(success);
    let sink = super::attributes(&script);
    // That none of 256 reaches the upper half, or that two are alike more than once, happens less than once in 10^10 runs.
    block_on(async {
        for _ in 0..256 {
            sink.send(&[city("a")]).await.unwrap();
        }
    });
    let random =
        |request| query(request).into_iter().find(|(name, _)| name == "random").unwrap().1.parse::<u32>().unwrap();
    let numbers: Vec<u32> = script.requests().iter().map(random).collect();
    assert!(numbers.iter().any(|number| *number > u32::MAX / 2), "the upper half is reached");
    assert!(numbers.iter().any(|number| *number < u32::MAX / 2), "and the lower one");
    assert!(numbers.iter().collect::<BTreeSet<_>>().len() >= 255);
}

/// The body that is sent, and what the answer is read as.
fn exchanged<T>(answer: Value, call: impl AsyncFnOnce(Tencent) -> T) -> (Value, T) {
    let script = Script::new(200, answer.to_string());
    let read = block_on(call(client(&script)));
    (body_of(&script.requests()[0]), read)
}

#[test]
fn the_siblings_of_im_set_attr() {
    let ok = || json!({"ActionStatus": "OK", "ErrorCode": 0, "ErrorInfo": ""});
    let merged = |more: Value| {
        let mut answer = ok();
        answer.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        answer
    };

    let names = json!({"AttrNames": {"0": "sex", "7": "city"}});
    let (sent, read) =
        exchanged(ok(), async |client| client.set_attribute_names(&[(0, "sex"), (7, "city")]).await.unwrap());
    assert_eq!((sent, read.content), (names.clone(), Some(())));
    let (sent, read) = exchanged(merged(names), async |client| client.attribute_names().await.unwrap());
    assert_eq!(sent, json!({}), "an empty body is an empty object");
    assert_eq!(read.content, Some(BTreeMap::from([(0, "sex".to_owned()), (7, "city".to_owned())])));

    let listed = json!({"UserAttrs": [
        {"To_Account": "b", "Attrs": {"sex": "2", "city": "x"}}, {"To_Account": "c"}, {"To_Account": "a", "Attrs": {"sex": "1"}, "more": 1},
    ]});
    let (sent, read) = exchanged(merged(listed), async |client| client.attributes(&["a", "b", "c"]).await.unwrap());
    assert_eq!(sent, json!({"To_Account": ["a", "b", "c"]}));
    let read = read.content.unwrap();
    let accounts: Vec<(&str, usize)> = read.iter().map(|of| (&*of.account, of.attributes.len())).collect();
    assert_eq!(accounts, [("b", 2), ("c", 0), ("a", 1)], "in the vendor's order");
    assert_eq!((&*read[0].attributes["city"], &*read[2].attributes["sex"]), ("x", "1"));

    let failed =
        json!({"ErrorList": [{"To_Account": "b", "ErrorCode": 70107}, {"To_Account": "c", "ErrorCode": "odd"}]});
    let users = [UserAttributeNames::new("a", ["sex", "city"]), UserAttributeNames::new("b", ["sex"])];
    let (sent, read) = exchanged(merged(failed), async |client| client.remove_attributes(&users).await.unwrap());
    let removed = json!([{"To_Account": "a", "Attrs": ["sex", "city"]}, {"To_Account": "b", "Attrs": ["sex"]}]);
    assert_eq!(sent, json!({ "UserAttrs": removed }));
    let read = read.content.unwrap();
    let read: Vec<_> = read.iter().map(|failed| (&*failed.account, failed.code)).collect();
    assert_eq!(read, [("b", Some(70107)), ("c", None)]);

    let refused = json!({"ActionStatus": "FAIL", "ErrorCode": 90033, "ErrorInfo": "why"});
    let (_, read) = exchanged(refused, async |client| client.attributes(&["a"]).await.unwrap());
    assert_eq!((read.is_success(), read.code, &*read.info, read.content), (false, Some(90033), "why", None));
    for odd in [ok(), merged(json!({"UserAttrs": {}})), merged(json!({"UserAttrs": [{"Attrs": {}}]}))] {
        let (_, read) = exchanged(odd, async |client| client.attributes(&["a"]).await.unwrap_err());
        assert_eq!((read.kind(), read.retry()), (Kind::Unreadable, Retry::Backoff), "a success that holds nothing");
    }
}

#[test]
fn a_friends_field_is_a_text_a_list_or_a_number_on_the_wire() {
    let friend = Friend::new("id1")
        .with("Tag_SNS_IM_Remark", TagValue::Text("remark1"))
        .with("Tag_SNS_IM_Group", TagValue::List(vec!["group1", "group2"]))
        .with("Tag_SNS_Custom_Test", TagValue::Integer(i64::MIN));
    let answer = json!({"ErrorCode": 0, "ActionStatus": "OK", "ErrorInfo": "text on success", "Fail_Account": ["id2"], "ResultItem": [
        {"To_Account": "id2", "ResultCode": 30011, "ResultInfo": "why"}, {"ResultCode": 0}, {"To_Account": "id1", "ResultCode": 0},
    ]});
    let (sent, read) = exchanged(answer, async |client| client.update_friends("id", &[friend]).await.unwrap());
    let items = json!([
        {"Tag": "Tag_SNS_IM_Remark", "Value": "remark1"},
        {"Tag": "Tag_SNS_IM_Group", "Value": ["group1", "group2"]},
        {"Tag": "Tag_SNS_Custom_Test", "Value": i64::MIN},
    ]);
    assert_eq!(sent, json!({"From_Account": "id", "UpdateItem": [{"To_Account": "id1", "SnsItem": items}]}));
    let results = read.content.unwrap();
    let items: Vec<_> = results.items.iter().map(|item| (&*item.account, item.code, &*item.info)).collect();
    assert_eq!(items, [("id2", Some(30011), "why"), ("id1", Some(0), "")]);
    assert_eq!((results.failed, &*read.info), (vec!["id2".to_owned()], "text on success"));
}

#[test]
fn what_breaks_the_contract_is_not_sent() {
    let script = Script::by(success);
    let (attributes, friends) = (super::attributes(&script), friends(&script));
    let many = |number: usize| (0..number).map(|nth| format!("u{nth}")).collect::<Vec<_>>();
    let users = |number| many(number).iter().map(|account| city(account)).collect::<Vec<_>>();
    let of_one = |number| many(number).iter().map(|friend| remarked("id", friend)).collect::<Vec<_>>();
    let broken = |outcome: Result<Vec<_>, SinkError>, call: contact_sink_transport::Call| {
        let error = outcome.unwrap_err();
        assert_eq!((error.kind(), error.applied(), error.retry()), (Kind::Contract, Applied::No, Retry::Never));
        assert_eq!(error.operation(), call.operation);
    };
    for batch in
        [vec![], users(MAX_ACCOUNTS + 1), vec![city("a"), city("a")], vec![city("a"), ContactUpdate::new(user("b"))]]
    {
        broken(send(&attributes, &batch), operation::SET_ATTRIBUTES);
    }
    let two_owners = vec![remarked("id", "a"), remarked("other", "b")];
    for batch in [
        vec![],
        of_one(MAX_FRIENDS + 1),
        vec![remarked("id", "a"), remarked("id", "a")],
        two_owners,
        vec![update(contact("a", "b"), &[("city", "x")])],
    ] {
        broken(send(&friends, &batch), operation::UPDATE_FRIENDS);
    }
    assert!(script.requests().is_empty());
    assert_eq!(send(&attributes, &users(MAX_ACCOUNTS)).unwrap().len(), 100);
    assert_eq!(send(&friends, &of_one(MAX_FRIENDS)).unwrap().len(), 1_000);
}

#[test]
fn what_cannot_be_built() {
    use contact_sink_transport::InvalidRequest as E;
    let number = Some(E::Number { most: 10, items: "names" });
    let config = config();
    let (base, caller) = (config.base_url(), Caller { sdk_app_id: 1, identifier: "a", random: 2 });
    let set = |user: UserAttributes<'_>| build_set_attributes(base, caller, &[user]).err();
    assert_eq!(set(UserAttributes::new("a")), Some(E::NothingSet));
    assert_eq!(set(UserAttributes::new("").with("a", "b")), Some(E::Empty));
    assert_eq!(set(UserAttributes::new("a").with("", "b")), Some(E::Empty));
    assert_eq!(set(UserAttributes::new("a").with("a", "")), Some(E::Empty));
    assert_eq!(set(UserAttributes::new("a").with("a", "1").with("b", "2").with("a", "3")), Some(E::FieldTwice));
    let names = |names: &[(u8, &str)]| build_set_attribute_names(base, caller, names).err();
    let eleven: Vec<(u8, String)> = (0..11).map(|number| (number, format!("n{number}"))).collect();
    let eleven: Vec<(u8, &str)> = eleven.iter().map(|(number, name)| (*number, &**name)).collect();
    assert_eq!((names(&[]), names(&eleven), names(&eleven[1..])), (number, number, None));
    assert_eq!(
        (names(&[(0, "a"), (0, "b")]), names(&[(0, "a"), (1, "a")])),
        (Some(E::ItemTwice { items: "names" }), Some(E::FieldTwice))
    );
    assert_eq!(names(&[(0, "")]), Some(E::Empty));
    let friend =
        |value: TagValue<'_>| build_update_friends(base, caller, "o", &[Friend::new("f").with("t", value)]).err();
    assert_eq!(friend(TagValue::Text("")), Some(E::Empty));
    assert_eq!(friend(TagValue::List(vec![])), Some(E::Empty));
    assert_eq!(friend(TagValue::List(vec!["a", ""])), Some(E::Empty));
    assert_eq!(friend(TagValue::Integer(0)), None);
    assert_eq!(
        build_update_friends(base, caller, "", &[Friend::new("f").with("t", TagValue::Integer(0))]).err(),
        Some(E::Empty)
    );
    assert_eq!(build_update_friends(base, caller, "o", &[Friend::new("f")]).err(), Some(E::NothingSet));
}

#[test]
fn a_configuration_that_cannot_be_signed_is_refused() {
    use InvalidConfig as I;
    let of = |app, identifier: &str, key: &str| Config::new(app, identifier, key.into());
    let lives = |seconds| config().with_lifetime(std::time::Duration::from_secs(seconds));
    let hundred_years = 100 * 365 * 24 * 60 * 60;
    let table = [
        (of(1, "a", "k"), None),
        (lives(300), None),
        (lives(hundred_years), None),
        (of(0, "a", "k"), Some(I::NoApp)),
        (of(1, "", "k"), Some(I::EmptyIdentifier)),
        (of(1, "a\nTLS.sdkappid:2", "k"), Some(I::ControlCharacterInIdentifier)),
        (of(1, "a", ""), Some(I::EmptyKey)),
        (of(1, "a", "k\n"), Some(I::SpaceInKey)),
        (of(1, "a", " k"), Some(I::SpaceInKey)),
        (of(1, "a", "k\0k"), Some(I::SpaceInKey)),
        (lives(299), Some(I::Lifetime)),
        (lives(hundred_years + 1), Some(I::Lifetime)),
        (lives(u64::MAX), Some(I::Lifetime)),
    ];
    for (config, expected) in table {
        assert_eq!(config.err(), expected);
        let about_key = expected.is_some_and(InvalidConfig::is_about_key);
        assert_eq!(about_key, matches!(expected, Some(I::EmptyKey | I::SpaceInKey)));
    }
}
