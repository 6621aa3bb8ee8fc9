//! Several destinations in one run: each on its own, whatever becomes of the others.

use std::process::Command;
use std::time::{Duration, Instant};

use contact_sink_sandbox::{Sandbox, World};

use crate::support::{Place, Ran, destination, nobody, sample, signal, wait_until, world};

const JSON: [&str; 2] = ["--report", "json"];

/// A place whose destinations `a`, `b`, .. are at a simulator each.
fn place(worlds: impl IntoIterator<Item = World>) -> Place {
    let place = Place::with(worlds);
    let sandboxes = std::iter::once(&place.sandbox).chain(&place.more);
    let config = ["a", "b", "c"].iter().zip(sandboxes).map(|(name, sandbox)| destination(name, &sandbox.base_url()));
    place.write("contact-sink.toml", config.collect::<String>());
    place
}

fn sync(place: &Place, input: &str, to: &[&str]) -> Ran {
    place.write("input.csv", input);
    let arguments: Vec<&str> = ["sync", "input.csv"].into_iter().chain(to.iter().copied()).chain(JSON).collect();
    place.run(&arguments)
}

/// The lines of standard error that begin so, without that.
fn lines<'r>(ran: &'r Ran, start: &str) -> Vec<&'r str> {
    ran.stderr.lines().filter_map(|line| line.strip_prefix(start)).collect()
}

#[test]
fn each_has_its_own_counts_rejected_rows_and_report() {
    for to in [&["--to", "b,a"][..], &["--to", "b", "--to", "a"]] {
        let mut strict = world();
        strict.jiguang.unknown_cuids = Some([10_362_819, 1_234_567].into());
        let place = place([world(), strict]);
        // The second takes e-mail addresses only, so that a wrong mobile number is no business of its.
        let config = place.read("contact-sink.toml");
        let (first, second) = config.split_once("[destinations.b]").unwrap();
        let second = second.replace("\"sms/默认联系\"", "# ").replace("\"app/默认联系\"", "# ");
        place.write("contact-sink.toml", format!("{first}[destinations.b]{second}"));
        let head = "cuid,mobile,email,registration_id\n";
        let rows = "10362819,13000000001,a@example.com,\n2,130,b@example.com,\n3,13000000003,c@example.com,\n4,1,d@example.com,\n";
        let ran = sync(&place, &format!("{head}{rows}"), to);
        assert_eq!(ran.status, 2, "{}", ran.stderr);
        let counts = |name| ["rows", "accepted", "rejected"].map(|count| ran.count_of(name, count));
        assert_eq!((counts("a"), counts("b")), ([4, 2, 2], [4, 3, 1]), "{}", ran.stderr);
        assert_eq!(place.sandbox.jiguang().cuids().into_iter().collect::<Vec<_>>(), [3, 10_362_819]);
        assert_eq!(place.more[0].jiguang().cuids().into_iter().collect::<Vec<_>>(), [2, 3, 4]);

        let files = place.rejected();
        let [of_a, of_b] = &files[..] else { panic!("a file of rejected rows for each: {files:?}") };
        let run = |path: &std::path::Path, end: &str| path.to_str().unwrap().strip_suffix(end).unwrap().to_owned();
        assert_eq!(run(of_a, "-a.csv"), run(of_b, "-b.csv"), "one name for the run");
        let rejected = |path| std::fs::read_to_string(path).unwrap();
        assert!(rejected(of_a).lines().skip(1).all(|line| line.starts_with("a,") && line.contains(",mobile,")));
        assert!(rejected(of_b).lines().skip(1).all(|line| line.starts_with("b,2,cuid,4107,")));

        // In the order of --to: what begins, then a block for each.
        let begins = lines(&ran, "LIVE: input.csv to jiguang at 127.0.0.1:");
        assert!(begins[0].ends_with("(destination b)") && begins[1].ends_with("(destination a)"), "{begins:?}");
        let place_of = |text: &str| ran.stderr.find(text).unwrap_or_else(|| panic!("{text:?}: {}", ran.stderr));
        let order =
            ["\nb: 4 rows = 3 accepted + 1 rejected", "-b.csv\n", "\na: 4 rows = 2 accepted + 2 rejected", "-a.csv\n"];
        assert!(order.map(place_of).is_sorted(), "{}", ran.stderr);
    }
}

