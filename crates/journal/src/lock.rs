//! Locks among processes: a process that holds one says who it is.

use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::StoreError;
use crate::owner_only;

/// A lock that this process holds until it is dropped, or the process ends, however it ends.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
}

/// Why a lock was not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Held {
    /// Another process holds it.
    #[error("{}", if by.is_empty() { "another process" } else { by })]
    By {
        /// What it says of itself.
        by: String,
    },
    /// It cannot be asked for.
    #[error(transparent)]
    Failed(#[from] StoreError),
}

impl Lock {
    /// Takes the lock of a file, which comes into being if it is not there; and writes into it who holds it.
    pub fn take(path: &Path, who: &str) -> Result<Self, Held> {
        if owner_only::is_no_file(path) {
            let error = std::io::Error::other("it is no regular file: move it away");
            return Err(StoreError::journal(path)(error).into());
        }
        let mut file = owner_only::open(path).map_err(StoreError::journal(path))?;
        match try_lock(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                // A process that takes it this moment may not have written its name yet.
                return Err(Held::By { by: said(file).unwrap_or_default() });
            }
            Err(TryLockError::Error(error)) => return Err(StoreError::journal(path)(error).into()),
        }
        let written = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(who.as_bytes()));
        written.map_err(StoreError::journal(path))?;
        Ok(Self { file, path: path.to_owned() })
    }

    /// Which process holds the lock of a file, if one does.
    pub fn holder(path: &Path) -> Option<String> {
        let file = File::open(path).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => said(file),
            // It is given back as the file is closed.
            _ => None,
        }
    }

    /// Whether the file at its path is still the one that is locked. If not, another process may hold a lock of the same name.
    pub fn is_in_place(&self) -> bool {
        let id = |metadata| owner_only::id(&metadata);
        let at_path = std::fs::metadata(&self.path).map(id);
        at_path.is_ok_and(|at_path| self.file.metadata().is_ok_and(|held| id(held) == at_path))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// What a process that holds a lock says of itself.
fn said(file: File) -> Option<String> {
    let mut by = String::new();
    file.take(4096).read_to_string(&mut by).ok()?;
    Some(by.trim().to_owned())
}

/// A process that only looks which one holds it ([`Lock::holder`]) is in the way for a moment.
fn try_lock(file: &File) -> Result<(), TryLockError> {
    for _ in 0..5 {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(10)),
            locked => return locked,
        }
    }
    file.try_lock()
}
