//! The digest of an input up to a row: whether a file is still the one that was read before.

use contact_sink_mapping::CellsRef;
use sha2::{Digest as _, Sha256};

/// The digest of a header and of the records after it. What a record says counts, not how its cells are quoted or its lines end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Digest([u8; 32]);

/// The digest of the records so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Running(Sha256);

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
    /// Adds a record of cells.
    pub(crate) fn add_cells(&mut self, cells: CellsRef<'_>) {
        // The number of cells and where each ends: two records differ in that, or in their bytes.
        self.add_length(cells.len());
        for end in cells.ends() {
            self.0.update(end.to_le_bytes());
        }
        self.0.update(cells.bytes());
    }

    /// Adds a line.
    pub(crate) fn add_line(&mut self, line: &[u8]) {
        self.add_length(line.len());
        self.0.update(line);
    }

    fn add_length(&mut self, length: usize) {
        self.0.update((length as u64).to_le_bytes());
    }

    /// The digest of what was added.
    pub(crate) fn value(&self) -> Digest {
        Digest(self.0.clone().finalize().into())
    }
}
