//! How far the reading has come, and whether it is to end.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// How far the reading of an input has come, and whether it is to end; shared with the thread that reads.
#[derive(Debug, Default)]
pub struct ReadControl {
    bytes: AtomicU64,
    stop: AtomicBool,
}

impl ReadControl {
    /// The bytes that were read so far.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Ends the reading after the row that is being read.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Whether the reading is to end.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    pub(crate) fn add(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}
