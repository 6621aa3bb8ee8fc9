//! The request and the answer, as the document has them, read without mercy.

use std::borrow::Cow;

use http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::answer::Answer;
use crate::strict::{Object, Texts, repeats};

const OK: i64 = 0;
const SEVERAL_ERRORS: i64 = 4000;
const NOT_SAVED: i64 = 4107;
const BAD_PARAMETER: i64 = 40002;
const BAD_COUNT: i64 = 40011;

const MAX_USERS: usize = 100;

/// A user and what to set.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct User<'a> {
    pub(super) cuid: i64,
    #[serde(borrow)]
    pub(super) channels: Vec<Object<UserChannel<'a>>>,
}

/// What to set in one channel.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct UserChannel<'a> {
    pub(super) id: i64,
    #[serde(borrow)]
    pub(super) channel_values: Texts<'a>,
}

/// Why a body is refused as a whole.
pub(super) enum Unreadable {
    /// Not the documented shape.
    Shape(String),
    /// The documented shape, with too few or too many users.
    Count { cuids: Vec<i64> },
}

/// An answer's body.
#[derive(Serialize)]
pub(super) struct Reply {
    code: i64,
    msg: Cow<'static, str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    data: Vec<Entry>,
}

/// One of several errors.
#[derive(Serialize)]
struct Entry {
    code: i64,
    msg: String,
}

/// Reads a body.
pub(super) fn read(body: &[u8]) -> Result<Vec<User<'_>>, Unreadable> {
    let users: Vec<Object<User<'_>>> =
        serde_json::from_slice(body).map_err(|error| Unreadable::Shape(error.to_string()))?;
    let users: Vec<User<'_>> = users.into_iter().map(|Object(user)| user).collect();
    if !(1..=MAX_USERS).contains(&users.len()) {
        return Err(Unreadable::Count { cuids: users.iter().map(|user| user.cuid).collect() });
    }
    match doubtful(&users) {
        Some(problem) => Err(Unreadable::Shape(problem.to_owned())),
        None => Ok(users),
    }
}

/// What the document is silent on. Whoever sends it cannot know what it does, so it is refused.
fn doubtful(users: &[User<'_>]) -> Option<&'static str> {
    if repeats(users.iter().map(|user| user.cuid)) {
        return Some("a cuid stands in the request twice");
    }
    for user in users {
        if user.channels.is_empty() {
            return Some("a user has no channels");
        }
        if repeats(user.channels.iter().map(|Object(channel)| channel.id)) {
            return Some("a channel stands at one user twice");
        }
        for Object(UserChannel { channel_values, .. }) in &user.channels {
            let Texts(values) = channel_values;
            if values.is_empty() {
                return Some("channelValues is empty");
            }
            if values.iter().any(|(_, value)| value.is_empty()) {
                return Some("a value is empty");
            }
            if channel_values.repeats() {
                return Some("a label stands in channelValues twice");
            }
        }
    }
    None
}

impl Reply {
    pub(super) fn new(code: i64, msg: impl Into<Cow<'static, str>>) -> Self {
        Self { code, msg: msg.into(), data: Vec::new() }
    }

    pub(super) fn ok() -> Self {
        Self::new(OK, "ok")
    }

    /// The wording is not published.
    pub(super) fn bad_parameter(problem: &str) -> Self {
        Self::new(BAD_PARAMETER, format!("业务参数错误: {problem}"))
    }

    /// The wording is not published.
    pub(super) fn bad_count() -> Self {
        Self::new(BAD_COUNT, "CUID数组的个数须在1到100之间")
    }

    /// One error stands at the top; several stand in `data` in the order of the request.
    pub(super) fn not_saved(mut errors: Vec<String>) -> Self {
        if errors.len() == 1 {
            return Self::new(NOT_SAVED, errors.remove(0));
        }
        let data = errors.into_iter().map(|msg| Entry { code: NOT_SAVED, msg }).collect();
        Self { data, ..Self::new(SEVERAL_ERRORS, "请求有多个错误,请在data中查看错误码列表") }
    }

    pub(super) fn answer(&self, status: StatusCode) -> Answer {
        Answer::json(status, Some(self.code), self)
    }
}
