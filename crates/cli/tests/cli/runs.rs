//! Which run an input belongs to, and that an older value never takes the place of a newer one.
#![cfg(unix)]

use std::fs;
use std::ops::Range;

use serde_json::Value;

use crate::journal::place;
use crate::support::{Place, Ran, signal, wait_until, world};

const SMS: &str = "210/默认联系";
const MAIL: &str = "219/默认联系";
const SUPERSEDED: &str = "a run that began later has sent newer values of all its fields";
const NUMBERS: [&str; 3] = ["13000000001", "13000000002", "13000000003"];

/// Rows for these users; a user whose number is even has an e-mail address too.
fn users(users: Range<i64>, version: usize) -> String {
    let email = |user: i64| if user % 2 == 0 { format!("v{version}@example.com") } else { String::new() };
    let row = |user: i64| format!("{user},{},{},\n", NUMBERS[version], email(user));
    format!("cuid,mobile,email,registration_id\n{}", users.map(row).collect::<String>())
}

fn mobiles(users: Range<i64>, version: usize) -> String {
    let rows = users.map(|user| format!("{user},{},,\n", NUMBERS[version]));
    format!("cuid,mobile,email,registration_id\n{}", rows.collect::<String>())
}

fn sync(place: &Place, file: &str, more: &[&str]) -> Ran {
    place.run(&[&["sync", file, "--to", "growth", "--report", "json"], more].concat())
}

/// A run that is ended after three requests more.
fn cut(place: &Place, file: &str) -> Ran {
    let before = place.sandbox.seen();
    let child = place.start(&["sync", file, "--to", "growth", "--report", "json"]);
    wait_until("three requests", || place.sandbox.seen() >= before + 3);
    signal("TERM", child.id());
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert_eq!(ran.status, 130, "{}", ran.stderr);
    ran
}

fn field(place: &Place, user: i64, field: &str) -> Option<String> {
    place.stored(user).into_iter().find(|(name, _)| name == field).map(|(_, value)| value)
}

/// How many of these users have the number of this version.
fn with_number(place: &Place, users: Range<i64>, version: usize) -> usize {
    users.filter(|user| field(place, *user, SMS).as_deref() == Some(NUMBERS[version])).count()
}

fn says(ran: &Ran, all: &[&str]) {
    for words in all {
        assert!(ran.stderr.contains(words), "{words:?} is missing: {}", ran.stderr);
    }
}

fn runs(place: &Place, arguments: &[&str]) -> Vec<Value> {
    let ran = place.run(&[&["status", "--json"], arguments].concat());
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    let status: Value = serde_json::from_str(&ran.stdout).unwrap();
    status["runs"].as_array().unwrap().clone()
}

#[test]
fn the_same_export_under_another_name_is_resumed() {
    let place = place();
    place.write("monday.csv", users(0..2_000, 0));
    cut(&place, "monday.csv");
    // The same cells, written by another program.
    let tuesday = users(0..2_000, 0).replace('\n', "\r\n").replace(",13000000001,", ",\"13000000001\",");
    place.write("tuesday.csv", format!("\u{feff}{tuesday}"));
    fs::remove_file(place.directory.path().join("monday.csv")).unwrap();
    let ran = sync(&place, "tuesday.csv", &[]);
    says(&ran, &["growth: resumes at row ", "when the input was /", "monday.csv: "]);
    let counts = ["rows", "accepted", "pending"].map(|count| ran.count(count));
    assert_eq!((ran.status, counts), (0, [2_000, 2_000, 0]), "{}", ran.stderr);
    let sent: usize = place.sandbox.requests().iter().map(|request| request.subjects.len()).sum();
    assert_eq!(sent, 2_000, "no user is sent twice: {}", ran.stderr);
    let [run] = &runs(&place, &[])[..] else { panic!("one run") };
    assert!(run["state"] == "finished" && run["input"].as_str().unwrap().ends_with("/tuesday.csv"), "{run}");

    let ran = sync(&place, "tuesday.csv", &[]);
    says(&ran, &["growth: nothing to send: all 2,000 rows are done", "--restart sends them again"]);
    assert_eq!((ran.status, ran.count("accepted"), ran.count("requests")), (0, 2_000, 0), "{}", ran.stderr);
}

