//! Our reader beside the csv crate, on generated files without stray quotes: the same records, or a documented refusal.
#![cfg(unix)]

use std::os::unix::fs::FileExt as _;

use contact_sink_source::{Dialect, Input};

use crate::{Place, preflight, read};

const FILES: u64 = 100_000;
const BREAKS: [&str; 3] = ["\n", "\r\n", "\r"];

/// A cell as it is written. Quotes are doubled and in quotes, or in a cell that began without one.
fn cell(random: &mut fastrand::Rng) -> String {
    let part = |random: &mut fastrand::Rng| {
        let parts = ["a", "7", "深圳", " ", "=", "\\", "#", ";", "\u{1F468}\u{200D}\u{1F469}", "-", "\t", "'"];
        (0..random.usize(0..4)).map(|_| parts[random.usize(0..parts.len())]).collect::<String>()
    };
    match random.u8(0..10) {
        0..=4 => part(random),
        5 => format!("a{}\"{}", part(random), part(random)),
        _ => {
            let inner = ["\"\"", ",", "\n", "\r\n", "\r", "", "", ""];
            let text: String =
                (0..random.usize(0..5)).map(|_| part(random) + inner[random.usize(0..inner.len())]).collect();
            format!("\"{text}\"")
        }
    }
}

fn file(random: &mut fastrand::Rng) -> String {
    let columns = random.usize(1..5);
    // Most files end all lines alike.
    let (style, mixes) = (random.usize(0..BREAKS.len()), random.u8(0..5) == 0);
    let line_break = |random: &mut fastrand::Rng| BREAKS[if mixes { random.usize(0..BREAKS.len()) } else { style }];
    let mut text = String::new();
    if random.bool() {
        text.push('\u{FEFF}');
    }
    // The header has names that no cell has.
    text.push_str(&(0..columns).map(|column| format!("name{column}")).collect::<Vec<_>>().join(","));
    let lines = random.usize(0..6);
    for _ in 0..lines {
        text.push_str(line_break(random));
        // A blank line is none; a row may have too few or too many cells.
        if random.u8(0..8) > 0 {
            let cells = if random.u8(0..8) == 0 { random.usize(1..6) } else { columns };
            text.push_str(&(0..cells).map(|_| cell(random)).collect::<Vec<_>>().join(","));
        }
    }
    if random.bool() {
        text.push_str(line_break(random));
    }
    text
}

fn by_the_csv_crate(text: &str) -> Vec<Vec<Vec<u8>>> {
    let text = text.trim_start_matches('\u{FEFF}');
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    reader.byte_records().map(|record| record.unwrap().iter().map(<[u8]>::to_vec).collect()).collect()
}

#[test]
fn the_same_records_as_the_csv_crate() {
    let mut random = fastrand::Rng::with_seed(11);
    let place = Place::new("input.csv", "");
    // Held open: some systems bring a file that is made anew to the disk each time.
    let written = std::fs::OpenOptions::new().write(true).open(&place.path).unwrap();
    let (mut compared, mut refused, mut rows) = (0, 0, 0);
    for _ in 0..FILES {
        let text = file(&mut random);
        written.set_len(text.len() as u64).unwrap();
        written.write_all_at(text.as_bytes(), 0).unwrap();
        let expected = by_the_csv_crate(&text);
        let columns =
            text.trim_start_matches('\u{FEFF}').split(['\n', '\r']).next().unwrap_or_default().split(',').count();

        let mut input = Input::open(&place.path, None, Dialect::default().with_multiline()).unwrap();
        let fits =
            expected.iter().any(|row| row.len() == columns && row.iter().any(|cell| !cell.trim_ascii().is_empty()));
        let has_values = expected.iter().flatten().any(|cell| !cell.trim_ascii().is_empty());
        match preflight(&mut input, &[]) {
            Ok(preflight) => {
                assert_eq!(preflight.rows(), expected.len() as u64, "{text:?}");
                assert_eq!(read(&mut input).unwrap(), expected, "{text:?}");
                compared += 1;
                rows += expected.len();
            }
            Err(faults) => {
                let message = faults[0].to_string();
                let is_refusal = has_values && !fits && message.contains("no row has as many cells")
                    || text.contains('\r') && text.contains('\n') && message.contains("carriage return");
                assert!(is_refusal, "{message}: {text:?}");
                refused += 1;
            }
        }

        // Without `multiline` some cells of several lines are refused, and no other.
        let mut strict = Input::open(&place.path, None, Dialect::default()).unwrap();
        match preflight(&mut strict, &[]) {
            Ok(_) => assert_eq!(read(&mut strict).unwrap(), expected, "{text:?}"),
            Err(faults) => {
                let has_lines = expected.iter().flatten().any(|cell| cell.iter().any(|byte| b"\n\r".contains(byte)));
                let is_refusal = |message: &str| {
                    message.contains("no row has as many cells")
                        || message.contains("carriage return")
                        || has_lines && message.contains("contains lines that look like rows")
                };
                // After the first one it continues with the next line, which may be the middle of a record.
                assert!(is_refusal(&faults[0].to_string()), "{faults:?}: {text:?}");
            }
        }
    }
    assert!(compared > FILES * 8 / 10 && rows > 100_000, "{compared} compared, {refused} refused, {rows} rows");
}
