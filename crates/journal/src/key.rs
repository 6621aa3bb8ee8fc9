//! The secret key of a state directory, under which journals and indexes hash what they remember, in a file of its own.

use std::fmt;
use std::fs::{File, Permissions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use hmac::Mac as _;

use crate::hash::keyed;
use crate::owner_only;

const BYTES: usize = 32;

/// 32 bytes from the system's source of randomness. `Debug` prints none of them.
///
/// With a journal or an index and its key it can be tried whether a certain user has a certain value, or a file a certain
/// content; without the key it cannot.
#[derive(Clone, PartialEq, Eq)]
pub struct Key([u8; BYTES]);

/// Why there is no key to work with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The file can be neither read nor made.
    #[error("the key {} cannot be {doing}", path.display())]
    File {
        /// The key's file.
        path: PathBuf,
        /// What was tried: `read`, `written`.
        doing: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file holds something else.
    #[error(
        "{} is no key: it must have {BYTES} bytes; put the right file there, or move it away together with the journals and \
         indexes beside it: then everything is sent once more",
        .0.display()
    )]
    Size(PathBuf),
    /// It is no file: a directory, or a pipe, which would be waited for.
    #[error("{} is no regular file: put the key there, or move it away", .0.display())]
    Kind(PathBuf),
    /// Others can read the file.
    #[error("{}: others can read it, and try with it what the journal knows: chmod 600 {}", .0.display(), .0.display())]
    Open(PathBuf),
    /// The system gave no random bytes.
    #[error("the system gives no random bytes for a new key")]
    Random(#[source] io::Error),
}

impl Key {
    /// Reads the key from its file, or makes one, for its owner only.
    ///
    /// Of several processes that find none at the same time one makes it and the others read that. An empty file is what a
    /// process that was killed while it made one has made: it is filled.
    ///
    /// # Errors
    /// [`KeyError`] if the file cannot be read or made, or does not hold 32 bytes; it is left as it is then.
    pub fn load_or_create(path: &Path) -> Result<Self, KeyError> {
        let failed = |doing| move |source| KeyError::File { path: path.to_owned(), doing, source };
        if owner_only::is_no_file(path) {
            return Err(KeyError::Kind(path.to_owned()));
        }
        // First without a thought of writing: a key may lie on a read-only disk.
        match File::open(path) {
            Ok(mut file) => match read(&mut file).map_err(failed("read"))?.as_slice() {
                [] => {}
                bytes => {
                    let key = Self::of(bytes, path)?;
                    return if is_open_to_others(&file) { Err(KeyError::Open(path.to_owned())) } else { Ok(key) };
                }
            },
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(failed("read")(error)),
        }
        let mut file = owner_only::open(path).map_err(failed("written"))?;
        file.lock().map_err(failed("written"))?;
        // Another process may have filled it before this one had the lock.
        let bytes = read(&mut file).map_err(failed("read"))?;
        if !bytes.is_empty() {
            return Self::of(&bytes, path);
        }
        // An empty one may have been left by another program.
        file.set_permissions(Permissions::from_mode(0o600)).map_err(failed("written"))?;
        let mut key = [0; BYTES];
        getrandom::getrandom(&mut key).map_err(|error| KeyError::Random(error.into()))?;
        file.write_all(&key).and_then(|()| file.sync_all()).map_err(failed("written"))?;
        Ok(Self(key))
    }

    /// A key for one purpose, from which this one cannot be told.
    pub fn derive(&self, purpose: &str) -> Self {
        let mut hash = keyed(&self.0);
        hash.update(purpose.as_bytes());
        Self(hash.finalize().into_bytes().into())
    }

    /// The bytes of the key, to hash under it.
    pub fn bytes(&self) -> &[u8; BYTES] {
        &self.0
    }

    fn of(bytes: &[u8], path: &Path) -> Result<Self, KeyError> {
        bytes.try_into().map(Self).map_err(|_| KeyError::Size(path.to_owned()))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

fn is_open_to_others(file: &File) -> bool {
    file.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}

/// What the file holds, or the beginning of it if that is too much for a key.
fn read(file: &mut File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
