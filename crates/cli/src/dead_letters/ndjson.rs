//! Dead letters of an NDJSON file: each object as it stood, and before its fields why it was rejected.

use std::io::{self, Write as _};

use serde::Serialize;

use super::Reason;
use crate::input::ndjson;

/// What is added to an object; one that has these is one that was fed back.
const ADDED: [&str; 3] = ["_destination", "_line", "_errors"];

#[derive(Serialize)]
struct Why<'a> {
    field: Option<&'a str>,
    code: Option<i64>,
    reason: &'a str,
    vendor_text: Option<&'a str>,
}

/// One row. Its own values are copied byte for byte: a number keeps its digits.
pub fn line(destination: &str, at: u64, object: &[u8], reasons: &[Reason]) -> io::Result<Vec<u8>> {
    let errors: Vec<Why<'_>> = reasons
        .iter()
        .map(|Reason { column, code, reason, vendor_text }| Why {
            field: column.as_deref(),
            code: *code,
            reason,
            vendor_text: vendor_text.as_deref(),
        })
        .collect();
    let mut line = Vec::with_capacity(object.len() + 256);
    write!(line, "{{\"_destination\":{},\"_line\":{at},\"_errors\":", serde_json::to_string(destination)?)?;
    serde_json::to_writer(&mut line, &errors)?;
    let start = line.len();
    let whole = std::str::from_utf8(object).map(|text| {
        ndjson::each_field(text, |name, value| {
            if !ADDED.contains(&name) {
                // Writing to a Vec cannot fail.
                let _ = serde_json::to_string(name).map(|name| write!(line, ",{name}:{}", value.get()));
            }
        })
    });
    if !matches!(whole, Ok(Ok(()))) {
        // No object: its text, or its bytes where they are no text.
        line.truncate(start);
        match std::str::from_utf8(object) {
            Ok(text) => write!(line, ",\"_raw\":{}", serde_json::to_string(text)?)?,
            Err(_) => write!(line, ",\"_raw_bytes\":{}", serde_json::to_string(object)?)?,
        }
    }
    line.extend_from_slice(b"}\n");
    Ok(line)
}