#[test]
fn a_file_that_was_replaced_is_sent_as_a_whole() {
    let place = place();
    place.write("input.csv", users(0..2_000, 0));
    let first = cut(&place, "input.csv");
    let never_sent = 2_000 - first.count("accepted");
    place.write("input.csv", users(1_000..2_500, 1));
    let ran = sync(&place, "input.csv", &[]);
    let grouped = format!("{},{:03}", never_sent / 1_000, never_sent % 1_000);
    let rows = if never_sent < 1_000 { never_sent.to_string() } else { grouped };
    says(&ran, &["growth: input.csv has other content than in the run of ", &format!(": {rows} rows of that content")]);
    assert_eq!((ran.status, ran.count("rows"), ran.count("accepted")), (0, 1_500, 1_500), "{}", ran.stderr);
    let replaced = &ran.report()["replaced"];
    assert_eq!((&replaced["rows_never_sent"], &replaced["run"]), (&never_sent.into(), &first.report()["run"]));
    assert_eq!(with_number(&place, 1_000..2_500, 1), 1_500);
    // Once it was said it is not said again, and the old run offers nothing any more.
    let ran = sync(&place, "input.csv", &[]);
    assert!(ran.status == 0 && !ran.stderr.contains("never sent"), "{}", ran.stderr);
    let [_, old] = &runs(&place, &[])[..] else { panic!("two runs") };
    assert!(old["state"] == "replaced" && old["continue_command"].is_null(), "{old}");
}

/// Also if all that was sent of it is still there.
#[test]
fn a_file_with_another_end_is_other_content() {
    let place = place();
    let rows = |count| users(0..count, 0);
    place.write("input.csv", rows(2_000));
    let first = cut(&place, "input.csv");
    let never_sent = 2_000 - first.count("accepted");
    place.write("input.csv", rows(1_900));
    let ran = sync(&place, "input.csv", &[]);
    assert_eq!((ran.status, ran.count("rows"), ran.count("accepted")), (0, 1_900, 1_900), "{}", ran.stderr);
    assert_eq!(ran.report()["replaced"]["rows_never_sent"], never_sent);
    // The first content is still known, and older than what came since.
    place.write("other.csv", users(1_950..2_000, 1));
    assert_eq!(sync(&place, "other.csv", &[]).status, 0);
    place.write("kept.csv", rows(2_000));
    let ran = sync(&place, "kept.csv", &[]);
    assert!(ran.status == 0 && ran.stderr.contains("resumes at row "), "{}", ran.stderr);
    assert_eq!((with_number(&place, 0..1_950, 0), with_number(&place, 1_950..2_000, 1)), (1_950, 50), "{}", ran.stderr);
}

#[test]
fn an_old_run_leaves_out_what_a_newer_one_has_set() {
    let place = place();
    place.write("old.csv", users(0..2_000, 0));
    let first = cut(&place, "old.csv");
    let done = first.count("accepted");
    place.write("new.csv", mobiles(0..1_500, 1));
    assert_eq!(sync(&place, "new.csv", &[]).status, 0);
    let [_, old] = &runs(&place, &[])[..] else { panic!("two runs") };
    let command = old["continue_command"].as_str().unwrap().to_owned();
    assert!(command.starts_with("contact-sink sync /"), "{command}");

    let ran = sync(&place, "old.csv", &[]);
    says(&ran, &["growth: resumes at row "]);
    let counts = ["rows", "accepted", "skipped", "pending"].map(|count| ran.count(count));
    // Users with an even number have an address that is not newer.
    let skipped = (done..1_500).filter(|user| user % 2 == 1).count() as u64;
    assert_eq!((ran.status, counts), (0, [2_000, 2_000 - skipped, skipped, 0]), "{}", ran.stderr);
    let reasons = &ran.report()["skipped_reasons"];
    assert_eq!(reasons[0]["reason"], SUPERSEDED, "{reasons}");
    // The numbers are the newer ones, and the e-mail addresses, which the newer run did not set, are there.
    assert_eq!((with_number(&place, 0..1_500, 1), with_number(&place, 1_500..2_000, 0)), (1_500, 500));
    let has_mail = |user: &i64| field(&place, *user, MAIL).as_deref() == Some("v0@example.com");
    assert_eq!((0..2_000).filter(has_mail).count(), 1_000);
}

