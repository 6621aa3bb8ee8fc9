//! Values that cannot be right: what spreadsheets, scripts and copied text leave in a file.

use contact_sink_core::FieldKind;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory as _};

use crate::checked_as::{CheckedAs, MAX_EMAIL_BYTES, MAX_PHONE_CHARS, MIN_PHONE_CHARS, MIN_PHONE_DIGITS, NO_ID};
use crate::plain;

/// What spreadsheets write in a cell whose formula failed, in the languages of their users.
const SPREADSHEET_ERRORS: [&str; 36] = [
    "#BEZUG!",
    "#BLOCKED!",
    "#BUSY!",
    "#CALC!",
    "#CONNECT!",
    "#DIV/0!",
    "#ERROR!",
    "#EXTERNAL!",
    "#FIELD!",
    "#GETTING_DATA",
    "#N/A",
    "#N/D",
    "#NAME?",
    "#NOM?",
    "#NOMBRE!",
    "#NOME?",
    "#NUL!",
    "#NULL!",
    "#NUM!",
    "#NV",
    "#PYTHON!",
    "#REF!",
    "#RIF!",
    "#SPILL!",
    "#UNKNOWN!",
    "#VALEUR!",
    "#VALOR!",
    "#VALORE!",
    "#VALUE!",
    "#WERT!",
    "#ZAHL!",
    "#¡DIV/0!",
    "#¡NUM!",
    "#¡REF!",
    "#¡VALOR!",
    "#¿NOMBRE?",
];

/// Checks a value that has been read.
pub(crate) fn check(text: &str, checked_as: CheckedAs) -> Result<(), &'static str> {
    // Most values are right, and that is seen at a glance.
    if plain::is_right(text, checked_as) {
        debug_assert_eq!(each_rule(text, checked_as), Ok(()));
        return Ok(());
    }
    each_rule(text, checked_as)
}

/// Checks a value rule by rule.
fn each_rule(text: &str, checked_as: CheckedAs) -> Result<(), &'static str> {
    if is_formula(text) {
        return Err("it is a spreadsheet formula (=\"..\"): export the values");
    }
    let bare = text.trim();
    if bare.starts_with('#') && SPREADSHEET_ERRORS.iter().any(|error| error.eq_ignore_ascii_case(bare)) {
        return Err("it is the error of a spreadsheet formula, such as #REF!: correct the cell, or empty it");
    }
    if !matches!(checked_as, CheckedAs::Field(FieldKind::Text | FieldKind::List)) {
        hidden(text)?;
    }
    // A tab is a part of a text; the vendors' documents allow line breaks nowhere.
    if text.contains(|c: char| c.is_control() && c != '\t') {
        return Err("it has a line break or another control character in it: remove it");
    }
    match checked_as {
        CheckedAs::Id => id(text),
        CheckedAs::Field(FieldKind::Phone) => phone(text),
        CheckedAs::Field(FieldKind::Email) => email(text),
        CheckedAs::Field(_) => Ok(()),
    }
}

/// Without white space, control and invisible characters at its ends.
pub(crate) fn trim(text: &str) -> &str {
    if plain::has_seen_ends(text) {
        return text;
    }
    text.trim_matches(|c: char| c.is_whitespace() || c.is_control() || is_invisible(c))
}

/// Whether a text that is sent reads like a word for nothing.
pub(crate) fn looks_empty(text: &str) -> bool {
    const WORDS: [&str; 10] = ["nan", "none", "null", "<na>", "undefined", "n/a", "nil", "(null)", "nat", "#n/a"];
    // The first character shows for most texts that they are none of these.
    matches!(text.as_bytes().first(), Some(b'n' | b'N' | b'u' | b'U' | b'<' | b'(' | b'#'))
        && text.len() <= 9
        && WORDS.iter().any(|word| word.eq_ignore_ascii_case(text))
}

/// `="7"`: as a cell is written that a spreadsheet is to take for a text.
pub(crate) fn is_formula(text: &str) -> bool {
    text.trim().strip_prefix("=\"").is_some_and(|rest| rest.ends_with('"'))
}

/// Refuses what no reader sees: two values that look alike must not be two users.
fn hidden(text: &str) -> Result<(), &'static str> {
    let is_white = |c: Option<char>| c.is_some_and(|c| c.is_whitespace() || c.is_control());
    if is_white(text.chars().next()) || is_white(text.chars().next_back()) {
        return Err("it begins or ends with white space or a control character: remove it, or set as = \"trim\"");
    }
    if text.is_ascii() {
        return Ok(());
    }
    // Scripts and emoji need joiners and variation selectors, but not at the ends; a selector may end what is no ASCII.
    let mut before = None;
    let mut after = text.chars().skip(1);
    for c in text.chars() {
        let after = after.next();
        let is_needed = match (before, after) {
            (Some(_), Some(_)) => is_joiner(c) || is_selector(c),
            (Some(before), None) => is_selector(c) && !char::is_ascii(&before),
            _ => false,
        };
        if is_invisible(c) && !is_needed {
            return Err(INVISIBLE);
        }
        before = Some(c);
    }
    Ok(())
}

