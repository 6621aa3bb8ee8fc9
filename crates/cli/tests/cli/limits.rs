//! A run that is to end before its input: by a signal, at a time of the clock, or after so long.
#![cfg(unix)]

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use contact_sink_sandbox::{Fault, FaultKind, Faults};
use jiff::{Timestamp, ToSpan as _};

use crate::support::{Place, Ran, sample, signal, wait_until, world};

const SYNC: [&str; 6] = ["sync", "input.csv", "--to", "growth", "--report", "json"];

/// A vendor that takes so long for each answer; the quota is two requests a second.
fn slow(latency: Duration) -> Place {
    let mut world = world();
    world.latency = latency;
    let place = Place::new(world);
    place.write("contact-sink.toml", place.config().replace("# quota = \"100/s\"", "quota = \"2/s\""));
    place.write("input.csv", sample("contacts.csv"));
    place
}

fn rows(count: usize) -> String {
    let rows = (1..=count).map(|cuid| format!("{cuid},,a@example.com,\n"));
    "cuid,mobile,email,registration_id\n".chars().chain(rows.collect::<String>().chars()).collect()
}

#[test]
fn a_sigterm_is_a_ctrl_c() {
    let place = slow(Duration::from_millis(200));
    let child = place.start(&SYNC);
    wait_until("a request", || place.sandbox.seen() > 0);
    signal("TERM", child.id());
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert_eq!((ran.status, ran.count("accepted")), (130, place.sandbox.jiguang().cuids().len() as u64));
    let pending = format!("growth: {} rows are pending", ran.count("pending"));
    for says in ["growth: interrupted\n", &pending, "run the same command again\n"] {
        assert!(ran.stderr.contains(says), "{says:?}: {}", ran.stderr);
    }
    assert!(ran.count("accepted") > 0 && ran.count("pending") > 0, "{}", ran.stderr);
}

#[test]
fn a_vendor_that_hangs_holds_up_no_end() {
    let place = slow(Duration::from_secs(3_600));
    let child = place.start(&SYNC);
    wait_until("a request", || place.sandbox.seen() > 0);
    signal("TERM", child.id());
    let began = Instant::now();
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert!(began.elapsed() < Duration::from_secs(13), "{:?}", began.elapsed());
    assert_eq!((ran.status, ran.count("pending")), (130, ran.count("rows")), "{}", ran.stderr);
}

#[test]
fn the_simulator_ends_by_sigterm() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_contact-sink"))
        .arg("sandbox")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut base_url = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut base_url).unwrap();
    assert!(base_url.starts_with("http://127.0.0.1:"), "{base_url}");
    // It says its address before it listens for signals.
    wait_until("the end", || {
        signal("TERM", child.id());
        child.try_wait().unwrap().is_some()
    });
    assert!(matches!(child.wait().unwrap().code(), Some(0) | None));
}

#[test]
fn the_time_is_up() {
    let place = slow(Duration::ZERO);
    let ran = place.run(&[&SYNC[..], &["--max-time", "1200ms", "--stop-at", "00:00"]].concat());
    assert_eq!((ran.status, ran.count("rows")), (75, 1_000), "{}", ran.stderr);
    assert!((100..500).contains(&ran.count("accepted")), "{}", ran.stderr);
    for says in
        ["(--max-time 1s 200ms)\n", "growth: the time is up: --max-time 1s 200ms\n", "run the same command again\n"]
    {
        assert!(ran.stderr.contains(says), "{says:?}: {}", ran.stderr);
    }

    // The same command again goes on with it.
    let accepted = ran.count("accepted");
    let requests = place.sandbox.seen();
    let ran = place.run(&SYNC);
    assert_eq!((ran.status, ran.count("accepted")), (0, 1_000), "{}", ran.stderr);
    assert!(place.sandbox.seen() - requests <= (1_000 - accepted).div_ceil(100) + 1, "{}", ran.stderr);

    // What was not read is pending too.
    place.write("input.csv", rows(20_000));
    let at = Timestamp::now().checked_add(3.seconds()).unwrap().strftime("%H:%M:%S").to_string();
    let began = Instant::now();
    let ran = with_zone(&place, "UTC0", &["--restart", "--stop-at", &at, "--max-time", "2h"]);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert_eq!(ran.status, 75, "{}", ran.stderr);
    assert_eq!(ran.count("rows"), 20_000, "{}", ran.stderr);
    // A whole minute is shown without its seconds.
    let shown = at.strip_suffix(":00").unwrap_or(&at);
    for says in
        [&format!("growth: the time is up: --stop-at {shown}\n"), " rows are pending: run the same command again"]
    {
        assert!(ran.stderr.contains(says), "{says:?}: {}", ran.stderr);
    }
}

#[test]
fn a_run_that_is_done_before_ends_as_ever() {
    let place = Place::new(world());
    let ran = place.sync(sample("contacts.csv"), &["--max-time", "2h"]);
    assert_eq!((ran.status, ran.count("accepted")), (0, 1_000), "{}", ran.stderr);
    assert!(ran.stderr.contains("it will stop at ") && !ran.stderr.contains("the time is up"), "{}", ran.stderr);
}

#[test]
fn limits_that_make_no_sense_are_refused() {
    let place = Place::new(world());
    let time = "it is a time of the local clock from 00:00 to 23:59, like 07:30 or 07:30:15";
    let length = "it is a length of time like 2h, 90m or 1h 30m, and more than nothing";
    for at in ["24:00", "7:30", "07:60", "0730", "", "07:30:61", "+7:30", "07:30:00:00", "07:30Z"] {
        check_refused(&place, "--stop-at", at, time);
    }
    for (argument, value) in [("--max-time", "0s"), ("--max-time", "2"), ("--max-time", ""), ("--patience", "soon")] {
        check_refused(&place, argument, value, length);
    }
}

