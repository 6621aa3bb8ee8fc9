//! Bad input gets a clear error: what is wrong, where, what to do; nothing is sent that should not be, and nothing leaks.
//!
//! The tables are `bad_input*.toml`. A case is a run of the sample configuration on one good row, but for what the case changes.

use std::path::Path;

use contact_sink::kits;
use contact_sink_sandbox::VENDORS;
use serde::Deserialize;

use crate::support::{Place, Ran, SECRET, nobody, sample, sample_destination, world};

/// One case. Texts marked "escaped" hold `\n`, `\r`, `\0`, `\xHH`, and `<<TEXT x N>>` for a repetition.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    area: String,
    name: String,
    /// The destination of the sample configuration, alone. Default `growth`.
    to: Option<String>,
    /// The whole command line; else `sync FILE --to DESTINATION`.
    run: Option<Vec<String>>,
    /// Added to the command line.
    #[serde(default)]
    args: Vec<String>,
    /// The name of the input.
    file: Option<String>,
    /// The input, escaped.
    input: Option<String>,
    /// What is replaced in the sample configuration by what.
    #[serde(default)]
    config: Vec<(String, String)>,
    /// The whole configuration, escaped.
    config_bytes: Option<String>,
    /// The value of the environment variable that holds the secret.
    secret: Option<String>,
    /// Environment variables.
    #[serde(default)]
    env: Vec<(String, String)>,
    /// The input comes through a pipe: `cat FILE | contact-sink sync -`.
    #[serde(default)]
    pipe: bool,
    /// Nobody listens at the destination's address.
    #[serde(default)]
    nobody_listens: bool,
    /// No file can become longer than 512 bytes, as on a disk that is full.
    #[serde(default)]
    full_disk: bool,

    /// The exit status.
    status: i32,
    /// All lines of standard error that begin with `contact-sink: ` or `error: `, without it, in their order.
    #[serde(default)]
    says: Vec<String>,
    /// The rejected rows: line, field, code, reason.
    #[serde(default)]
    rejected: Vec<String>,
    /// How many users the vendor has afterwards.
    #[serde(default)]
    accepted: usize,
    /// How many requests the vendor saw.
    #[serde(default)]
    requests: u64,
    /// How many rows were skipped, where that is not looked at otherwise.
    skipped: Option<u64>,
    /// What the vendor has afterwards, all of it, each as `ID FIELD VALUE`.
    stored: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Table {
    case: Vec<Case>,
}

const TABLES: [&str; 4] = [
    include_str!("bad_input.toml"),
    include_str!("bad_input_vendors.toml"),
    include_str!("bad_input_files.toml"),
    include_str!("bad_input_values.toml"),
];
const GOOD: &str = "cuid,mobile,email,registration_id\\n8,,a@b.c,\\n";
const GOOD_ELSEWHERE: &str =
    "euid,mobile,email,account,city,from,to,remark,groups\\n8,,a@b.c,user8,深圳,agent1,user8,客户,VIP\\n";

macro_rules! areas {
    ($($test:ident: $area:literal, $least:literal;)*) => {
        $(#[test]
        fn $test() {
            check_area($area, $least);
        })*
    };
}

areas! {
    a_file: "file", 30;
    a_row: "row", 20;
    a_configuration: "configuration", 60;
    credentials: "credentials", 20;
    a_network: "network", 3;
    a_disk: "disk", 6;
    a_command_line: "command line", 10;
    quotes: "quotes", 15;
    a_header: "header", 15;
    an_encoding: "encoding", 2;
    a_format: "format", 6;
    a_value: "value", 10;
}

