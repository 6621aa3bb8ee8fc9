//! Runs in a journal, through their public path.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use contact_sink_delivery::Options;
use contact_sink_journal::{Book, Ending, Entry, Identity, Input, Key, KilledLane, Kind, Run, State, Wanted};

fn begin(path: &Path) -> Run {
    let word = || "none".to_owned();
    let identity = Identity { host: word(), account: word(), account_hash: word(), subject: word(), mapping: word() };
    let key = Key::load_or_create(&path.with_extension("key")).unwrap();
    let input = Input { identity, name: "1", path: "users.csv", command: "sync", content: None };
    let (book, lane) = (Book::open(path, &key).unwrap(), KilledLane::of(&Options::for_run()));
    book.resume_or_begin(input, Wanted::default(), lane, SystemTime::now()).unwrap().unwrap().run
}

fn settle(run: &mut Run, row: u64) {
    let mut entry = Entry::default();
    entry.settled.push((row, Kind::Accepted));
    run.commit(entry).unwrap();
}

/// How long the log is.
fn log_bytes(journal: &Path) -> u64 {
    std::fs::metadata(journal.with_extension("sqlite-wal")).unwrap().len()
}

#[test]
fn a_log_that_was_folded_is_short_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("growth.sqlite");
    let mut run = begin(&path);
    let (began, mut row, mut longest) = (Instant::now(), 0, 0);
    // Else it is folded at every sync, which then come three times as seldom.
    loop {
        settle(&mut run, row);
        row += 1;
        let bytes = log_bytes(&path);
        if bytes < longest {
            break;
        }
        longest = bytes;
        assert!(began.elapsed() < Duration::from_secs(20), "it stays {bytes} bytes long after {row} commits");
    }
    run.finish(Ending::new(State::Finished)).unwrap();
}