#[test]
fn small_files_between_the_nights_of_a_large_one_keep_their_newer_values() {
    let place = place();
    place.write("large.csv", users(0..3_000, 0));
    cut(&place, "large.csv");
    place.write("small.csv", users(2_000..2_050, 1));
    assert_eq!(sync(&place, "small.csv", &[]).status, 0);
    cut(&place, "large.csv");
    let piped = place.run_from("small.csv", &["sync", "-", "--to", "growth", "--report", "json"]);
    assert_eq!((piped.status, piped.count("accepted")), (0, 50), "{}", piped.stderr);
    place.write("next.csv", users(0..20, 2));
    assert_eq!(sync(&place, "next.csv", &[]).status, 0);
    place.write("pipe.csv", users(2_990..3_000, 2));
    assert_eq!(place.run_from("pipe.csv", &["sync", "-", "--to", "growth", "--report", "json"]).status, 0);
    let ran = sync(&place, "large.csv", &[]);
    let counts = ["rows", "accepted", "skipped"].map(|count| ran.count(count));
    assert_eq!((ran.status, counts), (0, [3_000, 2_940, 60]), "{}", ran.stderr);
    let kept = [(0..20, 2), (20..2_000, 0), (2_000..2_050, 1), (2_050..2_990, 0), (2_990..3_000, 2)];
    for (users, version) in kept {
        assert_eq!(with_number(&place, users.clone(), version), users.count(), "version {version}");
    }
}

#[test]
fn content_that_was_sent_before_other_content_is_not_sent_again_unasked() {
    let place = Place::new(world());
    place.write("a.csv", users(0..100, 0));
    place.write("b.csv", users(0..100, 1));
    for file in ["a.csv", "b.csv"] {
        assert_eq!(sync(&place, file, &[]).status, 0);
    }
    let ran = sync(&place, "a.csv", &[]);
    says(&ran, &["growth: nothing to send: all 100 rows are done", "was sent since then", "with --restart"]);
    assert_eq!((ran.status, ran.count("accepted"), ran.count("requests")), (0, 100, 0), "{}", ran.stderr);
    assert_eq!(with_number(&place, 0..100, 1), 100);
    let ran = sync(&place, "a.csv", &["--restart"]);
    assert_eq!((ran.status, ran.count("requests")), (0, 1), "{}", ran.stderr);
    assert_eq!(with_number(&place, 0..100, 0), 100);
    // What came through a pipe is other content too.
    assert_eq!(place.run_from("b.csv", &["sync", "-", "--to", "growth"]).status, 0);
    says(&sync(&place, "a.csv", &[]), &["was sent since then"]);
}

#[test]
fn of_a_file_that_has_grown_the_new_rows_are_sent() {
    let place = Place::new(world());
    place.write("log.csv", users(0..100, 0));
    assert_eq!(sync(&place, "log.csv", &[]).status, 0);
    place.write("other.csv", users(0..10, 1));
    assert_eq!(sync(&place, "other.csv", &[]).status, 0);
    place.write("log.csv", users(0..150, 0));
    let ran = sync(&place, "log.csv", &[]);
    says(&ran, &["growth: the first 100 rows are those of the run of ", ": 50 new rows are sent; --restart sends all"]);
    assert_eq!((ran.status, ran.count("rows"), ran.count("accepted")), (0, 50, 50), "{}", ran.stderr);
    assert_eq!((with_number(&place, 0..10, 1), with_number(&place, 10..150, 0)), (10, 140));
    let ran = sync(&place, "log.csv", &[]);
    says(&ran, &["growth: nothing to send: all 150 rows are done"]);
    assert_eq!((ran.status, ran.count("requests")), (0, 0), "{}", ran.stderr);
}

