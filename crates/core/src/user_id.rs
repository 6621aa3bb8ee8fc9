//! The id of a user at a vendor.

use std::fmt;
use std::str::FromStr;

use crate::Text;

/// The id by which a vendor knows a user.
///
/// Shape: text of 1 to 256 bytes of UTF-8 without control characters. A vendor with numeric ids takes only the canonical
/// form of a 64-bit integer, see [`UserId::as_i64`]. `Debug` prints no part of it.
///
/// ```
/// use contact_sink_core::UserId;
///
/// assert_eq!(UserId::from(7), UserId::try_from("7")?);
/// assert!(UserId::try_from(String::new()).is_err());
/// # Ok::<(), contact_sink_core::InvalidUserId>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(Text);

/// Why a text is not a [`UserId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidUserId {
    /// The text is empty.
    #[error("a user id is empty")]
    Empty,
    /// The text has more than [`UserId::MAX_BYTES`] bytes.
    #[error("a user id is longer than 256 bytes")]
    TooLong,
    /// The text has a control character: a line break, a tab, NUL.
    #[error("a user id has a control character in it")]
    ControlCharacter,
}

impl UserId {
    /// The most bytes an id may have.
    pub const MAX_BYTES: usize = 256;

    /// Takes a text as an id.
    ///
    /// # Errors
    /// [`InvalidUserId`] if the text is empty, over [`UserId::MAX_BYTES`], or has a control character.
    pub fn new(text: impl AsRef<str>) -> Result<Self, InvalidUserId> {
        let text = text.as_ref();
        check(text)?;
        Ok(Self(text.into()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as a number, if it is one in canonical form: `0` or `-?[1-9][0-9]*`, within 64 bits.
    ///
    /// `007`, `+7` and `1e3` are none: two texts that are different users here would be one user at the vendor.
    pub fn as_i64(&self) -> Option<i64> {
        canonical_i64(&self.0)
    }
}

/// The number that a text is in canonical form, see [`UserId::as_i64`].
pub fn canonical_i64(text: &str) -> Option<i64> {
    match text.as_bytes() {
        b"0" => Some(0),
        [b'1'..=b'9', ..] | [b'-', b'1'..=b'9', ..] => text.parse().ok(),
        _ => None,
    }
}

fn check(text: &str) -> Result<(), InvalidUserId> {
    if text.is_empty() {
        Err(InvalidUserId::Empty)
    } else if text.len() > UserId::MAX_BYTES {
        Err(InvalidUserId::TooLong)
    } else if has_control(text) {
        Err(InvalidUserId::ControlCharacter)
    } else {
        Ok(())
    }
}

fn has_control(text: &str) -> bool {
    // Most ids are ASCII, which needs no decoding.
    if text.is_ascii() { text.bytes().any(|byte| byte.is_ascii_control()) } else { text.chars().any(char::is_control) }
}

macro_rules! from_integer {
    ($($integer:ty),*) => {$(
        impl From<$integer> for UserId {
            fn from(number: $integer) -> Self {
                Self(number.to_string().into())
            }
        }
    )*};
}

from_integer!(i32, i64, u32, u64);

macro_rules! try_from_text {
    ($($text:ty),*) => {$(
        impl TryFrom<$text> for UserId {
            type Error = InvalidUserId;

            fn try_from(text: $text) -> Result<Self, Self::Error> {
                Self::new(text)
            }
        }
    )*};
}

try_from_text!(&str, String);

/// The id shares the memory of the text.
impl TryFrom<Text> for UserId {
    type Error = InvalidUserId;

    fn try_from(text: Text) -> Result<Self, Self::Error> {
        check(&text)?;
        Ok(Self(text))
    }
}

impl FromStr for UserId {
    type Err = InvalidUserId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserId(..)")
    }
}
