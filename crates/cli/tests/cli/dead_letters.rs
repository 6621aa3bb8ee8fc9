//! The file of rejected rows: whole, private, never overwritten, and fit to be fed back.

use std::fs;

use crate::support::{Place, sample_destination, world};

const INPUT: &str =
    "cuid,mobile,email,registration_id\n1,130,\"a,\"\"b\"\"@example.com\",\n2,13000000002,,\n3,139,,\n4,1,2\n";

#[test]
fn a_file_is_mended_and_fed_back() {
    let place = Place::new(world());
    let ran = place.sync(INPUT, &[]);
    assert_eq!((ran.status, ran.count("rejected")), (2, 3), "{}", ran.stderr);
    let file = place.rejected().remove(0);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.starts_with('\u{feff}'), "a byte order mark, so that a Chinese Excel reads it as UTF-8");
    let header = "_destination,_line,_field,_code,_reason,_vendor_text,_run,cuid,mobile,email,registration_id\n";
    assert!(text[3..].starts_with(header), "{text}");
    let run = ran.report()["run"].as_str().unwrap().to_owned();
    let row = format!(
        "growth,2,mobile,,an SMS number is 11 digits and nothing else,,{run},1,130,\"a,\"\"b\"\"@example.com\",\n"
    );
    assert!(text.contains(&row), "{text}");
    assert_eq!(text.lines().count(), 4);

    // Unmended, the same rows are rejected for the same reasons, and the columns that were added are not doubled.
    let ran = place.sync(&text, &[]);
    assert_eq!((ran.status, ran.count("rows"), ran.count("rejected")), (2, 3, 3), "{}", ran.stderr);
    let files = place.rejected();
    assert_eq!(files.len(), 2, "a file of its own for each run");
    assert_eq!(fs::read_to_string(&file).unwrap(), text, "never overwritten");
    let again = fs::read_to_string(files.iter().find(|path| **path != file).unwrap()).unwrap();
    assert!(again[3..].starts_with(header) && again.lines().count() == 4, "{again}");

    let ran = place.sync(text.replace(",1,130,", ",1,13000000001,").replace(",3,139,", ",3,13000000003,"), &[]);
    assert_eq!((ran.status, ran.count("accepted"), ran.count("rejected")), (2, 2, 1), "{}", ran.stderr);
    assert_eq!(place.stored(1)[1], ("219/默认联系".to_owned(), "a,\"b\"@example.com".to_owned()));
}

#[test]
fn a_file_is_read_as_it_is_written_whatever_the_input_was_like() {
    let cases = [
        ("quote = \"none\"", ",\"Li\"\n", "\"Li\""),
        ("quote = \"none\"", ",a\"b\"\n", "a\"b\""),
        ("escape = \"\\\\\"", ",\"b\\\\\"\n", "b\\"),
        ("escape = \"\\\\\"", ",\"a\\\\\\\"b\"\n", "a\\\"b"),
    ];
    for (setting, row, value) in cases {
        let place = Place::new(world());
        let config = sample_destination("attributes", &place.sandbox.base_url());
        place.write("contact-sink.toml", format!("{config}[input]\n{setting}\n"));
        place.write("input.csv", format!("account,city\n{row}"));
        let ran = place.sync_to("attributes", "input.csv", &[]);
        assert_eq!((ran.status, ran.count("rejected")), (2, 1), "{setting}: {}", ran.stderr);
        let text = fs::read_to_string(place.rejected().remove(0)).unwrap();
        let run = ran.report()["run"].as_str().unwrap().to_owned();
        place.write("corrected.csv", text.replace(&format!(",{run},,"), &format!(",{run},user1,")));
        let corrected = place.read("corrected.csv");
        assert!(corrected.contains(",user1,"), "{corrected}");
        let ran = place.sync_to("attributes", "corrected.csv", &["--rejected", "more"]);
        assert_eq!(ran.status, 0, "{setting}: {corrected}{}", ran.stderr);
        assert_eq!(place.sandbox.tencent().attributes("user1").unwrap()["city"], value, "{setting}");
    }
}

#[cfg(unix)]
#[test]
fn only_its_owner_reads_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new(world());
    place.sync(INPUT, &["--rejected", "a/b"]);
    let file = fs::read_dir(place.directory.path().join("a/b")).unwrap().next().unwrap().unwrap();
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn several_fields_and_codes_stand_in_one_line() {
    let place = Place::new(world());
    let ran = place.sync("cuid,mobile,email,registration_id\n5,23000000000,a@example.com,x\n", &[]);
    assert_eq!((ran.status, ran.count("rejected")), (2, 1), "{}", ran.stderr);
    let text = fs::read_to_string(place.rejected().remove(0)).unwrap();
    assert_eq!(text.lines().count(), 2);
    assert!(
        text.contains(",4107;4107,")
            && (text.contains("mobile;registration_id") || text.contains("registration_id;mobile")),
        "{text}"
    );
    assert_eq!(place.stored(5), [("219/默认联系".to_owned(), "a@example.com".to_owned())], "the good field is stored");
}

