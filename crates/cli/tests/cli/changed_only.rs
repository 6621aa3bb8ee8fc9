//! What the vendor has already is left out, and nothing else.

use std::fs;
use std::time::Duration;

use crate::support::{Place, Ran, signal, wait_until, world};

#[test]
fn sends_what_has_changed_only() {
    let place = Place::new(world());
    let count = |ran: &Ran| ["accepted", "rejected", "skipped", "unchanged", "requests"].map(|count| ran.count(count));
    let only = |input: &str, more: &[&str]| place.sync(input, &[&["--changed-only"], more].concat());
    let of = |mobiles: &[&str]| -> String {
        let row = |(nth, mobile): (usize, &&str)| format!("{},{mobile},,\n", nth + 1);
        "cuid,mobile,email,registration_id\n".to_owned() + &mobiles.iter().enumerate().map(row).collect::<String>()
    };
    let (a, b) = ("13000000001", "13000000002");
    assert_eq!(count(&only(&of(&[a, a, a, "130"]), &[])), [3, 1, 0, 0, 1]);
    assert_eq!(count(&only(&of(&[a, b, a, "130", ""]), &[])), [1, 1, 1, 2, 1], "one has changed");
    assert_eq!(place.stored(2), [("210/默认联系".to_owned(), b.to_owned())]);
    // What a run without the option sends is not forgotten to be forgotten.
    assert_eq!(count(&place.sync(of(&[b, b]), &[])), [2, 0, 0, 0, 1]);
    assert_eq!(count(&only(&of(&[a, b, a]), &[])), [1, 0, 0, 2, 1]);
    // A user who stands there twice: the second is held against what the first has set.
    let twice = format!("cuid,mobile,email,registration_id\n1,{b},,\n1,{a},,\n1,{a},,\n");
    assert_eq!(count(&only(&twice, &[])), [2, 0, 0, 1, 2]);
    assert_eq!(place.stored(1), [("210/默认联系".to_owned(), a.to_owned())]);
    // Another field of the same user.
    let more = format!("cuid,mobile,email,registration_id\n1,{a},1@example.com,\n2,{b},,\n");
    assert_eq!(count(&only(&more, &[])), [1, 0, 0, 1, 1]);
    assert_eq!(count(&only(&of(&[a]), &[])), [0, 0, 0, 1, 0], "a part of it");
    assert_eq!(only(&of(&[a]), &[]).stderr.matches("nothing to send").count(), 1);
    assert_eq!(count(&only(&of(&[a]), &["--refresh", "30d"])), [0, 0, 0, 1, 0], "it is asked again");
    let state = place.directory.path().join("state");
    for file in fs::read_dir(state).unwrap().map(|file| file.unwrap().path()) {
        let bytes = fs::read(&file).unwrap();
        assert!(!bytes.windows(11).any(|part| part == a.as_bytes() || part == b.as_bytes()), "{}", file.display());
    }
    let simulated = place.run(&["sync", "input.csv", "--to", "sandbox", "--changed-only"]);
    assert!(simulated.status == 64 && simulated.stderr.contains("--changed-only"), "{}", simulated.stderr);
    assert_eq!(place.sync(of(&[a]), &["--refresh", "30d"]).status, 64);
}

/// Rows are looked up before earlier ones are sent. What an earlier row of the user has set counts all the same.
#[test]
fn a_row_after_a_changed_one_of_its_user_is_not_held_against_the_value_before() {
    let mut slow = world();
    slow.latency = Duration::from_millis(20);
    let place = Place::new(slow);
    let (before, changed) = ("13000000001", "13000000002");
    let of = |mobiles: &[&str]| -> String {
        let rows = mobiles.iter().flat_map(|mobile| (1..=500).map(move |cuid| format!("{cuid},{mobile},,\n")));
        "cuid,mobile,email,registration_id\n".to_owned() + &rows.collect::<String>()
    };
    let counts = |ran: &Ran| ["accepted", "unchanged"].map(|count| ran.count(count));
    let only = |mobiles: &[&str]| counts(&place.sync(of(mobiles), &["--changed-only", "--restart"]));
    assert_eq!(only(&[before]), [500, 0]);
    assert_eq!(only(&[before, changed, before, before, changed, changed]), [1_500, 1_500]);
    for cuid in [1, 250, 500] {
        assert_eq!(place.stored(cuid), [("210/默认联系".to_owned(), changed.to_owned())]);
    }
    assert_eq!(only(&[changed, changed]), [0, 1_000]);
}

/// An index that was put back is older than what was sent since, though the journal is gone too.
#[test]
fn an_older_index_that_is_put_back_claims_nothing() {
    let place = Place::new(world());
    let state = place.directory.path().join("state");
    let row = |mobile: &str| format!("cuid,mobile,email,registration_id\n1,{mobile},,\n2,{mobile},,\n");
    let (a, b) = ("13000000001", "13000000002");
    let index = || {
        fs::read_dir(&state).unwrap().map(|file| file.unwrap().path()).find(|path| {
            path.to_string_lossy().contains("index-") && path.extension().is_some_and(|extension| extension == "sqlite")
        })
    };
    assert_eq!(place.sync(row(a), &["--changed-only"]).count("accepted"), 2);
    let index = index().unwrap();
    let older = fs::read(&index).unwrap();
    // Without the option, too.
    assert_eq!(place.sync(row(b), &[]).count("accepted"), 2);
    fs::write(&index, &older).unwrap();
    fs::remove_file(state.join("growth.sqlite")).unwrap();
    let ran = place.sync(row(a), &["--changed-only"]);
    assert_eq!((ran.count("unchanged"), ran.count("accepted")), (0, 2), "{}", ran.stderr);
    assert!(ran.stderr.contains("was older than the last run"), "{}", ran.stderr);
}

/// A state directory that was copied while a run was under way, without the files in which SQLite keeps its newest pages.
#[cfg(unix)]
#[test]
fn a_copy_of_the_state_without_its_logs_claims_nothing() {
    let mut slow = world();
    slow.latency = Duration::from_millis(30);
    let place = Place::new(slow);
    let of = |mobile: &str| -> String {
        let rows: String = (1..=2_000).map(|cuid| format!("{cuid},{mobile},,\n")).collect();
        "cuid,mobile,email,registration_id\n".to_owned() + &rows
    };
    assert_eq!(place.sync(of("13000000001"), &["--changed-only"]).count("accepted"), 2_000);
    let before = place.sandbox.seen();
    place.write("input.csv", of("13000000002"));
    let child = place.start(&["sync", "input.csv", "--to", "growth", "--changed-only"]);
    wait_until("three requests", || place.sandbox.seen() >= before + 3);
    signal("KILL", child.id());
    child.wait_with_output().unwrap();

    let state = place.directory.path().join("state");
    let logs = fs::read_dir(&state).unwrap().map(|file| file.unwrap().path());
    let logs: Vec<_> = logs.filter(|path| path.to_string_lossy().ends_with("-wal")).collect();
    assert_eq!(logs.len(), 2, "of the journal and of the index");
    logs.iter().for_each(|log| fs::remove_file(log).unwrap());
    let ran = place.sync(of("13000000001"), &["--changed-only", "--restart"]);
    assert_eq!((ran.status, ran.count("unchanged"), ran.count("accepted")), (0, 0, 2_000), "{}", ran.stderr);
    assert!(ran.stderr.contains("without its -wal file"), "{}", ran.stderr);
    assert_eq!(place.sync(of("13000000001"), &["--changed-only", "--restart"]).count("unchanged"), 2_000);
}
