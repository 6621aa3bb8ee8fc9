//! The file of letters, end by end: whatever happens to it, no line is torn, doubled or lost, and nobody's edit is undone.

use std::fs;
use std::path::{Path, PathBuf};

use contact_sink_journal::{Entry, Kind, Recovered, Run};

use crate::world::{World, finish, settled};

pub(crate) const HEAD: &str = "line,why\n";

/// Commits lines as the command does: the head goes before the first one.
pub(crate) fn commit(run: &mut Run, path: &Path, head: &str, row: u64, lines: &str) {
    let mut entry: Entry<'_> = settled([(row, Kind::Rejected)]);
    entry.letters = lines.as_bytes().to_vec();
    if run.letters_end() == 0 {
        entry.letters.splice(0..0, head.bytes());
        run.name_letters(path.to_owned());
    }
    run.commit(entry).unwrap();
}

fn file(world: &World) -> PathBuf {
    world.path("letters")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

/// Three lines, of which so many are written into the file; then the run is killed.
fn killed_after(world: &World, written: u64) {
    let mut run = world.run();
    for row in 0..3 {
        commit(&mut run, &file(world), HEAD, row, &format!("row {row},wrong\n"));
        if row < written {
            run.write_letters().unwrap();
        }
    }
    assert_eq!(run.has_unwritten_letters(), written < 3);
    world.kill(run);
}

const ALL: &str = "line,why\nrow 0,wrong\nrow 1,wrong\nrow 2,wrong\n";

fn recover(world: &World, run: &mut Run) -> Recovered {
    run.recover_letters(HEAD.as_bytes(), || world.path("letters-2")).unwrap()
}

#[test]
fn lines_that_were_committed_and_not_written_are_written_by_the_next_run() {
    for written in 0..=3 {
        let world = World::new();
        killed_after(&world, written);
        let mut run = world.run();
        assert_eq!(recover(&world, &mut run), Recovered::Kept);
        assert_eq!(read(&file(&world)), ALL);
        assert!(!run.has_unwritten_letters());
        commit(&mut run, &file(&world), HEAD, 3, "row 3,wrong\n");
        run.write_letters().unwrap();
        finish(run);
        assert_eq!(read(&file(&world)), format!("{ALL}row 3,wrong\n"));
        assert!(!world.path("letters-2").exists());
    }
}

#[test]
fn a_file_that_is_torn_anywhere_behind_what_is_on_the_disk_is_made_whole() {
    let world = World::new();
    killed_after(&world, 3);
    let known = usize::try_from(world.ask("SELECT rejected_bytes FROM run")).unwrap();
    for keep in known..=ALL.len() {
        fs::write(file(&world), &ALL[..keep]).unwrap();
        let mut run = world.run();
        assert_eq!(recover(&world, &mut run), Recovered::Kept, "{keep} bytes");
        assert_eq!(read(&file(&world)), ALL);
        world.kill(run);
    }
    assert!(!world.path("letters-2").exists());
}

#[test]
fn several_kills_in_a_row_double_nothing() {
    let world = World::new();
    killed_after(&world, 1);
    for row in 3..8 {
        let mut run = world.run();
        assert_eq!(recover(&world, &mut run), Recovered::Kept);
        commit(&mut run, &file(&world), HEAD, row, &format!("row {row},wrong\n"));
        world.kill(run);
        // Before it has looked at its file.
        world.kill(world.run());
    }
    let mut run = world.run();
    assert_eq!(recover(&world, &mut run), Recovered::Kept);
    let lines: String = (0..8).map(|row| format!("row {row},wrong\n")).collect();
    assert_eq!(read(&file(&world)), format!("{HEAD}{lines}"));
}

/// What its owner does to a file, and what of the three lines the next file must have.
#[test]
fn an_edited_file_is_left_alone_and_what_it_lacks_goes_to_another() {
    type Edit = fn(&str) -> String;
    let edits: [(&str, Edit); 4] = [
        ("the same length", |text| text.replacen("line", "LINE", 1)),
        ("longer", |text| text.replacen("row 0", "row zero", 1)),
        ("longer at its end", |text| format!("{text}a note\n")),
        ("shorter", |text| text.replacen("line,", "", 1)),
    ];
    for in_order in [true, false] {
        for (what, edit) in edits {
            let world = World::new();
            let mut run = world.run();
            for row in 0..3 {
                commit(&mut run, &file(&world), HEAD, row, &format!("row {row},wrong\n"));
            }
            run.write_letters().unwrap();
            let edited = edit(&read(&file(&world)));
            if in_order {
                finish(run)
            } else {
                world.kill(run)
            }
            fs::write(file(&world), &edited).unwrap();

            let mut run = world.run();
            let another = world.path("letters-2");
            let recovered = run.recover_letters(HEAD.as_bytes(), || another.clone()).unwrap();
            assert_eq!(recovered, Recovered::Edited, "{what}");
            commit(&mut run, &another, HEAD, 3, "row 3,wrong\n");
            run.write_letters().unwrap();
            assert_eq!(run.letters_path(), Some(&*another));
            world.kill(run);
            let mut run = world.run();
            assert_eq!(recover(&world, &mut run), Recovered::Kept);
            finish(run);
            assert_eq!(read(&file(&world)), edited, "{what}");
            let both = edited + &read(&another);
            for row in 0..4 {
                let line = format!("row {row},wrong\n");
                let is_owners = row == 0 && what == "longer" && in_order;
                assert_eq!(both.matches(&line).count(), usize::from(!is_owners), "{what}, {in_order}: {both}");
            }
        }
    }
}

#[test]
fn a_file_that_is_gone_is_followed_by_another_with_what_may_not_have_been_in_it() {
    for in_order in [true, false] {
        let world = World::new();
        killed_after(&world, 3);
        let mut run = world.run();
        assert_eq!(recover(&world, &mut run), Recovered::Kept);
        if in_order {
            finish(run)
        } else {
            world.kill(run)
        }
        let on_disk = usize::try_from(world.ask("SELECT rejected_bytes FROM run")).unwrap();
        fs::rename(file(&world), world.path("mine")).unwrap();
        let mut run = world.run();
        let recovered = recover(&world, &mut run);
        finish(run);
        if on_disk == 0 {
            assert_eq!((recovered, read(&file(&world))), (Recovered::Kept, ALL.to_owned()));
        } else {
            assert_eq!(recovered, Recovered::Edited);
            assert!(!file(&world).exists());
            assert_eq!(world.path("letters-2").exists(), on_disk < ALL.len());
        }
        assert_eq!(read(&world.path("mine")), ALL);
    }
}

#[test]
fn a_directory_in_its_place_is_an_error_and_loses_nothing() {
    let world = World::new();
    killed_after(&world, 3);
    fs::rename(file(&world), world.path("mine")).unwrap();
    fs::create_dir(file(&world)).unwrap();
    let mut run = world.run();
    assert!(run.recover_letters(HEAD.as_bytes(), || world.path("letters-2")).is_err());
    world.kill(run);
    fs::remove_dir(file(&world)).unwrap();
    fs::rename(world.path("mine"), file(&world)).unwrap();
    let mut run = world.run();
    assert_eq!(recover(&world, &mut run), Recovered::Kept);
    assert_eq!(read(&file(&world)), ALL);
}

#[test]
fn a_write_that_fails_is_made_up_for_when_it_can_be() {
    for restart in [false, true] {
        let world = World::new();
        fs::write(world.path("place"), "").unwrap();
        let path = world.path("place").join("letters");
        let mut run = world.run();
        for row in 0..2 {
            commit(&mut run, &path, HEAD, row, &format!("row {row},wrong\n"));
            assert!(run.write_letters().is_err());
            assert!(run.has_unwritten_letters());
        }
        fs::remove_file(world.path("place")).unwrap();
        if restart {
            finish(run);
            run = world.run();
            let another = || world.path("place").join("letters-2");
            assert_eq!(run.recover_letters(HEAD.as_bytes(), another).unwrap(), Recovered::Kept);
        } else {
            run.write_letters().unwrap();
        }
        assert_eq!(read(&path), format!("{HEAD}row 0,wrong\nrow 1,wrong\n"));
        finish(run);
        assert_eq!(world.ask("SELECT count(*) FROM rejected_line"), 0);
    }
}

/// Lines that stand in the file as the end of other lines only are not there.
#[test]
fn a_line_that_is_the_end_of_another_is_not_taken_for_it() {
    let world = World::new();
    let mut run = world.run();
    commit(&mut run, &file(&world), "", 0, "11\n");
    run.write_letters().unwrap();
    commit(&mut run, &file(&world), "", 1, "1\n");
    world.kill(run);
    fs::write(file(&world), "note\n11\n").unwrap();
    let mut run = world.run();
    assert_eq!(recover(&world, &mut run), Recovered::Edited);
    assert_eq!(read(&world.path("letters-2")), format!("{HEAD}1\n"));
}

#[test]
fn a_run_without_letters_makes_no_file() {
    let world = World::new();
    let mut run = world.run();
    run.commit(settled([(0, Kind::Accepted)])).unwrap();
    run.write_letters().unwrap();
    world.kill(run);
    let mut run = world.run();
    assert_eq!(recover(&world, &mut run), Recovered::Nothing);
    finish(run);
    assert!(!file(&world).exists() && !world.path("letters-2").exists());
}
