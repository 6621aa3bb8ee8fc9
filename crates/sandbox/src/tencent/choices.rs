//! What can be chosen where the documents are silent.

use serde::Deserialize;

/// How an attribute command is answered that names accounts that do not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Errors {
    /// By 70107 for the whole request.
    Whole,
    /// By success, with these accounts in an `ErrorList`; the others are served.
    List,
}

/// What groups do to those that a friend is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Groups {
    /// They replace them.
    Set,
    /// They come on top.
    Append,
}

/// Whether a value may be empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum EmptyValues {
    /// It may, and is stored as such.
    Taken,
    /// It breaks a rule: 30001.
    Refused,
}

/// What a custom field of friends holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum TagKind {
    /// A text of at most 500 bytes.
    Text,
    /// An integer of 64 bits.
    Integer,
}

/// One of the vendor's codes for a rate limit: 60007, 60011 (the default), 60018 or 60019.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "i64")]
pub struct RateLimitCode(i64);

impl RateLimitCode {
    /// The code.
    pub fn get(self) -> i64 {
        self.0
    }
}

impl Default for RateLimitCode {
    fn default() -> Self {
        Self(60011)
    }
}

impl TryFrom<i64> for RateLimitCode {
    type Error = String;

    fn try_from(code: i64) -> Result<Self, Self::Error> {
        match code {
            60007 | 60011 | 60018 | 60019 => Ok(Self(code)),
            _ => Err(format!("{code} is none of 60007, 60011, 60018 and 60019")),
        }
    }
}
