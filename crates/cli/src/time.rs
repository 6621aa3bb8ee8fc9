//! Times and lengths of time, as people read and write them.

use std::time::{Duration, SystemTime};

use jiff::fmt::friendly::{Designator, Spacing, SpanPrinter};
use jiff::{Span, SpanRelativeTo, Timestamp};

/// A time to the second: `2026-11-22T02:15:30Z`.
pub fn to_the_second(time: SystemTime) -> String {
    format(time, "%Y-%m-%dT%H:%M:%SZ")
}

/// The present time to the millisecond, as lines of a log or of outcomes have it: `2026-11-22T02:15:30.250Z`.
pub fn now() -> String {
    format(SystemTime::now(), "%Y-%m-%dT%H:%M:%S.%3fZ")
}

fn format(time: SystemTime, form: &str) -> String {
    // A time that is no date, thousands of years away, is not known.
    Timestamp::try_from(time).unwrap_or(Timestamp::UNIX_EPOCH).strftime(form).to_string()
}

/// A length of time that a person wrote: `1h 30m`, `2 days`, `1500ms`. A day has 24 hours; a month has no length.
pub fn parse_length(text: &str) -> Option<Duration> {
    let span: Span = text.parse().ok()?;
    span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?.try_into().ok()
}

/// A length of time, as [`parse_length`] takes it.
pub fn length(length: Duration) -> String {
    let printer = SpanPrinter::new().designator(Designator::Compact).spacing(Spacing::BetweenUnits);
    printer.unsigned_duration_to_string(&length)
}
