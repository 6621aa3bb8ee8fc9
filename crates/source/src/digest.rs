//! The digest of an input up to a row: whether a file has what was read before.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use contact_sink_mapping::CellsRef;
use highway::{HighwayHash as _, HighwayHasher, Key};

/// The digest of a header and of the records after it, under a key. What a record says counts, not how its cells are quoted or
/// its lines end. Without the key it cannot be tried whether an input has a certain content.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Digest([u8; 32]);

/// The digest of the records so far.
#[derive(Debug, Clone)]
pub(crate) struct Running {
    hash: HighwayHasher,
    /// They are hashed many at a time.
    waiting: Vec<u8>,
}

const WAITING_BYTES: usize = 4 * 1024;

/// The key of digests. `Debug` prints nothing of it.
#[derive(Clone, Copy)]
pub(crate) struct DigestKey([u64; 4]);

impl DigestKey {
    /// A key of its own: digests under it are compared with no others.
    pub(crate) fn random() -> Self {
        let word = || RandomState::new().build_hasher().finish();
        Self([word(), word(), word(), word()])
    }

    pub(crate) fn of(bytes: &[u8; 32]) -> Self {
        let (words, _) = bytes.as_chunks::<8>();
        let mut key = [0; 4];
        key.iter_mut().zip(words).for_each(|(to, word)| *to = u64::from_le_bytes(*word));
        Self(key)
    }
}

impl Digest {
    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl PartialEq<[u8]> for Digest {
    fn eq(&self, other: &[u8]) -> bool {
        self.as_bytes() == other
    }
}

impl Running {
    pub(crate) fn new(DigestKey(key): DigestKey) -> Self {
        Self { hash: HighwayHasher::new(Key(key)), waiting: Vec::new() }
    }

    /// Adds a record of cells.
    pub(crate) fn add_cells(&mut self, cells: CellsRef<'_>) {
        // The number of cells and where each ends: two records differ in that, or in their bytes.
        self.add_length(cells.len());
        let mut start = 0;
        for end in cells.ends() {
            self.add_length((end - start) as usize);
            start = *end;
        }
        self.add_bytes(cells.bytes());
    }

    /// Adds a line.
    pub(crate) fn add_line(&mut self, line: &[u8]) {
        self.add_length(line.len());
        self.add_bytes(line);
    }

    fn add_bytes(&mut self, bytes: &[u8]) {
        self.waiting.extend_from_slice(bytes);
        if self.waiting.len() >= WAITING_BYTES {
            self.hash.append(&self.waiting);
            self.waiting.clear();
        }
    }

    /// In one byte, as most are, or in nine.
    fn add_length(&mut self, length: usize) {
        match u8::try_from(length) {
            Ok(short) if short < u8::MAX => self.waiting.push(short),
            _ => {
                self.waiting.push(u8::MAX);
                self.waiting.extend_from_slice(&(length as u64).to_le_bytes());
            }
        }
    }

    /// The digest of what was added.
    pub(crate) fn value(&mut self) -> Digest {
        self.hash.append(&self.waiting);
        self.waiting.clear();
        let mut bytes = [0; 32];
        for (part, word) in bytes.chunks_exact_mut(8).zip(self.hash.clone().finalize256()) {
            part.copy_from_slice(&word.to_le_bytes());
        }
        Digest(bytes)
    }
}
