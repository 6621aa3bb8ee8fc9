//! A lock is held by one, names its holder, and is free when it is dropped; what is made is for its owner only.

use contact_sink_journal::{Entry, Held, Kind, Lock, make_directory};

use crate::world::{World, settled};

#[test]
fn a_lock_is_held_once_and_names_its_holder() {
    let world = World::new();
    let path = world.path("growth.lock");
    assert_eq!(Lock::holder(&path), None, "nobody, and it does not come into being");
    assert!(!path.exists());
    let lock = Lock::take(&path, "process 1, since today").unwrap();
    assert_eq!(lock.path(), path);
    match Lock::take(&path, "process 2") {
        Err(Held::By { by }) => assert_eq!(by, "process 1, since today"),
        other => panic!("{other:?}"),
    }
    assert_eq!(Lock::holder(&path).as_deref(), Some("process 1, since today"));
    drop(lock);
    assert_eq!(Lock::holder(&path), None);
    // A shorter name than the one before leaves nothing of it.
    let _lock = Lock::take(&path, "me").unwrap();
    assert_eq!(Lock::holder(&path).as_deref(), Some("me"));
}

#[test]
fn a_lock_without_a_place_says_where() {
    let world = World::new();
    std::fs::write(world.path("file"), "").unwrap();
    let path = world.path("file").join("growth.lock");
    let Err(Held::Failed(error)) = Lock::take(&path, "me") else { panic!("taken") };
    assert!(error.to_string().starts_with(&path.display().to_string()), "{error}");
}

#[test]
fn what_is_made_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::new();
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let directory = world.path("state").join("deeper");
    make_directory(&directory).unwrap();
    assert_eq!((mode(&world.path("state")), mode(&directory)), (0o700, 0o700));
    make_directory(&directory).unwrap();
    let _lock = Lock::take(&directory.join("growth.lock"), "me").unwrap();
    let mut run = world.run();
    run.name_letters(world.path("rejected").join("letters.csv"));
    let mut entry: Entry<'_> = settled([(5, Kind::Rejected)]);
    entry.letters = b"line\n".to_vec();
    run.commit(entry).unwrap();
    run.write_letters().unwrap();
    let wal = world.path("growth.sqlite-wal");
    for path in [world.journal(), wal, directory.join("growth.lock"), world.path("rejected").join("letters.csv")] {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}
