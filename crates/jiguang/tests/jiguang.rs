//! The Jiguang sink over a scripted transport: properties over any answer, and tables for rules and tokens.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "jiguang/properties.rs"]
mod properties;

use std::sync::Arc;

use contact_sink_core::{
    Applied, ContactSink, ContactUpdate, Effect, Field, Quota, Retry, SinkError, SinkErrorKind, Subject, UserId, Value,
    Verdict,
};
use contact_sink_jiguang::{
    CODES, ChannelKind, Config, JiguangSink, UserChannels, VENDOR, build_set_channels, channel,
};
use contact_sink_testkit::{Script, send};
use contact_sink_transport::{InvalidCredentials, InvalidRequest};

fn sink(script: &Arc<Script>) -> JiguangSink {
    JiguangSink::new(Config::new("100102", "s3cret".into()).unwrap(), script.clone())
}

fn answered(status: u16, body: &str, batch: &[ContactUpdate]) -> Result<Vec<Verdict>, SinkError> {
    send(&sink(&Script::new(status, body.to_owned())), batch)
}

fn user(cuid: i64) -> Subject {
    Subject::User(UserId::from(cuid))
}

fn update(cuid: i64, fields: &[(&str, &str)]) -> ContactUpdate {
    contact_sink_testkit::update(user(cuid), fields)
}

#[test]
fn rules() {
    let sink = sink(&Script::new(200, "")).with_channel(210, ChannelKind::Sms).with_channel(219, ChannelKind::Mail);
    let with = |id: &str, field: &str, value: Value| {
        ContactUpdate::user(UserId::new(id).unwrap()).with(field.parse().unwrap(), value).unwrap()
    };
    let set = |field: &str, value: &str| with("1", field, value.into());
    let contact = Subject::Friend { owner: UserId::from(1), friend: UserId::from(2) };
    let table: Vec<(ContactUpdate, Option<Option<&str>>)> = vec![
        // (the update, None if it is good, Some(the field that is named))
        (set("210/默认联系", "15088888888"), None),
        (set("210/a/b", "15088888888"), None),
        (set("211/默认联系", "1508888888"), None),
        (set("219/默认联系", "15088888888x"), None),
        (set("-1/x", "y"), None),
        (with("9223372036854775807", "219/x", "y".into()), None),
        (with("-5", "219/x", "y".into()), None),
        (ContactUpdate::new(contact).with("219/x".parse().unwrap(), "y").unwrap(), Some(None)),
        (ContactUpdate::new(user(1)), Some(None)),
        (with("007", "219/x", "y".into()), Some(None)),
        (with("+7", "219/x", "y".into()), Some(None)),
        (with("9223372036854775808", "219/x", "y".into()), Some(None)),
        (with("alice", "219/x", "y".into()), Some(None)),
        (set("email", "y"), Some(Some("email"))),
        (set("sms/默认联系", "15088888888"), Some(Some("sms/默认联系"))),
        (set("0210/默认联系", "15088888888"), Some(Some("0210/默认联系"))),
        (set("210/", "15088888888"), Some(Some("210/"))),
        (set("210/x", "1508888888"), Some(Some("210/x"))),
        (set("210/x", "150888888888"), Some(Some("210/x"))),
        (set("210/x", "+8615088888"), Some(Some("210/x"))),
        (set("210/x", " 15088888888"), Some(Some("210/x"))),
        (set("210/x", "１５０８８８８８８８８"), Some(Some("210/x"))),
        (set("210/x", "1508888888８"), Some(Some("210/x"))),
        (set("210/x", "١٥٠٨٨٨٨٨٨٨٨"), Some(Some("210/x"))),
        (with("1", "219/x", Value::List(vec!["y".into()])), Some(Some("219/x"))),
        (set("219/x", "y").with("210/x".parse().unwrap(), "no number").unwrap(), Some(Some("210/x"))),
    ];
    for (update, expected) in table {
        let refused = sink.validate(&update).err();
        let named = refused.as_ref().map(|refusal| refusal.field().map(Field::as_str));
        assert_eq!(named, expected, "{update:?}");
        assert!(refused.is_none_or(|refusal| refusal.is_listed() && refusal.code().is_none()));
    }
}

/// `A` accepted, `R` rejected, `U` undecided: one letter for each user of the batch.
fn letters(verdicts: &[Verdict]) -> String {
    verdicts
        .iter()
        .map(|verdict| match verdict {
            Verdict::Accepted => 'A',
            Verdict::Rejected(_) => 'R',
            Verdict::Undecided(_) => 'U',
            _ => '?',
        })
        .collect()
}

