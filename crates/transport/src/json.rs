//! JSON as the vendors speak it: a request's body, and an answer that is read field by field.
//!
//! An answer's fields are kept as they stand ([`RawValue`]) and read one by one: an odd one must not hide the code beside it.
//!
//! ```
//! use contact_sink_transport::json::{self, RawValue};
//!
//! #[derive(Default, serde::Deserialize)]
//! struct Answer<'a> {
//!     #[serde(borrow)]
//!     code: Option<&'a RawValue>,
//!     #[serde(borrow)]
//!     message: Option<&'a RawValue>,
//! }
//!
//! let body = json::readable(b"{\"code\": 7, \"message\": \"cut \xE5\", \"more\": 1}");
//! let answer: Answer<'_> = json::object(&body).unwrap_or_default();
//! assert_eq!((json::integer(answer.code), json::message(answer.message)), (Some(7), "cut \u{FFFD}".to_owned()));
//! ```

use std::borrow::Cow;
use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Uri, header};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize, Serializer};
pub use serde_json::value::RawValue;

use crate::InvalidRequest;

/// A request with this body, without credentials. `room`: about how many bytes the body has. A longer one takes more time to
/// write.
///
/// # Errors
/// [`InvalidRequest::Body`] if the body cannot be written as JSON.
pub fn request(method: Method, uri: Uri, body: &impl Serialize, room: usize) -> Result<Request<Bytes>, InvalidRequest> {
    let mut json = Vec::with_capacity(room);
    serde_json::to_writer(&mut json, body).map_err(|_| InvalidRequest::Body)?;
    let mut request = Request::new(Bytes::from(json));
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(request)
}

/// The body of an answer as JSON that can be read, if only its texts are broken: a byte that is not UTF-8, a control character or an
/// escape that does not exist is replaced by U+FFFD. A byte order mark at the start is dropped.
pub fn readable(body: &[u8]) -> Cow<'_, str> {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    if let Some(json) = std::str::from_utf8(body).ok().filter(|json| is_json(json)) {
        return Cow::Borrowed(json);
    }
    // In GBK the second byte of a character may be a backslash. After a text that was cut inside a character it is an escape.
    let repaired = repaired(body, false);
    Cow::Owned(if is_json(&repaired) { repaired } else { self::repaired(body, true) })
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// The same with the texts repaired. A backslash after a byte that is not UTF-8 is an escape, or a part of the character.
fn repaired(body: &[u8], takes_backslash: bool) -> String {
    let mut json = String::with_capacity(body.len());
    let mut in_text = false;
    for chunk in body.utf8_chunks() {
        let mut rest = chunk.valid();
        if takes_backslash && json.ends_with(char::REPLACEMENT_CHARACTER) {
            rest = rest.strip_prefix('\\').unwrap_or(rest);
        }
        let mut chars = rest.chars();
        while let Some(char) = chars.next() {
            match char {
                '"' => in_text = !in_text,
                '\\' if in_text => {
                    let is_escape = is_escape(chars.as_str());
                    json.push(if is_escape { '\\' } else { char::REPLACEMENT_CHARACTER });
                    if is_escape {
                        json.extend(chars.next());
                    }
                    continue;
                }
                '\0'..' ' if in_text => {
                    json.push(char::REPLACEMENT_CHARACTER);
                    continue;
                }
                _ => {}
            }
            json.push(char);
        }
        if !chunk.invalid().is_empty() {
            json.push(char::REPLACEMENT_CHARACTER);
        }
    }
    json
}

/// Whether this follows a backslash in JSON.
fn is_escape(rest: &str) -> bool {
    let mut bytes = rest.bytes();
    match bytes.next() {
        Some(b'u') => bytes.take(4).filter(u8::is_ascii_hexdigit).count() == 4,
        Some(byte) => b"\"\\/bfnrt".contains(&byte),
        None => false,
    }
}

