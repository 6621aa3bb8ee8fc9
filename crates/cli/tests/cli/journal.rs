//! A run that another one goes on with: what is said, what is sent, and what is refused.
#![cfg(unix)]

use std::collections::HashMap;
use std::fs;

use crate::support::{Place, Ran, destination, signal, wait_until, world};

pub const SYNC: [&str; 6] = ["sync", "input.csv", "--to", "growth", "--report", "json"];

pub fn rows(count: usize) -> String {
    let row = |nth: usize| format!("{},{},,\n", 1_000 + nth, if nth % 50 == 3 { "130" } else { "13000000001" });
    "cuid,mobile,email,registration_id\n".to_owned() + &(0..count).map(row).collect::<String>()
}

/// A vendor that takes ten requests a second of us.
pub fn place() -> Place {
    let place = Place::new(world());
    place.write("contact-sink.toml", place.config().replace("# quota = \"100/s\"", "quota = \"10/s\""));
    place
}

/// A run that is ended after its first requests.
pub fn cut(place: &Place) -> Ran {
    let before = place.sandbox.seen();
    let child = place.start(&SYNC);
    wait_until("three requests", || place.sandbox.seen() >= before + 3);
    signal("TERM", child.id());
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert_eq!(ran.status, 130, "{}", ran.stderr);
    ran
}

/// How often each user was sent.
fn sent(place: &Place) -> HashMap<String, usize> {
    let mut sent = HashMap::new();
    for subject in place.sandbox.requests().into_iter().flat_map(|request| request.subjects) {
        *sent.entry(subject).or_default() += 1;
    }
    sent
}

#[test]
fn goes_on_where_the_last_run_ended() {
    let place = place();
    place.write("input.csv", rows(2_000));
    let first = cut(&place);
    let done = first.count("accepted") + first.count("rejected");
    assert!(done >= 200 && first.count("pending") > 0, "{}", first.stderr);

    let status = place.run(&["status"]).stdout;
    let columns = ["  growth  ", "  unfinished  130  ", &format!("  {done} of 2,000  ")];
    for says in columns.into_iter().chain(["  interrupted; continue with: contact-sink sync /"]) {
        assert!(status.contains(says), "{says:?}: {status}");
    }
    let ran = place.run(&SYNC);
    assert!(
        ran.stderr.contains("growth: resumes at row ") && ran.stderr.contains(" rows are done\n"),
        "{}",
        ran.stderr
    );
    let counts = ["rows", "accepted", "rejected", "pending"].map(|count| ran.count(count));
    assert_eq!((ran.status, counts), (2, [2_000, 1_960, 40, 0]), "of the whole input: {}", ran.stderr);
    assert!(ran.stderr.contains("  40 rows: column \"mobile\": an SMS number is 11 digits"), "{}", ran.stderr);
    let sent = sent(&place);
    assert!(sent.len() == 1_960 && sent.values().all(|times| *times == 1), "no user is sent twice");
    assert_eq!((place.rejected().len(), place.rejected_rows().len()), (1, 40), "in one file");

    let seen = place.sandbox.seen();
    let again = place.run(&SYNC);
    let counts = ["rows", "accepted", "rejected", "pending", "requests"].map(|count| again.count(count));
    assert_eq!((again.status, counts), (2, [2_000, 1_960, 40, 0, 0]), "{}", again.stderr);
    assert!(again.stderr.contains("growth: nothing to send: all 2,000 rows are done"), "{}", again.stderr);
    let status = place.run(&["status"]).stdout;
    assert!(status.contains("  finished  2  ") && status.lines().count() == 2, "{status}");
    assert_eq!(place.sandbox.seen(), seen);

    let ran = place.run(&[&SYNC[..], &["--restart"]].concat());
    assert_eq!((ran.status, ran.count("accepted"), ran.count("requests") >= 20), (2, 1_960, true), "{}", ran.stderr);
}

