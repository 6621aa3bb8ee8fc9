//! A secret of a vendor's settings: neither an error nor `Debug` shows it.

use std::fmt;

use serde::{Deserialize, Deserializer, de};

/// A secret, such as the password of HTTP Basic. `Debug` does not print it, and no error of a world's file quotes it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The secret itself.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T: Into<String>> From<T> for Secret {
    fn from(secret: T) -> Self {
        Self(secret.into())
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The error of the deserializer itself would quote what is there instead.
        String::deserialize(deserializer).map(Self).map_err(|_| de::Error::custom("expected a text in quotes"))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}
