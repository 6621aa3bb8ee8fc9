//! Values as spreadsheets, scripts and copied text leave them: what is stored, what is rejected and why; in every kind of input.

use serde_json::json;

use crate::support::{Place, Ran, sample_destination, world};

const ENDS: &str = "it begins or ends with white space or a control character: remove it, or set as = \"trim\"";
const INVISIBLE: &str =
    "it contains an invisible character: remove it (as = \"trim\" removes those at the ends), or set check = false";
const CONTROL: &str = "it has a line break or another control character in it: remove it";
const FORMULA: &str = "it is a spreadsheet formula (=\"..\"): export the values";
const SHEET_ERROR: &str = "it is the error of a spreadsheet formula, such as #REF!: correct the cell, or empty it";
const WORD: &str = "it is a word that means \"no value\", such as nan or None: write the id";
const CHANGED_ID: &str = "a spreadsheet or a script changed it (7.0, 1.3E+10): export ids as text";
const PHONE: &str =
    "it is no phone number: 3 to 40 characters, at least 3 digits, then spaces, +-()./#*,; and an extension";
const FRACTION: &str = "a spreadsheet or a script made it a fraction (it ends with .0): export phone numbers as text";
const EXPONENT: &str = "a spreadsheet made it a number with an exponent (1.3E+10): export phone numbers as text";
const EMAIL: &str = "it is no e-mail address: one @ with text on both sides, no white space, at most 320 bytes";

type Case = (&'static str, Result<(), &'static str>);

const PHONES: &[Case] = &[
    ("15000000001", Ok(())),
    ("+86 150-0000-0001", Ok(())),
    ("(010) 6555.1234 x12", Ok(())),
    ("010/65551234 ext. 7", Ok(())),
    ("15551234567@c.us", Ok(())),
    ("*100#", Ok(())),
    ("13800000000,,123;4", Ok(())),
    ("110", Ok(())),
    ("15000000001.0", Err(FRACTION)),
    ("15000000001.00", Err(FRACTION)),
    ("15000000001,0", Err(FRACTION)),
    ("555.0000", Ok(())),
    ("01.23.45.67.00", Ok(())),
    ("1.5E+10", Err(EXPONENT)),
    ("1.3E+10", Err(EXPONENT)),
    ("nan", Err(PHONE)),
    ("None", Err(PHONE)),
    ("null", Err(PHONE)),
    ("<NA>", Err(PHONE)),
    ("undefined", Err(PHONE)),
    ("#REF!", Err(SHEET_ERROR)),
    ("#DIV/0!", Err(SHEET_ERROR)),
    ("=\"15000000004\"", Err(FORMULA)),
    ("15000000001\t", Err(ENDS)),
    ("\u{1F}15000000001", Err(ENDS)),
    ("\u{A0}15000000001", Err(ENDS)),
    ("15000000001\u{3000}", Err(ENDS)),
    (" 15000000001", Err(ENDS)),
    ("\u{202D}15000000001\u{202C}", Err(INVISIBLE)),
    ("150000\u{200B}00001", Err(INVISIBLE)),
    ("15000\u{1}000001", Err(CONTROL)),
    ("12", Err(PHONE)),
    ("--", Err(PHONE)),
    ("１５０００００００１", Err(PHONE)),
    ("15000000001 or 15000000002", Err(PHONE)),
    ("a@b.example", Err(PHONE)),
    ("11111111111111111111111111111111111111111", Err(PHONE)),
];

const EMAILS: &[Case] = &[
    ("a@b.example", Ok(())),
    ("用户@例子.中国", Ok(())),
    ("o'neil+x@b.example", Ok(())),
    ("a@localhost", Ok(())),
    ("  b@x.com ", Err(ENDS)),
    ("b@x.com\u{FEFF}", Err(INVISIBLE)),
    ("پ\u{200C}ن@x.example", Ok(())),
    ("not-an-email", Err(EMAIL)),
    ("a@b@c", Err(EMAIL)),
    ("@b.example", Err(EMAIL)),
    ("a@", Err(EMAIL)),
    ("a b@c.example", Err(EMAIL)),
    ("nan", Err(EMAIL)),
    ("#VALUE!", Err(SHEET_ERROR)),
    ("=\"a@b.example\"", Err(FORMULA)),
    ("a@b.example\u{7}c", Err(CONTROL)),
];

const IDS: &[Case] = &[
    ("user01", Ok(())),
    ("user 01", Ok(())),
    ("Nan", Ok(())),
    ("12e5", Ok(())),
    ("v1.0", Ok(())),
    ("1.2.0", Ok(())),
    ("用户1", Ok(())),
    ("user02\u{200B}", Err(INVISIBLE)),
    ("\u{FEFF}user03", Err(INVISIBLE)),
    ("us\u{AD}er04", Err(INVISIBLE)),
    ("user05 ", Err(ENDS)),
    ("\u{A0}user06", Err(ENDS)),
    ("user07\t", Err(ENDS)),
    ("user\t08", Err("a user id has a control character in it")),
    ("nan", Err(WORD)),
    ("None", Err(WORD)),
    ("null", Err(WORD)),
    ("<NA>", Err(WORD)),
    ("undefined", Err(WORD)),
    ("12345.0", Err(CHANGED_ID)),
    ("1.3E+10", Err(CHANGED_ID)),
    ("1E+15", Err(CHANGED_ID)),
    ("1e+05", Err(CHANGED_ID)),
    ("1,3E+10", Err(CHANGED_ID)),
    ("1.5e10", Err(CHANGED_ID)),
    ("7,0", Err(CHANGED_ID)),
    ("-1.0", Err(CHANGED_ID)),
    ("1e5", Ok(())),
    ("user10\u{FE0F}", Err(INVISIBLE)),
    ("می\u{200C}خواهم", Ok(())),
    ("\u{2764}\u{FE0F}", Ok(())),
    ("user11\u{200D}", Err(INVISIBLE)),
    ("NaN", Err(WORD)),
    ("#REF!", Err(SHEET_ERROR)),
    ("#NAME?", Err(SHEET_ERROR)),
    ("=\"user09\"", Err(FORMULA)),
];

