//! A vendor's error code: a number or a word, as the vendor writes it.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use crate::printable;

/// A vendor's error code, as the vendor writes it.
///
/// A word is an identifier that the vendor defines, such as `INVALID_ARGUMENT`. It is never free text: logs and reports show
/// it, so it must contain no personal data. Read a word from an answer with [`ErrorCode::word`], which refuses free text.
///
/// A number and a word are different codes, also if they look alike: `12` is not `"12"`. All numbers are ordered before all
/// words.
///
/// `Display` is the number or the word, and nothing else.
///
/// ```
/// use contact_sink_core::ErrorCode;
///
/// assert_eq!(ErrorCode::from(4107).to_string(), "4107");
/// assert_eq!(ErrorCode::word("INVALID_ARGUMENT"), Some("INVALID_ARGUMENT".into()));
/// assert_eq!(ErrorCode::word("the user Li is unknown"), None);
/// assert_eq!("4107".parse(), Ok(ErrorCode::Number(4107)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ErrorCode {
    /// A whole number.
    Number(i64),
    /// An identifier that the vendor defines. Never free text, and never personal data.
    Word(Box<str>),
}

/// The text is empty, so it is no error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an error code is not empty")]
#[non_exhaustive]
pub struct InvalidErrorCode;

impl ErrorCode {
    /// A word of a vendor's answer, if it can be an identifier: 1 to 64 bytes, [`printable`](crate::printable) and without white
    /// space.
    pub fn word(text: &str) -> Option<Self> {
        const MOST_BYTES: usize = 64;
        let is_identifier = (1..=MOST_BYTES).contains(&text.len())
            && !text.contains(char::is_whitespace)
            && matches!(printable(text), Cow::Borrowed(_));
        is_identifier.then(|| Self::Word(text.into()))
    }

    /// The number, if the code is one.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Word(_) => None,
        }
    }
}

impl From<i64> for ErrorCode {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

/// Always a word, also if the text looks like a number. The text is not checked: see [`ErrorCode::word`].
impl From<&str> for ErrorCode {
    fn from(word: &str) -> Self {
        Self::Word(word.into())
    }
}

/// Always a word, also if the text looks like a number. The text is not checked: see [`ErrorCode::word`].
impl From<String> for ErrorCode {
    fn from(word: String) -> Self {
        Self::Word(word.into())
    }
}

/// Reads what a person types: a whole number within 64 bits is a number, any other text is a word.
impl FromStr for ErrorCode {
    type Err = InvalidErrorCode;

    fn from_str(text: &str) -> Result<Self, InvalidErrorCode> {
        match text.parse() {
            Ok(number) => Ok(Self::Number(number)),
            Err(_) if text.is_empty() => Err(InvalidErrorCode),
            Err(_) => Ok(text.into()),
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Word(word) => word.fmt(f),
        }
    }
}
