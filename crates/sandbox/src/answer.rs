//! What an endpoint answers, before it goes over the wire.

use std::io;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use serde::Serialize;

use crate::counters::End;
use crate::hold::Hold;

/// An answer as it goes over the wire.
pub(crate) type Response = http::Response<UnsyncBoxBody<Bytes, io::Error>>;

/// An answer, and what the log is to know of its request.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// The code in the body, if it is one of the vendor's own.
    pub(crate) code: Option<i64>,
    /// What the vendor's counters are to know of its request.
    pub(crate) end: End,
    pub(crate) content_type: &'static str,
    pub(crate) body: Vec<u8>,
    /// A header that the status asks for.
    pub(crate) extra: Option<(HeaderName, HeaderValue)>,
    /// The users that the request named.
    pub(crate) subjects: Vec<String>,
    /// The user on whose behalf it named them, where there is one.
    pub(crate) owner: Option<String>,
    /// What nobody else may have until this answer leaves.
    pub(crate) hold: Option<Hold>,
}

impl Answer {
    /// An answer that is not of the vendor's making.
    pub(crate) fn plain(status: StatusCode, text: &str) -> Self {
        let body = format!("sandbox: {text}\n").into_bytes();
        Self {
            status,
            code: None,
            end: End::Refused,
            content_type: "text/plain; charset=utf-8",
            body,
            extra: None,
            subjects: Vec::new(),
            owner: None,
            hold: None,
        }
    }

    /// An answer in JSON.
    pub(crate) fn json(status: StatusCode, code: Option<i64>, body: &impl Serialize) -> Self {
        match serde_json::to_vec(body) {
            Ok(body) => Self { code, content_type: "application/json", body, ..Self::plain(status, "") },
            Err(_) => Self::plain(StatusCode::INTERNAL_SERVER_ERROR, "the answer could not be written as JSON"),
        }
    }

    /// Only this method is allowed.
    pub(crate) fn only(method: &'static str) -> Self {
        let allow = Some((header::ALLOW, HeaderValue::from_static(method)));
        Self { extra: allow, ..Self::plain(StatusCode::METHOD_NOT_ALLOWED, &format!("only {method}")) }
    }

    /// Credentials of this scheme are asked for.
    pub(crate) fn unauthorized(scheme: &str) -> Self {
        let challenge = HeaderValue::try_from(format!("{scheme} realm=\"sandbox\"")).ok();
        let answer = Self::plain(StatusCode::UNAUTHORIZED, "the credentials are not those of this project");
        Self { extra: challenge.map(|challenge| (header::WWW_AUTHENTICATE, challenge)), ..answer }
    }

    /// No content.
    pub(crate) fn nothing() -> Self {
        Self { body: Vec::new(), ..Self::plain(StatusCode::NO_CONTENT, "") }
    }

    pub(crate) fn too_many_requests() -> Self {
        Self::plain(StatusCode::TOO_MANY_REQUESTS, "over the quota: not applied")
    }

    pub(crate) fn not_json() -> Self {
        Self::plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body must be application/json, not encoded")
    }

    pub(crate) fn too_large() -> Self {
        Self::plain(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large, or it broke off")
    }

    /// The answer as it goes over the wire. Lets go of what it holds: the caller sees nothing of it earlier.
    pub(crate) fn into_response(self) -> Response {
        let mut response = Response::new(body(self.body));
        *response.status_mut() = self.status;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        response.headers_mut().extend(self.extra);
        response
    }
}

/// A body that is there as a whole.
pub(crate) fn body(bytes: impl Into<Bytes>) -> UnsyncBoxBody<Bytes, io::Error> {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}
