//! Files that others read while they are written anew.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;

/// Whether a file can be made in a directory, which need not be there yet. Nothing is left behind.
pub fn can_be_made_in(directory: &Path) -> io::Result<()> {
    let is_missing = |path: &&Path| {
        let metadata = fs::symlink_metadata(path);
        !path.as_os_str().is_empty() && metadata.is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
    };
    let there = directory.ancestors().find(|path| !is_missing(path)).unwrap_or(directory);
    let trial = there.join(format!(".contact-sink-{}", std::process::id()));
    match OpenOptions::new().write(true).create_new(true).open(&trial) {
        // A kill has left it behind.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        opened => drop(opened?),
    }
    fs::remove_file(&trial)
}

/// Writes a file that is there whole or not at all: whoever reads it must not read half of it.
pub fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    let mut part = path.as_os_str().to_owned();
    part.push(format!(".{}.part", std::process::id()));
    let written = fs::write(&part, text).and_then(|()| fs::rename(&part, path));
    if written.is_err() {
        let _ = fs::remove_file(&part);
    }
    written
}

/// Whether both are the same file, or will be when it is made.
pub fn are_the_same(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| {
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::canonicalize(path)
            .or_else(|_| Ok::<_, io::Error>(fs::canonicalize(directory)?.join(path.file_name().unwrap_or_default())))
            .ok()
    };
    real(one).is_some_and(|one| real(other) == Some(one))
}

/// Whether a file is there and not empty. A full disk may leave an empty one.
pub fn has_content(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.len() > 0)
}
