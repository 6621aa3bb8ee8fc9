//! The index's file: whose it is, who may read it, and what is wrong with it.

use std::path::Path;

use contact_sink_journal::{Index, IndexOptions, Key, Problem};

use crate::{Place, at, mobile};

fn open(path: &Path, key: &Key) -> Result<Index, String> {
    Index::open(path, key, IndexOptions::default()).map_err(|error| {
        assert_eq!(error.path(), path);
        error.to_string().replace(&path.display().to_string(), "PATH")
    })
}

/// A place with one subject in its index.
fn filled() -> Place {
    let place = Place::new();
    let mut index = place.open();
    index.remember(&mobile("7", "1"), at(0)).unwrap();
    index.flush().unwrap();
    place
}

#[test]
fn every_file_is_for_its_owner_only() {
    let place = filled();
    let mut index = place.open();
    index.remember(&mobile("8", "1"), at(0)).unwrap();
    index.flush().unwrap();
    let mut names = Vec::new();
    for file in std::fs::read_dir(place.directory.path()).unwrap() {
        let file = file.unwrap();
        let mode = std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600, "{:?}", file.file_name());
        names.push(file.file_name().into_string().unwrap());
    }
    assert!(names.contains(&"growth.index.sqlite-wal".to_owned()), "{names:?}");
}

#[test]
fn a_file_of_something_else_is_refused_and_left_alone() {
    let place = Place::new();
    let text = b"cuid,mobile\n7,15088888888\n".repeat(10);
    std::fs::write(place.path(), &text).unwrap();
    let message = "PATH: it is no index of contact-sink: move it away";
    assert_eq!(open(&place.path(), &place.key).unwrap_err(), message);
    assert_eq!(std::fs::read(place.path()).unwrap(), text);

    std::fs::remove_file(place.path()).unwrap();
    let other = rusqlite::Connection::open(place.path()).unwrap();
    other.execute_batch("CREATE TABLE contact (subject INTEGER PRIMARY KEY, fields BLOB)").unwrap();
    drop(other);
    let before = std::fs::read(place.path()).unwrap();
    assert_eq!(open(&place.path(), &place.key).unwrap_err(), message);
    assert_eq!(std::fs::read(place.path()).unwrap(), before);
}

#[test]
fn an_unknown_version_is_refused_and_left_alone() {
    let place = filled();
    let later = rusqlite::Connection::open(place.path()).unwrap();
    later.execute_batch("PRAGMA journal_mode = DELETE; PRAGMA user_version = 99").unwrap();
    drop(later);
    let before = std::fs::read(place.path()).unwrap();
    let message = "PATH: its format is version 99, and this program knows version 2: use the program that wrote it";
    assert_eq!(open(&place.path(), &place.key).unwrap_err(), message);
    assert_eq!(std::fs::read(place.path()).unwrap(), before);

    let earlier = rusqlite::Connection::open(place.path()).unwrap();
    earlier.execute_batch("PRAGMA user_version = 1").unwrap();
    drop(earlier);
    let message =
        "PATH: its format is version 1, and this program knows version 2: move it away: everything is sent again";
    assert_eq!(open(&place.path(), &place.key).unwrap_err(), message);
}

#[test]
fn another_key_is_refused_and_the_right_one_still_works() {
    let place = filled();
    let other = Key::load_or_create(&place.directory.path().join("other")).unwrap();
    let message = "PATH: it was made under another key than the one in index.key beside it: put that key back, or move the index away: then it is not known any more what was sent, and everything is sent again";
    assert_eq!(open(&place.path(), &other).unwrap_err(), message);
    assert!(place.open().has(&mobile("7", "1"), at(0)).unwrap());
}

