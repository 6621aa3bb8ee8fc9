//! UserSig, version 2: how a caller of the vendor's API proves who it is. Pure: the time comes in as an argument.
//!
//! The signed text is four lines: `TLS.identifier`, `TLS.sdkappid`, `TLS.time` in seconds since 1970 and `TLS.expire`, the
//! seconds for which it holds. The signature, HMAC-SHA256 by the secret key's bytes as they stand, goes with the four values
//! into a JSON object, which is compressed (zlib) and written in a base64 of the vendor's own alphabet. Order of keys and
//! compression differ between implementations, so two UserSigs are compared by what is in them.
//!
//! ```
//! use std::time::Duration;
//!
//! use contact_sink_tencent::usersig::{Claims, sign, verify};
//!
//! let now = Duration::from_secs(1_700_000_000);
//! let claims = Claims { identifier: "administrator".to_owned(), sdk_app_id: 1400000000, time: 1_700_000_000, expire: 86_400 };
//! let key = "from the vendor's console".into();
//! let usersig = sign(&claims, &key)?;
//! assert_eq!(verify(usersig.expose(), 1400000000, "administrator", &key, now), Ok(claims));
//! assert_eq!(format!("{usersig:?}"), "UserSig(..)");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt;
use std::io::{Read as _, Write as _};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

const VERSION: &str = "2.0";
/// What a UserSig may grow to when it is inflated; a real one has a few hundred bytes.
const MOST_BYTES: u64 = 16 * 1024;

/// A UserSig as it stands in a URL, before its characters are escaped. `Debug` prints no part of it.
#[derive(Clone)]
pub struct UserSig(SecretString);

/// What a UserSig says. `Debug` prints it: none of it is secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// Who calls.
    pub identifier: String,
    /// For which app.
    pub sdk_app_id: u64,
    /// When it was made, in seconds since 1970.
    pub time: u64,
    /// For how many seconds it holds.
    pub expire: u64,
}

/// Why a UserSig is refused, in the order in which it is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidUserSig {
    /// It cannot be decoded, or is not of version 2.0. The vendor's code: 70003.
    #[error("the UserSig cannot be decoded")]
    Undecodable,
    /// It is that of another app: 70014.
    #[error("the UserSig is that of another SDKAppID")]
    OtherApp,
    /// It is that of another caller: 70013.
    #[error("the UserSig is that of another identifier")]
    OtherIdentifier,
    /// Its time is over: 70001.
    #[error("the UserSig has expired")]
    Expired,
    /// It was made with another key: 70009.
    #[error("the UserSig was made with another key")]
    OtherKey,
}

/// The text could not be written; it is too large for this machine's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the UserSig could not be written")]
pub struct Unwritable;

#[derive(Serialize, Deserialize)]
struct Document {
    #[serde(rename = "TLS.ver")]
    version: String,
    #[serde(rename = "TLS.identifier")]
    identifier: String,
    #[serde(rename = "TLS.sdkappid")]
    sdk_app_id: u64,
    #[serde(rename = "TLS.expire")]
    expire: u64,
    #[serde(rename = "TLS.time")]
    time: u64,
    #[serde(rename = "TLS.sig")]
    signature: String,
}

impl UserSig {
    /// The text. It is a secret: whoever has it is the caller for as long as it holds.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// Makes a UserSig.
///
/// # Errors
/// [`Unwritable`], which no claims of a sane size lead to.
///
/// Source: Tencent Chat, "Generating UserSig".
pub fn sign(claims: &Claims, key: &SecretString) -> Result<UserSig, Unwritable> {
    let document = Document {
        version: VERSION.to_owned(),
        identifier: claims.identifier.clone(),
        sdk_app_id: claims.sdk_app_id,
        expire: claims.expire,
        time: claims.time,
        signature: STANDARD.encode(mac(claims, key).finalize().into_bytes()),
    };
    let json = serde_json::to_vec(&document).map_err(|_| Unwritable)?;
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&json).map_err(|_| Unwritable)?;
    let compressed = encoder.finish().map_err(|_| Unwritable)?;
    let text: String = STANDARD.encode(compressed).chars().map(to_url).collect();
    Ok(UserSig(text.into()))
}

/// Reads a UserSig without holding it against anything: what it says, and its signature as base64.
///
/// # Errors
/// [`InvalidUserSig::Undecodable`].
pub fn decode(usersig: &str) -> Result<(Claims, String), InvalidUserSig> {
    let undecodable = InvalidUserSig::Undecodable;
    let base64: String = usersig.chars().map(from_url).collect();
    let compressed = STANDARD.decode(base64).map_err(|_| undecodable)?;
    let mut json = Vec::new();
    // One byte more, so that what is too large is told from what just fits.
    ZlibDecoder::new(&*compressed).take(MOST_BYTES + 1).read_to_end(&mut json).map_err(|_| undecodable)?;
    if json.len() as u64 > MOST_BYTES {
        return Err(undecodable);
    }
    let Document { version, identifier, sdk_app_id, expire, time, signature } =
        serde_json::from_slice(&json).map_err(|_| undecodable)?;
    if version != VERSION {
        return Err(undecodable);
    }
    Ok((Claims { identifier, sdk_app_id, time, expire }, signature))
}

/// Reads a UserSig and holds it against app, caller, time (since 1970) and key, in this order, as the vendor does.
///
/// # Errors
/// [`InvalidUserSig`]: the first of them that does not fit.
pub fn verify(
    usersig: &str,
    sdk_app_id: u64,
    identifier: &str,
    key: &SecretString,
    now: Duration,
) -> Result<Claims, InvalidUserSig> {
    let (claims, signature) = decode(usersig)?;
    if claims.sdk_app_id != sdk_app_id {
        return Err(InvalidUserSig::OtherApp);
    }
    if claims.identifier != identifier {
        return Err(InvalidUserSig::OtherIdentifier);
    }
    if now.as_secs() > claims.time.saturating_add(claims.expire) {
        return Err(InvalidUserSig::Expired);
    }
    let signature = STANDARD.decode(signature).map_err(|_| InvalidUserSig::OtherKey)?;
    mac(&claims, key).verify_slice(&signature).map_err(|_| InvalidUserSig::OtherKey)?;
    Ok(claims)
}

fn mac(claims: &Claims, key: &SecretString) -> Hmac<Sha256> {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.expose_secret().as_bytes()) else {
        unreachable!("HMAC takes a key of any length")
    };
    let Claims { identifier, sdk_app_id, time, expire } = claims;
    let text =
        format!("TLS.identifier:{identifier}\nTLS.sdkappid:{sdk_app_id}\nTLS.time:{time}\nTLS.expire:{expire}\n");
    mac.update(text.as_bytes());
    mac
}

fn to_url(char: char) -> char {
    match char {
        '+' => '*',
        '/' => '-',
        '=' => '_',
        other => other,
    }
}

fn from_url(char: char) -> char {
    match char {
        '*' => '+',
        '-' => '/',
        '_' => '=',
        // What the vendor's alphabet lacks is no second spelling of it.
        '+' | '/' | '=' => '?',
        other => other,
    }
}

impl fmt::Debug for UserSig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserSig(..)")
    }
}
