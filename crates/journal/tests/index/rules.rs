//! What counts as the same, as known, and as recent.

use std::time::Duration;

use contact_sink_core::{ContactUpdate, Value};
use contact_sink_journal::IndexOptions;

use crate::{Place, at, bytes, contact, list, mobile, update, user};

const DAY: u64 = 24 * 3600;

#[test]
fn an_update_is_there_when_each_of_its_fields_is() {
    let place = Place::new();
    let mut index = place.open();
    let both = update(user("7"), [("mobile", "1".into()), ("email", "a".into())]);
    assert!(!index.has(&both, at(0)).unwrap(), "nothing is known yet");
    assert!(!index.has(&ContactUpdate::new(user("7")), at(0)).unwrap(), "nothing is asked for");
    index.remember(&update(user("7"), [("mobile", "1".into())]), at(0)).unwrap();
    assert!(!index.has(&both, at(0)).unwrap(), "the part that was stored is not all");
    index.remember(&update(user("7"), [("email", "a".into())]), at(0)).unwrap();
    let same = |index: &mut contact_sink_journal::Index| {
        assert!(index.has(&both, at(0)).unwrap());
        assert!(
            index.has(&update(user("7"), [("email", "a".into()), ("mobile", "1".into())]), at(0)).unwrap(),
            "turned"
        );
        assert!(index.has(&mobile("7", "1"), at(0)).unwrap(), "a part");
        assert!(!index.has(&mobile("8", "1"), at(0)).unwrap(), "another subject");
        assert!(!index.has(&mobile("7", "a"), at(0)).unwrap(), "the value of another field");
        let more = update(user("7"), [("mobile", "1".into()), ("city", "x".into())]);
        assert!(!index.has(&more, at(0)).unwrap(), "a field that nobody has heard of");
    };
    same(&mut index);
    index.flush().unwrap();
    same(&mut index);
    drop(index);
    same(&mut place.open());
}

#[test]
fn nothing_is_taken_for_something_else() {
    let values: [Value; 8] = [
        "ab".into(),
        list(["ab"]),
        list(["a", "b"]),
        list(["b", "a"]),
        list(["a", "b", "c"]),
        list(["a;b"]),
        "a;b".into(),
        "[\"ab\"]".into(),
    ];
    let subjects = [
        user("12"),
        user("1"),
        user("2"),
        contact("1", "2"),
        contact("2", "1"),
        contact("12", "1"),
        contact("1", "21"),
    ];
    let fields = ["a", "ab", "b"];
    let all = || {
        let of = |subject: &contact_sink_core::Subject, field: &'static str| {
            let subject = subject.clone();
            values.clone().map(|value| update(subject.clone(), [(field, value)]))
        };
        subjects.iter().flat_map(move |subject| fields.into_iter().flat_map(move |field| of(subject, field)))
    };
    let place = Place::new();
    let mut index = place.open();
    for known in all() {
        index.forget(std::slice::from_ref(&known)).unwrap();
        index.remember(&known, at(0)).unwrap();
        for other in all() {
            let same_field = other.subject() == known.subject() && other.fields()[0].0 == known.fields()[0].0;
            if same_field || !index.has(&other, at(0)).unwrap() {
                assert_eq!(index.has(&other, at(0)).unwrap(), other == known);
            } else {
                // Of another field, whose last value was remembered before.
                assert!(other.fields()[0].1 == values[7]);
            }
        }
    }
}

#[test]
fn what_may_change_is_forgotten_before_it_leaves_and_the_rest_is_not() {
    for flushed in [false, true] {
        let place = Place::new();
        let mut index = place.open();
        let both = update(user("7"), [("mobile", "1".into()), ("email", "a".into())]);
        index.remember(&both, at(0)).unwrap();
        index.remember(&mobile("8", "1"), at(0)).unwrap();
        if flushed {
            index.flush().unwrap();
        }
        index.forget(&[both.clone(), mobile("9", "1")]).unwrap();
        assert!(index.has(&both, at(0)).unwrap(), "the same value leaves once more");
        index.forget(&[mobile("7", "2")]).unwrap();
        for index in [&mut index, &mut place.killed().open()] {
            assert!(!index.has(&mobile("7", "1"), at(0)).unwrap(), "it may be 2 now");
            assert!(!index.has(&mobile("7", "2"), at(0)).unwrap(), "it may be 1 still");
        }
        assert!(index.has(&update(user("7"), [("email", "a".into())]), at(0)).unwrap(), "another field");
        assert!(index.has(&mobile("8", "1"), at(0)).unwrap(), "another subject");
        index.flush().unwrap();
        assert!(!place.killed().open().has(&mobile("7", "1"), at(0)).unwrap());
    }
}