/// A copy without the log: what was removed since the last fold is there again.
#[test]
fn an_index_that_has_lost_its_log_is_emptied() {
    let place = filled();
    let mut index = place.open();
    index.forget(&[mobile("7", "2")]).unwrap();
    let killed = place.killed();
    let mut whole = killed.open();
    assert!(!whole.was_emptied() && !whole.has(&mobile("7", "1"), at(0)).unwrap());
    drop(whole);

    let incomplete = place.killed();
    std::fs::remove_file(incomplete.directory.path().join("growth.index.sqlite-wal")).unwrap();
    let mut emptied = incomplete.open();
    assert!(emptied.was_emptied() && !emptied.has(&mobile("7", "1"), at(0)).unwrap());
    emptied.remember(&mobile("7", "2"), at(1)).unwrap();
    emptied.flush().unwrap();
    drop(emptied);
    let mut again = incomplete.open();
    assert!(!again.was_emptied() && again.has(&mobile("7", "2"), at(1)).unwrap());
}

#[test]
fn an_index_that_is_older_than_was_seen_is_emptied() {
    let place = Place::new();
    let seen = place.directory.path().join("seen");
    let open = || place.open_with(IndexOptions::default().with_seen(&seen));
    let knows = |mut index: Index| (index.has(&mobile("7", "1"), at(0)).unwrap(), index.was_emptied());
    let mut index = open();
    index.remember(&mobile("7", "1"), at(0)).unwrap();
    index.flush().unwrap();
    drop(index);
    assert_eq!(knows(open()), (true, false));
    let (older, missing) = (std::fs::read(place.path()).unwrap(), std::fs::read(&seen).unwrap());
    assert_eq!(knows(open()), (true, false));
    std::fs::write(place.path(), &older).unwrap();
    assert_eq!(knows(open()), (false, true));
    assert_eq!(knows(open()), (false, false));

    // A copy that was made while it was open.
    let mut index = open();
    index.remember(&mobile("7", "1"), at(0)).unwrap();
    index.flush().unwrap();
    let copy = place.killed();
    drop(index);
    for name in ["growth.index.sqlite", "growth.index.sqlite-wal"] {
        std::fs::copy(copy.directory.path().join(name), place.directory.path().join(name)).unwrap();
    }
    assert_eq!(knows(open()), (false, true));

    // Without the number nothing is known of its age.
    std::fs::write(place.path(), &older).unwrap();
    std::fs::write(&seen, &missing).unwrap();
    assert_eq!(knows(open()), (true, false));
    std::fs::remove_file(&seen).unwrap();
    assert_eq!(knows(open()), (false, true));
}

/// A run was killed, and its index is opened in vain: its log must be there for the opening after that.
#[test]
fn an_opening_that_fails_costs_nothing() {
    let place = filled();
    let mut index = place.open();
    index.remember(&mobile("8", "1"), at(0)).unwrap();
    index.flush().unwrap();
    let killed = place.killed();
    let other = Key::load_or_create(&killed.directory.path().join("other")).unwrap();
    assert!(open(&killed.path(), &other).is_err());
    std::fs::create_dir(killed.directory.path().join("seen")).unwrap();
    let seen = IndexOptions::default().with_seen(killed.directory.path().join("seen"));
    let error = Index::open(&killed.path(), &killed.key, seen).unwrap_err();
    assert!(error.to_string().contains("seen: it is no regular file"), "{error}");
    let mut index = killed.open();
    assert!(!index.was_emptied() && index.has(&mobile("8", "1"), at(0)).unwrap());
}

#[test]
fn one_has_it_open_at_a_time() {
    let place = filled();
    let index = place.open();
    let message = format!("PATH: it is in use by process {}", std::process::id());
    assert_eq!(open(&place.path(), &place.key).unwrap_err(), message);
    drop(index);
    assert!(open(&place.path(), &place.key).is_ok());
}

