//! Mappings as a service uses them: by a builder or from TOML, on structs, pairs of texts and JSON.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, unreachable_pub)]

use contact_sink_core::{ContactUpdate, Field, FieldKind, Subject, UserId, Value};
use contact_sink_engagelab::{contact, kind};
use contact_sink_jiguang::{ChannelKind, channel};
use contact_sink_mapping::{
    CellsRef, Columns, EmptySubject, EmptyWords, FieldMapping, InvalidMapping, Layout, Mapped, Mapper, Mapping,
    Problem, Record, RecordRef, SkipReason, SubjectColumns, SubjectKind, Tally,
};
use serde::Serialize;

fn field(name: &str) -> Result<(Field, FieldKind), String> {
    let field = contact(name).map_err(|error| error.to_string())?;
    Ok((field.clone(), kind(&field)))
}

fn mapping() -> Mapping {
    Mapping::new(SubjectColumns::user("id"))
        .with(FieldMapping::new("mobile_phone".parse().unwrap(), FieldKind::Phone, "mobile"))
        .unwrap()
        .with(FieldMapping::new("tags".parse().unwrap(), FieldKind::List, "tags"))
        .unwrap()
}

fn map(mapping: Mapping, record: &Record) -> Mapped {
    Mapper::new(mapping, &Layout::objects()).unwrap().map(record)
}

fn update(mapping: Mapping, record: &Record) -> ContactUpdate {
    match map(mapping, record) {
        Mapped::Update(update) => update,
        other => panic!("{other:?}"),
    }
}

fn problem(mapping: Mapping, record: &Record) -> Problem {
    match map(mapping, record) {
        Mapped::Reject(mut problems) => problems.remove(0),
        other => panic!("{other:?}"),
    }
}

#[derive(Serialize)]
struct User {
    id: u64,
    mobile: Option<String>,
    tags: Vec<&'static str>,
    age: u8,
}

