//! Files that are written for others, and whether a place is fit for one.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

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

/// Whether a file can be written, or made where none is. Nothing is left behind, and a pipe or a device is not opened.
pub fn can_be_written(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => OpenOptions::new().append(true).open(path).map(drop),
        Ok(_) => Ok(()),
        Err(_) => OpenOptions::new().write(true).create_new(true).open(path).and_then(|_| fs::remove_file(path)),
    }
}

/// A file of ours that others read while it is written anew.
#[derive(Debug, Clone)]
pub struct SharedFile(PathBuf);

impl SharedFile {
    /// What is there must be a regular file, or nothing. A link is followed.
    ///
    /// # Errors
    /// What is wrong with the place, in words.
    pub fn at(path: &Path) -> Result<Self, String> {
        let Ok(metadata) = fs::symlink_metadata(path) else { return Ok(Self(path.to_owned())) };
        let path = match fs::canonicalize(path) {
            _ if !metadata.is_symlink() => path.to_owned(),
            Ok(path) => path,
            Err(error) => return Err(format!("it is a link, and what it names cannot be found: {error}")),
        };
        match path.is_file() {
            true => Ok(Self(path)),
            false => Err("it is no regular file, and is not replaced by one: name another".to_owned()),
        }
    }

    /// Writes it, readable by all: it must not be read half. Where another file cannot take its place, such as one that
    /// is mounted, it is written in place.
    pub fn write(&self, text: &str) -> io::Result<()> {
        let Self(path) = Self::at(&self.0).map_err(io::Error::other)?;
        let mut builder = tempfile::Builder::new();
        builder.prefix(".contact-sink-");
        let replaced = builder.tempfile_in(directory_of(&path)).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            // Whatever the umask is.
            file.as_file().set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
            file.persist(&path).map(drop).map_err(|error| error.error)
        });
        match replaced {
            Err(_) if path.is_file() => fs::write(&path, text),
            replaced => replaced,
        }
    }
}

/// Whether both are the same file, or will be when it is made.
pub fn are_the_same(one: &Path, other: &Path) -> bool {
    real(one).is_some_and(|one| real(other) == Some(one))
}

/// Whether a file is there and not empty. A full disk may leave an empty one.
pub fn has_content(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.len() > 0)
}

/// Whether a file is in a directory, or will be when it is made.
pub fn is_in(path: &Path, directory: &Path) -> bool {
    real(path).zip(fs::canonicalize(directory).ok()).is_some_and(|(path, directory)| path.parent() == Some(&directory))
}

/// The directory in which a file is, or is to be made.
pub fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A path as it is absolute; links are not followed.
pub fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Where a file really is, or will be when it is made.
fn real(path: &Path) -> Option<PathBuf> {
    let to_be_made = || Some(fs::canonicalize(directory_of(path)).ok()?.join(path.file_name().unwrap_or_default()));
    fs::canonicalize(path).ok().or_else(to_be_made)
}

/// Refuses a directory in which others could put files in the place of ours, or take ours away. One that is not there is made for its owner
/// only.
///
/// # Errors
/// Its name, what is wrong with it, and what to type.
pub fn check_private(directory: &Path) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt as _;
    let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let Ok(metadata) = fs::metadata(directory) else { return Ok(()) };
    let name = directory.display();
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(format!("{name} belongs to another user: name another one"));
    }
    if metadata.mode() & 0o022 != 0 {
        return Err(format!("{name} can be written by others: chmod go-w {name}"));
    }
    Ok(())
}
