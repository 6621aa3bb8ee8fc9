//! Places at which a test kills the process: with the feature `failpoints` only, which no release is built with.

use std::io::{self, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// The variable that names a place and how often it is passed before: `after-commit:3`.
pub const VARIABLE: &str = "CONTACT_SINK_FAILPOINT";

/// Passes a place: the process ends here as if it were killed, if it was asked to.
pub fn pass(place: &str) {
    if is_hit(place) {
        std::process::abort();
    }
}

/// Passes a place at which bytes are written: half of them are, and the process ends.
pub(crate) fn torn(place: &str, mut to: impl Write, bytes: &[u8]) -> io::Result<()> {
    if is_hit(place) {
        to.write_all(&bytes[..bytes.len() / 2])?;
        std::process::abort();
    }
    Ok(())
}

fn is_hit(place: &str) -> bool {
    static ASKED: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static PASSED: AtomicU64 = AtomicU64::new(0);
    let asked = ASKED.get_or_init(|| {
        let text = std::env::var(VARIABLE).ok()?;
        let (place, nth) = text.split_once(':')?;
        Some((place.to_owned(), nth.parse().ok()?))
    });
    let Some((wanted, nth)) = asked.as_ref().filter(|(wanted, _)| wanted == place) else { return false };
    debug_assert_eq!(wanted, place);
    PASSED.fetch_add(1, Ordering::Relaxed) + 1 == *nth
}
