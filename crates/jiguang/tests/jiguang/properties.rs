//! What holds for any input and any answer.

use std::collections::BTreeMap;

use contact_sink_core::{ContactSink, ContactUpdate, Field, UserId, Verdict};
use contact_sink_jiguang::{
    ChannelField, ChannelKind, Config, DEFAULT_LABEL, Jiguang, JiguangSink, UserChannels, build_set_channels, channel,
    default_label, read_set_channels,
};
use contact_sink_testkit::{Script, Shown, odd_json, parsed, send, statuses, text};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{sink, update, user};

type Fields = BTreeMap<(i64, String), String>;

fn users() -> impl Strategy<Value = Vec<(i64, Fields)>> {
    let fields = btree_map((prop_oneof![any::<i64>(), 0..4_i64], text()), text(), 1..5);
    vec((any::<i64>(), fields), 1..20)
}

/// What may be where the vendor has a code, a text or a list.
fn odd() -> impl Strategy<Value = Value> {
    let codes = [0, 1, 4000, 4107, 40002, 40011, 40050, 50031, 12345];
    let texts = ["[1] CUID不存在", "[2]", "[[1]]", "[默认联系]", "[1] [2]", ""];
    odd_json(&codes, &texts, &["code", "msg", "data", "cuid"])
}

fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let answers = (odd(), odd(), odd()).prop_map(|(code, msg, data)| json!({"code": code, "msg": msg, "data": data}));
    contact_sink_testkit::bodies(prop_oneof![answers, odd()].boxed())
}

proptest! {
    #[test]
    fn what_is_built_is_what_was_given(input in users()) {
        let users: Vec<_> = input.iter().map(|(cuid, fields)| {
            fields.iter().fold(UserChannels::new(*cuid), |user, ((id, label), value)| user.with(*id, label, value))
        }).collect();
        let request = build_set_channels(&"http://127.0.0.1:1/x/".parse().unwrap(), &users).unwrap();
        prop_assert_eq!(request.uri().path(), "/x/smartop/api/v1/user/channel/batch");
        let body: Value = serde_json::from_slice(request.body()).unwrap();
        let read: Vec<(i64, Fields)> = body.as_array().unwrap().iter().map(|user| {
            let channels = user["channels"].as_array().unwrap();
            let mut ids: Vec<i64> = channels.iter().map(|channel| channel["id"].as_i64().unwrap()).collect();
            ids.sort_unstable();
            ids.dedup();
            assert_eq!(ids.len(), channels.len(), "a channel is named once");
            let fields = channels.iter().flat_map(|channel| {
                channel["channelValues"].as_object().unwrap().iter().map(|(label, value)| {
                    ((channel["id"].as_i64().unwrap(), label.clone()), value.as_str().unwrap().to_owned())
                })
            });
            (user["cuid"].as_i64().unwrap(), fields.collect())
        }).collect();
        prop_assert_eq!(read, input);
    }

    #[test]
    fn any_answer_gives_one_verdict_for_each_update_or_an_error(
        status in statuses(), body in bodies(), cuids in btree_map(-2..5_i64, "[0-9]{1,2}|默认联系", 1..6)
    ) {
        let batch: Vec<_> = cuids.iter().map(|(cuid, value)| update(*cuid, &[("219/默认联系", value)])).collect();
        let outcome = send(&sink(&Script::new(status, body.clone())), &batch);
        let answer = read_set_channels(&http::Response::builder().status(status).body(body.clone().into()).unwrap());
        prop_assert_eq!(outcome.is_ok(), answer.is_ok());
        let read = parsed(&body);
        match outcome {
            Ok(verdicts) => {
                prop_assert_eq!(verdicts.len(), batch.len());
                let accepted = verdicts.iter().filter(|verdict| matches!(verdict, Verdict::Accepted)).count();
                prop_assert!(accepted == 0 || accepted == batch.len(), "nothing in a failed batch is accepted");
                if accepted > 0 {
                    prop_assert!((200..300).contains(&status));
                    prop_assert_eq!(read.get("code").and_then(Value::as_i64), Some(0));
                }
                if verdicts.iter().any(|verdict| matches!(verdict, Verdict::Rejected(_))) {
                    prop_assert!(String::from_utf8_lossy(&body).contains("4107"));
                }
            }
            Err(error) => {
                let shown = format!("{error} {error:?} {}", error.advice());
                prop_assert!(!shown.contains("CUID") && !shown.contains("默认联系"));
            }
        }
    }

    #[test]
    fn an_address_reads_back(id in any::<i64>(), label in "\\PC{1,40}") {
        prop_assert_eq!(Ok(default_label(id)), channel(id, DEFAULT_LABEL));
        let field = channel(id, &label).unwrap();
        let read = field.as_str().parse::<ChannelField>().unwrap();
        prop_assert_eq!((read.id(), read.label()), (id, &*label));
        prop_assert_eq!(&read.to_string().parse::<ChannelField>().unwrap(), &read);
        prop_assert_eq!(Field::from(read), field);
    }

    #[test]
    fn any_text_is_an_address_in_one_spelling_or_refused(text in "\\PC{0,40}|[-+0-9]{0,20}/?\\PC{0,5}") {
        if let Ok(read) = text.parse::<ChannelField>() {
            prop_assert_eq!(format!("{}/{}", read.id(), read.label()), text);
        }
    }

    #[test]
    fn nothing_shows_a_secret_an_id_or_a_value(
        secret in "S[a-z]{20}", cuid in 100_000_000_000_i64.., value in "V[a-z]{20}", code in 0..5_usize, status in statuses()
    ) {
        let code = [0, 4000, 4107, 40050, 77][code];
        let body = json!({"code": code, "msg": format!("[{cuid}] {value}"), "data": [{"code": 4107, "msg": value}]});
        let script = Script::new(status, body.to_string());
        let config = Config::new("100102", secret.clone().into()).unwrap();
        let client = Jiguang::new(config.clone(), script.clone());
        let sink = JiguangSink::from(client.clone()).with_channel(210, ChannelKind::Sms);
        let mut shown = Shown::default();
        shown.outcome(&send(&sink, &[update(cuid, &[("219/x", &value)])]));
        shown.both(&sink.validate(&update(cuid, &[("210/x", &value)])).unwrap_err());
        shown.both(&sink.validate(&ContactUpdate::user(UserId::new(&value).unwrap())).unwrap_err());
        shown.debug(&read_set_channels(&http::Response::builder().status(status).body(body.to_string().into()).unwrap()));
        let users = UserChannels::new(cuid).with(1, "x", &value);
        for what in [&config as &dyn std::fmt::Debug, &client, &sink, &users, &user(cuid), script.requests()[0].headers()] {
            shown.debug(what);
        }
        let hidden = [secret, cuid.to_string(), value];
        prop_assert_eq!(shown.hides(hidden.iter().map(String::as_str)), Ok(()));
    }
}
