//! A file that is no journal is refused with a clear message, and stays as it is to the last byte.

use std::fs;

use contact_sink_journal::{Book, Problem, StoreError, list};

use crate::world::{World, settled};
use contact_sink_journal::Kind;

fn refused(world: &World) -> StoreError {
    let path = world.journal();
    let before = fs::read(&path).unwrap();
    let error = Book::open(&path, &world.key()).unwrap_err();
    assert_eq!(fs::read(&path).unwrap(), before, "it was changed");
    assert!(error.to_string().starts_with(&path.display().to_string()), "{error}");
    assert_eq!(list(&path).unwrap_err().to_string(), error.to_string(), "to read it is the same");
    error
}

#[test]
fn a_text_is_no_journal() {
    for text in ["x", "a,b\n1,2\n", &"cuid,mobile\n".repeat(1_000)] {
        let world = World::new();
        fs::write(world.journal(), text).unwrap();
        let error = refused(&world);
        assert!(matches!(error.problem(), Problem::Foreign), "{error:?}");
        assert!(error.to_string().ends_with("it is no journal of contact-sink: move it away"), "{error}");
    }
}

#[test]
fn another_programs_database_is_no_journal() {
    for make in [
        "CREATE TABLE run (id INTEGER PRIMARY KEY)",
        "PRAGMA application_id = 7; CREATE TABLE t (x)",
        "PRAGMA application_id = 7",
        "PRAGMA user_version = 7",
        "PRAGMA journal_mode = WAL; CREATE TABLE t (x)",
    ] {
        let world = World::new();
        world.tamper(make);
        assert!(matches!(refused(&world).problem(), Problem::Foreign), "{make}");
    }
}

/// A kill in the first moments of a destination's first run.
#[test]
fn a_journal_without_tables_has_no_runs() {
    for make in ["", "PRAGMA journal_mode = WAL", "PRAGMA journal_mode = WAL; CREATE TABLE t (x); DROP TABLE t"] {
        let world = World::new();
        world.tamper(make);
        assert!(list(&world.journal()).unwrap().is_empty(), "{make}");
        assert_eq!(world.run().counts().settled(), 0, "and is made a journal: {make}");
    }
}

#[test]
fn a_journal_of_another_version_is_refused() {
    let world = World::new();
    drop(world.run());
    world.tamper("PRAGMA user_version = 99");
    let error = refused(&world);
    let Problem::Version { version: 99, known } = error.problem() else { panic!("{error:?}") };
    let says =
        format!("its format is version 99, and this program knows version {known}: use the program that wrote it");
    assert!(error.to_string().ends_with(&says), "{error}");
}

/// Its runs are known by what this version cannot compute.
#[test]
fn a_journal_of_an_earlier_version_says_what_to_do() {
    let world = World::new();
    drop(world.run());
    world.tamper("PRAGMA user_version = 1");
    let error = refused(&world).to_string();
    let says = "its format is version 1, and this program knows version 3: finish its runs with the program that wrote it, \
                then move it away; what is not finished is sent again";
    assert!(error.ends_with(says), "{error}");
}

#[test]
fn a_journal_under_another_key_is_refused() {
    let world = World::new();
    drop(world.run());
    fs::rename(world.path("index.key"), world.path("kept.key")).unwrap();
    let before = fs::read(world.journal()).unwrap();
    let error = Book::open(&world.journal(), &world.key()).unwrap_err();
    assert!(matches!(error.problem(), Problem::OtherKey), "{error:?}");
    assert_eq!(fs::read(world.journal()).unwrap(), before);
    // As it says: the key is put back.
    fs::rename(world.path("kept.key"), world.path("index.key")).unwrap();
    drop(world.run());
}

/// A program that was killed between making the file and writing into it leaves this.
#[test]
fn an_empty_file_becomes_a_journal() {
    let world = World::new();
    fs::write(world.journal(), "").unwrap();
    world.run().commit(settled([(0, Kind::Accepted)])).unwrap();
    assert_eq!(world.run().counts().accepted, 1);
}

#[test]
fn a_directory_and_a_missing_place_are_errors_that_say_where() {
    let world = World::new();
    fs::create_dir(world.journal()).unwrap();
    let error = Book::open(&world.journal(), &world.key()).unwrap_err();
    assert!(error.to_string().starts_with(&world.journal().display().to_string()), "{error}");
    fs::write(world.path("file"), "").unwrap();
    assert!(Book::open(&world.path("file").join("growth.sqlite"), &world.key()).is_err());
    assert!(list(&world.path("none.sqlite")).is_err());
    assert!(!world.path("none.sqlite").exists(), "to look makes nothing");
}

/// A page of the file that is overwritten is found when it is read, and nothing is made up for it.
#[test]
fn a_journal_that_is_cut_off_is_not_taken_for_an_empty_one() {
    let world = World::new();
    world.run().commit(settled([(0, Kind::Accepted)])).unwrap();
    let bytes = fs::read(world.journal()).unwrap();
    for keep in [1, 99, 100, 512, 4096, bytes.len() - 4096] {
        fs::write(world.journal(), &bytes[..keep]).unwrap();
        let opened = Book::open(&world.journal(), &world.key()).and_then(|book| book.runs());
        assert!(opened.is_err(), "{keep} bytes of {}: {opened:?}", bytes.len());
    }
}
