//! What a value is checked as, and the limits of phone numbers, e-mail addresses and ids.

use contact_sink_core::FieldKind;

/// What a value is checked as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CheckedAs {
    /// The id of a user.
    Id,
    /// The value of a field.
    Field(FieldKind),
}

/// Words that programs write in place of an id that is missing.
pub(crate) const NO_ID: [&str; 6] = ["nan", "NaN", "None", "null", "<NA>", "undefined"];

pub(crate) const MAX_EMAIL_BYTES: usize = 320;
pub(crate) const MIN_PHONE_CHARS: usize = 3;
pub(crate) const MAX_PHONE_CHARS: usize = 40;
pub(crate) const MIN_PHONE_DIGITS: usize = 3;
