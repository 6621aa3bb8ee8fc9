//! The format of a journal's file.

use crate::base::Format;

/// "CSnk". Of another version, what it says of runs is not what this one must know.
///
/// Lines with contact data pass through the journal: what is deleted is overwritten. A log that was folded is cut when it begins
/// again. A thread folds it at 4 MiB. Where the thread cannot keep up, the connection that commits folds it at 16 MiB.
pub(crate) const JOURNAL: Format = Format {
    application_id: 0x43_53_6e_6b,
    version: 3,
    key_table: "key_check",
    settings: "
        PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 4096; PRAGMA journal_size_limit = 1048576;
        PRAGMA secure_delete = ON; PRAGMA cache_size = -2000; PRAGMA temp_store = MEMORY;
    ",
    tables: TABLES,
};

/// What belongs to a run beside its line in `run`: the tables that have a column of that name.
pub(crate) const OF_A_RUN: [&str; 6] =
    ["part", "settled_ahead", "maybe_applied", "reason", "rejected_line", "rejected_file"];

const TABLES: &str = "
-- A keyed hash: the journal is of no use under another key.
CREATE TABLE key_check (hash BLOB NOT NULL);
CREATE TABLE run (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    input TEXT NOT NULL,                -- absolute path, for people: a run is known by its content
    is_resumable INTEGER NOT NULL,      -- 0: the input could be read once only
    host TEXT NOT NULL,
    account TEXT NOT NULL,
    account_hash TEXT NOT NULL,
    subject TEXT NOT NULL,
    mapping TEXT NOT NULL,
    command TEXT NOT NULL,              -- what to type to resume it
    state TEXT NOT NULL,                -- running, unfinished, finished
    began INTEGER NOT NULL,             -- seconds since 1970
    changed INTEGER NOT NULL,
    first INTEGER NOT NULL,             -- rows before it belong to an earlier run; rows count from 0
    rows INTEGER NOT NULL,              -- of the whole input; 0 if that is not known
    content BLOB NOT NULL,              -- the keyed digest of all these rows
    checkpoint INTEGER NOT NULL,        -- all rows below it are settled
    read INTEGER NOT NULL,              -- rows of which something is written down, and those before them
    accepted INTEGER NOT NULL,          -- of the settled rows
    rejected INTEGER NOT NULL,
    skipped INTEGER NOT NULL,
    unchanged INTEGER NOT NULL,
    hold_until INTEGER NOT NULL,        -- until then an attempt without an answer may be applied
    rejected_path TEXT,                 -- the file of rejected rows
    rejected_bytes INTEGER NOT NULL,    -- so much of it is on the disk for certain,
    rejected_crc INTEGER NOT NULL,      -- with this CRC-32
    exit_status INTEGER,                -- of the last command that ended in order
    stop TEXT,                          -- why that ended before the last row: a word,
    stop_message TEXT,                  -- and a message
    is_forgotten INTEGER NOT NULL DEFAULT 0     -- 1: it is only kept because others must know that it was
);
-- Rows that were first seen together. The number is the age of their values: a higher one is newer.
CREATE TABLE part (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    run INTEGER NOT NULL,
    first INTEGER NOT NULL,             -- its first row
    name TEXT NOT NULL UNIQUE           -- what rejected rows carry as _run
);
-- Rows ahead of the checkpoint that are settled, from the first to the one after the last.
CREATE TABLE settled_ahead (run INTEGER NOT NULL, first INTEGER NOT NULL, past INTEGER NOT NULL, PRIMARY KEY (run, first)) WITHOUT ROWID;
-- Rows that are not settled and may have been applied.
CREATE TABLE maybe_applied (run INTEGER NOT NULL, first INTEGER NOT NULL, past INTEGER NOT NULL, PRIMARY KEY (run, first)) WITHOUT ROWID;
-- Why rows were rejected or skipped. A code is a number or a word, and the word '12' must not become the number 12: so the column
-- has no type. In the index the empty blob stands for NULL: no code is a blob.
CREATE TABLE reason (run INTEGER NOT NULL, kind TEXT NOT NULL, code, reason TEXT NOT NULL, count INTEGER NOT NULL);
CREATE UNIQUE INDEX reason_once ON reason (run, kind, ifnull(code, x''), reason);
-- Lines that may not be in the file of rejected rows yet, and at which byte they belong.
CREATE TABLE rejected_line (run INTEGER NOT NULL, at INTEGER NOT NULL, lines BLOB NOT NULL, PRIMARY KEY (run, at));
-- All files of rejected rows of a run.
CREATE TABLE rejected_file (run INTEGER NOT NULL, path TEXT NOT NULL, PRIMARY KEY (run, path)) WITHOUT ROWID;
-- Which part has set a field last: keyed hashes of subjects, and for each field 14 bytes (see newest.rs).
CREATE TABLE field (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE newest (subject INTEGER PRIMARY KEY, fields BLOB NOT NULL);
";