#[test]
fn what_was_found_to_differ_is_forgotten_in_one_commit_with_the_first_that_leaves() {
    let place = Place::new();
    let mut index = place.open();
    let version = |id: u32, version: &str| mobile(&id.to_string(), version);
    for id in 0..500 {
        index.remember(&version(id, "1"), at(0)).unwrap();
    }
    index.flush().unwrap();
    for id in 0..500 {
        assert!(!index.has(&version(id, "2"), at(0)).unwrap());
    }
    index.forget(&[version(0, "2")]).unwrap();
    let mut killed = place.killed().open();
    let left = (0..500).filter(|id| killed.has(&version(*id, "1"), at(0)).unwrap()).count();
    assert_eq!(left, 0);
    // And it does not take what was accepted since.
    for id in 0..500 {
        index.forget(&[version(id, "2")]).unwrap();
        index.remember(&version(id, "2"), at(0)).unwrap();
    }
    index.flush().unwrap();
    let there = (0..500).filter(|id| index.has(&version(*id, "2"), at(0)).unwrap()).count();
    assert_eq!(there, 500);
}

#[test]
fn what_is_just_being_written_is_forgotten_too() {
    let place = Place::new();
    let mut index = place.open();
    let version = |id: u32, version: &str| mobile(&id.to_string(), version);
    // With the last of these the thread begins to write.
    for id in 0..10_000 {
        index.remember(&version(id, "1"), at(0)).unwrap();
    }
    let all: Vec<ContactUpdate> = (0..10_000).map(|id| version(id, "2")).collect();
    index.forget(&all).unwrap();
    index.flush().unwrap();
    let left = (0..10_000).filter(|id| index.has(&version(*id, "1"), at(0)).unwrap()).count();
    assert_eq!(left, 0);
}

#[test]
fn a_change_that_never_left_takes_nothing_away_that_was_accepted_since() {
    let place = Place::new();
    let mut index = place.open();
    index.remember(&mobile("7", "1"), at(0)).unwrap();
    index.remember(&mobile("8", "1"), at(0)).unwrap();
    index.flush().unwrap();
    assert!(!index.has(&mobile("7", "2"), at(0)).unwrap());
    index.forget(&[mobile("7", "1")]).unwrap();
    index.remember(&mobile("7", "1"), at(1)).unwrap();
    index.flush().unwrap();
    index.forget(&[mobile("8", "2")]).unwrap();
    assert!(index.has(&mobile("7", "1"), at(1)).unwrap());
}

#[test]
fn what_was_accepted_too_long_ago_is_sent_again() {
    let place = Place::new();
    let mut index = place.open_with(IndexOptions::default().with_refresh(Duration::from_secs(30 * DAY)));
    index.remember(&mobile("7", "1"), at(0)).unwrap();
    index.flush().unwrap();
    assert!(index.has(&mobile("7", "1"), at(30 * DAY)).unwrap());
    assert!(!index.has(&mobile("7", "1"), at(30 * DAY + 1)).unwrap());
    // Accepted again, it is new again.
    index.forget(&[mobile("7", "1")]).unwrap();
    index.remember(&mobile("7", "1"), at(30 * DAY + 1)).unwrap();
    assert!(index.has(&mobile("7", "1"), at(60 * DAY)).unwrap());
    // A clock that was set back.
    assert!(index.has(&mobile("7", "1"), at(30 * DAY + 1 - 3600)).unwrap());
    assert!(!index.has(&mobile("7", "1"), at(30 * DAY - 3600)).unwrap(), "that clock was wrong then, or is now");
    assert!(!index.has(&mobile("7", "1"), std::time::SystemTime::UNIX_EPOCH).unwrap());
    drop(index);
    // Without a limit no time matters.
    assert!(place.open().has(&mobile("7", "1"), at(3650 * DAY)).unwrap());
}

