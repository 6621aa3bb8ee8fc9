//! The file beside an index that says how often the index was opened.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use super::IndexProblem;

/// The number; `None` if there is none that can be read.
pub(super) fn read(path: &Path) -> Result<Option<u64>, IndexProblem> {
    match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        // To read a pipe waits for ever.
        Ok(metadata) if !metadata.is_file() => Err(IndexProblem::Foreign),
        _ => Ok(fs::read_to_string(path)?.trim().parse().ok()),
    }
}

/// Writes the number, onto the disk. Half a number is taken for none.
pub(super) fn write(path: &Path, count: u64) -> Result<(), IndexProblem> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    writeln!(file, "{count}")?;
    Ok(file.sync_all()?)
}