/// Writes names and values as an object: for serde's `serialize_with`.
pub fn as_object<S: Serializer>(fields: &[(&str, &str)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(fields.iter().copied())
}

/// Reads an object and nothing else: serde's derive would take a list of the fields for one too.
pub fn object<'a, T: Deserialize<'a>>(json: &'a str) -> Option<T> {
    if json.trim_ascii_start().starts_with('{') { serde_json::from_str(json).ok() } else { None }
}

/// The entries of a list; a lone value that is none counts as a list of one.
pub fn entries(value: &RawValue) -> Vec<&RawValue> {
    serde_json::from_str(value.get()).unwrap_or_else(|_| vec![value])
}

/// The entries of a list, or `None` if it is none.
pub fn list(value: &RawValue) -> Option<Vec<&RawValue>> {
    serde_json::from_str(value.get()).ok()
}

/// A JSON integer within 64 bits. A text, a fraction or an exponent is none: a code is never guessed.
pub fn integer(value: Option<&RawValue>) -> Option<i64> {
    value?.get().parse().ok()
}

/// Whether a field is missing, `null`, or empty.
pub fn says_nothing(value: Option<&RawValue>) -> bool {
    let inner =
        |text: &str, open, close| text.strip_prefix(open)?.strip_suffix(close).map(|text| text.trim().is_empty());
    let is_empty = |text| inner(text, '[', ']').or_else(|| inner(text, '{', '}')).unwrap_or(text == "\"\"");
    value.is_none_or(|value| value.get() == "null" || is_empty(value.get()))
}

/// Whether an object says, beside the code of success, that something failed: a field whose name begins with `error`, `fail` or
/// `invalid` is neither empty nor zero, `success` or `ok` is false, or an object in it, or in a list in it, says such a thing or has a
/// code other than 0. Fields that the caller reads are left out.
pub fn names_failure(json: &str, read: &[&str]) -> bool {
    let Some(fields) = object::<BTreeMap<String, &RawValue>>(json) else { return false };
    fields.into_iter().filter(|(name, _)| !read.contains(&&**name)).any(|(name, value)| {
        says_failure(&name, value)
            || entries(value).into_iter().any(|entry| has_failure_code(entry) || names_failure_within(entry))
    })
}

fn says_failure(name: &str, value: &RawValue) -> bool {
    let name = name.to_ascii_lowercase();
    let is_failure = ["error", "fail", "invalid"].iter().any(|start| name.starts_with(start));
    let is_empty = says_nothing(Some(value)) || matches!(value.get(), "0" | "false");
    let is_denied = ["success", "ok"].contains(&&*name) && value.get() == "false";
    // A code is judged as one.
    is_failure && !is_empty && !name.ends_with("code") || is_denied
}

fn names_failure_within(entry: &RawValue) -> bool {
    let fields: BTreeMap<String, &RawValue> = object(entry.get()).unwrap_or_default();
    fields.into_iter().any(|(name, value)| says_failure(&name, value))
}

fn has_failure_code(entry: &RawValue) -> bool {
    let fields: BTreeMap<String, &RawValue> = object(entry.get()).unwrap_or_default();
    let is_code = |name: &str| ["code", "errorcode", "error_code", "resultcode"].contains(&&*name.to_ascii_lowercase());
    fields
        .into_iter()
        .any(|(name, value)| is_code(&name) && !says_nothing(Some(value)) && integer(Some(value)) != Some(0))
}

/// The vendor's own text, which is empty if there is none. One with half a surrogate pair is taken as it stands.
pub fn message(value: Option<&RawValue>) -> String {
    let as_it_stands = || value.and_then(|value| value.get().strip_prefix('"')?.strip_suffix('"'));
    text(value).unwrap_or_else(|| as_it_stands().unwrap_or_default().to_owned())
}

/// A text, if it is one.
pub fn text(value: Option<&RawValue>) -> Option<String> {
    serde_json::from_str(value?.get()).ok()
}
