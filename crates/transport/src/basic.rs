//! HTTP Basic (RFC 7617): the id and the secret of an account as a header.

use std::collections::HashSet;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Response};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};

/// An id and a secret. `Debug` prints the id and no secret.
///
/// Anything is taken; what HTTP Basic cannot carry is found by [`BasicCredentials::check`].
#[derive(Clone)]
pub struct BasicCredentials {
    id: String,
    secret: SecretString,
}

/// Why HTTP Basic cannot carry an id and a secret as `id:secret`.
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
    /// The secret has a control character; often a line break at the end of a file.
    #[error("the secret has a control character in it, perhaps a line break at its end")]
    ControlCharacterInSecret,
}

impl BasicCredentials {
    /// An id and a secret, as the vendor's console shows them.
    pub fn new(id: impl Into<String>, secret: SecretString) -> Self {
        Self { id: id.into(), secret }
    }

    /// The id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether HTTP Basic can carry them; says nothing on whether they are right.
    ///
    /// # Errors
    /// [`InvalidCredentials`] if the id or the secret is empty or has a control character, or the id has a colon.
    pub fn check(&self) -> Result<(), InvalidCredentials> {
        let secret = self.secret.expose_secret();
        if self.id.is_empty() {
            Err(InvalidCredentials::EmptyId)
        } else if secret.is_empty() {
            Err(InvalidCredentials::EmptySecret)
        } else if self.id.contains(':') {
            Err(InvalidCredentials::Colon)
        } else if self.id.contains(char::is_control) {
            Err(InvalidCredentials::ControlCharacterInId)
        } else if secret.contains(char::is_control) {
            Err(InvalidCredentials::ControlCharacterInSecret)
        } else {
            Ok(())
        }
    }

    /// The `Authorization` header, marked sensitive; `None` if they cannot stand in one.
    pub fn header(&self) -> Option<HeaderValue> {
        self.check().ok()?;
        let pair = Zeroizing::new(format!("{}:{}", self.id, self.secret.expose_secret()));
        let header = Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())));
        let mut value = HeaderValue::from_str(&header).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl BasicCredentials {
    /// The answer with `***` wherever it repeats the secret, the header or a long id, in upper or lower case, or eight
    /// characters of them in a row: a vendor's text must not carry them into a file.
    pub fn masked(&self, answer: Response<Bytes>) -> Response<Bytes> {
        let secret = self.secret.expose_secret();
        let pair = Zeroizing::new(format!("{}:{secret}", self.id));
        let token = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
        // Without its padding, which may be cut off or escaped.
        let token = token.trim_end_matches('=');
        let id = Some(&*self.id).filter(|id| id.len() >= LONG_ID);
        let secrets = [Some(secret), Some(token), id].into_iter().flatten().filter(|text| text.len() >= SHORTEST);
        answer.map(|body| secrets.fold(body, masked))
    }
}

/// What is shorter is in any text by chance.
const SHORTEST: usize = 6;
/// So many bytes of a secret in a row are not in a text by chance.
const PART: usize = 8;
/// An id as long as this is not a number that a user may have too.
const LONG_ID: usize = 12;

fn masked(body: Bytes, text: &str) -> Bytes {
    let text = Zeroizing::new(text.to_ascii_lowercase());
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

impl fmt::Debug for BasicCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BasicCredentials").field("id", &self.id).finish_non_exhaustive()
    }
}
