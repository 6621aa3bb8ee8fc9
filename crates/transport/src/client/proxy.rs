//! The parts of a proxy's URL: where it is, and who asks.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderValue, Uri};

use super::origin::Origin;
use crate::{BuildError, Proxy};

impl Proxy {
    /// Where it is, without user and password.
    pub(crate) fn address(&self) -> Result<Uri, BuildError> {
        Origin::of(&self.uri).map(|origin| origin.uri().clone()).ok_or(BuildError::Proxy)
    }

    /// The `Proxy-Authorization`, if it has a user.
    pub(crate) fn authorization(&self) -> Result<Option<HeaderValue>, BuildError> {
        let Some(credentials) = credentials(&self.uri) else { return Ok(None) };
        let basic = HeaderValue::try_from(format!("Basic {}", BASE64_STANDARD.encode(credentials)));
        let mut basic = basic.map_err(|_| BuildError::Proxy)?;
        basic.set_sensitive(true);
        Ok(Some(basic))
    }
}

/// `user:password` out of the URL, percent-decoded. Basic authentication has no way to send a user with a colon.
fn credentials(proxy: &Uri) -> Option<Vec<u8>> {
    let (user_info, _) = proxy.authority()?.as_str().rsplit_once('@')?;
    let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
    Some([&percent_decoded(user)[..], b":", &percent_decoded(password)].concat())
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let mut rest = text.as_bytes();
    let mut decoded = Vec::with_capacity(rest.len());
    while let Some((&byte, after)) = rest.split_first() {
        let digit = |at: usize| after.get(at).and_then(|&digit| char::from(digit).to_digit(16));
        match (byte, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                decoded.extend(u8::try_from(high * 16 + low));
                rest = &after[2..];
            }
            _ => {
                decoded.push(byte);
                rest = after;
            }
        }
    }
    decoded
}