#[test]
fn rows_that_are_added_to_an_unfinished_run_are_as_new_as_that_command() {
    let place = place();
    place.write("log.csv", mobiles(0..2_000, 0));
    cut(&place, "log.csv");
    place.write("other.csv", mobiles(1_990..2_010, 1));
    assert_eq!(sync(&place, "other.csv", &[]).status, 0);
    place.write("log.csv", mobiles(0..2_000, 0) + &format!("2005,{},,\n1999,{},,\n", NUMBERS[2], NUMBERS[2]));
    let ran = sync(&place, "log.csv", &[]);
    says(&ran, &["growth: resumes at row ", "; from row 2,001 on the rows are new to it"]);
    let counts = ["rows", "accepted", "skipped"].map(|count| ran.count(count));
    assert_eq!((ran.status, counts), (0, [2_002, 1_992, 10]), "{}", ran.stderr);
    let found = [1_989, 1_990, 1_999, 2_004, 2_005].map(|user| field(&place, user, SMS).unwrap());
    assert_eq!(found, [0, 1, 2, 1, 2].map(|version| NUMBERS[version]));
}

#[test]
fn rejected_rows_that_are_fed_back_are_as_old_as_the_run_that_rejected_them() {
    let place = Place::new(world());
    let bad = |user: i64| format!("{user},130,v0@example.com,\n");
    place.write("first.csv", format!("cuid,mobile,email,registration_id\n{}", (1..=4).map(bad).collect::<String>()));
    let ran = sync(&place, "first.csv", &[]);
    assert_eq!((ran.status, ran.count("rejected")), (2, 4), "{}", ran.stderr);
    let corrected = fs::read_to_string(&place.rejected()[0]).unwrap().replace(",130,", ",13000000001,");
    // User 1 has a newer number, user 2 a newer number and address, user 3 a newer value that was rejected as well.
    let newer = format!("1,{0},,\n2,{0},v1@example.com,\n3,13,,\n", NUMBERS[1]);
    place.write("second.csv", format!("cuid,mobile,email,registration_id\n{newer}"));
    assert_eq!(sync(&place, "second.csv", &[]).status, 2);

    place.write("corrected.csv", &corrected);
    let ran = sync(&place, "corrected.csv", &[]);
    let counts = ["rows", "accepted", "skipped"].map(|count| ran.count(count));
    assert_eq!((ran.status, counts), (0, [4, 3, 1]), "{}", ran.stderr);
    let both = |user| [SMS, MAIL].map(|name| field(&place, user, name).unwrap());
    assert_eq!(both(1), [NUMBERS[1], "v0@example.com"]);
    assert_eq!(both(2), [NUMBERS[1], "v1@example.com"]);
    assert_eq!([both(3), both(4)], [[NUMBERS[0], "v0@example.com"], [NUMBERS[0], "v0@example.com"]]);

    // A run that the journal does not know: it is not known what is newer, and the advice works.
    let run = ran_name(&corrected);
    place.write("unknown.csv", corrected.replace(&run, "20200101T000000Z-1"));
    let ran = sync(&place, "unknown.csv", &["--rejected", "unknown"]);
    assert_eq!((ran.status, ran.count("rejected")), (2, 4), "{}", ran.stderr);
    says(
        &ran,
        &[
            "column \"_run\": the journal does not know the run that rejected it",
            "clear _run to send the row as a new one",
        ],
    );
    place.write("cleared.csv", corrected.replace(&run, ""));
    let ran = sync(&place, "cleared.csv", &[]);
    assert_eq!((ran.status, ran.count("accepted")), (0, 4), "{}", ran.stderr);
    assert_eq!(both(2), [NUMBERS[0], "v0@example.com"]);
}

