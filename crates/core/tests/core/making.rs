//! Updates, subjects, ids and values are made from what a caller has.

use std::borrow::Cow;
use std::error::Error;
use std::sync::Arc;

use contact_sink_core::{
    Code, ContactUpdate, Effect, InvalidUpdate, InvalidUserId, Rejection, SinkError, SinkErrorKind, Subject, Text,
    Updates, UserId, Value,
};

use crate::field;

#[test]
fn an_id_is_a_whole_number_or_a_text_that_is_checked() {
    let ids = [UserId::from(7_i32), 7_i64.into(), 7_u32.into(), 7_u64.into()];
    let texts = [UserId::try_from("7").unwrap(), String::from("7").try_into().unwrap(), "7".parse().unwrap()];
    for id in ids.iter().chain(&texts) {
        assert_eq!((id.as_str(), id.as_i64()), ("7", Some(7)));
    }
    assert_eq!(UserId::from(u64::MAX).as_str(), u64::MAX.to_string());
    assert_eq!(UserId::from(u64::MAX).as_i64(), None, "no 64-bit integer with a sign");
    assert_eq!(UserId::try_from(""), Err(InvalidUserId::Empty));
    assert_eq!(UserId::try_from("a\nb".to_owned()), Err(InvalidUserId::ControlCharacter));
}

#[test]
fn a_subject_is_a_user_or_a_friend() {
    let id = || UserId::from(7);
    let user = Subject::User(id());
    for made in [ContactUpdate::user(7), ContactUpdate::user(id()), ContactUpdate::new(7), ContactUpdate::new(id())] {
        assert_eq!(made, ContactUpdate::new(user.clone()));
    }
    let friend = Subject::Friend { owner: id(), friend: UserId::new("id1").unwrap() };
    let made = ContactUpdate::friend(7_u32, UserId::new("id1").unwrap());
    assert_eq!(made, ContactUpdate::new(friend.clone()));
    assert_eq!(Subject::friend(id(), UserId::new("id1").unwrap()), friend);
}

#[test]
fn a_text_shares_the_memory_of_the_text_that_it_is_a_part_of() {
    let whole: Arc<str> = "联系,b,b,".into();
    let parts: Vec<&str> = whole.split(',').collect();
    for part in parts {
        let text = Text::within(&whole, part);
        assert_eq!((text.as_str(), &*text, text.len()), (part, part, part.len()));
        assert_eq!(text.as_ptr(), part.as_ptr(), "it is not copied");
        assert_eq!((&text, format!("{text:?}")), (&Text::from(part), "Text(..)".to_owned()));
    }
    let all = Text::within(&whole, &whole);
    assert_eq!((all.as_str(), Arc::strong_count(&whole)), (&*whole, 2));
    let elsewhere = String::from("b");
    assert_eq!(*Text::within(&whole, &elsewhere), *"b");
    assert_eq!(Arc::strong_count(&whole), 2, "it is copied");
    let bytes = &whole.as_bytes()[1..1];
    let inside = std::str::from_utf8(bytes).unwrap();
    assert_eq!(*Text::within(&whole, inside), *"", "an empty part inside a character");
    assert_eq!(UserId::try_from(Text::from("a\nb")), Err(InvalidUserId::ControlCharacter));
    assert_eq!(UserId::try_from(Text::from("a")), UserId::new("a"));
}

#[test]
fn updates_that_are_made_together_are_as_those_made_alone() {
    let (email, city) = (field("email"), field("city"));
    let mut updates = Updates::with_room(2, 2);
    let add = |updates: &mut Updates, id: i32, fields: &[(&str, &str)]| {
        updates.add(id.into(), fields.iter().map(|(name, value)| (field(name), Value::from(*value))))
    };
    add(&mut updates, 7, &[("email", "a@b.example"), ("city", "Bern")]).unwrap();
    assert_eq!(add(&mut updates, 8, &[("city", "x"), ("city", "y")]), Err(InvalidUpdate::NamedTwice(city.clone())));
    assert_eq!(add(&mut updates, 8, &[("city", "x"), ("email", "")]), Err(InvalidUpdate::EmptyValue(email.clone())));
    add(&mut updates, 9, &[]).unwrap();
    add(&mut updates, 7, &[("city", "Chur")]).unwrap();
    let [first, second, third] = updates.finish().collect::<Vec<_>>().try_into().unwrap();

    let alone = ContactUpdate::user(7).with(email.clone(), "a@b.example").unwrap().with(city.clone(), "Bern").unwrap();
    assert_eq!((&first, first.text_bytes()), (&alone, alone.text_bytes()));
    assert_eq!(second, ContactUpdate::user(9));
    assert_eq!(third, ContactUpdate::user(7).with(city.clone(), "Chur").unwrap());
    assert_eq!(first.only(1), ContactUpdate::user(7).with(city.clone(), "Bern").ok());

    // One that is changed leaves the others as they are, and its own clones.
    let changed = first.clone().retain(|named| *named == email);
    assert_eq!(changed, ContactUpdate::user(7).with(email.clone(), "a@b.example").unwrap());
    let more = second.clone().with(email, "c@d.example").unwrap();
    assert_eq!((more.fields().len(), more.text_bytes(), second.fields().len()), (1, 12, 0));
    assert_eq!((first, third.get(&city)), (alone, Some(&"Chur".into())));
}