#[test]
fn one_that_is_stopped_down_or_slow_holds_up_no_other() {
    let mut slow = world();
    slow.latency = Duration::from_millis(400);
    let place = place([world(), world(), slow]);
    let mut config = place.read("contact-sink.toml") + &destination("down", &nobody());
    let (rest, of_c) = config.split_once("[destinations.c]").unwrap();
    let (rest, of_b) = rest.split_once("[destinations.b]").unwrap();
    let of_b = of_b.replace("{ env = \"JIGUANG_PROJECT_SECRET\" }", "{ file = \"wrong\" }");
    let of_c = of_c.replacen("# quota = \"100/s\"", "quota = \"5/s\"", 1);
    config = format!("{rest}[destinations.b]{of_b}[destinations.c]{of_c}");
    place.write("contact-sink.toml", config);
    place.write("wrong", "another");
    #[cfg(unix)]
    {
        let only_ours = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(place.directory.path().join("wrong"), only_ours).unwrap();
    }

    place.write("input.csv", sample("contacts.csv"));
    let child = place.start(&["sync", "input.csv", "--to", "b,down,c,a", "--report", "json"]);
    wait_until("all of a", || place.sandbox.jiguang().cuids().len() == 1000);
    let a_is_done = Instant::now();
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert!(a_is_done.elapsed() > Duration::from_secs(2), "the last one is done while another is still tried");
    assert_eq!(ran.status, 3, "stopped is worse than pending: {}", ran.stderr);
    let counts = |name| ["rows", "accepted", "pending"].map(|count| ran.count_of(name, count));
    assert_eq!((counts("a"), counts("c")), ([1000, 1000, 0], [1000, 1000, 0]), "{}", ran.stderr);
    assert_eq!((counts("b"), counts("down")), ([1000, 0, 1000], [1000, 0, 1000]), "{}", ran.stderr);
    let took = |name| ran.count_of(name, "elapsed_ms");
    assert!(took("down") >= 10_000 && took("c") >= 1_600, "{} {}", took("down"), took("c"));
    assert!(took("a") < 8_000 && took("b") < 8_000, "{} {}", took("a"), took("b"));

    let says = lines(&ran, "contact-sink: ");
    let starts = [
        "b: stopped: jiguang set channels: the vendor refused the credentials",
        "b: 1,000 rows are pending: when that is fixed, ",
        "down: stopped: nothing got through",
        "down: 1,000 rows are pending: run",
    ];
    assert!(says.len() == 4 && says.iter().zip(starts).all(|(line, start)| line.starts_with(start)), "{says:?}");
    assert!(ran.stderr.contains("\ndown: 0 rows/s, "), "a line of progress: {}", ran.stderr);
}

#[test]
fn rows_left_pending_are_worse_than_rejected_ones() {
    let place = place([world()]);
    place.write("contact-sink.toml", place.read("contact-sink.toml") + &destination("down", &nobody()));
    let ran = sync(&place, "cuid,mobile,email,registration_id\n1,13000000001,,\n2,130,,\n", &["--to", "a,down"]);
    assert_eq!((ran.status, ran.count_of("a", "rejected")), (75, 1), "{}", ran.stderr);
    // What a rule on rows refuses needs no vendor.
    assert_eq!(ran.count_of("down", "pending") + ran.count_of("down", "rejected"), 2, "{}", ran.stderr);
}

#[test]
fn an_input_that_cannot_be_read_on_is_said_once() {
    let mut place = place([world(), world()]);
    let input = "cuid,mobile,email,registration_id\n1,,a@example.com,\n2,,\"b@example.com,\n";
    let ran = sync(&place, input, &["--to", "a,b"]);
    assert_eq!((ran.status, ran.count_of("a", "accepted"), ran.count_of("b", "accepted")), (65, 0, 0));
    let says = lines(&ran, "contact-sink: ");
    assert!(says.len() == 1 && says[0].starts_with("input.csv:3: a quote is opened"), "{says:?}");

    let ran = sync(&place, "", &["--to", "a,b"]);
    assert_eq!((ran.status, ran.count_of("a", "rows"), ran.count_of("b", "rows")), (65, 0, 0), "{}", ran.stderr);
    assert_eq!(lines(&ran, "contact-sink: "), ["input.csv: it is empty: the first line must name the columns"]);

    place.secret = "another".to_owned();
    let ran = sync(&place, input, &["--to", "a,b", "--restart"]);
    assert_eq!(ran.status, 65, "nothing was sent, so that no secret is found wrong: {}", ran.stderr);
}

#[test]
fn rejected_rows_that_cannot_be_written_stop_only_whose_they_are() {
    let place = place([world(), world()]);
    let config = place.read("contact-sink.toml");
    let (first, second) = config.split_once("[destinations.b]").unwrap();
    let second = second.replace("\"sms/默认联系\"", "# ");
    // The name of its file of rejected rows is longer than a name may be.
    let long = "a".repeat(235);
    let first = first.replace("[destinations.a", &format!("[destinations.{long}"));
    place.write("contact-sink.toml", format!("{first}[destinations.b]{second}"));
    let rows: String = (1..=500).map(|cuid| format!("{cuid},130,a@example.com,\n")).collect();
    let input = format!("cuid,mobile,email,registration_id\n{rows}");
    let ran = sync(&place, &input, &["--to", &format!("{long},b")]);
    assert_eq!((ran.status, ran.count_of(&long, "accepted")), (3, 0), "{}", ran.stderr);
    assert!(ran.stderr.contains("stopped: the file of rejected rows in rejected cannot be written"), "{}", ran.stderr);
    assert_eq!(ran.count_of("b", "accepted"), 500, "{}", ran.stderr);
    assert!(lines(&ran, "contact-sink: b").is_empty(), "{}", ran.stderr);
}

