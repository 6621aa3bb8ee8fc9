//! What the wire formats of all calls have in common: the URL and the envelope of an answer.

mod attributes;
mod friends;

use std::fmt;

use bytes::Bytes;
use contact_sink_core::{ErrorCode, SinkError, SinkErrorKind};
use contact_sink_transport::json::{self, RawValue};
use contact_sink_transport::{BaseUrl, Call, InvalidRequest, Judgement};
use http::{Method, Request, Response, StatusCode, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use crate::codes::OK;

pub use attributes::{
    AccountError, AttributesOf, MAX_ACCOUNTS, MAX_ATTRIBUTES, UserAttributeNames, UserAttributes,
    build_get_attribute_names, build_get_attributes, build_remove_attributes, build_set_attribute_names,
    build_set_attributes, read_get_attribute_names, read_get_attributes, read_remove_attributes,
    read_set_attribute_names, read_set_attributes,
};
pub use friends::{
    Friend, FriendResult, FriendResults, MAX_FRIENDS, TagValue, build_update_friends, read_update_friends,
};

/// All but the unreserved characters of RFC 3986: an identifier with `&` in it adds no parameter.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What stands in the URL of a call, but for the UserSig. `random` is a new number of 32 bits for each request.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'a> {
    /// The app.
    pub sdk_app_id: u64,
    /// Who calls: an app admin.
    pub identifier: &'a str,
    /// A random number.
    pub random: u32,
}

/// The vendor's own answer. `Debug` prints the code and no text: the vendor's texts may name accounts and values.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer<T> {
    /// The HTTP status.
    pub status: StatusCode,
    /// `ErrorCode`; `None` if a refusal (HTTP 400, 413, 422) came without one.
    pub code: Option<i64>,
    /// `ErrorInfo`, which is personal data; empty if there is none. It may be there on success.
    pub info: String,
    /// What the answer holds; there exactly if the request went through.
    pub content: Option<T>,
}

impl<T> Answer<T> {
    /// Whether the request went through. Single accounts of it may have failed.
    pub fn is_success(&self) -> bool {
        self.content.is_some()
    }
}

fn build(
    base: &BaseUrl,
    path: &str,
    caller: Caller<'_>,
    body: &impl Serialize,
) -> Result<Request<Bytes>, InvalidRequest> {
    let Caller { sdk_app_id, identifier, random } = caller;
    let identifier = utf8_percent_encode(identifier, ESCAPED);
    let target = format!("{path}?sdkappid={sdk_app_id}&identifier={identifier}&random={random}&contenttype=json");
    json::request(Method::POST, base.join(&target)?, body, 1024)
}

/// The same URL with a UserSig.
pub(crate) fn with_usersig(uri: &Uri, usersig: &str) -> Option<Uri> {
    format!("{uri}&usersig={}", utf8_percent_encode(usersig, ESCAPED)).parse().ok()
}

/// What every answer has. Each field is kept as it stands and read by itself: an odd one must not hide the code beside it.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Envelope<'a> {
    #[serde(borrow)]
    action_status: Option<&'a RawValue>,
    #[serde(borrow)]
    error_code: Option<&'a RawValue>,
    #[serde(borrow)]
    error_info: Option<&'a RawValue>,
}

/// Reads an answer: the vendor's code decides if the table has it, else the status does. Success is an `ErrorCode` of 0 with an
/// `ActionStatus` of `OK`, content that can be read, and no failure but those that `content` reads from the fields `failures`.
fn read<T>(
    call: &'static Call,
    answer: &Response<Bytes>,
    failures: &[&str],
    content: impl FnOnce(&str) -> Option<T>,
) -> Result<Answer<T>, SinkError> {
    let status = answer.status();
    let body = json::readable(answer.body());
    let envelope: Envelope<'_> = json::object(&body).unwrap_or_default();
    let is_ok = json::text(envelope.action_status).is_some_and(|status| status == "OK");
    let (code, info) = (json::integer(envelope.error_code), json::message(envelope.error_info));
    let refused = |code| Ok(Answer { status, code, info: info.clone(), content: None });
    match call.judge(answer, code.map(ErrorCode::from)) {
        Judgement::Failed(error) => Err(error),
        Judgement::Refused => refused(code.filter(|&code| code != OK)),
        Judgement::Code(_) => refused(code),
        Judgement::Success
            if !is_ok || json::names_failure(&body, &[&["ErrorCode", "ErrorInfo"], failures].concat()) =>
        {
            Err(call.contradiction(answer))
        }
        Judgement::Success => match content(&body) {
            Some(content) => Ok(Answer { status, code, info, content: Some(content) }),
            None => Err(call
                .error(SinkErrorKind::Unreadable)
                .with_detail("success, and what it has is of another form")
                .with_status(status.as_u16())
                .with_answer("application/json", answer.body().len())),
        },
    }
}

impl<T> fmt::Debug for Answer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("status", &self.status).field("code", &self.code).finish_non_exhaustive()
    }
}
