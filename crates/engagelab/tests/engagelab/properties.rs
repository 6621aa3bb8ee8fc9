//! What holds for any input and any answer.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contact_sink_core::{ContactSink, ContactUpdate, ErrorCode, UserId, Verdict};
use contact_sink_delivery::Outcome;
use contact_sink_engagelab::{
    Config, EngageLab, EngageLabSink, UserContacts, VENDOR, build_set_contacts, read_set_contacts,
};
use contact_sink_testkit::{Script, Shown, block_on, deliver, odd_json, parsed, send, statuses, text};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{sink, update, user};

/// What may be where the vendor has a code or a text.
fn odd() -> impl Strategy<Value = Value> {
    odd_json(&[0, 1, 55014, 40007, 40050, 50031, 12345], &["Vtext"], &["code", "message", "data"])
}

fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let answers = (odd(), odd()).prop_map(|(code, message)| json!({"code": code, "message": message}));
    contact_sink_testkit::bodies(prop_oneof![3 => answers, 1 => odd()].boxed())
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
        let read = parsed(&body);
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
                    prop_assert_eq!(rejection.is_listed(), code.is_some_and(|code| VENDOR.find(code).is_some()));
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
        let config = Config::new("the-key", secret.clone().into()).unwrap();
        let client = EngageLab::new(config.clone(), script.clone());
        let sink = EngageLabSink::from(client.clone());
        let mut shown = Shown::default();
        let outcome = send(&sink, &[update(euid, &[("email", &value)])]);
        shown.outcome(&outcome);
        shown.outcome(&send(&sink, &[ContactUpdate::new(user(euid))]));
        let foreign = ContactUpdate::user(UserId::new(&value).unwrap());
        shown.both(&sink.validate(&foreign.with("email".parse().unwrap(), vec![value.clone()]).unwrap()).unwrap_err());
        let body = json!({"code": code, "message": format!("{euid} {value}")}).to_string();
        shown.debug(&read_set_contacts(&http::Response::builder().status(status).body(body.into()).unwrap()));
        let contacts = UserContacts::new(euid).with("email", &value);
        for what in [&config as &dyn std::fmt::Debug, &client, &sink, &contacts, &user(euid), script.requests()[0].headers()] {
            shown.debug(what);
        }
        for verdict in outcome.iter().flatten() {
            if let Verdict::Rejected(rejection) | Verdict::Undecided(rejection) = verdict {
                let text = rejection.vendor_text();
                prop_assert!(text.is_some_and(|text| text.contains(&value)), "for the file of rejected rows");
            }
        }
        let encoded = STANDARD.encode(format!("the-key:{secret}"));
        let hidden = [secret, encoded, euid.to_string(), value];
        prop_assert_eq!(shown.hides(hidden.iter().map(String::as_str)), Ok(()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn every_request_that_delivery_makes_sets_one_user_once(rows in vec((0..9_i64, "[a-z]{1,5}"), 1..60)) {
        let script = Script::new(200, r#"{"code":0,"message":"success"}"#);
        let updates = rows.iter().map(|(euid, value)| update(*euid, &[("email", value)])).collect();
        let sink = EngageLabSink::new(super::config(), script.clone());
        prop_assert_eq!(block_on(deliver(sink, updates)).0, vec![Outcome::Accepted; rows.len()]);
        let mut sent: BTreeMap<i64, Vec<String>> = BTreeMap::new();
        for request in script.requests() {
            let body: Value = serde_json::from_slice(request.body()).unwrap();
            let value = body["contacts"]["email"].as_str().unwrap().to_owned();
            sent.entry(body["euid"].as_i64().unwrap()).or_default().push(value);
        }
        let mut given: BTreeMap<i64, Vec<String>> = BTreeMap::new();
        rows.into_iter().for_each(|(euid, value)| given.entry(euid).or_default().push(value));
        prop_assert_eq!(sent, given, "each update in a request of its own, a user's in their order");
    }
}