#[test]
fn a_damaged_file_is_an_error_and_never_a_hit() {
    let is_damaged = |error: String| {
        let advice = "it is damaged: put a copy back, or move it away: then it is not known any more what was sent, and everything is sent again";
        assert!(error.starts_with("PATH: ") && error.ends_with(advice), "{error}");
    };
    // All of it but the header.
    let place = filled();
    let mut bytes = std::fs::read(place.path()).unwrap();
    bytes[100..].fill(0xa5);
    std::fs::write(place.path(), bytes).unwrap();
    is_damaged(open(&place.path(), &place.key).unwrap_err());
    // The end of it.
    let place = filled();
    let bytes = std::fs::read(place.path()).unwrap();
    std::fs::write(place.path(), &bytes[..bytes.len() / 2]).unwrap();
    let problem = open(&place.path(), &place.key).and_then(|mut index| {
        index
            .has(&mobile("7", "1"), at(0))
            .map_err(|error| error.to_string().replace(&place.path().display().to_string(), "PATH"))
    });
    is_damaged(problem.unwrap_err());
    // One row.
    let place = filled();
    let other = rusqlite::Connection::open(place.path()).unwrap();
    other.execute_batch("UPDATE contact SET fields = x'00'").unwrap();
    drop(other);
    let mut index = place.open();
    let error = index.has(&mobile("7", "1"), at(0)).unwrap_err();
    assert!(matches!(error.problem(), Problem::Damaged(_)));
    assert!(index.forget(&[mobile("7", "2")]).is_err(), "then nothing leaves");
}

#[test]
fn where_nothing_can_be_written_there_is_no_index() {
    let place = Place::new();
    let missing = place.directory.path().join("missing").join("index.sqlite");
    let error = open(&missing, &place.key).unwrap_err();
    assert!(error.starts_with("PATH: "), "{error}");
    use std::os::unix::fs::PermissionsExt as _;
    let directory = place.directory.path().join("read-only");
    std::fs::create_dir(&directory).unwrap();
    std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o500)).unwrap();
    // The superuser may always write there.
    if std::fs::write(directory.join("probe"), "").is_err() {
        let error = open(&directory.join("index.sqlite"), &place.key).unwrap_err();
        assert!(
            error.starts_with("PATH: ") && error.ends_with(": make the file and its directory writable"),
            "{error}"
        );
    }
}

/// Set for the child process below: the directory to work in.
const FULL: &str = "CONTACT_SINK_TEST_FULL_DISK";

/// The shell keeps a child from making any file longer than this, which stands in for a full disk.
const LIMIT: &str = "trap '' XFSZ; ulimit -f 90; exec \"$0\" files::child_on_a_full_disk --exact --nocapture";

#[test]
fn on_a_full_disk_there_is_an_error_and_what_was_removed_stays_so() {
    let place = Place::new();
    let mut index = place.open();
    for id in 0..2_000 {
        index.remember(&mobile(&id.to_string(), "1"), at(0)).unwrap();
    }
    index.flush().unwrap();
    drop(index);
    let mut child = std::process::Command::new("sh");
    child.args(["-c", LIMIT]).arg(std::env::current_exe().unwrap()).env(FULL, place.directory.path());
    let output = child.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let removed = said.split("removed ").nth(1).and_then(|text| text.split_whitespace().next()?.parse().ok());
    let removed: usize = removed.unwrap_or_else(|| panic!("{said}"));
    let mut index = place.open();
    let left: Vec<bool> = (0..2_000).map(|id| index.has(&mobile(&id.to_string(), "1"), at(0)).unwrap()).collect();
    assert!(!left[..removed].contains(&true), "what left is forgotten");
    assert!(!left[removed + 1..].contains(&false), "the rest is as it was before");
}

/// Ends as a process on a full disk does that is killed after the first error.
#[test]
fn child_on_a_full_disk() {
    let Some(directory) = std::env::var_os(FULL) else { return };
    let directory = Path::new(&directory);
    let key = Key::load_or_create(&directory.join("key")).unwrap();
    let mut index = open(&directory.join("growth.index.sqlite"), &key).unwrap();
    let mut forget = |id: usize| index.forget(&[mobile(&id.to_string(), "2")]).err().map(|error| (id, error));
    let (removed, error) = (0..2_000).find_map(&mut forget).unwrap();
    assert!(matches!(error.problem(), Problem::Io(_) | Problem::Sqlite(_)), "{error}");
    // Remembering is done later, so its error comes later.
    let failed = (10_000..30_000).find_map(|id| index.remember(&mobile(&id.to_string(), "1"), at(0)).err());
    let failed = failed.or_else(|| index.flush().err()).unwrap();
    assert!(matches!(failed.problem(), Problem::Io(_) | Problem::Sqlite(_)), "{failed}");
    println!("removed {removed} and then: {error}; {failed}");
}
