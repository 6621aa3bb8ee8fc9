//! The value of a friend's field, as it stands in the request.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The value of a field. `Debug` prints its kind only.
#[derive(Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum FriendValue {
    /// A string.
    Text(String),
    /// An integer of 64 bits.
    Integer(i64),
    /// An array of strings.
    List(Vec<String>),
}

impl fmt::Debug for FriendValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "Text({} bytes)", text.len()),
            Self::Integer(_) => f.write_str("Integer"),
            Self::List(texts) => write!(f, "List({} texts)", texts.len()),
        }
    }
}

impl From<&str> for FriendValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i64> for FriendValue {
    fn from(integer: i64) -> Self {
        Self::Integer(integer)
    }
}

impl<const N: usize> From<[&str; N]> for FriendValue {
    fn from(texts: [&str; N]) -> Self {
        Self::List(texts.map(str::to_owned).into())
    }
}
