//! What holds for any input and any answer: a request says what was given, and each update has its verdict or all an error.

use std::collections::BTreeMap;

use contact_sink_core::{ErrorCode, Rejection, SinkError, Verdict};
use contact_sink_tencent::{
    Caller, Friend, TagValue, UserAttributes, VENDOR, build_set_attributes, build_update_friends,
    read_get_attribute_names, read_get_attributes, read_remove_attributes, read_set_attribute_names,
    read_set_attributes, read_update_friends,
};
use contact_sink_testkit::{odd_json, parsed, statuses, text};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Script, attributes, city, friends, query, remarked, send};

fn users() -> impl Strategy<Value = BTreeMap<String, BTreeMap<String, String>>> {
    btree_map(text(), btree_map(text(), text(), 1..5), 1..12)
}

/// What may be anywhere.
fn odd() -> impl Strategy<Value = Value> {
    let codes = [0, 0, 0, 30001, 30003, 30006, 90033, 70001, 70107, 60007, 91000, 12345];
    let names = ["ErrorCode", "To_Account", "ResultCode", "ErrorInfo", "ResultInfo"];
    odd_json(&codes, &["a", "b", "c", "OK", "FAIL", "0", "Vtext"], &names)
}

fn code() -> impl Strategy<Value = Value> {
    let codes = vec![0, 0, 0, 0, 30011, 30003, 30006, 90012, 70107, 12345];
    prop_oneof![6 => proptest::sample::select(codes).prop_map(|code| json!(code)), 1 => odd()]
}

/// A list as the vendor has it, with odd entries among them.
fn results(code_name: &'static str) -> impl Strategy<Value = Value> {
    let entry = ("[a-d]", code()).prop_map(move |(account, code)| json!({"To_Account": account, code_name: code}));
    let list = vec(prop_oneof![9 => entry, 1 => odd()], 0..6).prop_map(Value::Array);
    prop_oneof![5 => list, 1 => odd()]
}

fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let status = prop_oneof![4 => Just(json!("OK")), 1 => Just(json!("FAIL")), 1 => odd()];
    let failed =
        prop_oneof![2 => Just(Value::Null), 1 => vec("[a-d]", 0..3).prop_map(|accounts| json!(accounts)), 1 => odd()];
    let parts = (code(), status, results("ErrorCode"), results("ResultCode"), failed, 0..32_u8);
    let answers = parts.prop_map(|(code, status, list, items, failed, parts)| {
        let fields = [
            ("ErrorCode", code),
            ("ActionStatus", status),
            ("ErrorList", list),
            ("ResultItem", items),
            ("Fail_Account", failed),
        ];
        // The vendor's code is seldom left out, its lists often.
        let kept = fields.into_iter().enumerate().filter(|(nth, _)| *nth == 0 || parts & (1 << nth) != 0);
        json!(kept.map(|(_, field)| field).collect::<BTreeMap<_, _>>())
    });
    contact_sink_testkit::bodies(prop_oneof![8 => answers, 1 => odd()].boxed())
}

/// Whether the answer as a whole is a success, read in another way than the library does.
fn went_through(status: u16, answer: &Value) -> bool {
    let is_ok = answer["ActionStatus"].as_str().is_some_and(|status| status.eq_ignore_ascii_case("OK"));
    (200..300).contains(&status) && answer["ErrorCode"].as_i64() == Some(0) && is_ok
}

/// The codes that a list has for an account, `None` for one that is no integer; nothing if there is no list.
fn code_of(rejection: &Rejection) -> Option<i64> {
    rejection.code().and_then(ErrorCode::as_i64)
}

fn codes_of(list: &Value, account: &str, name: &str) -> Vec<Option<i64>> {
    let entries = list.as_array().into_iter().flatten();
    entries.filter(|entry| entry["To_Account"].as_str() == Some(account)).map(|entry| entry[name].as_i64()).collect()
}

fn rejected(verdict: &Verdict) -> Option<&Rejection> {
    if let Verdict::Rejected(rejection) = verdict { Some(rejection) } else { None }
}

/// What is true of every error.
fn check_error(error: &SinkError, status: u16) -> Result<(), TestCaseError> {
    let shown = format!("{error} {error:?} {}", error.advice());
    prop_assert!(!shown.contains("Vtext"), "{}", shown);
    prop_assert_eq!(error.status().unwrap_or(status), status);
    Ok(())
}

/// Whether a list of failed accounts names one that is none of `a`, `b` and `c`.
fn names_another(list: &Value) -> bool {
    let accounts = list.as_array().into_iter().flatten().filter_map(|entry| entry["To_Account"].as_str());
    accounts.into_iter().any(|account| !["a", "b", "c"].contains(&account))
}

