//! The hash of an input up to a row: whether a file is still the one that was read before.

use sha2::{Digest as _, Sha256};

use super::row::Record;

/// The hash of all records so far. What a record says counts, not how its cells are quoted or its lines end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Digest([u8; 32]);

impl Digest {
    /// With one record more.
    pub fn and(self, record: &Record) -> Self {
        let mut hash = Sha256::new();
        hash.update(self.0);
        match record {
            Record::Cells(cells) => {
                for end in &cells.ends {
                    hash.update(end.to_le_bytes());
                }
                hash.update(&cells.bytes);
            }
            Record::Line(line) => hash.update(line),
        }
        Self(hash.finalize().into())
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}
