//! An error code is the number or the word that the vendor writes, and stays what it is.

use contact_sink_core::{Code, Effect, ErrorCode, InvalidErrorCode, ListedCode, Rejection, SinkError, SinkErrorKind};
use proptest::prelude::*;

const CODES: &[Code] = &[
    Code::new(12, "a number", Effect::Rejects, "look at it", "the manual"),
    Code::word("12", "a word of digits", Effect::Rejects, "look at it", "the manual"),
    Code::word("NOT_FOUND", "a word", Effect::Stops(SinkErrorKind::Forbidden), "look at it", "the manual"),
];

proptest! {
    #[test]
    fn a_number_is_shown_and_read_as_it_is(number in any::<i64>()) {
        let code = ErrorCode::from(number);
        prop_assert_eq!((code.to_string(), code.as_i64()), (number.to_string(), Some(number)));
        prop_assert_eq!(number.to_string().parse(), Ok(code));
    }

    #[test]
    fn what_is_no_number_is_read_as_a_word(text in "[^0-9]{1,80}") {
        let code: ErrorCode = text.parse().unwrap();
        prop_assert_eq!((&code, code.as_i64()), (&ErrorCode::Word(text.as_str().into()), None));
        prop_assert_eq!(code.to_string(), text);
    }
}

#[test]
fn what_a_person_types_is_a_number_within_64_bits_or_a_word() {
    let table = [
        ("0", ErrorCode::Number(0)),
        ("-7", ErrorCode::Number(-7)),
        ("9223372036854775807", ErrorCode::Number(i64::MAX)),
        ("9223372036854775808", ErrorCode::from("9223372036854775808")),
        ("1.5", ErrorCode::from("1.5")),
        ("INVALID_ARGUMENT", ErrorCode::from("INVALID_ARGUMENT")),
    ];
    for (text, code) in table {
        assert_eq!(text.parse(), Ok(code), "{text}");
    }
    let error: InvalidErrorCode = "".parse::<ErrorCode>().unwrap_err();
    assert_eq!(error.to_string(), "an error code is not empty");
}

#[test]
fn text_is_always_a_word() {
    assert_eq!(ErrorCode::from("12"), ErrorCode::from(String::from("12")));
    assert_ne!(ErrorCode::from("12"), ErrorCode::from(12));
    assert!(ErrorCode::from(i64::MAX) < ErrorCode::from("1"), "numbers come first");
}

#[test]
fn free_text_is_no_word_of_an_answer() {
    let longest = "x".repeat(64);
    for text in ["INVALID_ARGUMENT", "12", "a.b-c:d/e", "无效", longest.as_str()] {
        assert_eq!(ErrorCode::word(text), Some(ErrorCode::from(text)));
    }
    let too_long = "x".repeat(65);
    for text in
        ["", " ", "user 7", "a\tb", "a\n", "a\u{3000}b", "\u{1b}[31m", too_long.as_str(), "界".repeat(22).as_str()]
    {
        assert_eq!(ErrorCode::word(text), None, "{text:?}");
    }
}

#[test]
fn a_table_finds_a_number_and_a_word_apart() {
    for (nth, line) in CODES.iter().enumerate() {
        let code = ErrorCode::from(line.code);
        assert_eq!(line.code, code);
        assert_eq!(code, line.code);
        assert_eq!(line.code.to_string(), code.to_string());
        assert_eq!(CODES.iter().position(|other| other.code == code), Some(nth));
        assert_eq!(Code::find(CODES, &code), Some(line));
    }
    assert_eq!(CODES[2].code, ListedCode::Word("NOT_FOUND"));
    assert_eq!(Code::find(CODES, &"not_found".into()), None, "a word is compared letter by letter");
}

#[test]
fn an_error_and_a_rejection_show_the_word() {
    let error = CODES[2].error("vendor", "call").unwrap();
    assert_eq!(error.to_string(), "vendor call: the vendor does not allow this (a word, code NOT_FOUND)");
    assert_eq!(error.code(), Some(&"NOT_FOUND".into()));
    let error = SinkError::new("vendor", "call", SinkErrorKind::Throttled).with_code(String::from("SLOW_DOWN"));
    assert_eq!(error.to_string(), "vendor call: over the vendor's quota (code SLOW_DOWN)");
    assert_eq!(Rejection::listed("NOT_FOUND", "no such user").to_string(), "no such user (code NOT_FOUND)");
    assert_eq!(Rejection::unlisted(ErrorCode::word("ODD"), "unknown").to_string(), "unknown (code ODD)");
}
