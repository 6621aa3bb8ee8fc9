//! What several vendors ask of a request's head.

use std::sync::Mutex;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::answer::Answer;
use crate::counters::End;
use crate::lock::lock;
use crate::secret::Secret;

/// What a caller has to write in `Authorization`. No `Debug`: it holds the secret.
pub(crate) struct Authorization {
    /// Of HTTP Basic; without, the secret is a bearer token.
    user: Option<String>,
    expected: Mutex<String>,
}

impl Authorization {
    /// HTTP Basic for a user name, which has no colon, and its password; or, without a user name, a bearer token.
    pub(crate) fn new(user: Option<&str>, secret: &Secret) -> Self {
        let authorization = Self { user: user.map(str::to_owned), expected: Mutex::default() };
        authorization.change_secret(secret);
        authorization
    }

    /// Has another secret from now on.
    pub(crate) fn change_secret(&self, secret: &Secret) {
        let secret = secret.expose();
        *lock(&self.expected) = match &self.user {
            Some(user) => format!("Basic {}", STANDARD.encode(format!("{user}:{secret}"))),
            None => format!("Bearer {secret}"),
        };
    }

    /// Refuses any method but this one, and then whatever is not exactly these credentials. `tell` words the latter, and may use the
    /// 401 that it is given.
    pub(crate) fn admit(
        &self,
        head: &Parts,
        method: &'static str,
        tell: impl FnOnce(Answer) -> Answer,
    ) -> Option<Answer> {
        if head.method != method {
            return Some(Answer::only(method));
        }
        let is_here = only(&head.headers, header::AUTHORIZATION) == Some(lock(&self.expected).as_bytes());
        (!is_here).then(|| {
            let scheme = if self.user.is_some() { "Basic" } else { "Bearer" };
            Answer { end: End::BadCredentials, ..tell(Answer::unauthorized(scheme)) }
        })
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
