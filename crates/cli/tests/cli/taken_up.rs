//! A run that is taken up under other circumstances: other columns, another run between, a lock that somebody holds.
#![cfg(unix)]

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use crate::journal::{SYNC, cut, place, rows};
use crate::support::{Place, Ran, destination, rows_of, signal, wait_until, world};

#[test]
fn rejected_rows_go_where_they_are_wanted_now() {
    let place = place();
    place.write("input.csv", rows(8_000));
    cut(&place);
    let before = fs::read_to_string(&place.rejected()[0]).unwrap();
    let ran = place.run(&[&SYNC[..], &["--rejected", "elsewhere"]].concat());
    assert_eq!((ran.status, ran.count("rejected"), ran.count("pending")), (2, 160, 0), "{}", ran.stderr);
    assert_eq!(fs::read_to_string(&place.rejected()[0]).unwrap(), before, "it is left alone");
    let files = ran.report()["rejected_files"].as_array().unwrap().clone();
    assert!(files.len() == 2 && files[0] != files[1], "{files:?}");
    let rows: Vec<String> = files.iter().flat_map(|file| rows_of(Path::new(file.as_str().unwrap()))).collect();
    let lines: HashSet<&str> = rows.iter().map(|row| row.split(',').next().unwrap()).collect();
    assert_eq!((rows.len(), lines.len()), (160, 160), "each row once");
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
    let [_, other, input] = &status.lines().collect::<Vec<_>>()[..] else { panic!("{status}") };
    assert!(other.contains("  finished  2  ") && other.ends_with("other.csv"), "{status}");
    assert!(input.contains("  running   -  ") && input.contains(&format!("process {}", child.id())), "{status}");
    signal("TERM", child.id());
    child.wait_with_output().unwrap();
    let status = place.run(&["status"]).stdout;
    assert!(status.contains(" --format csv"), "what it cannot be read without: {status}");
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
    assert!(!status.contains(" elsewhere ") && status.contains(" growth "), "{status}");
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