proptest! {
    #[test]
    fn what_is_built_is_what_was_given(input in users(), identifier in text(), app: u64, random: u32) {
        let users: Vec<_> = input.iter().map(|(account, fields)| {
            fields.iter().fold(UserAttributes::new(account), |user, (name, value)| user.with(name, value))
        }).collect();
        let caller = Caller { sdk_app_id: app, identifier: &identifier, random };
        let request = build_set_attributes(&"http://127.0.0.1:1/x/".parse().unwrap(), caller, &users).unwrap();
        prop_assert_eq!(request.uri().path(), "/x/v4/all_member_push/im_set_attr");
        let named = |name: &str, value: String| (name.to_owned(), value);
        prop_assert_eq!(query(&request), [
            named("sdkappid", app.to_string()), named("identifier", identifier), named("random", random.to_string()),
            named("contenttype", "json".to_owned()),
        ]);
        let body: Value = serde_json::from_slice(request.body()).unwrap();
        let expected: Vec<Value> = input.iter().map(|(account, fields)| json!({"To_Account": account, "Attrs": fields})).collect();
        prop_assert_eq!(body, json!({ "UserAttrs": expected }));
    }

    #[test]
    fn what_is_built_for_friends_is_what_was_given(input in users(), owner in text(), list in vec(text(), 1..4), number: i64) {
        let texts: Vec<&str> = list.iter().map(String::as_str).collect();
        let friends: Vec<_> = input.iter().map(|(account, fields)| {
            let friend = Friend::new(account).with("\u{1}list", TagValue::List(texts.clone())).with("\u{1}number", TagValue::Integer(number));
            fields.iter().fold(friend, |friend, (tag, value)| friend.with(tag, TagValue::Text(value)))
        }).collect();
        prop_assume!(input.values().all(|fields| !fields.contains_key("\u{1}list") && !fields.contains_key("\u{1}number")));
        let caller = Caller { sdk_app_id: 1, identifier: "a", random: 2 };
        let request = build_update_friends(&"https://h.example".parse().unwrap(), caller, &owner, &friends).unwrap();
        prop_assert_eq!(request.uri().path(), "/v4/sns/friend_update");
        let body: Value = serde_json::from_slice(request.body()).unwrap();
        let item = |(tag, value): (&str, Value)| json!({"Tag": tag, "Value": value});
        let expected: Vec<Value> = input.iter().map(|(account, fields)| {
            let first = [("\u{1}list", json!(list)), ("\u{1}number", json!(number))];
            let items: Vec<Value> = first.into_iter().chain(fields.iter().map(|(tag, value)| (&**tag, json!(value)))).map(item).collect();
            json!({"To_Account": account, "SnsItem": items})
        }).collect();
        prop_assert_eq!(body, json!({"From_Account": owner, "UpdateItem": expected}));
    }

    #[test]
    fn any_answer_on_attributes(status in statuses(), body in bodies()) {
        let outcome = send(&attributes(&Script::new(status, body.clone())), &["a", "b", "c"].map(city));
        let answer = parsed(&body);
        match outcome {
            Err(error) => check_error(&error, status)?,
            Ok(verdicts) => {
                prop_assert_eq!(verdicts.len(), 3);
                for (account, verdict) in ["a", "b", "c"].into_iter().zip(&verdicts) {
                    let codes = codes_of(&answer["ErrorList"], account, "ErrorCode");
                    let listed = codes.is_empty() && !names_another(&answer["ErrorList"]);
                    let failed = answer["Fail_Account"].as_array().into_iter().flatten().filter_map(Value::as_str);
                    let blamed = failed.into_iter().any(|failed| failed == account || !["a", "b", "c"].contains(&failed));
                    let accepts = went_through(status, &answer) && listed && !blamed;
                    prop_assert_eq!(*verdict == Verdict::Accepted, accepts, "{} {}", account, answer);
                    if let Some(rejection) = rejected(verdict) {
                        prop_assert!(codes.contains(&code_of(rejection)) && code_of(rejection) != Some(0), "{} {}", account, answer);
                    }
                    prop_assert_eq!(matches!(verdict, Verdict::Undecided(_)), !went_through(status, &answer));
                }
            }
        }
    }

    #[test]
    fn any_answer_on_friends(status in statuses(), body in bodies()) {
        let outcome = send(&friends(&Script::new(status, body.clone())), &["a", "b", "c"].map(|friend| remarked("o", friend)));
        let answer = parsed(&body);
        match outcome {
            Err(error) => check_error(&error, status)?,
            Ok(verdicts) => {
                prop_assert_eq!(verdicts.len(), 3);
                for (account, verdict) in ["a", "b", "c"].into_iter().zip(&verdicts) {
                    let codes = codes_of(&answer["ResultItem"], account, "ResultCode");
                    let failed = answer["Fail_Account"].as_array().into_iter().flatten().any(|named| named == account);
                    let alike = !codes.is_empty() && codes.iter().all(|code| *code == codes[0]);
                    let accepts = went_through(status, &answer) && alike && codes[0] == Some(0) && !failed;
                    prop_assert_eq!(*verdict == Verdict::Accepted, accepts, "{} {}", account, answer);
                    if let Some(rejection) = rejected(verdict) {
                        let own = alike && codes[0] == code_of(rejection);
                        let of_all = !went_through(status, &answer) && answer["ErrorCode"] == json!(30003);
                        prop_assert!((own || of_all) && code_of(rejection) != Some(0), "{} {}", account, answer);
                        prop_assert_eq!(rejection.is_listed(), code_of(rejection).and_then(|code| VENDOR.find(code)).is_some());
                    }
                }
            }
        }
    }

    #[test]
    fn any_answer_is_read_or_refused_by_every_call(status in statuses(), body in bodies()) {
        let response = http::Response::builder().status(status).body(bytes::Bytes::from(body.clone())).unwrap();
        let success = went_through(status, &parsed(&body));
        let outcomes = [
            read_set_attributes(&response).map(|answer| answer.is_success()),
            read_remove_attributes(&response).map(|answer| answer.is_success()),
            read_get_attributes(&response).map(|answer| answer.is_success()),
            read_set_attribute_names(&response).map(|answer| answer.is_success()),
            read_get_attribute_names(&response).map(|answer| answer.is_success()),
            read_update_friends(&response).map(|answer| answer.is_success()),
        ];
        for outcome in outcomes {
            match outcome {
                Ok(read) => prop_assert_eq!(read, success),
                Err(error) => check_error(&error, status)?,
            }
        }
    }
}