const TEXTS: &[Case] = &[
    ("北京", Ok(())),
    ("Null", Ok(())),
    ("nan", Ok(())),
    ("1.0", Ok(())),
    ("1.3E+10", Ok(())),
    (" x ", Ok(())),
    ("a\tb", Ok(())),
    ("\u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467}", Ok(())),
    ("#hash", Ok(())),
    ("= 7", Ok(())),
    ("#REF!", Err(SHEET_ERROR)),
    (" #WERT! ", Err(SHEET_ERROR)),
    ("#¡VALOR!", Err(SHEET_ERROR)),
    ("#VIP!", Ok(())),
    ("=\"7\"", Err(FORMULA)),
    ("=\"7", Ok(())),
    ("a\nb", Err(CONTROL)),
    ("a\u{1B}[31mb", Err(CONTROL)),
];

/// How an input is given to the command.
#[derive(Debug, Clone, Copy)]
enum Through {
    Csv,
    Ndjson,
    Pipe,
}

/// Sends these rows, and gives the rejected ones as line, field and reason.
fn send(place: &Place, to: &str, columns: [&str; 2], rows: &[[String; 2]], through: Through) -> (Ran, Vec<String>) {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let csv =
        rows.iter().fold(columns.join(",") + "\n", |csv, row| csv + &quoted(&row[0]) + "," + &quoted(&row[1]) + "\n");
    let ndjson = |row: &[String; 2]| json!({ columns[0]: row[0], columns[1]: row[1] }).to_string() + "\n";
    place.write("input.csv", csv);
    place.write("input.ndjson", rows.iter().map(ndjson).collect::<String>());
    let ran = match through {
        Through::Csv => place.run(&["sync", "input.csv", "--to", to, "--max-rejected", "100%"]),
        Through::Ndjson => place.run(&["sync", "input.ndjson", "--to", to, "--max-rejected", "100%"]),
        Through::Pipe => place.run_from("input.csv", &["sync", "-", "--to", to, "--max-rejected", "100%"]),
    };
    let rejected = place.rejected_rows();
    (ran, rejected)
}

fn check(to: &str, columns: [&str; 2], cases: &[Case], row: impl Fn(usize, &str) -> [String; 2], field: &str) {
    for through in [Through::Csv, Through::Ndjson, Through::Pipe] {
        let place = Place::new(world());
        let mut config = sample_destination(to, &place.sandbox.base_url());
        // One column is enough here.
        let others: &[&str] = if columns[1] == "mobile" { &["email = "] } else { &["mobile_phone = "] };
        config = config
            .lines()
            .filter(|line| !others.iter().any(|other| line.starts_with(other)))
            .fold(String::new(), |config, line| config + line + "\n");
        place.write("contact-sink.toml", config);
        let rows: Vec<[String; 2]> = cases.iter().enumerate().map(|(nth, (value, _))| row(nth, value)).collect();
        let (ran, rejected) = send(&place, to, columns, &rows, through);
        let mut line = if matches!(through, Through::Ndjson) { 1 } else { 2 };
        let mut expected = Vec::new();
        let mut accepted = Vec::new();
        for ((value, outcome), row) in cases.iter().zip(&rows) {
            match outcome {
                Ok(()) => accepted.push(row.clone()),
                Err(reason) => expected.push(format!("{line},{field},,{reason}")),
            }
            line += 1 + if matches!(through, Through::Ndjson) { 0 } else { value.matches('\n').count() };
        }
        assert_eq!(rejected, expected, "{through:?}: {}", ran.stderr);
        let stored: Vec<[String; 2]> =
            accepted.iter().map(|row| [row[0].clone(), self::stored(&place, to, row)]).collect();
        assert_eq!(stored, accepted, "{through:?}: {}", ran.stderr);
        for (value, _) in cases.iter().filter(|(value, outcome)| outcome.is_err() && value.len() > 9) {
            assert!(!ran.stderr.contains(value), "{through:?}: a value is said: {}", ran.stderr);
        }
    }
}

fn stored(place: &Place, to: &str, row: &[String; 2]) -> String {
    let fields = match to {
        "ma" => place.sandbox.engagelab().stored(row[0].parse().unwrap()),
        _ => place.sandbox.tencent().attributes(&row[0]),
    };
    fields.unwrap_or_default().into_values().collect()
}

fn numbered(nth: usize, value: &str) -> [String; 2] {
    [(nth + 1).to_string(), value.to_owned()]
}

#[test]
fn phone_numbers() {
    check("ma", ["euid", "mobile"], PHONES, numbered, "mobile");
}

#[test]
fn email_addresses() {
    check("ma", ["euid", "email"], EMAILS, numbered, "email");
}

#[test]
fn ids() {
    check("attributes", ["account", "city"], IDS, |_, id| [id.to_owned(), "x".to_owned()], "account");
}

#[test]
fn other_texts() {
    check("attributes", ["account", "city"], TEXTS, |nth, text| [format!("user{nth}"), text.to_owned()], "city");
}
