//! Reading an answer field by field: nothing makes it panic, and what is not plainly there is not there.

use std::collections::BTreeMap;

use contact_sink_transport::json::{self, RawValue};
use http::{Method, header};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

#[derive(Default, serde::Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    code: Option<&'a RawValue>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

fn read(body: &[u8]) -> Option<(Option<i64>, Option<String>)> {
    json::object(&json::readable(body)).map(|answer: Answer<'_>| (json::integer(answer.code), json::text(answer.data)))
}

fn raw(value: &str) -> Box<RawValue> {
    RawValue::from_string(value.to_owned()).unwrap()
}

#[test]
fn what_is_an_object() {
    let seven = Some((Some(7), None));
    let none = Some((None, None));
    let table: [(&[u8], _); 17] = [
        (br#"{"code":7}"#, seven.clone()),
        (b"\xEF\xBB\xBF{\"code\":7}", seven.clone()),
        (b"\xEF\xBB\xBF \r\n\t{\"code\" : 7 } \n", seven.clone()),
        (br#"{"more":[{}],"code":7,"data":{"odd":1}}"#, seven.clone()),
        (br#"{"code":7,"data":7}"#, seven),
        (br#"{"code":7,"data":"text"}"#, Some((Some(7), Some("text".to_owned())))),
        (br#"{"data":"\u4e2d\n"}"#, Some((None, Some("中\n".to_owned())))),
        (b"{}", none.clone()),
        (br#"{"code":null,"data":null}"#, none),
        // A list of the fields is no object, and two codes are no code.
        (br#"[7,"text"]"#, None),
        (br#"{"code":7,"code":0}"#, None),
        (br#"{"code":7}{"code":7}"#, None),
        (br#"{"code":7"#, None),
        (br#""{}""#, None),
        (b"<html>", None),
        (b"\xEF\xBB\xBF\xEF\xBB\xBF{}", None),
        (b"", None),
    ];
    for (body, expected) in table {
        assert_eq!(read(body), expected, "{}", String::from_utf8_lossy(body));
    }
}

/// Only structure and codes must be right.
#[test]
fn a_broken_text_hides_no_code() {
    let table: [(&[u8], &str); 14] = [
        (b"x \xe5\x9f", "x \u{FFFD}"),
        (b"\xe5\x9f\\n", "\u{FFFD}\n"),
        // In GBK, also with a backslash, a brace or a bracket as the second byte of a character.
        (
            b"\xd3\xc3\xbb\xa7\xb2\xbb\xb4\xe6\xd4\xda",
            "\u{FFFD}û\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}",
        ),
        (b"\x81\x5c", "\u{FFFD}"),
        (b"\x81\x5cn", "\u{FFFD}\n"),
        (b"\x81\x7b \x81\x5b \x81\x7d", "\u{FFFD}{ \u{FFFD}[ \u{FFFD}}"),
        (b"a\x00b\x1b[31mc\nd", "a\u{FFFD}b\u{FFFD}[31mc\u{FFFD}d"),
        (b"C:\\x \\u12 ", "C:\u{FFFD}x \u{FFFD}u12 "),
        (b"\\\"\xff\\\\", "\"\u{FFFD}\\"),
        (b"\\u4e2d\xff", "中\u{FFFD}"),
        (b"\xed\xa0\x80", "\u{FFFD}\u{FFFD}\u{FFFD}"),
        (b"\xff\xfe", "\u{FFFD}\u{FFFD}"),
        (b"\xc0\x80 \xf5", "\u{FFFD}\u{FFFD} \u{FFFD}"),
        (b"{\\\"code\\\":0}\xe4", "{\"code\":0}\u{FFFD}"),
    ];
    for (text, expected) in table {
        for before in [b"{\"code\":7,\"data\":\"".as_slice(), b" {\n\"data\" : \""] {
            let after = if before[1] == b'"' { "\"}" } else { "\",\"code\":7 }" };
            let body = [before, text, after.as_bytes()].concat();
            let shown = String::from_utf8_lossy(&body).into_owned();
            assert_eq!(read(&body), Some((Some(7), Some(expected.to_owned()))), "{shown}");
        }
    }
    // What is broken outside a text is broken.
    for body in
        [b"{\"code\":7\xff}".as_slice(), b"{\"code\":\x007}", b"{\"code\":7,\"data\":\"\xff}", b"\x1b{\"code\":7}"]
    {
        assert_eq!(read(body), None, "{}", String::from_utf8_lossy(body));
    }
}

#[test]
fn a_message_is_what_the_vendor_wrote() {
    let table = [
        (Some("\"text\""), "text"),
        (Some("\"\\ud800\""), "\\ud800"),
        (Some("{\"odd\":true}"), ""),
        (Some("7"), ""),
        (Some("null"), ""),
        (None, ""),
    ];
    for (value, expected) in table {
        let value = value.map(raw);
        assert_eq!(json::message(value.as_deref()), expected);
    }
    for (value, expected) in
        [("[ ]", true), ("{\n}", true), ("\"\"", true), ("null", true), ("0", false), ("[0]", false), ("\" \"", false)]
    {
        assert_eq!(json::says_nothing(Some(&raw(value))), expected, "{value}");
    }
}

#[test]
fn an_integer_is_never_guessed() {
    let table = [
        ("0", Some(0)),
        ("-7", Some(-7)),
        ("9223372036854775807", Some(i64::MAX)),
        ("-9223372036854775808", Some(i64::MIN)),
        ("9223372036854775808", None),
        ("18446744073709551616", None),
        ("0.0", None),
        ("7.0", None),
        ("7e0", None),
        ("0e5", None),
        ("\"7\"", None),
        ("\"\"", None),
        ("[7]", None),
        ("{\"code\":7}", None),
        ("true", None),
        ("null", None),
    ];
    for (value, expected) in table {
        assert_eq!(json::integer(Some(&raw(value))), expected, "{value}");
    }
    assert_eq!(json::integer(None), None);
    assert_eq!(json::text(None), None);
}

#[test]
fn what_is_no_list_is_none_or_its_own_only_entry() {
    let texts = |entries: Vec<&RawValue>| entries.iter().map(|entry| entry.get().to_owned()).collect::<Vec<_>>();
    let table: [(&str, Option<Vec<&str>>); 6] = [
        ("[]", Some(vec![])),
        ("[1, {\"a\" : 2},[3]]", Some(vec!["1", "{\"a\" : 2}", "[3]"])),
        ("[null]", Some(vec!["null"])),
        ("{\"a\":[1]}", None),
        ("\"[1]\"", None),
        ("7", None),
    ];
    for (value, expected) in table {
        let owned = raw(value);
        let expected = expected.map(|entries| entries.into_iter().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(json::list(&owned).map(texts), expected, "{value}");
        assert_eq!(texts(json::entries(&owned)), expected.unwrap_or_else(|| vec![value.to_owned()]), "{value}");
    }
}

#[test]
fn a_request_has_a_type_and_no_credentials() {
    let uri: http::Uri = "https://vendor.example/path?query=1".parse().unwrap();
    let request = json::request(Method::PUT, uri.clone(), &json!({"a": ["é"]}), 0).unwrap();
    assert_eq!((request.method(), request.uri()), (&Method::PUT, &uri));
    assert_eq!(request.body(), "{\"a\":[\"é\"]}");
    assert_eq!(request.headers().len(), 1);
    assert_eq!(request.headers()[header::CONTENT_TYPE], "application/json");
    let unwritable = BTreeMap::from([(vec![1], 2)]);
    assert!(json::request(Method::PUT, uri, &unwritable, 0).is_err(), "a list is no key of an object");
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(|number| json!(number)),
        any::<u64>().prop_map(|number| json!(number)),
        any::<f64>().prop_map(|number| json!(number)),
        any::<String>().prop_map(|text| json!(text)),
        any::<bool>().prop_map(|yes| json!(yes)),
        Just(Value::Null),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        let name = proptest::sample::select(vec!["code", "data", "more"]);
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::Array),
            vec((name, inner), 0..4).prop_map(|fields| fields.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_not(body in vec(any::<u8>(), 0..64), cut in any::<prop::sample::Index>(), value in values()) {
        read(&body);
        let text = value.to_string();
        read(&text.as_bytes()[..cut.index(text.len() + 1)]);
    }

    /// The oracle reads the whole answer at once.
    #[test]
    fn a_field_is_what_another_reader_finds_there(value in values(), spaced in any::<bool>()) {
        let body = if spaced { serde_json::to_string_pretty(&value).unwrap() } else { value.to_string() };
        let expected = value.as_object().map(|fields| {
            let at = |name| fields.get(name).unwrap_or(&Value::Null);
            (at("code").as_i64(), at("data").as_str().map(str::to_owned))
        });
        prop_assert_eq!(read(body.as_bytes()), expected);
        if let Some(list) = json::list(&raw(&body)) {
            prop_assert_eq!(Some(list.len()), value.as_array().map(Vec::len));
        } else {
            prop_assert!(!value.is_array());
        }
    }
}
