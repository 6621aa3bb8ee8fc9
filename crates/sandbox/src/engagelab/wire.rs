//! The request and the answer, as the document has them, read without mercy.

use std::borrow::Cow;

use http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::answer::Answer;
use crate::strict::{Object, Texts};

const SUCCESS: i64 = 0;
const BAD_CREDENTIALS: i64 = 40050;
const EUID_IS_EMPTY: i64 = 40007;
const EXISTS: i64 = 55014;

/// A user and what to set.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct User<'a> {
    euid: Option<i64>,
    #[serde(borrow)]
    contacts: Texts<'a>,
}

/// An answer's body.
#[derive(Serialize)]
pub(super) struct Reply {
    code: i64,
    message: Cow<'static, str>,
}

/// Reads a body: the EUID, if there is one, and its contacts.
pub(super) fn read(body: &[u8]) -> Result<(Option<i64>, Texts<'_>), String> {
    let Object(User { euid, contacts }) = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    if contacts.0.is_empty() {
        return Err("contacts is empty".to_owned());
    }
    if contacts.0.iter().any(|(name, value)| name.is_empty() || value.is_empty()) {
        return Err("a name or a value is empty".to_owned());
    }
    if contacts.repeats() {
        return Err("a contact stands there twice".to_owned());
    }
    Ok((euid, contacts))
}

impl Reply {
    pub(super) fn new(code: i64, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into() }
    }

    pub(super) fn success() -> Self {
        Self::new(SUCCESS, "success")
    }

    /// As the vendor's Chinese page has it; the English one shows a success there.
    pub(super) fn exists() -> Self {
        Self::new(EXISTS, "Contact exists")
    }

    /// The wording is not published.
    pub(super) fn bad_credentials() -> Self {
        Self::new(BAD_CREDENTIALS, "authentication failed")
    }

    /// The wording is not published.
    pub(super) fn euid_is_empty() -> Self {
        Self::new(EUID_IS_EMPTY, "euid is empty")
    }

    pub(super) fn answer(&self, status: StatusCode) -> Answer {
        Answer::json(status, Some(self.code), self)
    }
}
