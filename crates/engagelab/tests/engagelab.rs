//! The EngageLab sink over a scripted transport: tables for rules, verdicts, regions and credentials, and properties over
//! any answer.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "engagelab/properties.rs"]
mod properties;

use std::sync::Arc;
use std::time::Duration;

use contact_sink_core::{
    Applied, BatchKey, ContactSink, ContactUpdate, Effect, ErrorCode, Field, FieldKind, Overlap, Quota, Retry,
    SinkError, SinkErrorKind as Kind, Subject, UserId, Value, Verdict,
};
use contact_sink_engagelab::{
    CODES, CONTACTS, Config, EngageLabSink, UserContacts, VENDOR, build_set_contacts, contact, kind, region,
};
use contact_sink_testkit::{Script, send};
use contact_sink_transport::{InvalidCredentials, InvalidRequest, Region, TransportError, TransportErrorKind};

fn config() -> Config {
    Config::new("the-key", "s3cret".into()).unwrap()
}

fn sink(script: &Arc<Script>) -> EngageLabSink {
    EngageLabSink::new(config(), script.clone())
}

fn user(euid: i64) -> Subject {
    Subject::User(UserId::from(euid))
}

fn update(euid: i64, fields: &[(&str, &str)]) -> ContactUpdate {
    contact_sink_testkit::update(user(euid), fields)
}

fn email() -> ContactUpdate {
    update(10362473, &[("email", "12@gmail.com")])
}

#[test]
fn rules() {
    let sink = sink(&Script::new(200, ""));
    let with = |id: &str, field: &str, value: Value| {
        ContactUpdate::user(UserId::new(id).unwrap()).with(field.parse().unwrap(), value).unwrap()
    };
    let contact = Subject::Friend { owner: UserId::from(1), friend: UserId::from(2) };
    let list = || Value::List(vec!["y".into()]);
    let table: Vec<(ContactUpdate, Option<Option<&str>>)> = vec![
        // (the update, None if it is good, Some(the field that is named))
        (with("10362473", "email", "12@gmail.com".into()), None),
        (with("0", "mobile_phone", "no number".into()), None),
        (with("-5", "line_id", " ".into()), None),
        (with("9223372036854775807", "邮箱", "长".repeat(10_000).into()), None),
        (with("-9223372036854775808", "a b/c", "y".into()), None),
        (ContactUpdate::new(contact).with("email".parse().unwrap(), "y").unwrap(), Some(None)),
        (ContactUpdate::new(user(1)), Some(None)),
        (with("007", "email", "y".into()), Some(None)),
        (with("+7", "email", "y".into()), Some(None)),
        (with("-0", "email", "y".into()), Some(None)),
        (with("9223372036854775808", "email", "y".into()), Some(None)),
        (with("alice", "email", "y".into()), Some(None)),
        (with("7 ", "email", "y".into()), Some(None)),
        (with("1", "email", list()), Some(Some("email"))),
        (email().with("mobile_phone".parse().unwrap(), list()).unwrap(), Some(Some("mobile_phone"))),
    ];
    for (update, expected) in table {
        let refused = sink.validate(&update).err();
        let named = refused.as_ref().map(|refusal| refusal.field().map(Field::as_str));
        assert_eq!(named, expected, "{update:?}");
        assert!(refused.is_none_or(|refusal| refusal.is_listed() && refusal.code().is_none()));
    }
}

/// `A` accepted, `R` rejected, `U` undecided; what stops the run, or asks for another try, by its kind.
fn word(outcome: &Result<Vec<Verdict>, SinkError>) -> String {
    match outcome.as_deref() {
        Ok([Verdict::Accepted]) => "A".to_owned(),
        Ok([Verdict::Rejected(_)]) => "R".to_owned(),
        Ok([Verdict::Undecided(_)]) => "U".to_owned(),
        Ok(_) => panic!("one verdict"),
        Err(error) => format!("{:?}", error.kind()),
    }
}

fn rejection(outcome: Result<Vec<Verdict>, SinkError>) -> contact_sink_core::Rejection {
    match outcome.unwrap().pop() {
        Some(Verdict::Rejected(rejection) | Verdict::Undecided(rejection)) => rejection,
        verdict => panic!("{verdict:?} is no refusal"),
    }
}

