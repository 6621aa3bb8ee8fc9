//! A run that is taken up under other circumstances: other columns, another run between, a lock that somebody holds.
#![cfg(unix)]

use std::fs;

use crate::journal::{SYNC, cut, place, rows};
use crate::support::{Place, Ran, destination, signal, wait_until, world};

#[test]
fn rejected_rows_under_other_columns_go_to_another_file() {
    let place = place();
    place.write("input.csv", rows(4_000));
    cut(&place);
    let columns: Vec<String> = rows(4_000).lines().map(|line| format!("first,{line}\n")).collect();
    place.write("input.csv", columns.concat() + "first,7,13,,\n");
    let ran = place.run(&[&SYNC[..], &["--continue"]].concat());
    assert!(ran.stderr.contains("has the columns of the input as it was"), "{}", ran.stderr);
    assert_eq!((ran.count("rows"), ran.count("pending")), (4_001, 0), "{}", ran.stderr);
    let [before, after] = &place.rejected()[..] else { panic!("two files") };
    assert!(!fs::read_to_string(before).unwrap().contains("first"));
    let after = fs::read_to_string(after).unwrap();
    assert!(after.contains("_vendor_text,first,cuid,mobile,") && after.contains(",first,7,13,"), "{after}");
    assert_eq!(place.rejected_rows().len() as u64, ran.count("rejected"));

    // As NDJSON it has no head, and is no line of a CSV file either.
    place.write("input.csv", rows(4_000));
    place.run(&[&SYNC[..], &["--restart", "--max-time", "1s"]].concat());
    let lines = "{\"cuid\":1,\"mobile\":\"13\",\"email\":\"\",\"registration_id\":\"\"}\n";
    place.write("input.csv", lines.repeat(4_001));
    let ran = place.run(&[&SYNC[..], &["--continue", "--format", "ndjson", "--max-rejected", "100%"]].concat());
    assert_eq!((ran.status, ran.count("pending")), (2, 0), "{}", ran.stderr);
    assert!(place.rejected().iter().any(|path| path.extension().unwrap() == "ndjson"), "{}", ran.stderr);
}

#[test]
fn a_run_that_is_taken_up_again_is_the_one_under_way() {
    let place = place();
    place.write("input.csv", rows(2_000));
    cut(&place);
    place.write("other.csv", rows(100));
    place.run(&["sync", "other.csv", "--to", "growth"]);
    let before = place.sandbox.seen();
    let child = place.start(&[&SYNC[..], &["--format", "csv"]].concat());
    wait_until("a request", || place.sandbox.seen() > before);
    let status = place.run(&["status"]).stdout;
    assert!(status.contains("other.csv to jiguang") && !status.contains("was cut off"), "{status}");
    assert!(status.contains(&format!(": under way, process {}", child.id())), "{status}");
    signal("TERM", child.id());
    child.wait_with_output().unwrap();
    let status = place.run(&["status"]).stdout;
    assert!(status.contains(" --format csv\n"), "what it cannot be read without: {status}");
}

#[test]
fn who_is_refused_a_lock_has_begun_nothing() {
    let place = Place::with([world(), world()]);
    let slow = place.config().replace("# quota = \"100/s\"", "quota = \"10/s\"");
    place.write("contact-sink.toml", [slow, destination("elsewhere", &place.more[0].base_url())].join("\n"));
    place.write("input.csv", rows(2_000));
    let child = place.start(&SYNC);
    wait_until("a request", || place.sandbox.seen() > 0);
    let ran = place.run(&["sync", "input.csv", "--to", "elsewhere,growth"]);
    assert_eq!(ran.status, 75, "{}", ran.stderr);
    let status = place.run(&["status"]).stdout;
    assert!(!status.contains("elsewhere: ") && status.contains("growth: "), "{status}");
    assert_eq!(Ran::of(child.wait_with_output().unwrap()).status, 2);
}

#[test]
fn a_run_that_has_done_nothing_is_begun_anew_when_what_was_wrong_is_mended() {
    let place = place();
    place.write("input.csv", rows(200).replace(",130,", ",13000000001,"));
    let config = place.read("contact-sink.toml");
    place.write("contact-sink.toml", config.replace("project_id = \"sandbox\"", "project_id = \"other\""));
    let ran = place.run(&SYNC);
    assert_eq!((ran.status, ran.count("pending")), (3, 200), "{}", ran.stderr);
    place.write("contact-sink.toml", config);
    let ran = place.run(&SYNC);
    assert_eq!((ran.status, ran.count("accepted")), (0, 200), "{}", ran.stderr);
}
