//! A run that is wrong as a whole stops; nothing of it is rejected.

use contact_sink_sandbox::jiguang::{Channel, GoodUsers, Kind, Told, UnlistedCode, Wording};

use crate::support::{Place, Ran, sample, world};

/// All rows are pending, few requests were made, and a person is told what to compare.
fn check_stopped(place: &Place, ran: &Ran, rows: u64, says: &[&str]) {
    assert_eq!((ran.status, ran.count("rows"), ran.count("pending")), (3, rows, rows), "{}", ran.stderr);
    assert!(ran.count("requests") <= 40, "{} requests", ran.count("requests"));
    assert!(place.rejected().is_empty(), "no dead letters");
    for words in says {
        assert!(ran.stderr.contains(words), "{words:?} is missing: {}", ran.stderr);
    }
}

fn hundred_rows() -> String {
    sample("contacts.csv").lines().take(101).map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_label_that_nobody_has() {
    for wording in [Wording::Label, Wording::Value, Wording::Id, Wording::Nothing] {
        for good_users in [GoodUsers::Saved, GoodUsers::Dropped] {
            for (input, rows) in [(hundred_rows(), 100), (sample("contacts.csv"), 1000)] {
                let mut world = world();
                (world.jiguang.wording, world.jiguang.good_users) = (wording, good_users);
                world.jiguang.channels = vec![
                    Channel::new(210, Kind::Sms, ["Default Contact"]),
                    Channel::new(219, Kind::Mail, ["Default Contact"]),
                    Channel::new(2210, Kind::App, ["Default Contact"]),
                ];
                let place = Place::new(world);
                let ran = place.sync(input, &[]);
                check_stopped(&place, &ran, rows, &["code 4107", "labels", "--max-rejected 100%"]);
            }
        }
    }
}

#[test]
fn a_wrong_secret_however_the_vendor_says_so() {
    for (told, code, says) in [
        (Told::Status, 1901, ["http 401", "compare the project id and the project secret"]),
        (Told::Code, 1901, ["code 1901", "credentials"]),
        (Told::Code, 40_003, ["code 40003", "credentials"]),
    ] {
        let mut world = world();
        world.jiguang.bad_credentials = told;
        world.jiguang.bad_credentials_code = UnlistedCode::try_from(code).unwrap();
        let mut place = Place::new(world);
        place.secret = "another".to_owned();
        let ran = place.sync(sample("contacts.csv"), &[]);
        check_stopped(&place, &ran, 1000, &says);
        assert!(place.sandbox.jiguang().cuids().is_empty());
    }
}

#[test]
fn too_many_rejected_rows() {
    let mut input = "cuid,mobile,email,registration_id\n".to_owned();
    for nth in 0..3000 {
        input.push_str(&format!("{},{},,\n", 1000 + nth, if nth % 4 == 0 { "130" } else { "13000000000" }));
    }
    let place = Place::new(world());
    let ran = place.sync(&input, &[]);
    assert_eq!((ran.status, ran.count("rows")), (3, 3000), "{}", ran.stderr);
    assert!(ran.count("pending") > 1000 && ran.stderr.contains("--max-rejected 100%"), "{}", ran.stderr);

    let ran = place.sync(&input, &["--max-rejected", "5", "--restart"]);
    assert_eq!((ran.status, ran.count("rejected")), (3, 6), "{}", ran.stderr);

    let ran = place.sync(&input, &["--max-rejected", "100%", "--restart"]);
    assert_eq!((ran.status, ran.count("rejected"), ran.count("accepted")), (2, 750, 2250), "{}", ran.stderr);
}

#[test]
fn nobody_answers() {
    let place = Place::new(world());
    // A redirect, as a wrong base URL may give it, is not followed and ends the run.
    place.write(
        "contact-sink.toml",
        place.config().replace(&place.sandbox.base_url(), &format!("{}/wrong", place.sandbox.base_url())),
    );
    let ran = place.sync(sample("contacts.csv"), &[]);
    check_stopped(&place, &ran, 1000, &["http 404", "check the base URL"]);
}

#[test]
fn a_label_that_nobody_has_in_a_file_of_few_users() {
    for users in [1, 5] {
        let mut world = world();
        world.jiguang.channels = vec![Channel::new(219, Kind::Mail, ["Default Contact"])];
        let place = Place::new(world);
        place.write(
            "contact-sink.toml",
            place.config().replace("\"sms/默认联系\"", "# ").replace("\"app/默认联系\"", "# "),
        );
        let rows: String = (0..200).map(|nth| format!("{},,a@example.com,\n", 100 + nth % users)).collect();
        let ran = place.sync(format!("cuid,mobile,email,registration_id\n{rows}"), &[]);
        // Each must have its outcome before the next of its user may go, so that a few are rejected before ten are known.
        assert_eq!((ran.status, ran.count("rows")), (3, 200), "{users}: {}", ran.stderr);
        assert!(ran.count("rejected") < 10 && ran.count("requests") <= 40, "{users}: {}", ran.stderr);
    }
}

#[test]
fn a_pipe_that_stays_open_holds_up_no_stop() {
    let mut place = Place::new(world());
    place.secret = "another".to_owned();
    let ran = place.run_on_a_pipe("cuid,mobile,email,registration_id\n1,,a@example.com,\n");
    assert_eq!((ran.status, ran.count("rows"), ran.count("pending")), (3, 1, 1), "{}", ran.stderr);
}
