//! Records from files: the reader beside the csv crate, the pre-flight, and files that are changed meanwhile.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, unreachable_pub)]

mod blocks;
mod changed;
mod differential;
mod preflight;

use std::path::PathBuf;
use std::sync::Arc;

use contact_sink_mapping::Record;
use contact_sink_source::{Dialect, Fault, Input, Preflight, PreflightError, ReadControl};
use tempfile::TempDir;

/// A file of its own.
struct Place {
    _directory: TempDir,
    path: PathBuf,
}

impl Place {
    fn new(name: &str, content: impl AsRef<[u8]>) -> Self {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join(name);
        std::fs::write(&path, content).unwrap();
        Self { _directory: directory, path }
    }

    fn open(&self, dialect: Dialect) -> Input {
        Input::open(&self.path, None, dialect).unwrap().with_id_places(vec![0]).with_digest_key(&[7; 32])
    }
}

fn preflight(input: &mut Input, wanted: &[u64]) -> Result<Preflight, Vec<Fault>> {
    input.preflight(wanted, &ReadControl::default()).map_err(|error| match error {
        PreflightError::Faults(faults) => faults,
        other => panic!("{other}"),
    })
}

/// The rows of an input as cells.
fn read(input: &mut Input) -> Result<Vec<Vec<Vec<u8>>>, Fault> {
    let rows = input.rows(Arc::new(ReadControl::default()));
    rows.map(|row| {
        row.map(|row| match row.record {
            Record::Cells(cells) => cells.iter().map(<[u8]>::to_vec).collect(),
            Record::Object(text) => vec![text.into_vec()],
        })
    })
    .collect()
}