fn check_area(area: &str, at_least: usize) {
    let kits: Vec<String> = kits().map(|kit| format!("{:?}", kit.name)).collect();
    let simulated = VENDORS.iter().map(|vendor| format!("`{vendor}`")).collect::<Vec<_>>().join(", ");
    let tables = TABLES.map(|table| table.replace("KITS", &kits.join(", ")).replace("SIMULATED", &simulated));
    let tables = tables.map(|table| toml::from_str::<Table>(&table).unwrap());
    let cases: Vec<&Case> = tables.iter().flat_map(|table| &table.case).filter(|case| case.area == area).collect();
    assert!(cases.len() >= at_least, "{area}: {} cases", cases.len());
    let wrong: Vec<String> = cases.into_iter().filter_map(|case| check(case).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

fn check(case: &Case) -> Result<(), String> {
    let mut place = Place::new(world());
    let base_url = if case.nobody_listens { nobody() } else { place.sandbox.base_url() };
    place.write("empty.csv", "");
    let input = case.file.as_deref().unwrap_or("input.csv");
    let good = if case.to.is_some() { GOOD_ELSEWHERE } else { GOOD };
    place.write(input, unescape(case.input.as_deref().unwrap_or(good)));
    place.write("contact-sink.toml", configuration(case, &place, &base_url));
    if let Some(secret) = &case.secret {
        place.secret.clone_from(secret);
    }
    let to = case.to.as_deref().unwrap_or("growth");
    let file = if case.pipe { "-" } else { input };
    let format = Path::new(input).extension().filter(|extension| *extension == "ndjson" && case.pipe);
    let mut line = case.run.clone().unwrap_or_else(|| ["sync", file, "--to", to].map(str::to_owned).into());
    line.extend(format.iter().flat_map(|_| ["--format", "ndjson"].map(str::to_owned)));
    line.extend(case.args.iter().cloned());
    let line: Vec<&str> = line.iter().map(String::as_str).collect();
    let ran = match case.full_disk {
        true => place.run_on_a_full_disk(1, &line),
        false if case.pipe => place.run_from(input, &line),
        false => place.finish(
            std::process::Command::new(env!("CARGO_BIN_EXE_contact-sink")).args(&line).envs(case.env.iter().cloned()),
        ),
    };
    for text in [&ran.stdout, &ran.stderr] {
        assert!(!text.contains("marker") && !text.contains(SECRET), "{}: it leaks: {text}", case.name);
    }
    check_law(&ran, &case.name);
    // On a busy machine two rows may come too late for one request.
    let seen = place.sandbox.seen();
    let requests = if (1..=case.accepted as u64).contains(&seen) { seen.min(case.requests) } else { seen };
    let found = (ran.status, said(&ran, &base_url), place.rejected_rows(), accepted(&place), requests);
    let expected = (case.status, case.says.clone(), case.rejected.clone(), case.accepted, case.requests);
    if let Some(expected) = &case.stored {
        assert_eq!(stored(&place), *expected, "{}: {}", case.name, ran.stderr);
    }
    if let Some(skipped) = case.skipped {
        assert!(ran.stderr.contains(&format!(" + {skipped} skipped + ")), "{}: {}", case.name, ran.stderr);
    }
    if found == expected {
        return Ok(());
    }
    Err(format!("{}\n  expected {expected:?}\n  found    {found:?}\n  {}", case.name, ran.stderr))
}

/// In the text report, as in the JSON report elsewhere: each row is counted once.
fn check_law(ran: &Ran, name: &str) {
    for line in ran.stderr.lines().filter(|line| line.contains(" rows = ") || line.contains(" 1 row = ")) {
        let numbers: Vec<u64> = line.split(' ').filter_map(|word| word.replace(',', "").parse().ok()).collect();
        let (rows, parts) = numbers.split_first().unwrap();
        assert_eq!(*rows, parts.iter().sum::<u64>(), "{name}: {line}");
    }
}

fn configuration(case: &Case, place: &Place, base_url: &str) -> Vec<u8> {
    if let Some(bytes) = &case.config_bytes {
        return unescape(bytes);
    }
    let mut text = match &case.to {
        Some(to) => sample_destination(to, base_url),
        None => place.config().replace(&place.sandbox.base_url(), base_url),
    };
    for (from, to) in &case.config {
        let (from, to) = (from.replace("BASE_URL", base_url), to.replace("BASE_URL", base_url));
        let changed = text.replace(&from, &to);
        assert_ne!(text, changed, "{}: {from:?} is not in the configuration", case.name);
        text = changed;
    }
    text.into_bytes()
}

fn said(ran: &Ran, base_url: &str) -> Vec<String> {
    let address = base_url.trim_start_matches("http://");
    let said = ran.stderr.lines().filter_map(|line| {
        let line = line.strip_prefix("contact-sink: ").or(line.strip_prefix("error: "))?;
        Some(line.trim_end().replace(address, "ADDRESS"))
    });
    // How often there was time to try is by chance.
    said.map(|line| match line.split_once(" requests within") {
        Some((before, after)) => {
            format!("{}N requests within{after}", before.trim_end_matches(|c: char| c.is_ascii_digit()))
        }
        None => line,
    })
    .collect()
}

fn accepted(place: &Place) -> usize {
    let (jiguang, engagelab, tencent) = (place.sandbox.jiguang(), place.sandbox.engagelab(), place.sandbox.tencent());
    let friends: usize = tencent.friend_owners().iter().map(|owner| tencent.friends(owner).len()).sum();
    jiguang.cuids().len() + engagelab.euids().len() + tencent.attribute_accounts().len() + friends
}

/// Everything that the vendors have: `ID FIELD VALUE`.
fn stored(place: &Place) -> Vec<String> {
    let (jiguang, engagelab, tencent) = (place.sandbox.jiguang(), place.sandbox.engagelab(), place.sandbox.tencent());
    let mut all = Vec::new();
    for cuid in jiguang.cuids() {
        all.extend(
            jiguang
                .stored(cuid)
                .unwrap_or_default()
                .into_iter()
                .map(|(field, value)| format!("{cuid} {field} {value}")),
        );
    }
    for euid in engagelab.euids() {
        all.extend(
            engagelab
                .stored(euid)
                .unwrap_or_default()
                .into_iter()
                .map(|(field, value)| format!("{euid} {field} {value}")),
        );
    }
    for account in tencent.attribute_accounts() {
        let attributes = tencent.attributes(&account).unwrap_or_default();
        all.extend(attributes.into_iter().map(|(field, value)| format!("{account} {field} {value}")));
    }
    all
}

fn unescape(text: &str) -> Vec<u8> {
    let text = match text.split_once("<<").and_then(|(before, rest)| Some((before, rest.split_once(">>")?))) {
        Some((before, (repeated, after))) => {
            let (part, times) = repeated.rsplit_once(" x ").unwrap();
            format!("{before}{}{after}", part.repeat(times.parse().unwrap()))
        }
        None => text.to_owned(),
    };
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, more @ ..] = rest {
        (bytes, rest) = match (first, more) {
            (b'\\', [b'n', more @ ..]) => (with(bytes, b'\n'), more),
            (b'\\', [b'r', more @ ..]) => (with(bytes, b'\r'), more),
            (b'\\', [b'0', more @ ..]) => (with(bytes, 0), more),
            (b'\\', [b'x', high, low, more @ ..]) => {
                let hex = String::from_utf8(vec![*high, *low]).unwrap();
                (with(bytes, u8::from_str_radix(&hex, 16).unwrap()), more)
            }
            _ => (with(bytes, *first), more),
        };
    }
    bytes
}

fn with(mut bytes: Vec<u8>, byte: u8) -> Vec<u8> {
    bytes.push(byte);
    bytes
}

#[test]
fn nothing_leaks() {
    let place = Place::new(world());
    let input = "cuid,mobile,email,registration_id\n7,2marker7777,marker@example.com,marker-registration\nmarker-id,13000000000,,\n";
    let ran = place.sync(input, &["--report", "text", "--report", "json=report.json"]);
    assert_eq!(ran.status, 2, "{}", ran.stderr);
    for text in [&ran.stdout, &ran.stderr, &place.read("report.json")] {
        assert!(!text.contains("marker") && !text.contains(SECRET), "{text}");
    }
    assert_eq!(place.read("report.json"), ran.stdout);

    let quiet = place.run(&["sync", "input.csv", "--to", "growth", "--quiet"]);
    assert_eq!((quiet.status, quiet.stdout.as_str(), quiet.stderr.as_str()), (2, "", ""));
    let helped = place.run(&["--help"]);
    assert!(helped.status == 0 && helped.stdout.contains("sync"), "help is no error");
    let secrets = ["project_secret = ", "api_secret = ", "secret_key = "];
    for line in sample("contact-sink.toml").lines().filter(|line| secrets.iter().any(|key| line.starts_with(key))) {
        assert!(line.contains("{ env = "), "no secret in the sample: {line}");
    }
}