#[test]
fn a_file_of_ndjson_is_mended_and_fed_back() {
    let place = Place::new(world());
    let input = "{\"cuid\":1234567890123456789,\"mobile\":130,\"city\":\"深圳\",\"more\":{\"a\":[1.10,null]}}\n\n\
                 {\"cuid\":2,\"mobile\":13000000002}\n{\"cuid\":3\n";
    place.write("input.jsonl", input);
    let ran = place.run(&["sync", "input.jsonl", "--to", "growth", "--report", "json"]);
    assert_eq!((ran.status, ran.count("accepted"), ran.count("rejected")), (2, 1, 2), "{}", ran.stderr);
    let file = place.rejected().remove(0);
    assert_eq!(file.extension().unwrap(), "ndjson");
    let text = fs::read_to_string(&file).unwrap();
    let reason = "an SMS number is 11 digits and nothing else";
    let run = ran.report()["run"].as_str().unwrap().to_owned();
    let lines = [
        format!(
            "{{\"_destination\":\"growth\",\"_line\":1,\"_run\":\"{run}\",\"_errors\":[{{\"field\":\"mobile\",\"code\":null,\"reason\":\"{reason}\",\
             \"vendor_text\":null}}],\"cuid\":1234567890123456789,\"mobile\":130,\"city\":\"深圳\",\"more\":{{\"a\":[1.10,null]}}}}"
        ),
        format!(
            "{{\"_destination\":\"growth\",\"_line\":4,\"_run\":\"{run}\",\"_errors\":[{{\"field\":null,\"code\":null,\
             \"reason\":\"the line is not JSON at byte 9\",\"vendor_text\":null}}],\"_raw\":\"{{\\\"cuid\\\":3\"}}"
        ),
    ];
    let mut found: Vec<&str> = text.lines().collect();
    found.sort_unstable();
    assert_eq!(found, lines);

    // Unmended, the same rows are rejected, and what was added is not doubled.
    place.write("again.ndjson", format!("{}\n{}\n", lines[1], lines[0]));
    let ran = place.run(&["sync", "again.ndjson", "--to", "growth", "--rejected", "again", "--report", "json"]);
    assert_eq!((ran.status, ran.count("rejected")), (2, 2), "{}", ran.stderr);
    let again = fs::read_dir(place.directory.path().join("again")).unwrap().next().unwrap().unwrap();
    let again = fs::read_to_string(again.path()).unwrap();
    assert!(again.lines().any(|line| line == lines[0]), "as it was rejected first: {again}");

    place.write("mended.ndjson", lines[0].replace(":130,", ":13000000001,"));
    let ran = place.run(&["sync", "mended.ndjson", "--to", "growth"]);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    let stored = place.stored(1_234_567_890_123_456_789);
    assert_eq!(stored, [("210/默认联系".to_owned(), "13000000001".to_owned())]);
}

#[test]
fn another_place_is_taken_where_the_first_was_none() {
    let place = Place::new(world());
    place.write("a-file", "");
    place.write("input.csv", "cuid,mobile,email,registration_id\n7,130,,\n8,13000000000,,\n");
    let run =
        |rejected| place.run(&["sync", "input.csv", "--to", "growth", "--report", "json", "--rejected", rejected]);
    let ran = run("a-file");
    assert_eq!((ran.status, place.sandbox.seen()), (78, 0), "before the first request: {}", ran.stderr);
    assert!(ran.stderr.contains("--rejected a-file: no file of rejected rows can be written there"), "{}", ran.stderr);
    let ran = run("rejected");
    assert_eq!((ran.status, ran.count("accepted"), ran.count("rejected")), (2, 1, 1), "{}", ran.stderr);
    assert_eq!(place.rejected_rows(), ["2,mobile,,an SMS number is 11 digits and nothing else"], "under one head");
}

/// A number that is too large for many readers, and values in values that are too deep for them.
#[test]
fn an_object_is_kept_byte_for_byte_and_can_be_fed_back() {
    let place = Place::new(world());
    let deep = format!("{}1{}", "[".repeat(300), "]".repeat(300));
    let object = format!(
        "\"cuid\":1,\"mobile\":130, \"more\" : 1e400,\"deep\":{deep},\"pair\":\"\\ud83d\\ude00\",\"n\":-0.10E+2"
    );
    place.write("input.ndjson", format!("{{{object}}}\n"));
    let ran = place.run(&["sync", "input.ndjson", "--to", "growth", "--report", "json"]);
    assert_eq!((ran.status, ran.count("rejected")), (2, 1), "{}", ran.stderr);
    let text = fs::read_to_string(place.rejected().remove(0)).unwrap();
    assert!(text.contains(&object), "{text}");
    place.write("again.ndjson", text.replace("\"mobile\":130", "\"mobile\":\"13800000000\""));
    let ran = place.run(&["sync", "again.ndjson", "--to", "growth", "--report", "json"]);
    assert_eq!((ran.status, ran.count("accepted")), (0, 1), "{}", ran.stderr);
}

/// The cells of the input are sent again, and stay as they are.
#[test]
fn what_we_add_is_no_formula() {
    let place = Place::new(world());
    place.write("contact-sink.toml", place.config().replace("\"mobile\"", "\"=HYPERLINK(1)\""));
    place.write("input.csv", "cuid,=HYPERLINK(1),email,registration_id\n1,=130,,\n");
    let ran = place.run(&["sync", "input.csv", "--to", "growth"]);
    assert_eq!(ran.status, 2, "{}", ran.stderr);
    let text = fs::read_to_string(place.rejected().remove(0)).unwrap();
    assert!(text.contains("\ngrowth,2,'=HYPERLINK(1),") && text.contains(",1,=130,,\n"), "{text}");
}
