//! What holds for any input and any answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contact_sink_core::{ContactSink, ContactUpdate, ErrorCode, UserId, Verdict};
use contact_sink_delivery::{Delivery, Options, Outcome};
use contact_sink_engagelab::{
    Config, EngageLab, EngageLabSink, UserContacts, build_set_contacts, find_code, read_set_contacts,
};
use futures_util::stream;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Script, send, sink, update, user};

fn text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[\\[\\]\"\\\\/0-9默\u{0}-\u{1f}]{1,12}"]
        .prop_filter("not empty", |text| !text.is_empty())
}

/// What a gateway, a vendor or a hostile server may put where the vendor has a code or a text.
fn odd() -> impl Strategy<Value = Value> {
    let codes = vec![0, 1, 55014, 40007, 40050, 50031, 12345];
    let leaf = prop_oneof![
        4 => proptest::sample::select(codes.clone()).prop_map(|code| json!(code)),
        1 => any::<f64>().prop_map(|number| json!(number)),
        1 => any::<i64>().prop_map(|number| json!(number)),
        1 => any::<bool>().prop_map(|yes| json!(yes)),
        1 => Just(Value::Null),
        1 => "Vtext|".prop_map(|text| json!(text)),
        1 => proptest::sample::select(codes).prop_map(|code| json!(code.to_string())),
    ];
    leaf.prop_recursive(3, 16, 3, |inner| {
        let name = proptest::sample::select(vec!["code", "message", "data"]);
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::Array),
            btree_map(name.prop_map(str::to_owned), inner, 0..3).prop_map(|fields| json!(fields)),
        ]
    })
}

fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let answers = (odd(), odd()).prop_map(|(code, message)| json!({"code": code, "message": message}));
    let json = prop_oneof![3 => answers, 1 => odd()].prop_map(|value| value.to_string().into_bytes());
    prop_oneof![
        6 => json.clone(),
        1 => (json.clone(), any::<prop::sample::Index>()).prop_map(|(mut body, at)| { body.truncate(at.index(body.len() + 1)); body }),
        1 => json.prop_map(|body| [b"\xEF\xBB\xBF".as_slice(), &body].concat()),
        2 => vec(any::<u8>(), 0..64),
    ]
}

fn statuses() -> impl Strategy<Value = u16> {
    let usual = vec![200, 201, 204, 302, 400, 401, 403, 404, 405, 413, 422, 429, 500, 502, 503];
    prop_oneof![3 => proptest::sample::select(usual), 1 => 100..1000_u16]
}

/// Delivers on paused time; the outcomes in the order of the updates.
fn delivered(sink: EngageLabSink, updates: Vec<ContactUpdate>) -> Vec<Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let delivery = Delivery::new(sink, Options::for_run());
        let mut outcomes = delivery.deliver_all(stream::iter(updates.into_iter().enumerate()));
        let mut all = BTreeMap::new();
        while let Some((row, outcome)) = outcomes.next().await {
            assert_eq!(all.insert(row, outcome), None, "one outcome for each");
        }
        all.into_values().collect()
    })
}

