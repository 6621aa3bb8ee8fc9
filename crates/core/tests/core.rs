//! What the domain model promises: what parses, what an update may hold, and that nothing personal is ever printed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "core/codes.rs"]
mod codes;
#[path = "core/error_codes.rs"]
mod error_codes;
#[path = "core/making.rs"]
mod making;
#[path = "core/parsing.rs"]
mod parsing;
#[path = "core/sinks.rs"]
mod sinks;

use std::fmt::Debug;
use std::time::Duration;

use contact_sink_core::{
    Applied, BatchKey, ContactUpdate, ErrorCode, Field, InvalidUpdate, Rejection, Retry, SinkError, SinkErrorKind,
    Subject, SubjectPart, UserId, Value, Verdict,
};
use proptest::prelude::*;

fn user(id: &str) -> Subject {
    Subject::User(UserId::new(id).unwrap())
}

fn field(text: &str) -> Field {
    Field::new(text).unwrap()
}

#[test]
fn a_field_is_set_once_and_to_something() {
    let list = |texts: &[&str]| Value::List(texts.iter().map(|&text| text.to_owned()).collect());
    let table: [(&str, Value, Option<InvalidUpdate>); 7] = [
        ("b", "text".into(), None),
        ("A", " ".to_owned().into(), None),
        ("b", list(&["x", "x"]), None),
        ("a", "other".into(), Some(InvalidUpdate::NamedTwice(field("a")))),
        ("b", "".into(), Some(InvalidUpdate::EmptyValue(field("b")))),
        ("b", list(&[]), Some(InvalidUpdate::EmptyValue(field("b")))),
        ("b", list(&["x", ""]), Some(InvalidUpdate::EmptyValue(field("b")))),
    ];
    for (name, value, expected) in table {
        let update = ContactUpdate::new(user("7")).with(field("a"), "value").unwrap();
        assert_eq!(update.with(field(name), value.clone()).err(), expected, "{name} = {value:?}");
    }
}

proptest! {
    #[test]
    fn the_fields_keep_their_order_and_can_be_taken_singly(values in prop::collection::vec("\\PC{1,8}", 0..8)) {
        let mut update = ContactUpdate::new(user("7"));
        for (at, value) in values.iter().enumerate() {
            update = update.with(field(&format!("field-{at}")), value.as_str()).unwrap();
        }
        prop_assert_eq!(update.fields().len(), values.len());
        for (at, value) in values.iter().enumerate() {
            let single = update.only(at).unwrap();
            let field = (field(&format!("field-{at}")), Value::from(value.as_str()));
            prop_assert_eq!(single.fields(), std::slice::from_ref(&field));
            prop_assert_eq!(single.subject(), update.subject());
            prop_assert_eq!(update.get(&field.0), Some(&field.1));
        }
        prop_assert!(update.only(values.len()).is_none());
    }

    /// The marks are letters that no word of ours and no type's name has.
    #[test]
    fn nothing_personal_is_printed(mark in "[☀-☃]{3,9}") {
        let id = UserId::new(&mark).unwrap();
        let subject = Subject::Friend { owner: id.clone(), friend: id.clone() };
        let update = ContactUpdate::new(subject.clone()).with(field("email"), mark.as_str()).unwrap();
        let list = Value::List(vec![mark.clone()]);
        let rejection = Rejection::listed(4107, "our words").with_field(field("email")).with_vendor_text(&mark);
        prop_assert_eq!(rejection.vendor_text(), Some(mark.as_str()));
        let twice = update.clone().with(field("email"), mark.as_str()).unwrap_err();
        let printed: [(&dyn Debug, String); 8] = [
            (&id, String::new()),
            (&subject, String::new()),
            (&list, String::new()),
            (&update, String::new()),
            (&BatchKey::of(&mark), String::new()),
            (&Verdict::Undecided(rejection.clone()), String::new()),
            (&rejection, rejection.to_string()),
            (&twice, twice.to_string()),
        ];
        for (debug, display) in printed {
            let shown = format!("{debug:?} {debug:#?} {display}");
            prop_assert!(!shown.contains(&mark[..3]), "{}", shown);
        }
    }
}

#[test]
fn what_an_error_implies_and_how_it_reads() {
    use Applied::{Maybe, No};
    use Retry::{Backoff, Never};
    use SinkErrorKind as K;
    let table = [
        (K::Connect, Backoff, No),
        (K::Certificate, Never, No),
        (K::Timeout, Backoff, Maybe),
        (K::Interrupted, Backoff, Maybe),
        (K::AnswerTooLarge, Backoff, Maybe),
        (K::Throttled, Backoff, No),
        (K::Unavailable, Backoff, Maybe),
        (K::Unreadable, Backoff, Maybe),
        (K::Credentials, Never, No),
        (K::Forbidden, Never, No),
        (K::WrongAddress, Never, No),
        (K::BadRequest, Never, No),
        (K::Contract, Never, Maybe),
    ];
    for (kind, retry, applied) in table {
        let error = SinkError::new("vendor", "call", kind);
        assert_eq!((error.retry(), error.applied()), (retry, applied), "{kind}");
        let line = error.to_string();
        assert_eq!(line, format!("vendor call: {kind}"));
        assert!(!line.ends_with('.') && !line.contains('\n') && !error.advice().is_empty(), "{line}");
    }
    let full = SinkError::new("vendor", "call", K::Throttled)
        .with_detail("detail")
        .with_status(429)
        .with_code(-7)
        .with_answer("text/html", 12)
        .with_retry(Retry::After(Duration::from_secs(3)))
        .with_applied(Maybe);
    assert_eq!(
        full.to_string(),
        "vendor call: over the vendor's quota (detail, http 429, code -7, text/html, 12 bytes)"
    );
    assert_eq!((full.retry(), full.applied()), (Retry::After(Duration::from_secs(3)), Maybe));
}

#[test]
fn who_a_rejection_blames_and_how_it_reads() {
    let table = [
        (Rejection::by_rule("too long"), None, true, "too long"),
        (Rejection::listed(4107, "no such user"), Some(4107), true, "no such user (code 4107)"),
        (Rejection::unlisted(Some(ErrorCode::Number(-9)), "not listed"), Some(-9), false, "not listed (code -9)"),
        (Rejection::unlisted(None, "no code"), None, false, "no code"),
    ];
    for (rejection, code, listed, shown) in table {
        let named = rejection.clone().with_field(field("email"));
        assert_eq!(
            (rejection.code().and_then(ErrorCode::as_i64), rejection.is_listed(), rejection.field()),
            (code, listed, None)
        );
        assert_eq!((rejection.to_string().as_str(), named.field()), (shown, Some(&field("email"))));
        let owner = rejection.clone().with_subject(SubjectPart::Owner);
        assert_eq!((rejection.subject(), owner.subject()), (None, Some(SubjectPart::Owner)));
    }
}

#[test]
fn the_text_of_an_update_is_its_ids_and_its_values() {
    let contact = Subject::Friend { owner: UserId::from(12), friend: UserId::from(345) };
    let list = Value::List(vec!["é".to_owned(), "ab".to_owned()]);
    for (update, bytes) in [
        (ContactUpdate::new(user("7")), 1),
        (ContactUpdate::new(contact.clone()), 5),
        (ContactUpdate::new(contact).with(field("a long field"), "value").unwrap().with(field("b"), list).unwrap(), 14),
    ] {
        assert_eq!(update.text_bytes(), bytes);
    }
}