#[test]
fn tokens() {
    let batch = [
        update(1234567, &[("210/默认联系", "15088888888")]),
        update(15088888888, &[("210/自定义联系", "7654321")]),
        update(7654321, &[("219/42", "a@b.example")]),
        update(42, &[("219/ 43 ", "c@d.example")]),
        update(219, &[("219/[8]", "9] [9")]),
        update(43, &[("219/x", "y")]),
        update(8, &[("219/x", "y")]),
        update(-3, &[("219/x", "y")]),
    ];
    let table = [
        ("通道信息保存异常![1234567] CUID不存在", "RUUUUUUU"),
        ("[1234567]", "RUUUUUUU"),
        ("[-3]", "UUUUUUUR"),
        // Something else of the request has that name.
        ("[15088888888] CUID不存在", "UUUUUUUU"),
        ("[7654321] CUID不存在", "UUUUUUUU"),
        ("[42] CUID不存在", "UUUUUUUU"),
        ("[219] CUID不存在", "UUUUUUUU"),
        ("[43] a label that was trimmed", "UUUUUUUU"),
        // More than one pair, or none.
        ("[[8]] 联系标签不存在", "UUUUUUUU"),
        ("[8]]", "UUUUUUUU"),
        ("]8[", "UUUUUUUU"),
        ("[8", "UUUUUUUU"),
        ("8]", "UUUUUUUU"),
        ("] [8]", "UUUUUUUU"),
        ("[1234567] [默认联系]", "UUUUUUUU"),
        ("[默认联系] [1234567]", "UUUUUUUU"),
        ("【8】 CUID不存在", "UUUUUUUU"),
        // Not a CUID of the request as it was sent.
        ("[默认联系] 联系标签不存在", "UUUUUUUU"),
        ("[999] CUID不存在", "UUUUUUUU"),
        ("[08]", "UUUUUUUU"),
        ("[ 8 ]", "UUUUUUUU"),
        ("[8.0]", "UUUUUUUU"),
        ("[]", "UUUUUUUU"),
        ("", "UUUUUUUU"),
    ];
    for (msg, expected) in table {
        let single = serde_json::json!({"code": 4107, "msg": msg}).to_string();
        assert_eq!(letters(&answered(200, &single, &batch).unwrap()), expected, "{msg}");
        let several = serde_json::json!({"code": 4000, "msg": "[8]", "data": [{"code": 4107, "msg": msg}]}).to_string();
        assert_eq!(letters(&answered(400, &several, &batch).unwrap()), expected, "{msg}");
        let other = serde_json::json!({"code": 40002, "msg": msg}).to_string();
        assert_eq!(letters(&answered(200, &other, &batch).unwrap()), "UUUUUUUU", "only 4107 names users: {msg}");
    }
}

/// Also without a word that tells what they are.
#[test]
fn credentials_that_the_vendor_repeats_are_kept_nowhere() {
    // `100102:s3cret`, encoded elsewhere.
    for said in ["s3cret", "you sent 100102:s3cret!", "got MTAwMTAyOnMzY3JldA==", "got MTAwMTAyOnMzY3JldA"] {
        let body = serde_json::json!({"code": 4107, "msg": said}).to_string();
        let verdicts = answered(200, &body, &[update(1, &[("219/x", "y")])]).unwrap();
        let [Verdict::Undecided(refused)] = &verdicts[..] else { panic!("{said}") };
        let text = refused.vendor_text().unwrap();
        assert!(text.contains("***") && !text.contains("s3cret") && !text.contains("MTAw"), "{text}");
    }
}

#[test]
fn the_undecided_carry_what_names_nobody() {
    let batch = [update(1, &[("219/x", "y")]), update(2, &[("219/x", "y")])];
    let entry = |code: i64, msg: &str| serde_json::json!({"code": code, "msg": msg});
    let of = |data: &[serde_json::Value]| {
        let body = serde_json::json!({"code": 4000, "msg": "see data", "data": data}).to_string();
        let Ok([Verdict::Rejected(first), Verdict::Undecided(second)]) = answered(200, &body, &batch)
            .as_deref()
            .map(|verdicts| <[Verdict; 2]>::try_from(verdicts.to_vec()).unwrap())
        else {
            panic!("the first is rejected, the second undecided")
        };
        (first, second)
    };
    let (first, second) = of(&[entry(4107, "[1] CUID"), entry(99, "odd"), entry(40002, "bad")]);
    assert_eq!((first.code(), first.vendor_text()), (Some(&4107.into()), Some("[1] CUID")));
    assert!(first.reason().contains("this CUID"), "told apart from a refused field");
    assert_eq!((second.code(), second.is_listed()), (Some(&99.into()), false));
    assert_eq!(second.vendor_text(), Some("[1] CUID; odd; bad"));
    let (first, second) = of(&[entry(4107, "[1] CUID"), entry(4107, "!"), entry(4107, "[1] again")]);
    assert_eq!(first.vendor_text(), Some("[1] CUID; [1] again"));
    assert_eq!((second.code(), second.is_listed()), (Some(&4107.into()), true));
    let (_, second) = of(&[entry(4107, "[1] CUID")]);
    assert_eq!(
        (second.code(), second.is_listed()),
        (Some(&4107.into()), true),
        "nothing in a failed batch is delivered"
    );
    let long = "长".repeat(5_000);
    let (_, second) = of(&[entry(4107, "[1] CUID"), entry(4107, &long)]);
    assert_eq!(second.vendor_text().unwrap().chars().count(), 301);
}