fn check_refused(place: &Place, argument: &str, value: &str, says: &str) {
    let ran = place.sync(sample("contacts.csv"), &[argument, value]);
    assert_eq!((ran.status, ran.stdout.as_str()), (64, ""), "{argument} {value}: {}", ran.stderr);
    assert!(ran.stderr.contains(says), "{argument} {value}: {}", ran.stderr);
}

#[test]
fn a_time_of_the_clock_is_the_next_one_that_it_shows() {
    let place = Place::new(world());
    // The zone is such that it is ten past twelve there, before the clock is set or after.
    let now = Timestamp::now();
    let east = 12 * 3_600 + 600 - now.as_second().rem_euclid(86_400);
    let there = now.checked_add(east.seconds()).unwrap().to_zoned_datetime(jiff::tz::TimeZone::UTC);
    let (today, tomorrow) = (there.date(), there.date().tomorrow().unwrap());
    let day = there.day_of_year() - 1;
    let other = (day + 180) % 365;
    let zone = |shift: i64, begins: (i16, u8), ends: (i16, u8)| {
        let west = |east: i64| {
            let (sign, east) = (if east > 0 { "-" } else { "" }, east.abs());
            format!("{sign}{}:{:02}:{:02}", east / 3_600, east / 60 % 60, east % 60)
        };
        let (standard, summer) = (west(east - shift), west(east - shift + 3_600));
        format!("AAA{standard}BBB{summer},{}/{},{}/{}", begins.0, begins.1, ends.0, ends.1)
    };
    let plain = zone(0, (other, 2), (other + 1, 2));
    let forward = zone(0, (day, 20), (other, 2));
    let back = zone(3_600, (other, 2), (day, 20));
    // It was one o'clock once already when it was set back to twelve.
    let was_set_back = zone(0, (other, 2), (day, 13));
    for (zone, at, expected) in [
        (&plain, "12:11", (today, "12:11:00")),
        (&plain, "12:09:59", (tomorrow, "12:09:59")),
        (&plain, "00:00", (tomorrow, "00:00:00")),
        (&forward, "19:59:59", (today, "19:59:59")),
        // The clock passes over it when it is set from eight to nine.
        (&forward, "20:30", (today, "21:00:00")),
        (&forward, "21:00", (today, "21:00:00")),
        (&back, "19:30", (today, "19:30:00")),
        (&was_set_back, "12:50", (today, "12:50:00")),
        (&was_set_back, "12:05", (tomorrow, "12:05:00")),
    ] {
        place.write("input.csv", rows(1));
        let ran = with_zone(&place, zone, &["--restart", "--stop-at", at]);
        let says = format!("it will stop at {} {} ", expected.0, expected.1);
        assert!(ran.stderr.contains(&says), "{says:?} by {zone}: {}", ran.stderr);
    }
}

fn with_zone(place: &Place, zone: &str, more: &[&str]) -> Ran {
    let mut command = Command::new("env");
    let command = command.arg(format!("TZ={zone}")).arg(env!("CARGO_BIN_EXE_contact-sink")).args(SYNC).args(more);
    place.finish(command)
}

#[test]
fn without_a_terminal_a_line_says_how_far_it_is() {
    let place = slow(Duration::ZERO);
    place.write("input.csv", rows(10_000));
    place.sandbox.set_faults(Faults::default().with_next(Fault::new(FaultKind::InternalError).times(2))).unwrap();
    let mut child = place.start(&SYNC);
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let line = lines.find(|line| line.contains(" rows/s")).unwrap();
    signal("TERM", child.id());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let number = |word: &str| -> u64 {
        let (before, _) = line.split_once(word).unwrap_or_else(|| panic!("{word:?} is missing: {line}"));
        before.rsplit([' ', '(']).next().unwrap().replace(',', "").parse().unwrap()
    };
    // Two requests a second, of a hundred rows each but for the two that failed.
    assert!(line.starts_with("growth: ") && line.contains(" requests/s (") && line.len() < 140, "{line}");
    assert!((90..250).contains(&number(" rows/s")) && (70..=110).contains(&number("% of the quota)")), "{line}");
    assert!((500..1_200).contains(&number(" accepted")) && number(" pending") >= 5_000, "{line}");
    assert_eq!((number(" rejected"), number(" retries")), (0, 2), "{line}");
    assert!(line.contains("s left") && !line.contains("unknown"), "{line}");
}

#[test]
fn a_signal_and_a_time_limit_end_the_preflight() {
    let place = slow(Duration::ZERO);
    place.write("input.csv", rows(1) + &"1,,a@example.com,\n".repeat(5_000_000));
    let ran = place.run(&[&SYNC[..], &["--max-time", "1ms"]].concat());
    assert_eq!((ran.status, ran.count("rows"), place.sandbox.seen()), (75, 0, 0), "{}", ran.stderr);
    // Which of the two depends on how fast the machine is.
    let says = ["before input.csv was read", "while input.csv was checked"].map(|when| {
        format!("contact-sink: the time is up (--max-time 1ms) {when}: nothing was sent: run the same command again\n")
    });
    assert!(says.contains(&ran.stderr), "{}", ran.stderr);

    // The journal is opened just before.
    let child = place.start(&[&SYNC[..], &["--state", "other"]].concat());
    wait_until("a journal", || place.directory.path().join("other/growth.sqlite").exists());
    signal("INT", child.id());
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert_eq!((ran.status, place.sandbox.seen()), (130, 0), "{}", ran.stderr);
    assert_eq!(ran.stderr, "contact-sink: interrupted while input.csv was checked: nothing was sent\n");
}