#[test]
fn another_mapping_is_refused_until_its_owner_chooses() {
    let place = place();
    let input = rows(8_000);
    place.write("input.csv", &input);
    cut(&place);
    let (seen, config) = (place.sandbox.seen(), place.config());
    let label = "\"sms/默认联系\" = \"mobile\"";
    assert!(config.contains(label));
    place.write("contact-sink.toml", config.replace(label, "\"sms/默认联系\" = \"registration_id\""));
    let ran = place.run(&SYNC);
    assert_eq!((ran.status, place.sandbox.seen()), (64, seen), "{}", ran.stderr);
    let mapping = ["the mapping was ", "210/默认联系 = \"mobile\"", " and is ", "210/默认联系 = \"registration_id\""];
    for says in mapping.into_iter().chain(["growth: ", "--continue resumes at row ", "--restart sends all rows again"])
    {
        assert!(ran.stderr.contains(says), "{says:?}: {}", ran.stderr);
    }
    assert!(!ran.stderr.contains("13000000001"), "{}", ran.stderr);
    let report = ran.report();
    assert_eq!((&report["exit_status"], &report["stop"]["kind"]), (&64.into(), &"not_begun".into()), "{report}");

    // Another account is another run, which leaves this one as it is.
    place.write("contact-sink.toml", config.replace("project_id = \"sandbox\"", "project_id = \"other\""));
    let ran = place.run(&SYNC);
    assert!(ran.status == 3 && !ran.stderr.contains("resumes"), "{}", ran.stderr);

    // What is settled stays so.
    place.write("contact-sink.toml", config.replace("mail/默认联系", "mail/客户邮箱"));
    let ran = place.run(&[&SYNC[..], &["--continue"]].concat());
    assert!(ran.stderr.contains("growth: resumes at row "), "{}", ran.stderr);
    let counts = ["rows", "accepted", "rejected"].map(|count| ran.count(count));
    assert_eq!((ran.status, counts), (2, [8_000, 7_840, 160]), "{}", ran.stderr);
    assert!(sent(&place).values().all(|times| *times == 1), "no user is sent twice");
}

#[test]
fn what_is_not_begun_is_not_cut_off() {
    let place = place();
    place.write("input.csv", rows(2_000));
    let first = cut(&place);
    let other = destination("other", &place.sandbox.base_url());
    place.write("contact-sink.toml", [place.config(), other].join("\n"));
    let status = place.run(&["status"]).stdout;
    // The second destination cannot begin, so the first does not.
    place.write("state/other.sqlite", "no journal");
    let seen = place.sandbox.seen();
    let ran = place.run(&["sync", "input.csv", "--to", "growth,other"]);
    assert_eq!((ran.status, place.sandbox.seen()), (78, seen), "{}", ran.stderr);
    assert_eq!(place.run(&["status", "--to", "growth"]).stdout, status);
    let ran = place.run(&SYNC);
    assert!(ran.stderr.contains("growth: resumes at row ") && !ran.stderr.contains("cut off"), "{}", ran.stderr);
    assert!(ran.count("accepted") > first.count("accepted"), "{}", ran.stderr);
}

#[test]
fn rejected_rows_that_their_owner_edits_stay_as_they_are() {
    let place = place();
    place.write("input.csv", rows(8_000));
    cut(&place);
    let [file] = &place.rejected()[..] else { panic!("one file") };
    let edited = fs::read_to_string(file).unwrap().replace(",130,", ",13000000009,");
    fs::write(file, &edited).unwrap();
    let before = place.rejected_rows().len();
    place.write("contact-sink.toml", place.config());
    let ran = place.run(&SYNC);
    assert_eq!((ran.status, ran.count("rejected")), (2, 160), "{}", ran.stderr);
    assert!(ran.stderr.contains("is gone or was edited, so it is left alone"), "{}", ran.stderr);
    assert_eq!(fs::read_to_string(file).unwrap(), edited);
    let rejected = place.rejected();
    assert_eq!((rejected.len(), place.rejected_rows().len()), (2, 160), "{before} of them in the first file");
}

#[test]
fn rejected_rows_that_are_taken_away_while_they_are_written_go_on_elsewhere() {
    let place = place();
    place.write("input.csv", rows(16_000));
    place.write("contact-sink.toml", place.config().replace("# quota = \"100/s\"", "quota = \"40/s\""));
    let child = place.start(&SYNC);
    wait_until("rejected rows", || place.rejected().iter().any(|file| fs::metadata(file).unwrap().len() > 1_000));
    let [file] = &place.rejected()[..] else { panic!("one file") };
    let mine = place.directory.path().join("mine.csv");
    fs::rename(file, &mine).unwrap();
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert_eq!((ran.status, ran.count("rejected"), ran.count("pending")), (2, 320, 0), "{}", ran.stderr);
    let (before, after) = (fs::read_to_string(mine).unwrap().lines().count() - 1, place.rejected_rows().len());
    // What had not reached the disk when it was taken away may stand in both.
    assert!(before > 0 && after > 0 && before + after >= 320, "{before} + {after}");
}