#[test]
fn what_stops_the_run_stops_it_inside_data_too() {
    let batch = [update(1, &[("219/x", "y")])];
    for code in CODES {
        let Effect::Stops(kind) = code.effect else { continue };
        let single = format!(r#"{{"code":{},"msg":"m"}}"#, code.code);
        let inside =
            format!(r#"{{"code":4000,"msg":"m","data":[{{"code":4107,"msg":"[1]"}},{{"code":{}}}]}}"#, code.code);
        for (body, applied) in [(single, Applied::No), (inside, Applied::Maybe)] {
            for status in [200, 400, 401, 500] {
                let error = answered(status, &body, &batch).unwrap_err();
                assert_eq!(
                    (error.kind(), error.retry(), error.code(), error.applied()),
                    (kind, Retry::Never, Some(&code.code.into()), applied)
                );
            }
        }
    }
}

#[test]
fn what_breaks_the_contract_is_not_sent() {
    let good = update(1, &[("219/x", "y")]);
    let batches = [
        vec![],
        vec![good.clone(); 101],
        vec![good.clone(), ContactUpdate::new(user(2))],
        vec![update(1, &[("x", "y")])],
    ];
    for batch in batches {
        let script = Script::new(200, r#"{"code":0,"msg":"ok"}"#);
        let error = send(&sink(&script), &batch).unwrap_err();
        assert_eq!((error.kind(), error.applied()), (SinkErrorKind::Contract, Applied::No));
        assert!(script.requests().is_empty());
    }
    let base = "https://growth.jiguang.cn".parse().unwrap();
    let refused = |user: UserChannels<'_>| build_set_channels(&base, &[user]).unwrap_err();
    assert_eq!(refused(UserChannels::new(1)), InvalidRequest::NothingSet);
    assert_eq!(refused(UserChannels::new(1).with(2, "", "v")), InvalidRequest::Empty);
    assert_eq!(refused(UserChannels::new(1).with(2, "l", "")), InvalidRequest::Empty);
    assert_eq!(
        refused(UserChannels::new(1).with(2, "l", "a").with(3, "l", "b").with(2, "l", "c")),
        InvalidRequest::FieldTwice
    );
}

#[test]
fn credentials_that_basic_cannot_carry() {
    use InvalidCredentials as I;
    let table = [
        ("", "s", I::EmptyId),
        ("a:b", "s", I::Colon),
        ("a", "", I::EmptySecret),
        ("a", "s\n", I::ControlCharacterInSecret),
        ("a\u{7f}", "s", I::ControlCharacterInId),
    ];
    for (id, secret, expected) in table {
        assert_eq!(Config::new(id, secret.into()).err(), Some(expected));
    }
    assert!(Config::new("a", "b:c".into()).is_ok(), "a colon in the secret is fine");
}

#[test]
fn the_header_is_sensitive_and_the_limits_are_the_documents() {
    let script = Script::new(200, r#"{"code":0,"msg":"ok"}"#);
    let sink = sink(&script);
    assert_eq!(letters(&send(&sink, &[update(1, &[("219/x", "y")])]).unwrap()), "A");
    let requests = script.requests();
    assert_eq!(requests.len(), 1);
    assert!(requests[0].headers()[http::header::AUTHORIZATION].is_sensitive());
    assert!(!format!("{:?} {sink:?}", requests[0].headers()).contains("s3cret"));
    let limits = sink.limits();
    assert_eq!((limits.max_updates.get(), limits.quota), (100, Some("100/s".parse().unwrap())));
    assert_eq!(sink.clone().with_quota(None).limits().quota, None);
    let slower: Quota = "10/s".parse().unwrap();
    assert_eq!(sink.with_quota(slower).limits().quota, Some(slower));
}

#[test]
fn the_table_has_each_code_once() {
    for line in CODES {
        assert_eq!(VENDOR.find(line.code), Some(line));
    }
    assert_eq!(VENDOR.find(1), None);
    assert!(channel(1, "").is_err() && channel(1, "a\nb").is_err() && channel(1, &"x".repeat(600)).is_err());
    assert_eq!(channel(210, "默认联系").unwrap().as_str(), "210/默认联系");
}
