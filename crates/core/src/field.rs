//! The name of a field at a vendor.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// What an update sets, as the vendor names it: `email`, `Tag_SNS_IM_Remark`, `210/默认联系`.
///
/// Shape: text of 1 to 512 bytes of UTF-8 without control characters. Each vendor crate reads its own form out of it and
/// has a constructor for it. It is configuration, not personal data: `Debug` and `Display` print it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Field(Arc<str>);

/// Why a text is not a [`Field`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidField {
    /// The text is empty.
    #[error("a field is empty")]
    Empty,
    /// The text has more than [`Field::MAX_BYTES`] bytes.
    #[error("a field is longer than 512 bytes")]
    TooLong,
    /// The text has a control character.
    #[error("a field has a control character in it")]
    ControlCharacter,
}

impl Field {
    /// The most bytes a field may have.
    pub const MAX_BYTES: usize = 512;

    /// Takes a text as a field.
    ///
    /// # Errors
    /// [`InvalidField`] if the text is empty, over [`Field::MAX_BYTES`], or has a control character.
    pub fn new(text: impl AsRef<str>) -> Result<Self, InvalidField> {
        let text = text.as_ref();
        if text.is_empty() {
            Err(InvalidField::Empty)
        } else if text.len() > Self::MAX_BYTES {
            Err(InvalidField::TooLong)
        } else if text.chars().any(char::is_control) {
            Err(InvalidField::ControlCharacter)
        } else {
            Ok(Self(text.into()))
        }
    }

    /// The field as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Field {
    type Err = InvalidField;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Field({:?})", &*self.0)
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
