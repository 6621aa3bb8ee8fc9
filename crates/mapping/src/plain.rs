//! Values that are right at a glance: one look at each byte. All others are checked rule by rule.

use contact_sink_core::FieldKind;

use crate::checked_as::{CheckedAs, MAX_EMAIL_BYTES, MAX_PHONE_CHARS, MIN_PHONE_CHARS, MIN_PHONE_DIGITS, NO_ID};

// What a byte is not. The classes of a text are those of all its bytes.
const NO_DIGIT: u8 = 1;
/// Not an ASCII character that is seen.
const NOT_SEEN: u8 = 2;
/// No part of most phone numbers: not a digit, a space or one of `+-()/`.
const NOT_IN_PHONE: u8 = 4;
/// Perhaps a control character or a part of one, and no tab.
const CONTROL: u8 = 8;
/// A point or a comma, as a number has them.
const POINT: u8 = 16;

const CLASSES: [u8; 256] = {
    let (mut classes, mut byte) = ([0; 256], 0);
    while byte < classes.len() {
        classes[byte] = class(byte as u8);
        byte += 1;
    }
    classes
};

const fn class(byte: u8) -> u8 {
    let mut class = 0;
    if !byte.is_ascii_digit() {
        class |= NO_DIGIT;
    }
    if !byte.is_ascii_graphic() {
        class |= NOT_SEEN;
    }
    if !(byte.is_ascii_digit() || matches!(byte, b' ' | b'+' | b'-' | b'(' | b')' | b'/')) {
        class |= NOT_IN_PHONE;
    }
    // The control characters beyond ASCII begin with C2.
    if byte.is_ascii_control() && byte != b'\t' || byte == 0xC2 {
        class |= CONTROL;
    }
    if matches!(byte, b'.' | b',') {
        class |= POINT;
    }
    class
}

/// Whether a value passes every rule, as far as that is seen at a glance. It says `false` of many values that do.
pub(crate) fn is_right(text: &str, checked_as: CheckedAs) -> bool {
    let bytes = text.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return false };
    let is_any_of = {
        let all = bytes.iter().fold(0, |all, byte| all | CLASSES[usize::from(*byte)]);
        move |classes: u8| all & classes != 0
    };
    // What else begins so may be a formula, or the error of one.
    let is_no_formula = !matches!(first, b'=' | b'#');
    match checked_as {
        CheckedAs::Id if !is_any_of(NO_DIGIT) => true,
        CheckedAs::Id => {
            // Without a point, only a number of one digit before its exponent is refused.
            let may_have_exponent = *first == b'-' || matches!(bytes.get(1), Some(b'e' | b'E'));
            is_no_formula && !is_any_of(NOT_SEEN | POINT) && !may_have_exponent && !NO_ID.contains(&text)
        }
        CheckedAs::Field(FieldKind::Phone) => {
            !is_any_of(NOT_IN_PHONE)
                && *first != b' '
                && *last != b' '
                && (MIN_PHONE_CHARS..=MAX_PHONE_CHARS).contains(&bytes.len())
                && bytes.iter().filter(|byte| byte.is_ascii_digit()).count() >= MIN_PHONE_DIGITS
        }
        CheckedAs::Field(FieldKind::Email) => {
            let at = memchr::memchr(b'@', bytes).unwrap_or_default();
            is_no_formula
                && !is_any_of(NOT_SEEN)
                && bytes.len() <= MAX_EMAIL_BYTES
                && (1..bytes.len() - 1).contains(&at)
                && memchr::memchr(b'@', &bytes[at + 1..]).is_none()
        }
        CheckedAs::Field(FieldKind::Text | FieldKind::List) => {
            // Most Chinese characters begin with one of these bytes, and no white space does.
            let begins_seen = first.is_ascii_graphic() || matches!(first, 0xE4..=0xE9);
            is_no_formula && begins_seen && !is_any_of(CONTROL)
        }
        CheckedAs::Field(_) => false,
    }
}

/// Whether a text begins and ends with an ASCII character that is seen.
pub(crate) fn has_seen_ends(text: &str) -> bool {
    let is_seen = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_graphic);
    is_seen(text.as_bytes().first()) && is_seen(text.as_bytes().last())
}
