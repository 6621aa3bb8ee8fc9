//! A journal that cannot be written any more says so for good, and holds what was committed before; and how often it syncs.

use std::fs;
use std::time::{Duration, Instant};

use contact_sink_core::ErrorCode;
use contact_sink_journal::{Entry, Kind, Run, SYNC_EVERY};

use crate::world::{World, finish, settled};

fn letter(row: u64) -> Entry<'static> {
    let mut entry = settled([(row, Kind::Rejected)]);
    entry.doubtful = vec![row + 100];
    entry.reasons = vec![(Some(&ErrorCode::Number(7)), "wrong")];
    entry.letters = format!("row {row}\n").into_bytes();
    entry
}

/// The commit that failed left nothing, though it failed at its last statement.
fn check(world: &World, mut run: Run) {
    let error = run.commit(letter(5)).unwrap_err().to_string();
    let path = world.journal().display().to_string();
    assert!(error.starts_with(&format!("the journal {path} cannot be written: ")), "{error}");
    // Even if it could be written by now: what was lost between would be missed by nobody.
    world.tamper("DROP TRIGGER full");
    assert_eq!(run.commit(letter(6)).unwrap_err().to_string(), error);
    assert_eq!(run.commit(Entry::default()).unwrap_err().to_string(), error);
    world.kill(run);
    let run = world.run();
    assert_eq!((run.counts().settled(), run.settled().len()), (1, 1));
    assert!(run.settled().contains(3) && run.doubtful().contains(103) && !run.doubtful().contains(105));
    assert_eq!(run.reasons()[0].count, 1);
    assert_eq!(run.letters_end(), "row 3\n".len() as u64);
}

#[test]
fn a_failed_commit_is_the_last_and_leaves_nothing() {
    for statement in ["UPDATE ON run", "INSERT ON doubt", "UPDATE ON reason", "INSERT ON letter"] {
        let world = World::new();
        let mut run = world.run();
        run.name_letters(world.path("letters"));
        run.commit(letter(3)).unwrap();
        world.tamper(&format!("CREATE TRIGGER full BEFORE {statement} BEGIN SELECT RAISE(ABORT, 'disk full'); END"));
        check(&world, run);
    }
}

#[test]
fn a_failed_run_cannot_be_finished() {
    let world = World::new();
    let mut run = world.run();
    world.tamper("CREATE TRIGGER full BEFORE UPDATE ON run BEGIN SELECT RAISE(ABORT, 'disk full'); END");
    assert!(run.commit(letter(1)).is_err());
    world.tamper("DROP TRIGGER full");
    assert!(run.finish(contact_sink_journal::State::Finished).is_err());
    assert!(world.run().was_killed(), "it did not end in order");
}

/// What cannot be brought to the disk is no commit, although it could be written.
#[test]
fn a_log_that_cannot_be_synced_ends_the_run() {
    let world = World::new();
    let mut run = world.run();
    run.commit(settled([(0, Kind::Accepted)])).unwrap();
    fs::remove_file(world.path("growth.sqlite-wal")).unwrap();
    let began = Instant::now();
    let error = loop {
        match run.commit(settled([(1, Kind::Accepted)])) {
            Err(error) => break error.to_string(),
            Ok(()) => assert!(began.elapsed() < Duration::from_secs(20), "nobody notices"),
        }
    };
    assert!(error.contains(&world.journal().display().to_string()), "{error}");
    assert!(run.finish(contact_sink_journal::State::Finished).is_err());
}

/// At full speed, with letters too, at most 20 syncs a second; and all is there after the end.
#[test]
fn it_syncs_twenty_times_a_second_at_most() {
    for with_letters in [false, true] {
        let world = World::new();
        let mut run = world.run();
        run.name_letters(world.path("letters"));
        let (began, mut row) = (Instant::now(), 0);
        while began.elapsed() < Duration::from_millis(600) {
            let mut entry = settled([(row, Kind::Accepted)]);
            if with_letters {
                entry.letters = format!("{row}\n").into_bytes();
            }
            run.commit(entry).unwrap();
            run.write_letters().unwrap();
            row += 1;
        }
        let (syncs, elapsed) = (run.syncs(), began.elapsed());
        // The pause after a round of syncs is as long as they are many, four at most: the first round is free.
        let most = elapsed.as_millis() / SYNC_EVERY.as_millis() + 4;
        assert!(u128::from(syncs) <= most, "{syncs} syncs in {elapsed:?}");
        assert!(syncs >= 1, "{syncs} syncs in {elapsed:?}");
        finish(run);
        assert_eq!(world.run().counts().accepted, row);
        if with_letters {
            let lines: String = (0..row).map(|row| format!("{row}\n")).collect();
            assert_eq!(fs::read_to_string(world.path("letters")).unwrap(), lines);
            assert_eq!(world.ask("SELECT count(*) FROM letter"), 0, "no line stays in the journal");
        }
    }
}

/// A power cut must not take a line that the journal does not have any more.
#[test]
fn lines_leave_the_journal_after_they_are_on_the_disk() {
    let world = World::new();
    let mut run = world.run();
    run.name_letters(world.path("letters"));
    let (mut known, mut left) = (0, 0);
    for row in 0..200 {
        run.commit(letter(row)).unwrap();
        run.write_letters().unwrap();
        let now = world.ask("SELECT letters_bytes FROM run");
        left += u64::from(now != known);
        known = now;
    }
    // One round of syncs may be over and not be counted yet.
    assert!(left <= run.syncs() + 1, "lines left {left} times, with {} syncs", run.syncs());
    finish(run);
    assert_eq!(
        world.ask("SELECT letters_bytes FROM run"),
        i64::try_from(fs::read(world.path("letters")).unwrap().len()).unwrap()
    );
}
