//! The machine around the command: signals, files of others, limits of the configuration.
#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use contact_sink_sandbox::World;

use crate::journal::place;
use crate::support::{Place, Ran, destination, nobody, signal, wait_until, world};

/// The command under a shell that does something first.
fn start_after(place: &Place, first: &str, arguments: &[&str]) -> Child {
    let line = format!("{first}; exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &line, env!("CARGO_BIN_EXE_contact-sink")]).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    place.at(&mut command).spawn().unwrap()
}

fn rows(count: usize) -> String {
    let rows = (1..=count).map(|cuid| format!("{cuid},13800000000,,\n"));
    "cuid,mobile,email,registration_id\n".to_owned() + &rows.collect::<String>()
}

const SYNC: [&str; 6] = ["sync", "input.csv", "--to", "growth", "--report", "json"];

#[test]
fn a_hangup_ends_a_run_in_order_and_what_was_ignored_stays_so() {
    let place = place();
    place.write("input.csv", rows(2_000));
    let child = start_after(&place, "true", &SYNC);
    wait_until("a request", || place.sandbox.seen() > 0);
    // The tests themselves may run where it is ignored, and no shell takes that back.
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
    let is_ignored = u64::from_str_radix(ignored.trim(), 16).unwrap() & 1 == 1;
    signal(if is_ignored { "TERM" } else { "HUP" }, child.id());
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert_eq!(ran.status, 130, "{}", ran.stderr);
    assert!(ran.stderr.contains("ends when what is in flight is answered"), "{}", ran.stderr);
    assert!(ran.count("accepted") > 0 && ran.count("pending") > 0, "{}", ran.stderr);

    let before = place.sandbox.seen();
    let child = start_after(&place, "trap '' HUP INT", &SYNC);
    wait_until("a request", || place.sandbox.seen() > before);
    signal("HUP", child.id());
    signal("INT", child.id());
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert_eq!((ran.status, ran.count("accepted")), (0, 2_000), "{}", ran.stderr);
}

/// To open a pipe, or to read one, waits for another process, and no signal would be obeyed meanwhile.
#[test]
fn a_pipe_in_the_place_of_a_file_is_refused() {
    let place = place();
    place.write("input.csv", rows(10));
    let pipe = |name: &str| {
        let path = place.directory.path().join(name);
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        path
    };
    pipe("outcomes");
    let ran = place.run(&["sync", "input.csv", "--to", "growth", "--outcomes", "outcomes"]);
    assert_eq!(ran.status, 64, "{}", ran.stderr);
    assert!(ran.stderr.contains("--outcomes outcomes: it is a pipe"), "{}", ran.stderr);

    for name in ["index.key", "growth.lock", "growth.sqlite"] {
        let state = place.directory.path().join("state");
        fs::remove_dir_all(&state).unwrap_or_default();
        fs::create_dir(&state).unwrap();
        fs::set_permissions(&state, fs::Permissions::from_mode(0o700)).unwrap();
        if name == "growth.sqlite" {
            fs::write(state.join("index.key"), [7; 32]).unwrap();
            fs::set_permissions(state.join("index.key"), fs::Permissions::from_mode(0o600)).unwrap();
        }
        let path = pipe(&format!("state/{name}"));
        let ran = place.run(&SYNC);
        assert_eq!((ran.status, place.sandbox.seen()), (78, 0), "{name}: {}", ran.stderr);
        assert!(ran.stderr.contains(path.file_name().unwrap().to_str().unwrap()), "{}", ran.stderr);
    }
}

#[test]
fn a_lock_file_that_is_deleted_while_a_run_holds_it_stops_the_run() {
    let mut slow = world();
    slow.latency = Duration::from_millis(20);
    let place = Place::new(slow);
    let state = place.directory.path().join("state");
    for replaced in [false, true] {
        place.write("input.csv", rows(20_000));
        let before = place.sandbox.seen();
        let child = place.start(&SYNC);
        wait_until("a request", || place.sandbox.seen() > before);
        let lock = state.join("growth.lock");
        fs::remove_file(&lock).unwrap();
        if replaced {
            fs::write(&lock, "").unwrap();
        }
        let ran = Ran::of(child.wait_with_output().unwrap());
        assert_eq!(ran.status, 3, "{}", ran.stderr);
        assert!(ran.stderr.contains("growth.lock was deleted or replaced"), "{}", ran.stderr);
        assert!(ran.count("pending") > 0, "{}", ran.stderr);
    }
    // What is left is sent by the next run.
    let ran = place.run(&SYNC);
    assert_eq!((ran.status, ran.count("accepted")), (0, 20_000), "{}", ran.stderr);
}

/// The descriptors that the tests themselves have open are inherited by no command.
#[test]
fn few_open_files_mean_fewer_connections_and_too_few_stop_the_command() {
    let mut slow = world();
    slow.latency = Duration::from_millis(20);
    let place = Place::new(slow);
    place.write("input.csv", rows(3_000));
    for limit in [8, 16, 24] {
        let ran = Ran::of(start_after(&place, &format!("ulimit -n {limit}"), &SYNC).wait_with_output().unwrap());
        assert_eq!((ran.status, place.sandbox.seen()), (3, 0), "{limit}: {}", ran.stderr);
        assert!(ran.stderr.contains("raise the limit") && ran.stderr.contains("ulimit -n"), "{}", ran.stderr);
    }
    let ran = Ran::of(start_after(&place, "ulimit -n 40", &SYNC).wait_with_output().unwrap());
    assert_eq!((ran.status, ran.count("accepted")), (0, 3_000), "{}", ran.stderr);
    assert!(ran.stderr.contains("destination growth: only "), "{}", ran.stderr);
    // A soft limit is raised.
    let ran = Ran::of(start_after(&place, "ulimit -S -n 24", &SYNC).wait_with_output().unwrap());
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert!(!ran.stderr.contains("only "), "{}", ran.stderr);
}

/// All is settled: nothing was interrupted.
#[test]
fn a_signal_after_the_last_row_left_leaves_a_run_its_own_status() {
    let mut slow = world();
    slow.latency = Duration::from_millis(700);
    let place = Place::new(slow);
    place.write("input.csv", rows(30));
    let child = start_after(&place, "true", &SYNC);
    wait_until("the request", || place.sandbox.seen() > 0);
    signal("TERM", child.id());
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert_eq!((ran.status, ran.count("accepted")), (0, 30), "{}", ran.stderr);
}

/// After a signal the command does not wait long for its reader.
#[test]
fn a_signal_ends_a_run_also_if_what_it_prints_is_not_read() {
    let place = place();
    place.write("input.csv", rows(2_000));
    let (_unread, full) = std::io::pipe().unwrap();
    let mut filler = full.try_clone().unwrap();
    std::thread::spawn(move || std::io::Write::write_all(&mut filler, &[b' '; 1 << 20]));
    let mut command = Command::new(env!("CARGO_BIN_EXE_contact-sink"));
    command.args(["sync", "input.csv", "--to", "growth"]).stdin(Stdio::null()).stderr(full);
    let mut child = place.at(&mut command).spawn().unwrap();
    wait_until("a request", || place.sandbox.seen() > 0);
    signal("TERM", child.id());
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

/// It would hold credentials and values.
#[test]
fn a_run_leaves_no_core_dump() {
    let place = place();
    place.write("input.csv", rows(2_000));
    let child = start_after(&place, "ulimit -c unlimited", &SYNC);
    wait_until("a request", || place.sandbox.seen() > 0);
    let limits = fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
    assert_eq!(Ran::of(child.wait_with_output().unwrap()).status, 0);
}

#[test]
fn metrics_are_written_through_a_link_and_say_how_the_run_ended() {
    let place = place();
    let real = tempfile::tempdir().unwrap();
    let (file, link) = (real.path().join("run.prom"), place.directory.path().join("link.prom"));
    fs::write(&file, "of before").unwrap();
    symlink(&file, &link).unwrap();
    let ran = place.sync("cuid,mobile,email,registration_id\n1,13800000000,,\n2,130,,\n", &["--metrics", "link.prom"]);
    assert_eq!(ran.status, 2, "{}", ran.stderr);
    assert!(link.is_symlink());
    let text = fs::read_to_string(&file).unwrap();
    for line in [
        "contact_sink_updates_total{destination=\"growth\",outcome=\"accepted\"} 1",
        "contact_sink_updates_total{destination=\"growth\",outcome=\"unsettled\"} 0",
        "contact_sink_run_exit_status{destination=\"growth\"} 2",
        "contact_sink_run_ended_timestamp_seconds{destination=\"growth\"} 1",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o644);
    // A device and a directory stay what they are.
    symlink("/dev/null", place.directory.path().join("device")).unwrap();
    for path in ["device", "state"] {
        let ran = place.run(&["sync", "input.csv", "--to", "growth", "--metrics", path]);
        assert!(ran.status == 64 && ran.stderr.contains("it is no regular file"), "{}", ran.stderr);
    }
}

#[test]
fn the_state_has_a_place_without_a_home() {
    let place = place();
    place.write("input.csv", rows(10));
    let state = place.directory.path().join("xdg");
    let mut command = Command::new(env!("CARGO_BIN_EXE_contact-sink"));
    let ran = place.at(command.args(SYNC)).env_remove("CONTACT_SINK_STATE").env_remove("HOME");
    let ran = Ran::of(ran.env("XDG_STATE_HOME", &state).output().unwrap());
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert!(state.join("contact-sink/growth.sqlite").is_file());
}

fn with_keys(place: &Place, keys: &str) {
    place.write(
        "contact-sink.toml",
        place.config().replace("subject = \"cuid\"", &format!("subject = \"cuid\"\n{keys}")),
    );
}

#[test]
fn a_batch_and_requests_in_flight_are_no_more_than_was_asked() {
    let place = place();
    with_keys(&place, "batch = 7\nin_flight = 1");
    let ran = place.sync(rows(100), &[]);
    assert_eq!((ran.status, ran.count("accepted"), ran.count("requests")), (0, 100, 15), "{}", ran.stderr);
    let requests = place.sandbox.requests();
    assert!(requests.windows(2).all(|pair| pair[0].answered.unwrap() <= pair[1].arrival), "one after the other");
}

#[test]
fn patience_counts_from_the_start_too() {
    let place = place();
    place.write("contact-sink.toml", destination("growth", &nobody()));
    let ran = place.sync(rows(10), &["--patience", "1s"]);
    assert_eq!((ran.status, ran.count("pending")), (75, 10), "{}", ran.stderr);
    let within = ran.stderr.split_once(" within ").and_then(|(_, rest)| rest.split_once(" s;")).unwrap().0;
    assert!(within.parse::<u64>().unwrap() < 10, "the default is 10 s: {}", ran.stderr);
}

/// It answers well, and after more time than the default.
#[test]
fn a_vendor_that_is_slow_is_waited_for_as_long_as_was_asked() {
    let mut slow: World = world();
    slow.latency = Duration::from_millis(700);
    let place = Place::new(slow);
    with_keys(&place, "timeout = \"300ms\"");
    let ran = place.sync(rows(10), &[]);
    assert_eq!((ran.status, ran.count("accepted")), (75, 0), "{}", ran.stderr);
    assert!(ran.stderr.contains("the requests may have been stored"), "{}", ran.stderr);
    with_keys(&place, "timeout = \"5s\"");
    let ran = place.sync(rows(10), &[]);
    assert_eq!((ran.status, ran.count("accepted")), (0, 10), "{}", ran.stderr);
}

#[test]
fn a_place_where_others_can_write_is_refused() {
    let place = place();
    place.write("input.csv", rows(10));
    let mode = |name: &str, mode: u32| {
        fs::set_permissions(place.directory.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    for (directory, more) in [("state", vec!["--state", "state"]), ("rows", vec!["--rejected", "rows"])] {
        fs::create_dir_all(place.directory.path().join(directory)).unwrap();
        for open in [0o770, 0o777, 0o702] {
            mode(directory, open);
            let ran = place.run(&[&SYNC[..], &more].concat());
            assert_eq!(ran.status, 78, "{}", ran.stderr);
            assert!(
                ran.stderr.contains(&format!("{directory} can be written by others: chmod go-w ")),
                "{}",
                ran.stderr
            );
        }
        mode(directory, 0o755);
        assert_eq!(place.run(&[&SYNC[..], &more].concat()).status, 0);
    }
    mode("state/index.key", 0o644);
    let ran = place.run(&[&SYNC[..], &["--restart"]].concat());
    assert!(ran.status == 78 && ran.stderr.contains("others can read it"), "{}", ran.stderr);
    mode("state/index.key", 0o600);
    assert_eq!(place.run(&[&SYNC[..], &["--restart"]].concat()).status, 0);

    // A pipe is no journal, and is not waited for.
    fs::remove_file(place.directory.path().join("state/growth.sqlite")).unwrap();
    let made = Command::new("mkfifo").arg(place.directory.path().join("state/growth.sqlite")).status().unwrap();
    assert!(made.success());
    for command in [&SYNC[..], &["status"]] {
        let ran = place.run(command);
        assert!(ran.stderr.contains("it is no journal of contact-sink"), "{}", ran.stderr);
    }
}

#[test]
fn a_secret_that_others_can_read_is_warned_of_and_its_path_begins_at_the_configuration() {
    let place = place();
    fs::create_dir(place.directory.path().join("conf")).unwrap();
    let config = place.config().replace("env = \"JIGUANG_PROJECT_SECRET\"", "file = \"secret.txt\"");
    place.write("conf/contact-sink.toml", config);
    place.write("conf/secret.txt", format!("{}\n", place.secret));
    place.write("input.csv", rows(10));
    let path = place.directory.path().join("conf/secret.txt");
    for (mode, warns) in [(0o644, true), (0o600, false)] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let ran = place.run(&[&SYNC[..], &["--config", "conf/contact-sink.toml", "--restart"]].concat());
        assert_eq!((ran.status, ran.stderr.contains("others can read the secret in it")), (0, warns), "{}", ran.stderr);
    }
    let ran = place.run(&[&SYNC[..], &["--config", "conf/contact-sink.toml", "--metrics", "conf/secret.txt"]].concat());
    assert!(ran.status == 64 && ran.stderr.contains("that is the file of a secret"), "{}", ran.stderr);
}