#[test]
fn the_files_show_no_subject_and_no_value() {
    let place = Place::new();
    let mut index = place.open();
    let marked = [
        mobile("MARK-subject", "MARK-value"),
        update(contact("MARK-owner", "MARK-contact"), [("groups", list(["MARK-one", "MARK-two"]))]),
    ];
    for update in &marked {
        index.remember(update, at(0)).unwrap();
    }
    index.flush().unwrap();
    index.has(&mobile("MARK-subject", "MARK-other"), at(0)).unwrap();
    index.forget(&[mobile("MARK-subject", "MARK-other")]).unwrap();
    assert!(!format!("{index:?}").contains("MARK"));
    let all = bytes(place.directory.path());
    let holds = |text: &[u8]| all.windows(text.len()).any(|window| window == text);
    assert!(holds(b"mobile") && holds(b"groups"), "it was looked for in the right place");
    assert!(!holds(b"MARK"));
}

#[test]
fn what_was_found_ahead_holds_until_an_update_of_the_subject_is_sent() {
    let place = Place::new();
    let mut index = place.open();
    for id in ["6", "7", "8"] {
        index.remember(&mobile(id, "1"), at(0)).unwrap();
    }
    index.flush().unwrap();
    let updates = [mobile("8", "1"), mobile("7", "2"), mobile("9", "1"), mobile("7", "1")];
    let mut look_ahead = index.look_ahead().unwrap();
    let found = look_ahead.find(&updates, at(0)).unwrap();
    assert_eq!(found.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false, false, true]);
    let (eight, seven) = (found[0].unwrap(), found[3].unwrap());
    // It is expected to be sent, and forgotten with the next request that needs a commit. Until it is sent, nothing has changed.
    assert!(!index.has(&mobile("7", "2"), at(0)).unwrap());
    index.forget(&[mobile("6", "2")]).unwrap();
    assert!(!index.has(&mobile("7", "1"), at(0)).unwrap() && index.still_has(&seven, at(0)));
    index.forget(&[mobile("7", "2")]).unwrap();
    assert!(!index.still_has(&seven, at(0)) && index.still_has(&eight, at(0)));
    index.remember(&mobile("7", "2"), at(0)).unwrap();
    assert!(!index.still_has(&seven, at(0)), "it has another value now");
    index.flush().unwrap();
    let found = look_ahead.find(&updates, at(0)).unwrap();
    assert_eq!(found.iter().map(Option::is_some).collect::<Vec<_>>(), [true, true, false, false]);
    assert!(!index.still_has(&found[1].unwrap(), at(0)), "the index itself is asked for what this run has sent");
    assert!(index.has(&mobile("7", "2"), at(0)).unwrap());
}

#[test]
fn what_was_found_ahead_holds_until_too_many_subjects_were_sent() {
    let place = Place::new();
    let mut index = place.open();
    let all: Vec<ContactUpdate> = (0..20_000).map(|id| mobile(&id.to_string(), "1")).collect();
    for update in &all {
        index.remember(update, at(0)).unwrap();
    }
    index.flush().unwrap();
    let mut look_ahead = index.look_ahead().unwrap();
    let mut find = |id: usize| look_ahead.find([&all[id]], at(0)).unwrap()[0].unwrap();
    let (sent, other) = (find(0), find(19_000));
    index.forget(&[mobile("0", "2")]).unwrap();
    for update in &all[1..10_000] {
        index.forget([update]).unwrap();
    }
    assert!(!index.still_has(&sent, at(0)) && index.still_has(&other, at(0)));
    index.forget([&all[10_000]]).unwrap();
    assert!(!index.still_has(&sent, at(0)) && !index.still_has(&other, at(0)));
    assert!(index.still_has(&find(19_000), at(0)), "it is found again");
}

#[test]
fn what_was_found_ahead_grows_too_old_like_all_that_is_known() {
    let place = Place::new();
    let mut index = place.open_with(IndexOptions::default().with_refresh(Duration::from_secs(DAY)));
    index.remember(&update(user("7"), [("mobile", "1".into())]), at(0)).unwrap();
    index.remember(&update(user("7"), [("email", "a".into())]), at(100)).unwrap();
    index.flush().unwrap();
    let both = update(user("7"), [("mobile", "1".into()), ("email", "a".into())]);
    let found = index.look_ahead().unwrap().find([&both], at(100)).unwrap()[0].unwrap();
    for (seconds, is_recent) in [(100, true), (DAY, true), (DAY + 1, false)] {
        assert_eq!(index.still_has(&found, at(seconds)), is_recent, "{seconds}");
        assert_eq!(index.has(&both, at(seconds)).unwrap(), is_recent, "{seconds}");
    }
    assert!(index.look_ahead().unwrap().find([&both], at(DAY + 1)).unwrap()[0].is_none());
}
