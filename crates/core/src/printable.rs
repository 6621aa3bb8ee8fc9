//! Text of others, made safe to print and to keep.

use std::borrow::Cow;

/// The most characters of a vendor's text that are kept: every update of a request may get a copy.
const MOST_CHARS: usize = 300;

/// The text with U+FFFD in the place of characters that a terminal obeys or that are not seen: control characters, line and paragraph
/// separators, and those that change the direction of the text.
///
/// For a text that comes from outside and goes to a screen, a log or a file: a file's name, a setting, a vendor's words.
///
/// ```
/// use contact_sink_core::printable;
///
/// assert_eq!(printable("users.csv"), "users.csv");
/// assert_eq!(printable("a\u{1b}[2Jb\u{202e}c\n"), "a\u{FFFD}[2Jb\u{FFFD}c\u{FFFD}");
/// ```
pub fn printable(text: &str) -> Cow<'_, str> {
    if text.contains(is_unprintable) { text.replace(is_unprintable, "\u{FFFD}").into() } else { text.into() }
}

fn is_unprintable(char: char) -> bool {
    let changes_direction =
        matches!(char, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    let is_unseen = matches!(char, '\u{200B}'..='\u{200D}' | '\u{2060}' | '\u{FEFF}' | '\u{E0000}'..='\u{E007F}');
    char.is_control() || changes_direction || is_unseen || matches!(char, '\u{2028}' | '\u{2029}')
}

/// A vendor's text as it is kept: printable, without what looks like credentials or an echo of the request, and cut.
pub(crate) fn vendor_text(text: &str) -> Option<Box<str>> {
    // Far more than is kept, so that a secret is found whole.
    let end = text.char_indices().nth(10 * MOST_CHARS).map_or(text.len(), |(end, _)| end);
    let masked = masked(&printable(&text[..end]));
    let cut = masked.char_indices().nth(MOST_CHARS).map(|(end, _)| &masked[..end]);
    let kept: Box<str> = match cut {
        Some(cut) => format!("{cut}…").into(),
        None => masked.into(),
    };
    Some(kept).filter(|text| !text.is_empty())
}

/// The text with `***` in the place of what looks like credentials, up to the first JSON object in it.
fn masked(text: &str) -> String {
    let json = ["{\"", "{\\\"", "{ \""].into_iter().filter_map(|start| text.find(start)).min();
    let (text, is_cut) = json.map_or((text, false), |at| (&text[..at], true));
    let mut kept = String::with_capacity(text.len());
    let (mut rest, mut masks_next) = (text, false);
    while !rest.is_empty() {
        let token = &rest[..rest.find(|char| !is_of_token(char)).unwrap_or(rest.len())];
        if token.is_empty() {
            let length = rest.chars().next().map_or(0, char::len_utf8);
            kept.push_str(&rest[..length]);
            rest = &rest[length..];
            continue;
        }
        rest = &rest[token.len()..];
        // The signs at the end of base64 have no value behind them.
        let named = token.split_once('=').filter(|(_, value)| !value.trim_matches('=').is_empty());
        let (name, value) = named.unwrap_or(("", token));
        let is_scheme = ["basic", "bearer"].iter().any(|scheme| value.eq_ignore_ascii_case(scheme));
        if !name.is_empty() {
            kept.push_str(name);
            kept.push('=');
        }
        let is_masked = (masks_next || names_secret(name) || is_like_secret(value)) && !is_scheme;
        kept.push_str(if is_masked { "***" } else { value });
        // `Basic ..`, `token: ..`, `"secret":".."`
        let names_next = names_secret(value) && rest.trim_start_matches(['"', '\'', ' ']).starts_with([':', '：']);
        masks_next = is_scheme || names_next;
    }
    if is_cut {
        kept.push_str("{…}");
    }
    kept
}

fn is_of_token(char: char) -> bool {
    char.is_ascii_alphanumeric() || "+/=_*.~%-".contains(char)
}

fn names_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let names = [
        "secret",
        "usersig",
        "token",
        "password",
        "passwd",
        "authorization",
        "credential",
        "signature",
        "api_key",
        "apikey",
    ];
    names.iter().any(|secret| name.contains(secret))
}

/// A UserSig, or letters and digits that are too long for a word or an id. Names such as `Err_SNS_FriendUpdate_Exceed` have no digits.
fn is_like_secret(value: &str) -> bool {
    const LONG: usize = 24;
    let count = |kind: fn(&u8) -> bool| value.bytes().filter(kind).count();
    let is_mixed = count(u8::is_ascii_digit) > 1 && count(u8::is_ascii_alphabetic) > 1;
    value.len() >= LONG && is_mixed || value.starts_with("eJ") && value.len() > 15
}