proptest! {
    #[test]
    fn what_is_built_is_what_was_given(euid: i64, fields in btree_map(text(), text(), 1..6)) {
        let contacts = fields.iter().fold(UserContacts::new(euid), |user, (name, value)| user.with(name, value));
        prop_assert_eq!((contacts.euid(), contacts.contacts().len()), (euid, fields.len()));
        let request = build_set_contacts(&"http://127.0.0.1:1/x/".parse().unwrap(), &contacts).unwrap();
        prop_assert_eq!(request.uri().path(), "/x/v1/user/contact");
        prop_assert!(!request.headers().contains_key(http::header::AUTHORIZATION), "credentials come later");
        let body: Value = serde_json::from_slice(request.body()).unwrap();
        prop_assert_eq!(body, json!({"euid": euid, "contacts": fields}));
    }

    #[test]
    fn any_answer_gives_one_verdict_or_an_error(status in statuses(), body in bodies()) {
        let outcome = send(&sink(&Script::new(status, body.clone())), &[update(1, &[("email", "y")])]);
        let answer = read_set_contacts(&http::Response::builder().status(status).body(body.clone().into()).unwrap());
        prop_assert_eq!(outcome.is_ok(), answer.is_ok());
        let read: Value = serde_json::from_slice(body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&body)).unwrap_or_default();
        let code = read.get("code").and_then(Value::as_i64);
        match outcome {
            Ok(verdicts) => {
                prop_assert_eq!(verdicts.len(), 1);
                let accepts = (200..300).contains(&status) && code == Some(0);
                prop_assert_eq!(verdicts[0] == Verdict::Accepted, accepts);
                if let Verdict::Rejected(rejection) = &verdicts[0] {
                    prop_assert_eq!(rejection.code().and_then(ErrorCode::as_i64), code);
                    let decides = (200..300).contains(&status) || [400, 422].contains(&status);
                    prop_assert!(rejection.is_listed() || decides, "what the table lacks decides at these only");
                    prop_assert_eq!(rejection.is_listed(), code.is_some_and(|code| find_code(code).is_some()));
                }
            }
            Err(error) => {
                let shown = format!("{error} {error:?} {}", error.advice());
                prop_assert!(!shown.contains("Vtext"));
                prop_assert_eq!(error.status(), Some(status));
            }
        }
    }

    #[test]
    fn nothing_shows_a_secret_an_id_or_a_value(
        secret in "S[a-z]{20}", euid in 100_000_000_000_i64.., value in "V[a-z]{20}", code in 0..5_usize, status in statuses()
    ) {
        let code = [0, 55014, 40050, 77, 40007][code];
        let script = Script::new(status, json!({"code": code, "message": format!("{euid} {value}")}).to_string());
        let config = Config::new("the-key", secret.clone().into());
        let client = EngageLab::new(config.clone(), script.clone());
        let sink = EngageLabSink::from(client.clone());
        let outcome = send(&sink, &[update(euid, &[("email", &value)])]);
        let broken = send(&sink, &[ContactUpdate::new(user(euid))]).unwrap_err();
        let foreign = ContactUpdate::user(UserId::new(&value).unwrap());
        let refused = sink.validate(&foreign.with("email".parse().unwrap(), vec![value.clone()]).unwrap()).unwrap_err();
        let answer = read_set_contacts(&http::Response::builder().status(status).body(script.answer.clone().unwrap().1).unwrap());
        let contacts = UserContacts::new(euid).with("email", &value);
        let mut shown = format!("{config:?}{config:#?}{client:?}{sink:?}{outcome:?}{broken:?}{broken}{refused:?}{refused}");
        shown += &format!("{answer:?}{contacts:?}{:?}{:?}", user(euid), script.requests.lock().unwrap()[0].headers());
        if let Err(error) = &outcome {
            shown += &error.to_string();
        }
        for verdict in outcome.iter().flatten() {
            if let Verdict::Rejected(rejection) | Verdict::Undecided(rejection) = verdict {
                shown += &rejection.to_string();
                prop_assert!(rejection.vendor_text().is_some_and(|text| text.contains(&value)), "for the dead letter");
            }
        }
        let encoded = STANDARD.encode(format!("the-key:{secret}"));
        for hidden in [secret, encoded, euid.to_string(), value] {
            prop_assert!(!shown.contains(&hidden), "{}", shown);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn every_request_that_delivery_makes_sets_one_user_once(rows in vec((0..9_i64, "[a-z]{1,5}"), 1..60)) {
        let script = Script::new(200, r#"{"code":0,"message":"success"}"#);
        let updates = rows.iter().map(|(euid, value)| update(*euid, &[("email", value)])).collect();
        let sink = EngageLabSink::new(super::config(), Arc::<Script>::clone(&script));
        prop_assert_eq!(delivered(sink, updates), vec![Outcome::Accepted; rows.len()]);
        let mut sent: BTreeMap<i64, Vec<String>> = BTreeMap::new();
        for request in script.requests.lock().unwrap().iter() {
            let body: Value = serde_json::from_slice(request.body()).unwrap();
            let value = body["contacts"]["email"].as_str().unwrap().to_owned();
            sent.entry(body["euid"].as_i64().unwrap()).or_default().push(value);
        }
        let mut given: BTreeMap<i64, Vec<String>> = BTreeMap::new();
        rows.into_iter().for_each(|(euid, value)| given.entry(euid).or_default().push(value));
        prop_assert_eq!(sent, given, "each update in a request of its own, a user's in their order");
    }
}