/// The name of the run in a file of rejected rows.
fn ran_name(rejected: &str) -> String {
    rejected.lines().nth(1).unwrap().split(',').nth(6).unwrap().to_owned()
}

#[test]
fn status_has_a_line_for_each_run_and_forgets_what_is_not_wanted() {
    let place = place();
    place.write("large.csv", users(0..2_000, 0));
    cut(&place, "large.csv");
    for version in [1, 2] {
        place.write("small.csv", users(0..10, version));
        assert_eq!(sync(&place, "small.csv", &[]).status, 0);
    }
    let text = place.run(&["status"]).stdout;
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 4, "a header and a line for each run: {text}");
    assert!(lines[1].contains("  finished    0  ") && lines[3].contains("  unfinished  130  "), "{text}");
    assert!(lines[3].contains("interrupted; continue with: contact-sink sync /"), "{text}");
    let all = runs(&place, &[]);
    let began: Vec<&str> = all.iter().map(|run| run["started"].as_str().unwrap()).collect();
    assert!(began.is_sorted_by(|one, other| one >= other), "the newest first: {began:?}");

    let [large] = &runs(&place, &["--only", "unfinished"])[..] else { panic!("one unfinished run") };
    assert_eq!((&large["exit_status"], &large["stop"]["kind"]), (&130.into(), &"interrupted".into()), "{large}");
    assert_eq!(runs(&place, &["--to", "growth", "--only", "finished"]).len(), 2);
    assert_eq!(place.run(&["status", "--to", "unknown"]).status, 64);

    let name = large["run"].as_str().unwrap();
    let ran = place.run(&["status", "--forget", name]);
    assert!(ran.status == 0 && ran.stderr.contains(&format!("growth: forgot the run {name}; ")), "{}", ran.stderr);
    assert_eq!(runs(&place, &[]).len(), 2);
    let again = place.run(&["status", "--forget", name]);
    assert!(again.status == 64 && again.stderr.contains("no such run is known"), "{}", again.stderr);
    // Its content is new.
    let ran = cut(&place, "large.csv");
    assert!(!ran.stderr.contains("resumes"), "{}", ran.stderr);
}

#[test]
fn the_report_says_what_a_scheduler_needs() {
    let place = place();
    place.write("input.csv", users(0..2_000, 0) + "7000,130,,\n");
    let report = cut(&place, "input.csv").report();
    assert_eq!((&report["mode"], &report["exit_status"]), (&"live".into(), &130.into()), "{report}");
    assert_eq!((&report["stop"]["kind"], &report["stop"]["message"]), (&"interrupted".into(), &"interrupted".into()));
    for name in ["started", "ended"] {
        assert!(report[name].as_str().unwrap().ends_with('Z'), "{report}");
    }
    let at = |name: &str| place.directory.path().canonicalize().unwrap().join(name).display().to_string();
    assert_eq!(report["input"], at("input.csv"));
    // From anywhere, by a shell.
    let command =
        report["continue_command"].as_str().unwrap().replacen("contact-sink", env!("CARGO_BIN_EXE_contact-sink"), 1);
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &format!("cd / && {command} --report json")]);
    let ran = place.finish(&mut shell);
    assert_eq!((ran.status, ran.count("accepted"), ran.count("rejected")), (2, 2_000, 1), "{}", ran.stderr);
    let whole: Value = serde_json::from_str(&ran.stdout).unwrap();
    let done = ran.report();
    assert_eq!((&whole["exit_status"], &done["exit_status"], &done["stop"]), (&2.into(), &2.into(), &Value::Null));
    assert_eq!((&done["run"], &done["continue_command"]), (&report["run"], &Value::Null), "{done}");
    let file = done["rejected_files"][0].as_str().unwrap();
    assert!(file.starts_with('/') && fs::read_to_string(file).unwrap().contains(",7000,130,"), "{file}");
}

