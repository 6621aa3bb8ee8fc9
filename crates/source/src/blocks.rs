//! A file in blocks: hashed as the pre-flight reads it, and compared before any byte of a block is used again.

use std::fs::File;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use highway::{HighwayHash as _, HighwayHasher, Key};

use crate::fault::Changed;
use crate::read_control::ReadControl;

/// So many bytes are hashed together.
pub(crate) const BLOCK_BYTES: usize = 1024 * 1024;

/// The hashes of a file's blocks, under a key that is drawn anew for each.
#[derive(Debug)]
pub(crate) struct Blocks {
    length: u64,
    key: Key,
    hashes: Vec<[u64; 2]>,
    /// The file ended without a line break: if it has grown since, its last line was not whole.
    ends_open: bool,
}

/// A key that nothing outside this process knows.
fn random_key() -> Key {
    let word = || RandomState::new().build_hasher().finish();
    Key([word(), word(), word(), word()])
}

impl Blocks {
    fn hash(key: Key, block: &[u8]) -> [u64; 2] {
        HighwayHasher::new(key).hash128(block)
    }
}

/// Reads a file to the length that it has now, and hashes its blocks.
pub(crate) struct HashedFile<'p> {
    file: Arc<File>,
    blocks: Blocks,
    buffer: Buffer,
    /// It ended before the length that it had at the beginning.
    is_cut: bool,
    progress: &'p ReadControl,
}

/// Reads a file again; a block that is not as before is an error, and none of its bytes is given.
pub(crate) struct ComparedFile {
    file: Arc<File>,
    blocks: Arc<Blocks>,
    next: usize,
    buffer: Buffer,
    progress: Arc<ReadControl>,
}

/// The block that is being given.
#[derive(Default)]
struct Buffer {
    bytes: Vec<u8>,
    given: usize,
}

impl Buffer {
    fn load(&mut self, file: &File, at: u64, length: u64) -> io::Result<()> {
        let bytes = length.saturating_sub(at).min(BLOCK_BYTES as u64);
        self.bytes.resize(usize::try_from(bytes).unwrap_or(BLOCK_BYTES), 0);
        self.given = 0;
        file.read_exact_at(&mut self.bytes, at).inspect_err(|_| self.bytes.clear())
    }

    fn is_empty(&self) -> bool {
        self.given == self.bytes.len()
    }

    fn give(&mut self, to: &mut [u8], progress: &ReadControl) -> usize {
        let left = &self.bytes[self.given..];
        let count = left.len().min(to.len());
        to[..count].copy_from_slice(&left[..count]);
        self.given += count;
        progress.add(count as u64);
        count
    }
}

impl<'p> HashedFile<'p> {
    pub(crate) fn new(file: Arc<File>, progress: &'p ReadControl) -> io::Result<Self> {
        let length = file.metadata()?.len();
        let blocks = Blocks { length, key: random_key(), hashes: Vec::new(), ends_open: false };
        Ok(Self { file, blocks, buffer: Buffer::default(), is_cut: false, progress })
    }

    /// The hashes of what was read. `None` if the file is not as long as it was at the beginning.
    pub(crate) fn finish(self) -> io::Result<Option<Blocks>> {
        let is_as_long = !self.is_cut && self.file.metadata()?.len() == self.blocks.length;
        Ok(is_as_long.then_some(self.blocks))
    }
}

impl Read for HashedFile<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if self.buffer.is_empty() {
            let at = self.blocks.hashes.len() as u64 * BLOCK_BYTES as u64;
            if at >= self.blocks.length {
                return Ok(0);
            }
            match self.buffer.load(&self.file, at, self.blocks.length) {
                // It became shorter: `finish` says so.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    self.is_cut = true;
                    return Ok(0);
                }
                loaded => loaded?,
            }
            self.blocks.hashes.push(Blocks::hash(self.blocks.key, &self.buffer.bytes));
            self.blocks.ends_open = !matches!(self.buffer.bytes.last(), Some(b'\n' | b'\r'));
        }
        Ok(self.buffer.give(to, self.progress))
    }
}

impl ComparedFile {
    pub(crate) fn new(file: Arc<File>, blocks: Arc<Blocks>, progress: Arc<ReadControl>) -> Self {
        Self { file, blocks, next: 0, buffer: Buffer::default(), progress }
    }
}

impl Read for ComparedFile {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if self.buffer.is_empty() {
            let Some(hash) = self.blocks.hashes.get(self.next) else { return Ok(0) };
            let at = self.next as u64 * BLOCK_BYTES as u64;
            self.buffer.load(&self.file, at, self.blocks.length).map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => io::Error::other(Changed),
                _ => error,
            })?;
            self.next += 1;
            let is_last = self.next == self.blocks.hashes.len();
            let is_cut = is_last && self.blocks.ends_open && goes_on(&self.file, self.blocks.length);
            if is_cut || Blocks::hash(self.blocks.key, &self.buffer.bytes) != *hash {
                self.buffer.bytes.clear();
                return Err(io::Error::other(Changed));
            }
        }
        Ok(self.buffer.give(to, &self.progress))
    }
}

/// Whether a line that ended with the file goes on now.
fn goes_on(file: &File, at: u64) -> bool {
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).is_ok() && !matches!(byte, [b'\n' | b'\r'])
}
