//! The file beside an index that says how often the index was opened.

use std::fs;
use std::io::{self, ErrorKind, Write as _};
use std::path::Path;

use crate::error::Problem;
use crate::owner_only;

/// The number; `None` if there is none that can be read.
pub(super) fn read(path: &Path) -> Result<Option<u64>, Problem> {
    match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        // To read a pipe waits for ever.
        Ok(metadata) if !metadata.is_file() => Err(problem(path)(io::Error::other("it is no regular file"))),
        _ => Ok(String::from_utf8_lossy(&fs::read(path).map_err(problem(path))?).trim().parse().ok()),
    }
}

/// Writes the number, onto the disk. Half a number is taken for none.
pub(super) fn write(path: &Path, count: u64) -> Result<(), Problem> {
    let written = owner_only::options().create(true).truncate(true).open(path).and_then(|mut file| {
        writeln!(file, "{count}")?;
        file.sync_all()
    });
    written.map_err(problem(path))
}

fn problem(path: &Path) -> impl Fn(io::Error) -> Problem {
    move |source| Problem::Beside { path: path.to_owned(), source }
}
