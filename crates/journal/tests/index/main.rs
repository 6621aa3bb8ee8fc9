//! The changed-only index and its key, through their public path.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod files;
mod keys;
mod model;
mod rules;

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use contact_sink_core::{ContactUpdate, Field, Subject, UserId, Value};
use contact_sink_journal::{Index, IndexOptions, Key};
use tempfile::TempDir;

/// A directory with a key and an index in it.
struct Place {
    directory: TempDir,
    key: Key,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let key = Key::load_or_create(&directory.path().join("key")).unwrap();
        Self { directory, key }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("growth.index.sqlite")
    }

    fn open(&self) -> Index {
        self.open_with(IndexOptions::default())
    }

    fn open_with(&self, options: IndexOptions) -> Index {
        Index::open(&self.path(), &self.key, options).unwrap()
    }

    /// What a kill at this moment leaves behind, as a place of its own.
    fn killed(&self) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for file in std::fs::read_dir(self.directory.path()).unwrap() {
            let path = file.unwrap().path();
            // In the memory of the process, in effect: SQLite makes it anew.
            if path.extension().is_none_or(|extension| extension != "sqlite-shm") {
                std::fs::copy(&path, directory.path().join(path.file_name().unwrap())).unwrap();
            }
        }
        Self { directory, key: self.key.clone() }
    }
}

fn user(id: &str) -> Subject {
    Subject::User(UserId::new(id).unwrap())
}

fn contact(owner: &str, contact: &str) -> Subject {
    Subject::Friend { owner: UserId::new(owner).unwrap(), friend: UserId::new(contact).unwrap() }
}

fn update<const N: usize>(subject: Subject, fields: [(&str, Value); N]) -> ContactUpdate {
    fields.into_iter().fold(ContactUpdate::new(subject), |update, (field, value)| {
        update.with(Field::new(field).unwrap(), value).unwrap()
    })
}

fn mobile(id: &str, value: &str) -> ContactUpdate {
    update(user(id), [("mobile", value.into())])
}

fn list<const N: usize>(texts: [&str; N]) -> Value {
    texts.map(str::to_owned).to_vec().into()
}

/// So many seconds after a moment of the year 2026.
fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000 + seconds)
}

/// The bytes of all files in a directory.
fn bytes(directory: &Path) -> Vec<u8> {
    let files = std::fs::read_dir(directory).unwrap();
    files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
}
