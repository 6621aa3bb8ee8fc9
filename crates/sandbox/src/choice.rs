//! Choices that more than one vendor's settings have.

use std::borrow::Borrow;
use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use crate::answer::Answer;

/// How a refusal is told where the document does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Told {
    /// By the HTTP status.
    Status,
    /// By a code in a 200, whatever status the vendor's other errors have.
    Code,
}

/// What becomes of the good users of a request that is refused for another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum GoodUsers {
    /// They are saved, and only the bad ones are not.
    Saved,
    /// Nothing of the request is saved.
    Dropped,
}

/// The HTTP status of a documented error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u16")]
#[non_exhaustive]
pub enum ErrorStatus {
    /// 200.
    Ok,
    /// 400.
    BadRequest,
}

/// A code that is in no table of Jiguang's or EngageLab's, which have many in common, and not 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "i64")]
pub struct UnlistedCode(i64);

const LISTED_CODES: [i64; 11] = [0, 4000, 4107, 40002, 40007, 40011, 40050, 50031, 50034, 50074, 55014];

impl Told {
    /// One of these two answers.
    pub(crate) fn tell(self, by_status: Answer, by_code: Answer) -> Answer {
        match self {
            Self::Status => by_status,
            Self::Code => by_code,
        }
    }
}

impl ErrorStatus {
    pub(crate) fn status(self) -> http::StatusCode {
        match self {
            Self::Ok => http::StatusCode::OK,
            Self::BadRequest => http::StatusCode::BAD_REQUEST,
        }
    }
}

impl UnlistedCode {
    /// A code that is known to be none of theirs.
    pub(crate) const fn new(code: i64) -> Self {
        Self(code)
    }

    /// The code.
    pub fn get(self) -> i64 {
        self.0
    }
}

impl TryFrom<i64> for UnlistedCode {
    type Error = String;

    fn try_from(code: i64) -> Result<Self, Self::Error> {
        if LISTED_CODES.contains(&code) {
            Err(format!("{code} has a meaning at the vendor; take a code that has none"))
        } else {
            Ok(Self(code))
        }
    }
}

impl TryFrom<u16> for ErrorStatus {
    type Error = String;

    fn try_from(status: u16) -> Result<Self, Self::Error> {
        match status {
            200 => Ok(Self::Ok),
            400 => Ok(Self::BadRequest),
            _ => Err(format!("{status} is neither 200 nor 400")),
        }
    }
}

/// A list of users, if it is given.
type Listed<'a, Id> = Option<&'a BTreeSet<Id>>;

/// Whether a user exists: if `existing` are listed, only these; else all but the `unknown`; else as it is by default.
pub(crate) fn exists<Q, Id>(id: &Q, existing: Listed<'_, Id>, unknown: Listed<'_, Id>, by_default: bool) -> bool
where
    Q: Ord + ?Sized,
    Id: Ord + Borrow<Q>,
{
    match (existing, unknown) {
        (Some(existing), _) => existing.contains(id),
        (None, Some(unknown)) => !unknown.contains(id),
        (None, None) => by_default,
    }
}

/// Refuses two lists of users, of which only one can be given: those that exist, and those that do not.
pub(crate) fn check_users<Id>(name: &str, existing: Listed<'_, Id>, unknown: Listed<'_, Id>) -> Result<(), String> {
    match existing.and(unknown) {
        Some(_) => Err(format!("`{name}` and `unknown_{name}` exclude each other")),
        None => Ok(()),
    }
}

/// Refuses a user name that HTTP Basic cannot carry.
pub(crate) fn check_user_name(key: &str, user: &str) -> Result<(), String> {
    match user.contains(':') {
        true => Err(format!("`{key}` has a colon, which HTTP Basic cannot carry")),
        false => Ok(()),
    }
}

/// Reads a time in milliseconds: a `Duration`, or one that may be left out.
pub(crate) fn millis<'de, D: Deserializer<'de>, T: From<Duration>>(deserializer: D) -> Result<T, D::Error> {
    u64::deserialize(deserializer).map(|millis| Duration::from_millis(millis).into())
}
