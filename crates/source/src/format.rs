//! How an input is written.

use std::path::Path;

/// How an input is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Cells between commas; the header names the columns.
    Csv,
    /// One JSON object on each line.
    Ndjson,
}

impl Format {
    /// What a file's name says: NDJSON for `.ndjson` and `.jsonl`, else CSV.
    pub fn of(path: &Path) -> Self {
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
        match extension.as_deref() {
            Some("ndjson" | "jsonl") => Self::Ndjson,
            _ => Self::Csv,
        }
    }
}