const INVISIBLE: &str =
    "it contains an invisible character: remove it (as = \"trim\" removes those at the ends), or set check = false";

fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200C}' | '\u{200D}')
}

fn is_selector(c: char) -> bool {
    matches!(c, '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}')
}

/// Format characters: zero-width spaces and joiners, marks of direction, soft hyphens, byte order marks; variation selectors and
/// fillers, which are not seen either.
fn is_invisible(c: char) -> bool {
    !c.is_ascii()
        && (c.general_category() == GeneralCategory::Format
            || matches!(c, '\u{034F}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}')
            || matches!(c, '\u{2800}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FFA0}' | '\u{E0100}'..='\u{E01EF}'))
}

fn id(text: &str) -> Result<(), &'static str> {
    if NO_ID.contains(&text) {
        return Err("it is a word that means \"no value\", such as nan or None: write the id");
    }
    if is_fraction(text) || is_exponent(text) {
        return Err("a spreadsheet or a script changed it (7.0, 1.3E+10): export ids as text");
    }
    Ok(())
}

/// `7.0`, `7,0`: digits, a point and zeros, as of a column of numbers in which some were missing.
fn is_fraction(text: &str) -> bool {
    let (whole, rest) = text.split_once(['.', ',']).unwrap_or_default();
    is_digits(whole.strip_prefix('-').unwrap_or(whole)) && !rest.is_empty() && rest.bytes().all(|byte| byte == b'0')
}

/// `1.3E+10`, `1e+05`: one digit, perhaps a fraction, and an exponent, as programs write a long number. Without a sign and a
/// fraction it may be a name: `1e5`.
fn is_exponent(text: &str) -> bool {
    let number = text.strip_prefix('-').unwrap_or(text);
    let Some((before, after)) = number.split_once(['e', 'E']) else { return false };
    let (whole, fraction) = match before.split_once(['.', ',']) {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (before, None),
    };
    let exponent = after.strip_prefix(['+', '-']);
    whole.len() == 1
        && is_digits(whole)
        && fraction.is_none_or(is_digits)
        && is_digits(exponent.unwrap_or(after))
        && (exponent.is_some() || fraction.is_some())
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn phone(text: &str) -> Result<(), &'static str> {
    if is_exponent(text) {
        return Err("a spreadsheet made it a number with an exponent (1.3E+10): export phone numbers as text");
    }
    if text.split_once('.').is_some_and(|(_, rest)| matches!(rest, "0" | "00"))
        || text.contains(',') && is_fraction(text)
    {
        return Err("a spreadsheet or a script made it a fraction (it ends with .0): export phone numbers as text");
    }
    let lower = text.to_ascii_lowercase();
    let number = lower.strip_suffix("@c.us").unwrap_or(&lower);
    let (number, extension) = match number.split_once("ext").or_else(|| number.split_once('x')) {
        Some((number, extension)) => (number, Some(extension)),
        None => (number, None),
    };
    let digits = |part: &str| part.bytes().filter(u8::is_ascii_digit).count();
    let is_number = |part: &str| part.chars().all(|c| c.is_ascii_digit() || " +-()./#*,;".contains(c));
    let is_whole = (MIN_PHONE_CHARS..=MAX_PHONE_CHARS).contains(&text.len())
        && digits(number) >= MIN_PHONE_DIGITS
        && is_number(number)
        && extension.is_none_or(|part| is_number(part) && digits(part) > 0);
    if !is_whole {
        return Err(
            "it is no phone number: 3 to 40 characters, at least 3 digits, then spaces, +-()./#*,; and an extension",
        );
    }
    Ok(())
}

fn email(text: &str) -> Result<(), &'static str> {
    let mut parts = text.split('@');
    let has_both_sides = matches!((parts.next(), parts.next(), parts.next()), (Some(a), Some(b), None) if !a.is_empty() && !b.is_empty());
    if !has_both_sides || text.len() > MAX_EMAIL_BYTES || text.contains(char::is_whitespace) {
        return Err("it is no e-mail address: one @ with text on both sides, no white space, at most 320 bytes");
    }
    Ok(())
}
