//! Credentials that are sent in the `Authorization` header: HTTP Basic (RFC 7617) and Bearer (RFC 6750).

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Request, Response, header};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};

/// An account's credentials. `Debug` prints the id and no secret.
#[derive(Clone)]
pub struct Credentials {
    id: String,
    header: HeaderValue,
    /// What an answer may not repeat, in lower case.
    hidden: Vec<Zeroizing<String>>,
}

/// Why a header cannot carry credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidCredentials {
    /// The id is empty.
    #[error("the id is empty")]
    EmptyId,
    /// The id has a colon: the vendor would read what follows as the secret.
    #[error("the id has a colon in it")]
    Colon,
    /// The id has a control character.
    #[error("the id has a control character in it")]
    ControlCharacterInId,
    /// The secret is empty.
    #[error("the secret is empty")]
    EmptySecret,
    /// The secret has a control character; often a line break at the end of a file. A token has printable ASCII only.
    #[error("the secret has a control character in it, often a line break at its end")]
    ControlCharacterInSecret,
}

impl Credentials {
    /// HTTP Basic: an id and a secret, as the vendor's console shows them.
    ///
    /// # Errors
    /// [`InvalidCredentials`] if the id or the secret is empty or has a control character, or the id has a colon.
    pub fn basic(id: impl Into<String>, secret: &SecretString) -> Result<Self, InvalidCredentials> {
        let (id, secret) = (id.into(), secret.expose_secret());
        if id.is_empty() {
            return Err(InvalidCredentials::EmptyId);
        }
        if secret.is_empty() {
            return Err(InvalidCredentials::EmptySecret);
        }
        if id.contains(':') {
            return Err(InvalidCredentials::Colon);
        }
        if id.contains(char::is_control) {
            return Err(InvalidCredentials::ControlCharacterInId);
        }
        if secret.contains(char::is_control) {
            return Err(InvalidCredentials::ControlCharacterInSecret);
        }
        let pair = Zeroizing::new(format!("{id}:{secret}"));
        let token = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
        // The token without its padding, which may be cut off or escaped.
        let hidden = [secret, token.trim_end_matches('='), if id.len() >= LONG_ID { &id } else { "" }];
        let (header, hidden) = (Self::header("Basic", &token)?, hidden.map(hide).into());
        Ok(Self { id, header, hidden })
    }

    /// A bearer token. It has no id.
    ///
    /// # Errors
    /// [`InvalidCredentials`] if the token is empty, or has anything but printable ASCII.
    pub fn bearer(token: &SecretString) -> Result<Self, InvalidCredentials> {
        let token = token.expose_secret();
        if token.is_empty() {
            return Err(InvalidCredentials::EmptySecret);
        }
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidCredentials::ControlCharacterInSecret);
        }
        Ok(Self { id: String::new(), header: Self::header("Bearer", token)?, hidden: vec![hide(token)] })
    }

    fn header(scheme: &str, token: &str) -> Result<HeaderValue, InvalidCredentials> {
        let text = Zeroizing::new(format!("{scheme} {token}"));
        let header = HeaderValue::from_str(&text).map_err(|_| InvalidCredentials::ControlCharacterInSecret);
        header.map(|mut header| {
            header.set_sensitive(true);
            header
        })
    }

    /// The id of HTTP Basic.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Puts the `Authorization` header on a request. It is marked sensitive.
    pub fn put_on(&self, request: &mut Request<Bytes>) {
        request.headers_mut().insert(header::AUTHORIZATION, self.header.clone());
    }

    /// The answer with `***` wherever it repeats the secret, the header or a long id, in upper or lower case, or eight
    /// characters of them in a row: a vendor's text must not carry them into a file.
    pub fn masked(&self, answer: Response<Bytes>) -> Response<Bytes> {
        let long = self.hidden.iter().filter(|text| text.len() >= SHORTEST);
        answer.map(|body| long.fold(body, |body, text| masked(body, text)))
    }
}

/// What is shorter is in any text by chance.
const SHORTEST: usize = 6;
/// So many bytes of a secret in a row are not in a text by chance.
const PART: usize = 8;
/// An id as long as this is not a number that a user may have too.
const LONG_ID: usize = 12;

fn hide(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.to_ascii_lowercase())
}

fn masked(body: Bytes, text: &str) -> Bytes {
    let part = PART.min(text.len());
    let parts: HashSet<&[u8]> = text.as_bytes().windows(part).collect();
    let lower = Zeroizing::new(body.to_ascii_lowercase());
    let starts: Vec<usize> =
        lower.windows(part).enumerate().filter(|(_, at)| parts.contains(at)).map(|(start, _)| start).collect();
    if starts.is_empty() {
        return body;
    }
    let (mut kept, mut place) = (BytesMut::with_capacity(body.len()), 0);
    for run in starts.chunk_by(|one, next| next - one < part) {
        let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
        kept.extend_from_slice(&body[place..*first]);
        kept.extend_from_slice(b"***");
        place = last + part;
    }
    kept.extend_from_slice(&body[place..]);
    kept.freeze()
}

impl InvalidCredentials {
    /// Whether it is the secret that is wrong, and not the id.
    pub fn is_about_secret(self) -> bool {
        matches!(self, Self::EmptySecret | Self::ControlCharacterInSecret)
    }
}

debug_shows!(Credentials: id);
