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
//! let answer: Answer<'_> = json::object(br#"{"code": 7, "message": {"odd": true}, "more": 1}"#).unwrap_or_default();
//! assert_eq!((json::integer(answer.code), json::text(answer.message)), (Some(7), None));
//! ```

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Uri, header};
use serde::{Deserialize, Serialize};
pub use serde_json::value::RawValue;

/// A request with this body, without credentials; `None` if the body cannot be written as JSON.
pub fn request(method: Method, uri: Uri, body: &impl Serialize) -> Option<Request<Bytes>> {
    let mut request = Request::new(Bytes::from(serde_json::to_vec(body).ok()?));
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Some(request)
}

/// Reads an object and nothing else: serde's derive would take a list of the fields for one too. A byte order mark before
/// it is passed over.
pub fn object<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Option<T> {
    let json = json.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(json);
    if json.trim_ascii_start().first() == Some(&b'{') { serde_json::from_slice(json).ok() } else { None }
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

/// A text.
pub fn text(value: Option<&RawValue>) -> Option<String> {
    serde_json::from_str(value?.get()).ok()
}
