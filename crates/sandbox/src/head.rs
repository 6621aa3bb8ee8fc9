//! What several vendors ask of a request's head.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, header};

/// The credentials of HTTP Basic. No `Debug`: it holds the secret.
pub(crate) struct Basic(String);

impl Basic {
    /// Those of a user name, which has no colon, and a password.
    pub(crate) fn new(user: &str, password: &str) -> Self {
        Self(format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
    }

    /// Whether the one `Authorization` is exactly these.
    pub(crate) fn is_in(&self, headers: &HeaderMap) -> bool {
        only(headers, header::AUTHORIZATION) == Some(self.0.as_bytes())
    }
}

/// Whether the body is said to be JSON in UTF-8, as it stands.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = only(headers, header::CONTENT_TYPE).and_then(|value| std::str::from_utf8(value).ok()) else {
        return false;
    };
    let mut parts = value.split(';').map(str::trim);
    let utf8 =
        |part: &str| part.eq_ignore_ascii_case("charset=utf-8") || part.eq_ignore_ascii_case("charset=\"utf-8\"");
    parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"))
        && parts.all(utf8)
        && !headers.contains_key(header::CONTENT_ENCODING)
}

/// The value of a header that is there once.
fn only(headers: &HeaderMap, name: HeaderName) -> Option<&[u8]> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none()).map(HeaderValue::as_bytes)
}