#[test]
fn a_struct_a_line_and_pairs_make_the_same_update() {
    let user = User { id: 7, mobile: Some("15000000001".to_owned()), tags: vec!["a", "b"], age: 30 };
    let expected = ContactUpdate::user(7)
        .with("mobile_phone".parse().unwrap(), "15000000001")
        .and_then(|update| update.with("tags".parse().unwrap(), vec!["a".to_owned(), "b".to_owned()]))
        .unwrap();
    let records = [
        Record::from_serde(&user).unwrap(),
        Record::from_json(r#"{"id":7,"mobile":15000000001,"tags":["a","b"]}"#),
        Record::from_pairs([("id", "7"), ("mobile", "15000000001"), ("tags", "a;b")]),
    ];
    for record in records {
        assert_eq!(update(mapping(), &record), expected);
        assert_eq!(format!("{record:?}"), "Object(..)", "no value is shown");
    }
    let nothing = User { mobile: None, tags: Vec::new(), ..user };
    let mapped = map(mapping(), &Record::from_serde(&nothing).unwrap());
    assert_eq!(mapped, Mapped::Skip(SkipReason::NoField));
}

#[test]
fn a_problem_names_the_column_and_no_value() {
    let wrong = problem(mapping(), &Record::from_pairs([("id", "7"), ("mobile", "marker")]));
    assert_eq!(wrong.column(), Some("mobile"));
    assert!(wrong.to_string().starts_with("column \"mobile\": it is no phone number"), "{wrong}");
    assert!(!format!("{wrong:?}{wrong}").contains("marker"));
    let empty = problem(mapping(), &Record::from_pairs([("id", ""), ("mobile", "15000000001")]));
    assert_eq!(empty.to_string(), "the id column \"id\" is empty");
    let Mapped::Reject(all) = map(mapping(), &Record::from_pairs([("id", " 7"), ("mobile", "x"), ("tags", "a;")]))
    else {
        panic!("nothing of it can be right");
    };
    let columns: Vec<_> = all.iter().filter_map(Problem::column).collect();
    assert_eq!(columns, ["id", "mobile", "tags"], "all that is wrong is said at once");
    let twice = problem(mapping(), &Record::from_pairs([("id", "7"), ("id", "8")]));
    assert_eq!(twice.to_string(), "column \"id\": the object names it twice");
}

#[test]
fn rules_are_set_by_the_builder() {
    let record = Record::from_pairs([("id", "7"), ("mobile", "-")]);
    let words = EmptyWords::default().with("-");
    assert_eq!(map(mapping().with_empty_words(words), &record), Mapped::Skip(SkipReason::NoField));
    let without_id = Record::from_pairs([("mobile", "15000000001")]);
    let skips = mapping().with_empty_subject(EmptySubject::Skip);
    assert_eq!(map(skips, &without_id), Mapped::Skip(SkipReason::NoSubject));

    let spaced = Record::from_pairs([("id", " 7\u{200B}"), ("mobile", "15000000001")]);
    assert_eq!(problem(mapping(), &spaced).column(), Some("id"));
    let trimmed = update(mapping().with_trimmed_subject(), &spaced);
    assert_eq!(trimmed.subject(), &Subject::User(UserId::from(7)));
    let unchecked = update(mapping().with_unchecked_subject(), &spaced);
    assert_eq!(unchecked.subject(), &Subject::User(UserId::new(" 7\u{200B}").unwrap()));

    let twice = mapping().with(FieldMapping::new("tags".parse().unwrap(), FieldKind::Text, "x"));
    assert_eq!(twice.unwrap_err(), InvalidMapping::SetTwice("tags".parse().unwrap()));
    let reserved = mapping().with(FieldMapping::new("city".parse().unwrap(), FieldKind::Text, "_line"));
    assert!(reserved.unwrap_err().to_string().contains("_line"));
}

#[test]
fn toml_says_the_same_as_the_builder() {
    let text = "subject = { from = \"id\", empty = \"skip\", as = \"trim\" }\n\
                input = { null = [\"-\"], null_defaults = false }\n\
                [set]\nemail = { from = \"mail\", check = false }\nmobile_phone = \"mobile\"\n";
    let mapping = Mapping::from_toml(text, SubjectKind::User, &field).unwrap();
    assert_eq!(mapping.empty_words().words().collect::<Vec<_>>(), ["-"]);
    let kinds: Vec<FieldKind> = mapping.fields().iter().map(FieldMapping::kind).collect();
    assert_eq!(kinds, [FieldKind::Email, FieldKind::Phone]);
    let record = Record::from_pairs([("id", " 7 "), ("mail", "none of them"), ("mobile", "-")]);
    let update = update(mapping, &record);
    assert_eq!(update.get(&"email".parse().unwrap()), Some(&Value::from("none of them")));
    assert_eq!((update.fields().len(), update.subject()), (1, &Subject::User(UserId::from(7))));

    let wrong = [
        ("subject = \"id\"\n[set]\nemial = 7\n", "mapping:3:9: \"emial\" in [set] must be a column's name in quotes"),
        (
            "subject = \"id\"\nset = { email = { from = \"a\", chek = true } }",
            "mapping:2:31: unknown key \"chek\" in [set.email]: did you mean \"check\"?",
        ),
        ("[set]\nemail = \"a\"\n", "mapping:1:1: \"subject\" is missing"),
        ("subject = \"id\"\nother = 1\n[set]\nemail = \"a\"\n", "mapping:2:1: unknown key \"other\""),
    ];
    for (text, expected) in wrong {
        let error = Mapping::from_toml(text, SubjectKind::User, &field).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn the_vendors_say_what_their_fields_hold() {
    assert_eq!(field("whatsapp_phone").unwrap().1, FieldKind::Phone);
    assert_eq!(field("line_id").unwrap().1, FieldKind::Text);
    let field = channel(210, "默认联系").unwrap();
    let mapping = Mapping::new(SubjectColumns::user("id"))
        .with(FieldMapping::new(field, ChannelKind::Mail.field_kind(), "mail"))
        .unwrap();
    assert_eq!(problem(mapping, &Record::from_pairs([("id", "7"), ("mail", "x")])).column(), Some("mail"));
}

#[test]
fn a_tally_counts_what_a_person_should_know() {
    let mapper = Mapper::new(mapping(), &Layout::objects()).unwrap();
    let mut tally = Tally::default();
    let texts = [
        r#"{"id":"nil","tags":["None","a"]}"#,
        r#"{"id":"NIL","tags":"a"}"#,
        r#"{"id":null}"#,
        r#"{"id":"id","tags":"tags"}"#,
        "{}",
    ];
    for text in texts {
        mapper.map_counted(&Record::from_json(text), &mut tally);
    }
    let skipped: Vec<_> = tally.skipped().collect();
    assert_eq!(skipped, [(SkipReason::NoValue, 2), (SkipReason::RepeatsHeader, 1)]);
    let (column, looks_empty) = tally.looks_empty().next().unwrap();
    assert_eq!((column, looks_empty.cells, looks_empty.words.len()), ("id", 2, 2));
    assert_eq!(tally.missing_columns(&mapper), ["mobile"]);
}

/// A value is right at a glance, or it is checked rule by rule. A debug build checks the first kind by the rules too.
#[test]
fn a_value_that_is_right_at_a_glance_passes_every_rule() {
    const CHARS: &str = "07eEna.,-+=#\"@ \t\n\u{7F}\u{85}\u{A0}x北\u{3000}\u{200B}";
    let column = |field: &str, kind| FieldMapping::new(field.parse().unwrap(), kind, field);
    let names = "id,mobile_phone,email,city,tags";
    let mapping = Mapping::new(SubjectColumns::user("id"))
        .with(column("mobile_phone", FieldKind::Phone))
        .and_then(|mapping| mapping.with(column("email", FieldKind::Email)))
        .and_then(|mapping| mapping.with(column("city", FieldKind::Text)))
        .and_then(|mapping| mapping.with(column("tags", FieldKind::List)))
        .unwrap();
    let columns = Columns::new(CellsRef::new(names.as_bytes(), &[2, 15, 21, 26, 31])).unwrap();
    let mapper = Mapper::new(mapping, &Layout::Columns(columns)).unwrap();
    let middles = ["", "7", "12345", "a@b.example", "user0001", "#REF!", "=\"7\"", "None", "1,0"];
    let (mut rejected, mut sent) = (0, 0);
    let chars: Vec<String> = CHARS.chars().map(String::from).chain([String::new()]).collect();
    for (first, second) in chars.iter().flat_map(|first| chars.iter().map(move |second| (first, second))) {
        for (middle, last) in middles.iter().flat_map(|middle| chars.iter().map(move |last| (middle, last))) {
            let text = format!("{first}{second}{middle}{last}");
            let length = u32::try_from(text.len()).unwrap();
            let row = [text.as_str(); 5].join(",");
            let ends = [1, 2, 3, 4, 5].map(|nth| nth * (length + 1) - 1);
            let cells = RecordRef::Cells(CellsRef::new(row.as_bytes(), &ends));
            match mapper.map(cells) {
                Mapped::Update(_) => sent += 1,
                Mapped::Reject(problems) => {
                    rejected += 1;
                    // What no rule refuses is no control character.
                    let has_control = text.contains(|c: char| c.is_control() && c != '\t');
                    assert!(!has_control || problems.len() == 5, "{text:?}: {problems:?}");
                }
                Mapped::Skip(_) => {}
            }
        }
    }
    assert!(rejected > 1_000, "{rejected} rejected, {sent} sent");
}
