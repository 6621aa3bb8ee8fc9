//! The wire format of "Set Contact Information": the request and the answer as the vendor documents them.

use bytes::Bytes;
use contact_sink_core::{ErrorCode, SinkError};
use contact_sink_transport::json::{self, RawValue};
use contact_sink_transport::{BaseUrl, InvalidRequest, Judgement, check_fields};
use http::{Method, Request, Response, StatusCode};
use serde::{Deserialize, Serialize};

use crate::SET_CONTACTS;

const PATH: &str = "/v1/user/contact";
const OK: i64 = 0;

/// What is set for one user. `Debug` prints no id and no value.
///
/// Shape: `{"euid":10362473,"contacts":{"mobile_phone":"18023456879","email":"12@gmail.com"}}`; the EUID is a 64-bit integer.
///
/// Source: EngageLab MA, "Set Contact Information".
#[derive(Clone, Serialize)]
pub struct UserContacts<'a> {
    euid: i64,
    #[serde(serialize_with = "json::as_object")]
    contacts: Vec<(&'a str, &'a str)>,
}

impl<'a> UserContacts<'a> {
    /// The user with this EUID; nothing is set yet.
    pub fn new(euid: i64) -> Self {
        Self { euid, contacts: Vec::new() }
    }

    /// Sets a contact.
    pub fn with(mut self, name: &'a str, value: &'a str) -> Self {
        self.contacts.push((name, value));
        self
    }

    /// The user's id.
    pub fn euid(&self) -> i64 {
        self.euid
    }

    /// What is set: name and value.
    pub fn contacts(&self) -> &[(&'a str, &'a str)] {
        &self.contacts
    }
}

/// Builds the request that sets contacts of one user, without credentials.
///
/// Shape: `POST /v1/user/contact` with a JSON object.
///
/// # Errors
/// [`InvalidRequest`] if there is nothing to set, or a name or value is empty or named twice.
///
/// Source: EngageLab MA, "Set Contact Information".
pub fn build_set_contacts(base: &BaseUrl, user: &UserContacts<'_>) -> Result<Request<Bytes>, InvalidRequest> {
    check_fields(user.contacts.iter().map(|(name, value)| (*name, name.is_empty() || value.is_empty())))?;
    json::request(Method::POST, base.join(PATH)?, user, 256)
}

/// The vendor's own answer. `Debug` prints the code and no text: the vendor's text may name values.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
    /// The HTTP status.
    pub status: StatusCode,
    /// The code; `None` if a refusal (HTTP 400, 413, 422) came without one.
    pub code: Option<i64>,
    /// The vendor's text, which is personal data; empty if there is none.
    pub message: String,
}

impl Answer {
    /// Whether the vendor says success or partial success; it does not say which.
    pub fn is_success(&self) -> bool {
        self.code == Some(OK)
    }
}

/// Reads the answer: the vendor's code decides if its table has it, else the status does.
///
/// Shape: `{"code":0,"message":"success"}`.
///
/// # Errors
/// [`SinkError`] if there is no answer of the vendor's in it, or one that concerns the run as a whole: the credentials, the
/// project.
///
/// Source: EngageLab MA, "Set Contact Information".
pub fn read_set_contacts(answer: &Response<Bytes>) -> Result<Answer, SinkError> {
    let status = answer.status();
    let body = json::readable(answer.body());
    let wire: WireAnswer<'_> = json::object(&body).unwrap_or_default();
    let (code, message) = (json::integer(wire.code), json::message(wire.message));
    match SET_CONTACTS.judge(answer, code.map(ErrorCode::from)) {
        Judgement::Failed(error) => Err(error),
        Judgement::Success if json::names_failure(&body, &[]) => Err(SET_CONTACTS.contradiction(answer)),
        Judgement::Success => Ok(Answer { status, code: Some(OK), message }),
        // A code of success under a status that says otherwise is none.
        Judgement::Refused => Ok(Answer { status, code: code.filter(|&code| code != OK), message }),
        Judgement::Code(_) => Ok(Answer { status, code, message }),
    }
}

#[derive(Default, Deserialize)]
struct WireAnswer<'a> {
    #[serde(borrow)]
    code: Option<&'a RawValue>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
}

contact_sink_transport::debug_shows!(UserContacts<'_>: contacts.len());

contact_sink_transport::debug_shows!(Answer: status, code);
