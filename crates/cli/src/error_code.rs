//! How JSON has a vendor's error code: a number as a number, a word as a string.

use contact_sink_core::ErrorCode;
use serde::{Serialize as _, Serializer};

/// For `#[serde(serialize_with)]`.
pub fn serialize<S: Serializer>(code: &Option<ErrorCode>, serializer: S) -> Result<S::Ok, S::Error> {
    match code {
        None => serializer.serialize_none(),
        Some(ErrorCode::Number(number)) => number.serialize(serializer),
        Some(word) => serializer.collect_str(word),
    }
}
