//! A journal that cannot be written any more says so for good, and holds what was committed before; and how often it syncs.

use std::fs;
use std::time::{Duration, Instant};

use contact_sink_core::ErrorCode;
use contact_sink_journal::{Ending, Entry, Kind, Reason, Recovered, Run, SYNC_EVERY, State};

use crate::world::{World, finish, settled};

fn letter(row: u64) -> Entry<'static> {
    let mut entry = settled([(row, Kind::Rejected)]);
    entry.maybe_applied = vec![row + 100];
    entry.reasons = vec![Reason::new(Kind::Rejected, Some(ErrorCode::Number(7)), "wrong")];
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
    assert!(run.settled().contains(3) && run.maybe_applied().contains(103) && !run.maybe_applied().contains(105));
    assert_eq!(run.reasons().unwrap()[0].count, 1);
    assert_eq!(run.letters_end(), "row 3\n".len() as u64);
}

#[test]
fn a_failed_commit_is_the_last_and_leaves_nothing() {
    for statement in ["UPDATE ON run", "INSERT ON maybe_applied", "UPDATE ON reason", "INSERT ON rejected_line"] {
        let world = World::new();
        let mut run = world.run();
        run.name_letters(world.path("letters"));
        run.commit(letter(3)).unwrap();
        world.tamper(&format!("CREATE TRIGGER full BEFORE {statement} BEGIN SELECT RAISE(ABORT, 'disk full'); END"));
        check(&world, run);
    }
}

#[test]
fn a_failed_run_is_finished_when_the_journal_can_be_written_again() {
    let world = World::new();
    let mut run = world.run();
    run.name_letters(world.path("letters"));
    run.commit(letter(0)).unwrap();
    run.write_letters().unwrap();
    // One for the commit and one for the lines: then the commit that would take the line out of the journal fails.
    while run.syncs() < 2 {
        std::thread::yield_now();
    }
    world.tamper("CREATE TRIGGER full BEFORE UPDATE ON run BEGIN SELECT RAISE(ABORT, 'disk full'); END");
    assert!(run.commit(letter(1)).is_err());
    world.tamper("DROP TRIGGER full");
    let mut ending = Ending::new(State::Unfinished);
    ending.maybe_applied = vec![1, 4];
    run.finish(ending).unwrap();
    assert_eq!(world.ask("SELECT count(*) FROM rejected_line"), 0);
    let mut run = world.resume(20);
    assert!(!run.was_killed() && run.settled().len() == 1);
    assert_eq!(maybe_applied(&run), [1, 4, 100], "and no other row");
    assert_eq!(run.recover_letters(b"", || world.path("other")).unwrap(), Recovered::Kept);
    run.commit(letter(1)).unwrap();
    run.write_letters().unwrap();
    finish(run);
    assert_eq!(fs::read_to_string(world.path("letters")).unwrap(), "row 0\nrow 1\n");
}

/// A full disk takes no commit, and yet only the rows that were sent count as maybe applied.
#[test]
fn a_run_whose_journal_stays_full_leaves_a_note() {
    let world = World::new();
    let mut run = world.run();
    run.name_letters(world.path("letters"));
    run.commit(letter(0)).unwrap();
    run.write_letters().unwrap();
    run.commit(letter(1)).unwrap();
    world.tamper("CREATE TRIGGER full BEFORE UPDATE ON run BEGIN SELECT RAISE(ABORT, 'disk full'); END");
    assert!(run.commit(letter(2)).is_err());
    let mut ending = Ending::new(State::Unfinished);
    ending.maybe_applied = vec![0, 2, 3, 7];
    assert!(run.finish(ending.clone()).is_err());
    // The owner moves the file of rejected rows away, and makes room.
    fs::rename(world.path("letters"), world.path("mine")).unwrap();
    world.tamper("DROP TRIGGER full");
    let mut run = world.resume(20);
    assert!(!run.was_killed());
    assert_eq!(maybe_applied(&run), [2, 3, 7, 100, 101], "row 0 is settled");
    let recovered = run.recover_letters(b"", || world.path("letters-2")).unwrap();
    assert_eq!(recovered, Recovered::Edited);
    finish(run);
    let text = |name: &str| fs::read_to_string(world.path(name)).unwrap();
    assert_eq!((text("mine").as_str(), text("letters-2").as_str()), ("row 0\n", "row 1\n"));
    assert!(!world.path("growth.stopped").exists());
    // What rows without number could be too many for the note: then it counts as killed.
    let mut run = world.run();
    world.tamper("CREATE TRIGGER full BEFORE UPDATE ON run BEGIN SELECT RAISE(ABORT, 'disk full'); END");
    assert!(run.commit(letter(9)).is_err());
    ending.maybe_applied = (0..20_000).map(|row| 1_000 + row * 2).collect();
    assert!(run.finish(ending).is_err());
    world.tamper("DROP TRIGGER full");
    assert!(world.run().was_killed());
}

fn maybe_applied(run: &Run) -> Vec<u64> {
    (0..200).filter(|row| run.maybe_applied().contains(*row)).collect()
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
    assert!(run.finish(Ending::new(State::Finished)).is_err());
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
            assert_eq!(world.ask("SELECT count(*) FROM rejected_line"), 0, "no line stays in the journal");
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
        let now = world.ask("SELECT rejected_bytes FROM run");
        left += u64::from(now != known);
        known = now;
    }
    // One round of syncs may be over and not be counted yet.
    assert!(left <= run.syncs() + 1, "lines left {left} times, with {} syncs", run.syncs());
    finish(run);
    assert_eq!(
        world.ask("SELECT rejected_bytes FROM run"),
        i64::try_from(fs::read(world.path("letters")).unwrap().len()).unwrap()
    );
}
