//! The log and the file of metrics: they say what is done, and nothing that is secret or personal.

use std::process::Command;

use contact_sink_sandbox::{Fault, FaultKind, Faults};
use serde_json::Value;

use crate::support::{API_KEY, Place, Ran, SECRET, destination, sample, sample_destination, signal, wait_until, world};

const ALL: &str = "growth,ma,attributes,friends";

/// All four destinations at one simulator, some of whose answers are wrong.
fn place() -> Place {
    let place = Place::new(world());
    let base_url = place.sandbox.base_url();
    let others = ["ma", "attributes", "friends"].map(|name| sample_destination(name, &base_url));
    place.write("contact-sink.toml", destination("growth", &base_url) + &others.concat());
    place.write("contacts.csv", sample("contacts-with-problems.csv"));
    let faults = Faults::default()
        .with_seed(5)
        .with_share(0.04, Fault::new(FaultKind::InternalError))
        .with_share(0.04, Fault::new(FaultKind::Reset).applied(true))
        .with_next(Fault::new(FaultKind::None).times(60))
        .with_next(Fault::new(FaultKind::TooManyRequests))
        .with_for_requests(300);
    place.sandbox.set_faults(faults).unwrap();
    place
}

/// What of the vendors' addresses and of the cells must be nowhere.
fn check_nothing_leaks(text: &str) {
    let address = ["/v4/", "/v1/", "/smartop", "http://", "sdkappid", "usersig", "Authorization", "Basic "];
    let cells = ["@example.com", "深圳", "客户", "user0"];
    for secret in [SECRET, API_KEY].iter().chain(&address).chain(&cells) {
        let line = text.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "{secret} is said: {line:?}");
    }
    // A number with many digits may have those of a phone number in it.
    let is_phone = |(at, _): (usize, &str)| !text[..at].ends_with(|before: char| before.is_ascii_digit());
    assert!(!text.match_indices("1500000").any(is_phone), "a phone number is said: {text}");
    // Ids have eight digits; the six of a time may begin in the same way.
    let is_id = |(at, _): (usize, &str)| text[at..].bytes().take(8).filter(u8::is_ascii_digit).count() == 8;
    assert!(!text.match_indices("10362").any(is_id), "an id is said: {text}");
}

#[test]
fn a_log_of_everything_says_nothing_secret() {
    let place = place();
    let ran = place.sync_to(ALL, "contacts.csv", &["--log", "trace", "--log-format", "json"]);
    let log: Vec<&str> = ran.stderr.lines().filter(|line| line.starts_with('{')).collect();
    check_nothing_leaks(&log.join("\n"));
    let events = log.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
    // Lines for people are in no span.
    let events: Vec<Value> = events.filter(|event| event["target"] != "contact_sink").collect();
    for event in &events {
        let target = event["target"].as_str().unwrap();
        assert!(target == "contact_sink" || target.starts_with("contact_sink"), "{event}");
        assert_eq!(event["spans"][0]["name"], "sync", "{event}");
    }
    for (name, vendor) in [
        ("growth", "jiguang"),
        ("ma", "engagelab"),
        ("attributes", "tencent-attributes"),
        ("friends", "tencent-friends"),
    ] {
        let of = |message: &str| {
            let all = events.iter().filter(|event| event["fields"]["message"] == message);
            all.filter(|event| event["spans"][0]["destination"] == name && event["spans"][0]["vendor"] == vendor)
                .count()
        };
        assert_eq!(of("answer") as u64, ran.count_of(name, "requests"), "{name}");
        assert_eq!(of("end"), 1, "{name}");
    }
    let failed = events.iter().filter(|event| event["fields"]["kind"].is_string()).count();
    assert!(failed > 10 && events.iter().any(|event| event["fields"]["message"] == "retry"), "{failed}");
}

#[test]
fn a_log_is_off_unless_it_is_asked_for() {
    let place = place();
    let log = |arguments: &[&str]| -> (i32, usize) {
        let ran = place.sync_to("growth", "contacts.csv", &[arguments, &["--restart"]].concat());
        check_nothing_leaks(&ran.stderr.replace(&place.sandbox.base_url(), ""));
        (ran.status, ran.stderr.lines().filter(|line| line.contains("request{destination=\"growth\"")).count())
    };
    assert_eq!(log(&[]), (2, 0));
    assert_eq!(log(&["--log", "off"]), (2, 0));
    // Whoever asks for a library below ours hears nothing of it.
    assert_eq!(log(&["--log", "hyper=trace,hyper_util=trace,rustls=trace"]), (2, 0));
    assert!(log(&["--log", "debug"]).1 > 5);
    assert!(log(&["--log", "warn,contact_sink_delivery=debug"]).1 > 5);

    let mut command = Command::new(env!("CARGO_BIN_EXE_contact-sink"));
    let sync = ["sync", "contacts.csv", "--to", "growth", "--restart"];
    let ran: Ran = place.finish(command.args(sync).env("CONTACT_SINK_LOG", "debug"));
    assert!(ran.stderr.contains("request{destination=\"growth\""), "{}", ran.stderr);

    for wrong in ["loud", "info,verbose", "contact_sink=loud", "a=b=c"] {
        let ran = place.run(&[&sync[..], &["--log", wrong]].concat());
        assert_eq!(ran.status, 64, "{wrong}: {}", ran.stderr);
        assert!(ran.stderr.contains("it is off, error, warn, info, debug or trace, or a filter"), "{}", ran.stderr);
    }
}