#[test]
fn two_runs_of_one_account_at_once() {
    let place = Place::with([world(), world()]);
    let slow = place.config().replace("# quota = \"100/s\"", "quota = \"10/s\"");
    let same = destination("same", &place.sandbox.base_url());
    let else_where = destination("elsewhere", &place.more[0].base_url());
    place.write("contact-sink.toml", [slow, same, else_where].join("\n"));
    place.write("input.csv", rows(2_000));
    let child = place.start(&SYNC);
    wait_until("a request", || place.sandbox.seen() > 0);
    for (to, what) in [("growth", "destination growth: "), ("same", "project sandbox at 127.0.0.1:")] {
        let ran = place.run(&["sync", "input.csv", "--to", to, "--report", "json"]);
        let holder = format!("another run holds its lock, process {}, since 20", child.id());
        assert!(ran.stderr.contains(what) && ran.stderr.contains(&holder), "{}", ran.stderr);
        assert!(ran.stderr.contains("sync input.csv --to growth: wait until it has ended"), "{}", ran.stderr);
        assert_eq!((ran.status, ran.reports().len()), (75, 1), "{}", ran.stderr);
    }
    let ran = place.run(&["sync", "input.csv", "--to", "elsewhere", "--report", "json"]);
    assert_eq!((ran.status, ran.count_of("elsewhere", "accepted")), (2, 1_960), "{}", ran.stderr);
    let status = place.run(&["status", "--only", "running"]).stdout;
    let running = "  growth       running  -     ";
    assert!(status.contains(running) && status.contains(&format!("  process {}, since 20", child.id())), "{status}");
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert_eq!((ran.status, ran.count("accepted")), (2, 1_960), "undisturbed: {}", ran.stderr);
    // The lock is gone with its process.
    assert_eq!(place.run(&["sync", "input.csv", "--to", "same"]).status, 2);
}

#[test]
fn a_journal_of_another_program_or_version_is_refused_and_stays_as_it_is() {
    let place = place();
    let path = place.directory.path().join("state/growth.sqlite");
    place.sync(rows(200), &[]);
    let journal = fs::read(&path).unwrap();
    let newer = {
        let mut newer = journal.clone();
        newer[60..64].copy_from_slice(&7_u32.to_be_bytes());
        newer
    };
    for (bytes, says) in
        [(&b"no database"[..], "it is no journal of contact-sink"), (&newer, "its format is version 7")]
    {
        fs::write(&path, bytes).unwrap();
        let ran = place.sync(rows(201), &[]);
        assert_eq!((ran.status, ran.count("rows")), (78, 0), "{}", ran.stderr);
        assert!(ran.stderr.contains(says) && ran.stderr.contains("growth.sqlite"), "{}", ran.stderr);
        assert_eq!(fs::read(&path).unwrap(), bytes);
        let status = place.run(&["status"]);
        assert!(status.status == 78 && status.stderr.contains(says), "{}", status.stderr);
    }
}

#[test]
fn a_journal_that_cannot_be_written_sends_nothing() {
    let place = place();
    place.sync(rows(200), &[]);
    let seen = place.sandbox.seen();
    // What SQLite writes first is in the way of itself.
    fs::create_dir(place.directory.path().join("state/growth.sqlite-wal")).unwrap();
    let ran = place.sync(rows(300), &[]);
    assert_eq!((ran.status, ran.count("rows"), place.sandbox.seen()), (78, 0, seen), "{}", ran.stderr);
    assert!(ran.stderr.contains("growth.sqlite: "), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("make room or end what is in its way, and run the same command again"),
        "{}",
        ran.stderr
    );
    fs::remove_dir(place.directory.path().join("state/growth.sqlite-wal")).unwrap();
    let ran = place.sync(rows(300), &[]);
    assert_eq!((ran.status, ran.count("rows")), (2, 100), "{}", ran.stderr);
}

#[test]
fn a_journal_that_is_taken_away_stops_its_run() {
    let place = place();
    place.write("input.csv", rows(8_000));
    let child = place.start(&SYNC);
    wait_until("three requests", || place.sandbox.seen() >= 3);
    // What is in their place is not the journal that the run has open.
    for name in ["growth.sqlite", "growth.sqlite-wal"] {
        let file = place.directory.path().join("state").join(name);
        fs::remove_file(&file).unwrap();
        fs::write(&file, "").unwrap();
    }
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert_eq!(ran.status, 3, "{}", ran.stderr);
    assert!(ran.stderr.contains("it was taken away or replaced while the run went on"), "{}", ran.stderr);
    assert!(place.sandbox.seen() < 20, "{}", place.sandbox.seen());
}