/// What was answered is not sent again for it.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_under_the_file_of_outcomes_leaves_what_was_answered_settled() {
    let place = place();
    place.write("input.csv", users(0..2_000, 0));
    let full = sync(&place, "input.csv", &["--outcomes", "/dev/full"]);
    let accepted = full.count("accepted");
    assert!(full.status == 3 && accepted > 0 && full.count("pending") == 2_000 - accepted, "{}", full.stderr);
    says(&full, &["the file of outcomes cannot be written: "]);
    let ran = sync(&place, "input.csv", &[]);
    assert!(!ran.stderr.contains("waits"), "{}", ran.stderr);
    assert_eq!((ran.status, ran.count("accepted")), (0, 2_000), "{}", ran.stderr);
    let sent = place.sandbox.seen();
    assert!(sent <= 22, "{sent} requests for 20: {}", ran.stderr);
}

#[test]
fn the_file_of_outcomes_has_a_line_for_each_row() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = place();
    place.write("input.csv", users(0..1_000, 0) + "7000,130,,\n7001,,,\n");
    let child = place.start(&["sync", "input.csv", "--to", "growth", "--outcomes", "outcomes.ndjson"]);
    wait_until("three requests", || place.sandbox.seen() >= 3);
    signal("KILL", child.id());
    child.wait_with_output().unwrap();
    let ran = sync(&place, "input.csv", &["--outcomes", "outcomes.ndjson"]);
    assert_eq!((ran.status, ran.count("accepted"), ran.count("skipped")), (2, 1_000, 1), "{}", ran.stderr);

    let path = place.directory.path().join("outcomes.ndjson");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&path).unwrap();
    assert!(!text.contains("1300000") && !text.contains("@example.com"), "no values");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |id: i64| {
        let id = id.to_string();
        lines.iter().rev().find(|line| line["id"].as_str() == Some(&id)).unwrap()
    };
    for user in 0..1_000 {
        let line = of(user);
        assert_eq!((&line["line"], &line["outcome"]), (&(user + 2).into(), &"accepted".into()), "{line}");
        assert!(line["destination"] == "growth" && line["time"].as_str().unwrap().starts_with("20"), "{line}");
    }
    assert_eq!((&of(7_000)["outcome"], &of(7_000)["field"]), (&"rejected".into(), &"mobile".into()));
    assert_eq!(of(7_001)["outcome"], "skipped");

    place.write("notes.txt", "mine\n");
    let ran = sync(&place, "input.csv", &["--outcomes", "notes.txt"]);
    assert!(
        ran.status == 64 && ran.stderr.contains("the file has something else in it: name another"),
        "{}",
        ran.stderr
    );
    assert_eq!(place.read("notes.txt"), "mine\n");
}

#[test]
fn what_is_forgotten_is_not_overwritten_by_an_older_run() {
    let place = place();
    place.write("old.csv", mobiles(0..2_000, 0));
    cut(&place, "old.csv");
    place.write("new.csv", mobiles(0..2_000, 1) + "7000,130,,\n");
    let newer = sync(&place, "new.csv", &[]);
    assert_eq!((newer.status, newer.count("accepted")), (2, 2_000), "{}", newer.stderr);
    let name = newer.report()["run"].as_str().unwrap().to_owned();
    assert_eq!(place.run(&["status", "--forget", &name]).status, 0);
    let ran = sync(&place, "old.csv", &[]);
    says(&ran, &["growth: resumes at row "]);
    assert_eq!((ran.status, with_number(&place, 0..2_000, 1)), (0, 2_000), "{}", ran.stderr);
    // Its rejected rows are of a run that is not known any more.
    let ran = sync(&place, place.rejected()[0].to_str().unwrap(), &[]);
    says(&ran, &[]);
    assert!(ran.stdout.contains("the journal does not know the run that rejected it"), "{}", ran.stdout);
    // Its content is new.
    let ran = sync(&place, "new.csv", &[]);
    assert_eq!((ran.status, ran.count("accepted"), ran.count("requests") > 0), (2, 2_000, true), "{}", ran.stderr);
}

