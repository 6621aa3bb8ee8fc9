//! What parses as a user id, a field or a quota, and that nothing else does.

use std::time::Duration;

use contact_sink_core::{Field, InvalidField, InvalidUserId, Quota, UserId};
use proptest::prelude::*;

/// Digit by digit and in 128 bits, where the library asks `str::parse`.
fn canonical_i64(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || digits.len() > 19 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if digits.starts_with('0') && text != "0" {
        return None;
    }
    let magnitude = digits.bytes().fold(0_i128, |sum, digit| sum * 10 + i128::from(digit - b'0'));
    i64::try_from(if text.starts_with('-') { -magnitude } else { magnitude }).ok()
}

#[test]
fn which_ids_are_numbers() {
    let table = [
        ("0", Some(0)),
        ("7", Some(7)),
        ("-7", Some(-7)),
        ("9223372036854775807", Some(i64::MAX)),
        ("-9223372036854775808", Some(i64::MIN)),
        ("9223372036854775808", None),
        ("-9223372036854775809", None),
        ("-0", None),
        ("00", None),
        ("007", None),
        ("-07", None),
        ("+7", None),
        ("--7", None),
        ("-", None),
        ("1e3", None),
        ("1.0", None),
        ("7 ", None),
        ("７", None),
    ];
    for (text, number) in table {
        assert_eq!(UserId::new(text).unwrap().as_i64(), number, "`{text}`");
        assert_eq!(canonical_i64(text), number, "the oracle: `{text}`");
    }
}

/// Texts near the edges: near numbers, control characters, lengths around the limits.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[-+]?[0-9]{0,21}",
        "\\PC{0,40}",
        any::<String>(),
        "[a界]{80,600}",
        "[a-c]{0,3}[\\x00-\\x1f\\x7f-\\u{9f}]?"
    ]
}

proptest! {
    #[test]
    fn an_id_is_a_number_in_one_form_only(text in text(), number: i64) {
        if let Ok(id) = UserId::new(&text) {
            prop_assert_eq!(id.as_i64(), canonical_i64(&text));
            prop_assert!(id.as_i64().is_none_or(|number| UserId::from(number) == id));
        }
        prop_assert_eq!(UserId::from(number).as_i64(), Some(number));
        prop_assert_eq!(UserId::new(number.to_string()), Ok(UserId::from(number)));
    }

    #[test]
    fn ids_and_addresses_are_short_texts_without_control_characters(text in text()) {
        let control = text.chars().any(|c| c < ' ' || ('\u{7f}'..='\u{9f}').contains(&c));
        let id = match (text.len(), control) {
            (0, _) => Err(InvalidUserId::Empty),
            (257.., _) => Err(InvalidUserId::TooLong),
            (_, true) => Err(InvalidUserId::ControlCharacter),
            _ => Ok(text.clone()),
        };
        prop_assert_eq!(text.parse::<UserId>().map(|id| id.as_str().to_owned()), id);
        let field = match (text.len(), control) {
            (0, _) => Err(InvalidField::Empty),
            (513.., _) => Err(InvalidField::TooLong),
            (_, true) => Err(InvalidField::ControlCharacter),
            _ => Ok(text.clone()),
        };
        prop_assert_eq!(text.parse::<Field>().map(|field| field.to_string()), field);
    }

    #[test]
    fn a_quota_is_what_its_text_says(requests in 1..=u32::MAX, seconds in 1..=86_400_u64) {
        let quota = Quota { requests: requests.try_into().unwrap(), per: Duration::from_secs(seconds) };
        prop_assert_eq!(quota.to_string().parse(), Ok(quota));
        prop_assert_eq!(format!("{requests}/{seconds}s").parse(), Ok(quota));
    }

    #[test]
    fn a_quota_of_any_other_form_is_refused(text in "[0-9+ -]{0,11}/?[0-9+ .-]{0,6}[smhdS界]{0,2}") {
        let form = || {
            let (count, span) = text.split_once('/')?;
            let (units, unit) = span.split_at_checked(span.len().checked_sub(1)?)?;
            let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u64>().ok())?;
            let unit = [("s", 1), ("m", 60), ("h", 3600)].into_iter().find(|(name, _)| *name == unit)?.1;
            let seconds = if units.is_empty() { unit } else { digits(units)?.checked_mul(unit)? };
            let count = u32::try_from(digits(count)?).ok()?;
            (count > 0 && (1..=86_400).contains(&seconds)).then_some((count, seconds))
        };
        let parsed = text.parse::<Quota>().ok().map(|quota| (quota.requests.get(), quota.per.as_secs()));
        prop_assert_eq!(parsed, form(), "`{}`", text);
    }
}

#[test]
fn quotas_as_they_are_written() {
    let table = [
        ("100/s", Some((100, 1))),
        ("1000/m", Some((1000, 60))),
        ("1/h", Some((1, 3600))),
        ("50/10s", Some((50, 10))),
        ("5/2m", Some((5, 120))),
        ("1/24h", Some((1, 86_400))),
        ("4294967295/s", Some((u32::MAX, 1))),
        ("4294967296/s", None),
        ("1/25h", None),
        ("1/18446744073709551615h", None),
        ("0/s", None),
        ("1/0s", None),
        ("100", None),
        ("100/", None),
        ("/s", None),
        ("100/d", None),
        ("100/sec", None),
        ("100 / s", None),
        ("+1/s", None),
        ("1/+1s", None),
        ("-1/s", None),
        ("1.5/s", None),
        ("1/s/s", None),
        ("1/界", None),
        ("", None),
    ];
    for (text, expected) in table {
        let parsed = text.parse::<Quota>().ok().map(|quota| (quota.requests.get(), quota.per.as_secs()));
        assert_eq!(parsed, expected, "`{text}`");
    }
}