#[test]
fn verdicts() {
    #[rustfmt::skip]
    let table = [
        // code: None is none that can be read
        //                 200           400            401            413            422            429          500
        (None,        ["Unreadable",  "U",           "Credentials", "U",           "U",           "Throttled", "Unavailable"]),
        (Some(0),     ["A",           "U",           "Credentials", "U",           "U",           "Throttled", "Unavailable"]),
        (Some(55014), ["R",           "R",           "R",           "R",           "R",           "R",         "R"]),
        (Some(40007), ["R",           "R",           "R",           "R",           "R",           "R",         "R"]),
        (Some(40050), ["Credentials", "Credentials", "Credentials", "Credentials", "Credentials", "Credentials", "Credentials"]),
        (Some(50031), ["Credentials", "Credentials", "Credentials", "Credentials", "Credentials", "Credentials", "Credentials"]),
        (Some(50034), ["Credentials", "Credentials", "Credentials", "Credentials", "Credentials", "Credentials", "Credentials"]),
        (Some(50074), ["Credentials", "Credentials", "Credentials", "Credentials", "Credentials", "Credentials", "Credentials"]),
        // What the table lacks decides at 2xx, 400 and 422 only.
        (Some(777),   ["R",           "R",           "Credentials", "U",           "R",           "Throttled", "Unavailable"]),
        (Some(-1),    ["R",           "R",           "Credentials", "U",           "R",           "Throttled", "Unavailable"]),
    ];
    for (code, expected) in table {
        let odd =
            [r#"{"code":"0","message":"m"}"#, r#"{"message":"m"}"#, r#"{"code":0.0}"#, r#"[0,"m"]"#, "<html>", ""];
        let bodies = match code {
            Some(code) => vec![format!(r#"{{"code":{code},"message":"m"}}"#), format!(r#"{{"code":{code}}}"#)],
            None => odd.map(str::to_owned).to_vec(),
        };
        for (status, expected) in [200, 400, 401, 413, 422, 429, 500].into_iter().zip(expected) {
            for body in &bodies {
                let outcome = send(&sink(&Script::new(status, body.clone())), &[email()]);
                assert_eq!(word(&outcome), expected, "{body} at {status}");
                if let Err(error) = outcome {
                    assert_eq!(
                        (error.status(), error.code().and_then(ErrorCode::as_i64)),
                        (Some(status), code),
                        "{body} at {status}"
                    );
                    let listed = code.and_then(|code| VENDOR.find(code)).filter(|line| line.effect != Effect::Accepts);
                    let by_status = if status == 401 { VENDOR.credentials_advice } else { error.kind().advice() };
                    assert_eq!(error.advice(), listed.map_or(by_status, |line| line.advice));
                } else if expected != "A" {
                    let refused = rejection(outcome);
                    assert_eq!(
                        refused.code().and_then(ErrorCode::as_i64),
                        code.filter(|&code| code != 0),
                        "{body} at {status}"
                    );
                    assert_eq!(refused.is_listed(), matches!(code, Some(55014 | 40007)), "{body} at {status}");
                    assert_eq!(
                        refused.vendor_text(),
                        body.contains(r#""m""#).then_some("m").filter(|_| !body.starts_with('['))
                    );
                }
            }
        }
    }
    let known: Vec<i64> =
        table.iter().filter_map(|(code, _)| *code).filter(|code| VENDOR.find(*code).is_some()).collect();
    assert_eq!(CODES.len(), known.len(), "each line of the table stands here");
    assert_eq!(VENDOR.find(1), None);
    for line in CODES {
        assert_eq!(VENDOR.find(line.code), Some(line), "each code once");
    }
}

#[test]
fn an_exchange_that_failed_says_whether_it_may_be_applied() {
    for (kind, expected) in [
        (TransportErrorKind::Connect, (Kind::Connect, Applied::No, Retry::Backoff)),
        (TransportErrorKind::Certificate, (Kind::Certificate, Applied::No, Retry::Never)),
        (TransportErrorKind::Timeout, (Kind::Timeout, Applied::Maybe, Retry::Backoff)),
    ] {
        let script = Script::slow(Duration::ZERO, move |_| Err(TransportError::new(kind, "detail")));
        let error = send(&sink(&script), &[email()]).unwrap_err();
        assert_eq!((error.kind(), error.applied(), error.retry()), expected);
        assert!(error.to_string().starts_with("engagelab set contacts: "), "{error}");
        assert_eq!(script.requests().len(), 1, "one request, and no other try");
    }
}

#[test]
fn what_breaks_the_contract_is_not_sent() {
    for batch in [vec![], vec![email(), update(2, &[("email", "y")])], vec![ContactUpdate::new(user(2))]] {
        let script = Script::new(200, r#"{"code":0,"message":"success"}"#);
        let error = send(&sink(&script), &batch).unwrap_err();
        assert_eq!((error.kind(), error.applied(), error.retry()), (Kind::Contract, Applied::No, Retry::Never));
        assert!(script.requests().is_empty());
    }
    let refused = |user: UserContacts<'_>| build_set_contacts(&config().base_url, &user).unwrap_err();
    assert_eq!(refused(UserContacts::new(1)), InvalidRequest::NothingSet);
    assert_eq!(refused(UserContacts::new(1).with("", "v")), InvalidRequest::Empty);
    assert_eq!(refused(UserContacts::new(1).with("email", "")), InvalidRequest::Empty);
    assert_eq!(refused(UserContacts::new(1).with("a", "1").with("b", "2").with("a", "3")), InvalidRequest::FieldTwice);
}

#[test]
fn regions() {
    let table = [
        (region::SINGAPORE, "singapore", "https://ma-api.engagelab.com/v1/user/contact"),
        (region::VIRGINIA, "virginia", "https://ma-api-usva.engagelab.com/v1/user/contact"),
    ];
    assert_eq!(table.map(|(region, ..)| region), region::ALL);
    assert_eq!(config().base_url, region::SINGAPORE.base_url());
    for (region, name, url) in table {
        assert_eq!((region.name, Region::find(region::ALL, name)), (name, Some(region)));
        let script = Script::new(200, r#"{"code":0}"#);
        let sink = EngageLabSink::new(config().with_region(region), script.clone());
        assert_eq!(word(&send(&sink, &[email()])), "A");
        assert_eq!(script.requests()[0].uri(), url);
    }
    for name in ["", "Singapore", "sg", "virginia "] {
        assert_eq!(Region::find(region::ALL, name), None, "{name}");
    }
    let gateway = config().with_base_url("http://127.0.0.1:9/gateway/".parse().unwrap());
    let request = build_set_contacts(&gateway.base_url, &UserContacts::new(1).with("email", "y")).unwrap();
    assert_eq!(request.uri(), "http://127.0.0.1:9/gateway/v1/user/contact", "no double slash");
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
    for (key, secret, expected) in table {
        assert_eq!(Config::new(key, secret.into()).err(), Some(expected));
    }
    assert!(Config::new("a", "b:c".into()).is_ok(), "a colon in the secret is fine");
}

#[test]
fn the_request_is_the_documents_and_the_limits_are_its_neighbours() {
    let script = Script::new(200, r#"{"code":0,"message":"success"}"#);
    let sink = sink(&script);
    assert_eq!(word(&send(&sink, &[update(7, &[("mobile_phone", "1"), ("email", "a@b")])])), "A");
    let requests = script.requests();
    assert_eq!(requests[0].method(), http::Method::POST);
    assert_eq!(requests[0].headers()[http::header::CONTENT_TYPE], "application/json");
    assert_eq!(requests[0].body(), r#"{"euid":7,"contacts":{"mobile_phone":"1","email":"a@b"}}"#);
    let credentials = &requests[0].headers()[http::header::AUTHORIZATION];
    assert_eq!(credentials, "Basic dGhlLWtleTpzM2NyZXQ=");
    assert!(credentials.is_sensitive());
    let limits = sink.limits();
    assert_eq!((limits.max_updates.get(), limits.overlap), (1, Overlap::Free));
    assert_eq!(limits.quota.map(|quota| (quota.requests.get(), quota.per)), Some((1_000, Duration::from_secs(60))));
    assert_eq!(sink.batch_key(&email()), BatchKey::any());
    assert_eq!(sink.clone().with_quota(None).limits().quota, None);
    let slower: Quota = "10/s".parse().unwrap();
    assert_eq!(sink.with_quota(slower).limits().quota, Some(slower));
}

#[test]
fn a_contact_is_named_as_the_vendor_does() {
    use contact_sink_engagelab::{email, landline_phone, mobile_phone, whatsapp_phone};
    let fields = [email(), mobile_phone(), landline_phone(), whatsapp_phone()];
    for (field, (name, what)) in fields.iter().zip(CONTACTS) {
        assert_eq!((field.as_str(), kind(field)), (name, what));
        assert_eq!(contact(name).as_ref(), Ok(field));
    }
    assert_eq!(contact("line_id").map(|field| kind(&field)), Ok(FieldKind::Text));
    assert!(contact("").is_err() && contact("a\nb").is_err() && contact(&"x".repeat(600)).is_err());
}