#[test]
fn a_run_that_was_killed_says_so_until_it_is_resumed_or_forgotten() {
    let place = place();
    place.write("killed.csv", mobiles(0..6_000, 0) + "7000,130,,\n");
    let kill = || {
        let before = place.sandbox.seen();
        let child = place.start(&["sync", "killed.csv", "--to", "growth"]);
        wait_until("three requests", || place.sandbox.seen() >= before + 3);
        signal("KILL", child.id());
        child.wait_with_output().unwrap();
    };
    kill();
    place.write("other.csv", mobiles(0..10, 1));
    assert_eq!(sync(&place, "other.csv", &[]).status, 0);
    let [run] = &runs(&place, &["--only", "cut-off"])[..] else { panic!("one run was cut off") };
    assert_eq!((&run["stop"]["kind"], &run["exit_status"]), (&"cut_off".into(), &Value::Null), "{run}");
    assert!(run["continue_command"].as_str().unwrap().contains("killed.csv"), "{run}");

    // Other content in its place: of rows in flight it is not known.
    place.write("killed.csv", mobiles(0..10, 2));
    let replaced = sync(&place, "killed.csv", &[]).report()["replaced"].clone();
    let never_sent = replaced["rows_never_sent"].as_u64().unwrap();
    let maybe_sent = replaced["rows_maybe_sent"].as_u64().unwrap();
    let accepted = run["accepted"].as_u64().unwrap();
    assert!(maybe_sent > 0 && accepted + never_sent + maybe_sent <= 6_001, "{replaced}");

    let name = run["run"].as_str().unwrap();
    let ran = place.run(&["status", "--forget", name]);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert_eq!(runs(&place, &["--only", "cut-off"]).len(), 0);
}

#[test]
fn a_restart_that_stops_is_resumed_without_the_option() {
    let place = place();
    place.write("input.csv", mobiles(0..2_000, 0));
    assert_eq!(sync(&place, "input.csv", &[]).status, 0);
    let before = place.sandbox.seen();
    let restart = ["sync", "input.csv", "--to", "growth", "--restart", "--report", "json", "--max-rejected", "7%"];
    let child = place.start(&restart);
    wait_until("three requests", || place.sandbox.seen() >= before + 3);
    signal("TERM", child.id());
    let ran = Ran::of(child.wait_with_output().unwrap());
    says(&ran, &["run the same command again without --restart"]);
    let command = ran.report()["continue_command"].as_str().unwrap().to_owned();
    assert!(command.ends_with(" --max-rejected 7%") && !command.contains("--restart"), "{command}");
    let ran = sync(&place, "input.csv", &[]);
    says(&ran, &["growth: resumes at row "]);
    assert_eq!((ran.status, ran.count("accepted")), (0, 2_000), "{}", ran.stderr);
}

#[test]
fn a_run_that_stops_on_a_full_journal_has_stopped_in_order() {
    let place = place();
    place.write("input.csv", mobiles(0..20_000, 0));
    let ran = place.run_on_a_full_disk(256, &["sync", "input.csv", "--to", "growth", "--report", "json"]);
    assert_eq!(ran.status, 3, "{}", ran.stderr);
    assert_eq!(ran.stderr.matches("cannot be written").count(), 1, "said once: {}", ran.stderr);
    let [run] = &runs(&place, &[])[..] else { panic!("one run") };
    assert_eq!((&run["state"], &run["exit_status"]), (&"unfinished".into(), &3.into()), "{run}");
    assert_eq!(run["stop"]["kind"], "journal", "{run}");
    let ran = sync(&place, "input.csv", &[]);
    assert!(ran.stderr.contains("growth: resumes at row ") && !ran.stderr.contains("cut off"), "{}", ran.stderr);
    assert_eq!((ran.status, ran.count("accepted")), (0, 20_000), "{}", ran.stderr);
}