#[test]
fn a_value_is_any_text_number_or_list() {
    let text = String::from("a");
    let texts: [Value; 7] = [
        "a".into(),
        (&text).into(),
        text.clone().into(),
        Box::<str>::from("a").into(),
        Cow::Borrowed("a").into(),
        Cow::<str>::Owned(text.clone()).into(),
        Value::Text("a".into()),
    ];
    assert!(texts.iter().all(|value| *value == texts[0]));
    for number in [Value::from(-7_i64), Value::from(-7_i32)] {
        assert_eq!(number, Value::Integer(-7));
    }
    assert_eq!(Value::from(u32::MAX), Value::Integer(u32::MAX.into()));

    let two = ["a".to_owned(), "b".to_owned()];
    let lists: [Value; 11] = [
        vec!["a", "b"].into(),
        two.to_vec().into(),
        (&two.to_vec()).into(),
        ["a", "b"].into(),
        two.clone().into(),
        (&["a", "b"]).into(),
        ["a", "b"].as_slice().into(),
        two.as_slice().into(),
        ["a", "b"].into_iter().collect(),
        two.iter().collect(),
        two.iter().cloned().collect(),
    ];
    assert!(lists.iter().all(|value| *value == Value::List(two.to_vec())));
    assert!(Value::from([""; 0]).is_empty() && [""].into_iter().collect::<Value>().is_empty());
}

#[test]
fn a_value_that_is_not_there_leaves_its_field_out() {
    let known = ContactUpdate::user(7).with_opt(field("email"), Some("a@b.example")).unwrap();
    assert_eq!(known, ContactUpdate::user(7).with(field("email"), "a@b.example").unwrap());
    assert_eq!(known.clone().with_opt(field("city"), None::<String>), Ok(known.clone()));
    assert_eq!(known.clone().with_opt(field("city"), Some("")), Err(InvalidUpdate::EmptyValue(field("city"))));
    assert_eq!(known.with_opt(field("email"), Some("c")), Err(InvalidUpdate::NamedTwice(field("email"))));
}

#[test]
fn several_fields_are_added_in_order_or_the_first_that_cannot_be_is_named() {
    let fields = |texts: [&'static str; 3]| texts.map(|text| (field(&format!("of-{text}")), text));
    let update = ContactUpdate::user(7).with_all(fields(["a", "b", "c"])).unwrap();
    let added: Vec<_> = update.fields().iter().map(|(field, value)| (field.as_str(), value.clone())).collect();
    assert_eq!(added, [("of-a", "a".into()), ("of-b", "b".into()), ("of-c", "c".into())]);
    let twice = ContactUpdate::user(7).with_all(fields(["a", "b", "b"]));
    assert_eq!(twice, Err(InvalidUpdate::NamedTwice(field("of-b"))));
}

#[test]
fn a_rejection_is_an_error_that_shows_no_text_of_the_vendor() {
    let rejection = Rejection::listed(4107, "no such user").with_vendor_text("[10362819] CUID");
    let error: Box<dyn Error + Send + Sync> = rejection.into();
    assert_eq!((error.to_string().as_str(), error.source().is_none()), ("no such user (code 4107)", true));
    assert!(!format!("{error:?}").contains("10362819"));
}

#[test]
fn the_texts_of_an_error_may_be_made_while_a_program_runs() {
    let text = |text: &str| format!("{text} of hook 7");
    let owned = SinkError::new(text("vendor"), text("call"), SinkErrorKind::Throttled)
        .with_detail(text("detail"))
        .with_advice(text("advice"));
    assert_eq!((owned.vendor(), owned.operation()), ("vendor of hook 7", "call of hook 7"));
    let shown = "vendor of hook 7 call of hook 7: over the vendor's quota (detail of hook 7)";
    assert_eq!((owned.to_string().as_str(), owned.advice()), (shown, "advice of hook 7"));
    const LINE: Code = Code::new(7, "busy", Effect::Throttles, "wait", "the vendor's manual");
    assert_eq!(LINE.error(text("vendor"), "call").unwrap().vendor(), "vendor of hook 7");
    assert!(size_of::<Result<(), SinkError>>() <= size_of::<usize>(), "the result of a request stays small");
}
