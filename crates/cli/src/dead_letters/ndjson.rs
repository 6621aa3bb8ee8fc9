//! Rejected rows of an NDJSON file: each object as it was, and before its fields why it was rejected.

use std::io::{self, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contact_sink_core::ErrorCode;
use serde::Serialize;

use super::reason::{Place, Reason};
use contact_sink_mapping::{RAW, REJECTED_BY_RUN, REJECTED_ERRORS, each_field, is_fed_back};

/// What is added to an object.
const OURS: [&str; 4] = ["_destination", "_line", REJECTED_ERRORS, REJECTED_BY_RUN];

#[derive(Serialize)]
struct Why<'a> {
    field: Option<&'a str>,
    #[serde(serialize_with = "crate::error_code::serialize")]
    code: &'a Option<ErrorCode>,
    reason: &'a str,
    vendor_text: Option<&'a str>,
}

/// One row. Its own values are copied byte for byte: a number keeps its digits.
pub fn line(place: &Place<'_>, object: &[u8], reasons: &[Reason]) -> io::Result<Vec<u8>> {
    let errors: Vec<Why<'_>> = reasons
        .iter()
        .map(|Reason { column, code, reason, vendor_text, .. }| Why {
            field: column.as_deref(),
            code,
            reason,
            vendor_text: vendor_text.as_deref(),
        })
        .collect();
    let mut line = Vec::with_capacity(object.len() + 256);
    let (destination, run) = (serde_json::to_string(place.destination)?, serde_json::to_string(place.run)?);
    let of_line = place.line.map_or("null".to_owned(), |line| line.to_string());
    write!(line, "{{\"_destination\":{destination},\"_line\":{of_line},\"{REJECTED_BY_RUN}\":{run},")?;
    write!(line, "\"{REJECTED_ERRORS}\":")?;
    serde_json::to_writer(&mut line, &errors)?;
    let start = line.len();
    // Half a surrogate pair passes as JSON by the grammar, and no reader of the file would take it. A number that is too large for some, or
    // values in values, are no reason to change the row.
    let readable = std::str::from_utf8(object).ok().filter(|text| !has_half_a_pair(text));
    let fed_back = is_fed_back(object);
    let whole = readable.map(|text| {
        let mut kept = Vec::new();
        let read = each_field(text, |name, value| {
            if fed_back && !OURS.contains(&name) {
                // Writing to a Vec cannot fail.
                let _ = serde_json::to_string(name).map(|name| write!(kept, ",{name}:{}", value.get()));
            }
        });
        let inside = text.trim().strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or_default();
        if !fed_back && !inside.trim().is_empty() {
            kept.push(b',');
            kept.extend_from_slice(inside.as_bytes());
        }
        line.extend(kept);
        read
    });
    if !matches!(whole, Some(Ok(()))) {
        // No object: its text, and its bytes where they are no text.
        line.truncate(start);
        write!(line, ",\"{RAW}\":{}", serde_json::to_string(&String::from_utf8_lossy(object))?)?;
        if std::str::from_utf8(object).is_err() {
            write!(line, ",\"_raw_base64\":\"{}\"", STANDARD.encode(object))?;
        }
    }
    line.extend_from_slice(b"}\n");
    Ok(line)
}

/// Whether an escape names half of a surrogate pair, without the other half beside it.
fn has_half_a_pair(json: &str) -> bool {
    let (mut rest, mut high_before) = (json.as_bytes(), false);
    loop {
        let (unit, length) = match rest {
            [] => return high_before,
            [b'\\', b'u', digits @ ..] if digits.len() >= 4 => {
                let digits = std::str::from_utf8(&digits[..4]).unwrap_or_default();
                (u16::from_str_radix(digits, 16).ok(), 6)
            }
            [b'\\', _, ..] => (None, 2),
            _ => (None, 1),
        };
        match unit {
            Some(0xDC00..=0xDFFF) if high_before => high_before = false,
            Some(0xDC00..=0xDFFF) => return true,
            _ if high_before => return true,
            Some(0xD800..=0xDBFF) => high_before = true,
            _ => {}
        }
        rest = &rest[length..];
    }
}
