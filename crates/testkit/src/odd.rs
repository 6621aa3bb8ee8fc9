//! What a vendor, a gateway or a hostile server may answer, as strategies of proptest.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Value, json};

/// A text that is not empty, with the characters of JSON and of brackets often in it.
pub fn text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[\\[\\]\"\\\\/0-9默\u{0}-\u{1f}]{1,12}"]
        .prop_filter("not empty", |text| !text.is_empty())
}

/// JSON of any shape, with these codes, texts and names of fields in it.
pub fn odd_json(codes: &[i64], texts: &[&'static str], names: &[&'static str]) -> impl Strategy<Value = Value> + use<> {
    let (codes, texts, names) = (codes.to_vec(), texts.to_vec(), names.to_vec());
    let leaf = prop_oneof![
        5 => proptest::sample::select(codes.clone()).prop_map(|code| json!(code)),
        4 => proptest::sample::select(texts).prop_map(|text| json!(text)),
        1 => any::<f64>().prop_map(|number| json!(number)),
        1 => any::<i64>().prop_map(|number| json!(number)),
        1 => any::<bool>().prop_map(|yes| json!(yes)),
        1 => Just(Value::Null),
        1 => proptest::sample::select(codes).prop_map(|code| json!(code.to_string())),
    ];
    leaf.prop_recursive(3, 20, 4, move |inner| {
        let name = proptest::sample::select(names.clone());
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::Array),
            btree_map(name.prop_map(str::to_owned), inner, 0..4).prop_map(|fields| json!(fields)),
        ]
    })
}

/// Bodies with this JSON: whole, cut off, after a byte order mark; and any bytes.
pub fn bodies(json: impl Strategy<Value = Value> + Clone + 'static) -> impl Strategy<Value = Vec<u8>> {
    let json = json.prop_map(|value| value.to_string().into_bytes());
    let cut = |(mut body, at): (Vec<u8>, prop::sample::Index)| {
        body.truncate(at.index(body.len() + 1));
        body
    };
    prop_oneof![
        8 => json.clone(),
        1 => (json.clone(), any::<prop::sample::Index>()).prop_map(cut),
        1 => json.prop_map(|body| [b"\xEF\xBB\xBF".as_slice(), &body].concat()),
        2 => vec(any::<u8>(), 0..64),
    ]
}

/// HTTP statuses: 200 often, then those that vendors and gateways give, then any.
pub fn statuses() -> impl Strategy<Value = u16> {
    let usual = vec![201, 204, 302, 400, 401, 403, 404, 405, 413, 422, 429, 500, 502, 503];
    prop_oneof![6 => Just(200), 5 => proptest::sample::select(usual), 1 => 100..1000_u16]
}

/// The body as JSON, read in another way than the library does; null if it is none.
pub fn parsed(body: &[u8]) -> Value {
    serde_json::from_slice(body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body)).unwrap_or_default()
}
