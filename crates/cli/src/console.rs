//! Lines for a person, on standard error. A terminal or pipe that is gone must not end a run that is delivering.

use std::fmt;
use std::io::Write as _;

/// Prints to standard error what `format_args!` makes, and a line break.
macro_rules! say {
    ($($part:tt)*) => {
        $crate::console::line(format_args!($($part)*))
    };
}
pub(crate) use say;

/// Prints one line, if anybody is there to read it.
pub fn line(text: fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