#[test]
fn destinations_of_one_account_share_its_quota() {
    let place = place([world()]);
    let base_url = place.sandbox.base_url();
    let quota = |config: String| config.replace("# quota = \"100/s\"", "quota = \"60/s\"");
    // The same host, written in another way.
    let again = destination("b", &format!("{base_url}/"));
    place.write("contact-sink.toml", quota(place.read("contact-sink.toml") + &again));
    let rows: String = (1..=8_000).map(|cuid| format!("{cuid},,a@example.com,\n")).collect();
    let ran = sync(&place, &format!("cuid,mobile,email,registration_id\n{rows}"), &["--to", "a,b"]);
    assert_eq!((ran.status, ran.count_of("a", "accepted"), ran.count_of("b", "accepted")), (0, 8_000, 8_000));
    // Twice 60 would be over the 100 that the vendor takes, and each alone would need half of the time.
    let counters = place.sandbox.jiguang().counters();
    assert_eq!((counters.over_quota, ran.count_of("a", "retries"), ran.count_of("b", "retries")), (0, 0, 0));
    let requests = ran.count_of("a", "requests") + ran.count_of("b", "requests");
    assert!(requests >= 160 && counters.requests == requests, "{requests} {}", counters.requests);
    let took = ran.count_of("a", "elapsed_ms").max(ran.count_of("b", "elapsed_ms"));
    assert!(took >= (requests - 1) * 1_000 / 60, "{requests} requests in {took} ms");
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_all_of_them() {
    let slow = |latency| {
        let mut world = world();
        world.latency = Duration::from_millis(latency);
        world
    };
    let place = place([slow(300), slow(500)]);
    let config = place.read("contact-sink.toml").replace("# quota = \"100/s\"", "quota = \"2/s\"");
    place.write("contact-sink.toml", config);
    place.write("input.csv", sample("contacts.csv"));
    let child = place.start(&["sync", "input.csv", "--to", "a,b", "--report", "json"]);
    wait_until("a request of each", || place.sandbox.seen() > 0 && place.more[0].seen() > 0);
    signal("INT", child.id());
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert_eq!(ran.status, 130, "{}", ran.stderr);
    for (name, sandbox) in [("a", &place.sandbox), ("b", &place.more[0])] {
        // What was in flight is settled, and counted.
        let stored = |sandbox: &Sandbox| sandbox.jiguang().cuids().len() as u64;
        assert_eq!(ran.count_of(name, "accepted"), stored(sandbox), "{name}: {}", ran.stderr);
        assert!(ran.count_of(name, "accepted") < 1_000, "{name}: {}", ran.stderr);
        assert!(ran.stderr.contains(&format!("contact-sink: {name}: interrupted\n")), "{name}: {}", ran.stderr);
    }
}

#[cfg(unix)]
#[test]
fn a_second_interrupt_ends_all_of_them_at_once() {
    let mut never = world();
    never.latency = Duration::from_secs(3_600);
    let place = place([never.clone(), never]);
    place.write("input.csv", sample("contacts.csv"));
    let mut child = place.start(&["sync", "input.csv", "--to", "a,b", "--report", "json"]);
    wait_until("a request of each", || place.sandbox.seen() > 0 && place.more[0].seen() > 0);
    let began = Instant::now();
    wait_until("the end", || {
        let ended = child.try_wait().unwrap().is_some();
        if !ended {
            signal("INT", child.id());
        }
        ended
    });
    // A request is waited for longer than that.
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert_eq!((ran.status, ran.stdout.as_str()), (130, ""), "{}", ran.stderr);
}

#[cfg(unix)]
#[test]
fn a_pipe_feeds_one_destination_only() {
    let place = place([world(), world()]);
    let pipe = place.directory.path().join("pipe.csv");
    assert!(Command::new("mkfifo").arg(pipe).status().unwrap().success());
    let ran = place.run(&["sync", "pipe.csv", "--to", "a,b"]);
    let says = "pipe.csv can be read once only, and there are 2 destinations: save it to a file first";
    assert_eq!((ran.status, lines(&ran, "contact-sink: ")), (64, vec![says]));
}
