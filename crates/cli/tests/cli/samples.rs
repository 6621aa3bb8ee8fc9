//! The samples of the README, under every manner of the vendor that its document leaves open.

use contact_sink::kits;
use contact_sink_sandbox::jiguang::{ErrorStatus, GoodUsers, Told, Wording};

use crate::support::{Place, sample, world};

/// How many rows of the sample with problems are wrong for a destination. For one that is not here it is one at least.
const WRONG_ROWS: [(&str, u64); 4] =
    [("jiguang", 7), ("engagelab", 3), ("tencent-attributes", 3), ("tencent-friends", 5)];

#[test]
fn the_samples_need_no_configuration() {
    let place = Place::new(world());
    std::fs::remove_file(place.directory.path().join("contact-sink.toml")).unwrap();
    for (name, status, wrong) in [("contacts.csv", 0, 0), ("contacts-with-problems.csv", 2, 1)] {
        place.write(name, sample(name));
        let ran = place.run(&["sync", name, "--to", "sandbox", "--report", "json"]);
        assert_eq!((ran.status, ran.reports().len()), (status, kits().count()), "{}", ran.stderr);
        for destination in kits().map(|kit| kit.name) {
            let listed = WRONG_ROWS.iter().find(|(name, _)| *name == destination).map(|(_, rows)| *rows);
            let rejected = wrong * listed.unwrap_or_else(|| ran.count_of(destination, "rejected").max(1));
            let counts = ["rows", "accepted", "rejected"].map(|count| ran.count_of(destination, count));
            assert_eq!(counts, [1000, 1000 - rejected, rejected], "{destination}: {}", ran.stderr);
            let first = format!("SIMULATED: {name} to {destination} at 127.0.0.1:");
            assert!(ran.stderr.lines().any(|line| line.starts_with(&first)), "{}", ran.stderr);
        }
        // Ten, and a few more where the reading thread of a busy machine pauses for longer than a batch lingers.
        assert!((10..=100).contains(&ran.count_of("jiguang", "requests")), "{}", ran.stdout);
        assert_eq!(place.rejected().len(), if wrong == 0 { 0 } else { kits().count() });
    }
}

#[test]
fn the_good_sample_is_stored_as_it_stands() {
    let place = Place::new(world());
    let input = sample("contacts.csv");
    let ran = place.sync(&input, &[]);
    assert_eq!((ran.status, ran.count("accepted")), (0, 1000));
    assert!(ran.stderr.starts_with("LIVE: input.csv to jiguang at 127.0.0.1:"), "{}", ran.stderr);
    for line in input.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let expected: Vec<(String, String)> = [("210", 1), ("219", 2), ("2210", 3)]
            .map(|(channel, column)| (format!("{channel}/默认联系"), cells[column].to_owned()))
            .into();
        let mut stored = place.stored(cells[0].parse().unwrap());
        stored.sort_by_key(|(field, _)| field.len());
        assert_eq!(stored, expected);
    }
}

/// Line, column to blame and code of the seven rows that are wrong.
const WRONG: [(&str, &str, &str); 7] = [
    ("72", "cuid", "4107"),
    ("187", "cuid", ""),
    ("303", "cuid", ""),
    ("404", "mobile", ""),
    ("535", "mobile", "4107"),
    ("642", "registration_id", "4107"),
    ("873", "", ""),
];

#[test]
fn seven_rows_are_wrong_under_every_manner_of_the_vendor() {
    for good_users in [GoodUsers::Saved, GoodUsers::Dropped] {
        for wording in [Wording::Label, Wording::Value, Wording::Id, Wording::Nothing] {
            for (status, told) in [(ErrorStatus::Ok, Told::Status), (ErrorStatus::BadRequest, Told::Code)] {
                let mut world = world();
                world.jiguang.good_users = good_users;
                world.jiguang.wording = wording;
                world.jiguang.error_status = status;
                (world.jiguang.bad_credentials, world.jiguang.over_quota) = (told, told);
                check_wrong(&Place::new(world), &format!("{good_users:?} {wording:?} {status:?} {told:?}"));
            }
        }
    }
}

fn check_wrong(place: &Place, manner: &str) {
    let input = sample("contacts-with-problems.csv");
    let ran = place.sync(&input, &[]);
    assert_eq!((ran.status, ran.count("accepted"), ran.count("rejected")), (2, 993, 7), "{manner}: {}", ran.stderr);
    let [file] = &place.rejected()[..] else { panic!("{manner}: one file of rejected rows") };
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_path(file).unwrap();
    let mut wrong: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    wrong.sort_by_key(|record| record[1].parse::<u64>().unwrap());
    let named: Vec<(&str, &str, &str)> = wrong.iter().map(|record| (&record[1], &record[2], &record[3])).collect();
    assert_eq!(named, WRONG, "{manner}");
    assert!(wrong.iter().all(|record| !record[4].is_empty() && &record[0] == "growth"), "{manner}: a reason for each");
    let stored = place.sandbox.jiguang().cuids();
    // Two of the seven have good fields, which did go through.
    assert_eq!(stored.len(), 995, "{manner}");
    assert!(!stored.contains(&1_234_567), "{manner}");
    assert_eq!(place.stored(10_366_557).len(), 2, "{manner}: all but the bad mobile");
    let sent = place.sandbox.jiguang().counters().requests;
    assert_eq!(ran.count("requests"), sent, "{manner}: every request is counted");
}

#[test]
fn a_user_named_fifty_times_ends_with_the_last_value() {
    let place = Place::new(world());
    let mut input = "cuid,mobile,email,registration_id\n".to_owned();
    for nth in 0..50 {
        input.push_str(&format!("42,,v{nth}@example.com,\n{},,other@example.com,\n", 1000 + nth));
    }
    let ran = place.sync(input, &[]);
    assert_eq!((ran.status, ran.count("accepted")), (0, 100), "{}", ran.stderr);
    assert_eq!(place.stored(42), [("219/默认联系".to_owned(), "v49@example.com".to_owned())]);
}
