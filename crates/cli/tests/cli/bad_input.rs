//! Bad input gets a clear error: what is wrong, where, what to do; nothing is sent that should not be, and nothing leaks.

use crate::support::{Place, SECRET, sample, world};

const HEADER: &str = "cuid,mobile,email,registration_id\n";

/// A change of the sample configuration, the exit status, and what the message holds.
#[test]
fn a_configuration() {
    let cases: &[(&str, &str, i32, &str)] = &[
        (
            "project_id",
            "projct_id",
            78,
            r#":4:1: unknown key "projct_id" in [destinations.growth]: did you mean "project_id"?"#,
        ),
        ("# quota", "quotas", 78, r#"unknown key "quotas" in [destinations.growth]: did you mean "quota"?"#),
        (r#"# quota = "100/s""#, r#"quota = "100""#, 78, "a quota is a count from 1"),
        (r#"# quota = "100/s""#, "quota = 100", 78, "must be a text in quotes, and is of type integer"),
        (r#"{ env = "JIGUANG_PROJECT_SECRET" }"#, r#""hunter2""#, 78, "a secret does not stand in this file"),
        ("JIGUANG_PROJECT_SECRET", "NO_SUCH_VARIABLE", 78, "the environment variable NO_SUCH_VARIABLE is not set"),
        (r#"env = "JIGUANG_PROJECT_SECRET""#, r#"file = "none""#, 78, "none cannot be read"),
        (
            r#"vendor = "jiguang""#,
            r#"vendor = "jigang""#,
            78,
            r#"there is no vendor "jigang": did you mean "jiguang"?"#,
        ),
        (r#""sms/默认"#, r#""sns/默认"#, 78, r#"there is no channel "sns" in "channels": did you mean "sms"?"#),
        (r#""sms/默认联系""#, r#""210""#, 78, "an address is a channel's name or id, a slash and a contact label"),
        (r#""sms/默认联系""#, r#""0210/默认联系""#, 78, "not a channel id"),
        (r#""sms/默认联系""#, r#""219/默认联系""#, 78, "another line sets the same field (219/默认联系)"),
        (r#""sms/默认联系" = "mobile""#, r#""sms/默认联系" = 5"#, 78, "must be a column's name in quotes"),
        (r#"subject = "cuid""#, "subject = true", 78, "must be a column's name in quotes"),
        (r#"subject = "cuid""#, r#"subject = { from = "cuid", empty = "sk" }"#, 78, r#"it is "skip" or "reject""#),
        (r#"kind = "sms""#, r#"kind = "sns""#, 78, r#"there is no kind "sns": did you mean "sms"?"#),
        ("http://127", "http://192", 78, "http:// is allowed to this machine only"),
        ("[destinations.growth.set]", "[destinations.growth.set", 78, ":16:25: unclosed table"),
        ("[destinations.growth", "[destinations.sandbox", 78, "is the simulator's name"),
        ("growth", "grow", 64, r#"--to growth: contact-sink.toml has no such destination: there is "grow", "sandbox""#),
        (
            r#"= "mobile""#,
            r#"= "mobil""#,
            64,
            r#"there is no column "mobil": did you mean "mobile"? (destination growth)"#,
        ),
        (
            r#"subject = "cuid""#,
            r#"subject = "id""#,
            64,
            r#"there is no column "id", and none with a similar name among the 5 of the first line"#,
        ),
    ];
    let place = Place::new(world());
    let good = place.config();
    for (from, to, status, says) in cases {
        let bad = good.replace(from, to);
        assert_ne!(good, bad, "{from}");
        place.write("contact-sink.toml", bad);
        let ran = place.sync(sample("contacts.csv"), &[]);
        assert_eq!(ran.status, *status, "{to}: {}", ran.stderr);
        assert!(ran.stderr.contains(says), "{to}: {says:?} is missing: {}", ran.stderr);
        assert!(ran.stdout.is_empty() && !ran.stderr.contains("hunter2"), "{to}");
    }
    assert_eq!(place.sandbox.seen(), 0, "nothing was sent");
}

/// An input, the exit status, what the message or the file of rejected rows holds, and how many rows are accepted.
#[test]
fn a_file() {
    let utf16: Vec<u8> = HEADER.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let cases: Vec<(&str, Vec<u8>, i32, &str, u64)> = vec![
        ("empty", Vec::new(), 65, "input.csv: it is empty: the first line must name the columns", 0),
        ("blank lines only", b"\n\r\n\n".to_vec(), 65, "it is empty", 0),
        ("header only", HEADER.into(), 0, "0 rows", 0),
        (
            "a column missing",
            b"cuid,mobile,email\n1,,,\n".to_vec(),
            64,
            r#"input.csv: there is no column "registration_id""#,
            0,
        ),
        ("a column twice", b"cuid,mobile,cuid\n".to_vec(), 64, "input.csv:1: columns 1 and 3 have the same name", 0),
        ("utf-16", [b"\xff\xfe".to_vec(), utf16].concat(), 65, "input.csv:1: the file is UTF-16: save it as UTF-8", 0),
        ("gbk header", b"cuid,\xca\xd6\xbb\xfa\n".to_vec(), 65, "the name of column 2 is not UTF-8", 0),
        (
            "bom and crlf",
            b"\xef\xbb\xbfcuid,mobile,email,registration_id\r\n7,,a@b.c,\r\n\r\n".to_vec(),
            0,
            "1 accepted",
            1,
        ),
        ("no line break at the end", format!("{HEADER}7,,a@b.c,").into(), 0, "1 accepted", 1),
        ("gbk cell", [HEADER.as_bytes(), b"7,,\xb1\xb1@b.c,\n8,,a@b.c,\n"].concat(), 2, ",2,email,,it is not UTF-8", 1),
        ("nul", format!("{HEADER}7,,a\0b,\n8,,a@b.c,\n").into(), 2, ",2,email,,it has a line break or a NUL", 1),
        (
            "line break",
            format!("{HEADER}7,,\"a\nb\",\n8,130,,\n").into(),
            2,
            ",4,mobile,,an SMS number is 11 digits",
            0,
        ),
        ("blank lines before", format!("\n{HEADER}\n\n7,,a@b.c,\n\n8,130,,\n").into(), 2, ",7,mobile,", 1),
        ("too few", format!("{HEADER}7,\n8,,a@b.c,\n").into(), 2, "the row has 2 fields, the first line names 4", 1),
        ("too many", format!("{HEADER}7,,a@b.c,,,\n8,,a@b.c,\n").into(), 2, "the row has 6 fields", 1),
        ("id no number", format!("{HEADER}x7,,a@b.c,\n8,,a@b.c,\n").into(), 2, ",2,cuid,,a CUID is a whole number", 1),
        ("id of 65 bits", format!("{HEADER}9223372036854775808,,a@b.c,\n8,,a@b.c,\n").into(), 2, ",2,cuid,", 1),
        ("id with a zero", format!("{HEADER}007,,a@b.c,\n8,,a@b.c,\n").into(), 2, ",2,cuid,", 1),
        ("no id", format!("{HEADER},,a@b.c,\n8,,a@b.c,\n").into(), 2, ",2,cuid,,\"it is empty", 1),
        ("nothing to set", format!("{HEADER}7,,,\n8,NULL,\\N,#N/A\n").into(), 0, "2 skipped", 0),
        (
            "an open quote",
            format!("{HEADER}7,,a@b.c,\n8,\"1,,\n9,,,\n").into(),
            65,
            "input.csv:3: a quote is opened",
            1,
        ),
        (
            "a huge record",
            format!("{HEADER}7,,a@b.c,\n8,{},,\n", "9".repeat(2_000_000)).into(),
            65,
            "input.csv:3: the record that begins here is longer than 1 MiB",
            1,
        ),
        (
            "an unclosed quote in a huge file",
            format!("{HEADER}7,,a@b.c,\n8,\"{}", "9,,\n".repeat(500_000)).into(),
            65,
            "input.csv:3: ",
            1,
        ),
    ];
    for (name, input, status, says, accepted) in cases {
        let place = Place::new(world());
        let ran = place.sync(input, &["--report", "text"]);
        let rejected: String = place
            .rejected()
            .iter()
            .map(|file| String::from_utf8_lossy(&std::fs::read(file).unwrap()).into_owned())
            .collect();
        assert_eq!(ran.status, status, "{name}: {}", ran.stderr);
        assert!(
            format!("{}{rejected}", ran.stderr).contains(says),
            "{name}: {says:?} is missing: {}{rejected}",
            ran.stderr
        );
        assert_eq!(place.sandbox.jiguang().cuids().len() as u64, accepted, "{name}: what the vendor has");
        if ran.status != 64 {
            assert_eq!(ran.count("accepted"), accepted, "{name}");
        }
    }
}

#[test]
fn a_command_line() {
    let place = Place::new(world());
    place.write("input.csv", HEADER);
    let cases: &[(&[&str], i32, &str)] = &[
        (&["sync"], 64, "--to <NAME>"),
        (&["sync", "input.csv", "--to", "growth", "--max-rejected", "x"], 64, "it is a whole number, or a percentage"),
        (
            &["sync", "input.csv", "--to", "growth", "--max-rejected", "101%"],
            64,
            "it is a whole number, or a percentage",
        ),
        (&["sync", "input.csv", "--to", "growth", "--report", "yaml"], 64, "it is text, json or json=PATH"),
        (&["sync", "input.csv", "--to", "growth", "--report", "json=no/where.json"], 64, "no such directory"),
        (
            &["sync", "input.csv", "--to", "growth", "--report", "json=input.csv"],
            64,
            "that is the input or the configuration",
        ),
        (&["sync", "none.csv", "--to", "growth"], 66, "none.csv: cannot be opened: "),
        (&["sync", ".", "--to", "growth"], 66, ".: cannot be opened: it is a directory"),
        (
            &["sync", "input.csv", "--to", "growth", "--config", "none.toml"],
            78,
            "none.toml: the configuration cannot be read",
        ),
        (&["sandbox", "--listen", "8.8.8.8:1"], 64, "--listen 8.8.8.8:1"),
        (&["sandbox", "--world", "none.toml"], 78, "none.toml: cannot be read"),
        (&["--help"], 0, ""),
        (&["--version"], 0, ""),
    ];
    for (arguments, status, says) in cases {
        let ran = place.run(arguments);
        assert_eq!(ran.status, *status, "{arguments:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(says), "{arguments:?}: {says:?} is missing: {}", ran.stderr);
    }
}

#[test]
fn nothing_leaks() {
    let place = Place::new(world());
    for headless in ["7,13000000001,marker@example.com,\n", "marker,marker,x,\n"] {
        let ran = place.sync(headless, &[]);
        assert!(ran.status == 64 && !ran.stderr.contains("marker"), "a row in the first line's place: {}", ran.stderr);
    }
    let input = format!("{HEADER}7,2marker7777,marker@example.com,marker-registration\nmarker-id,13000000000,,\n");
    let ran = place.sync(input, &["--report", "text", "--report", "json=report.json"]);
    assert_eq!(ran.status, 2, "{}", ran.stderr);
    for text in [&ran.stdout, &ran.stderr, &place.read("report.json")] {
        assert!(!text.contains("marker") && !text.contains(SECRET), "{text}");
    }
    assert_eq!(place.read("report.json"), ran.stdout);

    let quiet = place.run(&["sync", "input.csv", "--to", "growth", "--quiet"]);
    assert_eq!((quiet.status, quiet.stdout.as_str(), quiet.stderr.as_str()), (2, "", ""));
}