#[test]
fn metrics_are_the_report_in_numbers() {
    let place = place();
    let ran = place.sync_to(ALL, "contacts.csv", &["--metrics", "run.prom"]);
    let metrics = place.read("run.prom");
    check_nothing_leaks(&metrics);
    let sum = |metric: &str, label: &str| -> u64 {
        let lines = metrics.lines().filter(|line| line.starts_with(&format!("{metric}{{")) && line.contains(label));
        lines.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
    };
    for name in ALL.split(',') {
        let label = format!("destination=\"{name}\"");
        assert_eq!(sum("contact_sink_requests_total", &label), ran.count_of(name, "requests"), "{metrics}");
        assert_eq!(sum("contact_sink_retries_total", &label), ran.count_of(name, "retries"), "{metrics}");
        let accepted = format!("{label},outcome=\"accepted\"");
        assert_eq!(sum("contact_sink_updates_total", &accepted), ran.count_of(name, "accepted"), "{metrics}");
        assert_eq!(sum("contact_sink_request_duration_seconds_count", &label), ran.count_of(name, "requests"));
    }
    assert!(metrics.contains("# HELP contact_sink_requests_total Requests that were sent"), "{metrics}");
    assert!(metrics.contains("contact_sink_request_duration_seconds_bucket{"), "{metrics}");
    let files = std::fs::read_dir(place.directory.path()).unwrap();
    assert!(!files.map(|file| file.unwrap().file_name()).any(|name| name.to_string_lossy().ends_with(".part")));
}

#[test]
fn metrics_without_a_place_are_refused_before_anything_is_sent() {
    let place = place();
    for (path, says) in [
        ("nowhere/run.prom", "--metrics nowhere/run.prom: it cannot be written: "),
        ("contacts.csv", "--metrics contacts.csv: that is the input itself"),
        ("contact-sink.toml", "--metrics contact-sink.toml: that is the configuration itself"),
    ] {
        let ran = place.run(&["sync", "contacts.csv", "--to", "growth", "--metrics", path]);
        assert_eq!(ran.status, 64, "{}", ran.stderr);
        assert!(ran.stderr.contains(says), "{}", ran.stderr);
    }
    assert_eq!(place.sandbox.seen(), 0);
    assert_eq!(place.read("contacts.csv"), sample("contacts-with-problems.csv"));
}

/// A pipe whose reader hangs, or a terminal that was stopped with Ctrl-S.
#[cfg(unix)]
#[test]
fn a_standard_error_that_hangs_holds_up_neither_delivery_nor_a_signal() {
    let place = place();
    let mut child = place.start(&["sync", "contacts.csv", "--to", ALL, "--log", "trace"]);
    let is_over = || {
        let runs: Value = serde_json::from_str(&place.run(&["status", "--json"]).stdout).unwrap_or_default();
        let runs = runs["runs"].as_array().cloned().unwrap_or_default();
        runs.len() == 4 && runs.iter().all(|run| run["state"] == "finished")
    };
    wait_until("all runs are finished", is_over);
    assert!(child.try_wait().unwrap().is_none(), "the summary waits until it is read");
    signal("TERM", child.id());
    assert_eq!(child.wait().unwrap().code(), Some(2), "its own status");
}

/// What reads it need not tell lines for people from the log.
#[cfg(unix)]
#[test]
fn with_a_log_in_json_standard_error_holds_json_only() {
    let place = place();
    let only_json = |ran: &Ran| {
        let is_object = |line: &&str| serde_json::from_str::<Value>(line).is_ok_and(|line| line.is_object());
        let other: Vec<&str> = ran.stderr.lines().filter(|line| !is_object(line)).collect();
        assert!(!ran.stderr.is_empty() && other.is_empty(), "{other:?}");
    };
    only_json(&place.sync_to(ALL, "contacts.csv", &["--log", "info", "--log-format", "json"]));
    only_json(&place.sync_to(ALL, "contacts.csv", &["--log-format", "json", "--restart"]));
    only_json(&place.sync_to("unknown", "contacts.csv", &["--log-format", "json"]));
    only_json(&place.run(&["sync", "contacts.csv", "--to", "growth", "--log-format", "json", "--max-time", "x"]));
    let child = place.start(&["sync", "contacts.csv", "--to", ALL, "--restart", "--log-format", "json"]);
    let seen = place.sandbox.seen();
    wait_until("a request", || place.sandbox.seen() > seen);
    signal("TERM", child.id());
    only_json(&Ran::of(child.wait_with_output().unwrap()));
}
