//! The key's file.

use contact_sink_journal::{Key, KeyError};

#[test]
fn a_key_is_made_once_for_its_owner_only_and_never_shown() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key");
    let key = Key::load_or_create(&path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(bytes.len(), 32);
    assert!(bytes.iter().any(|byte| *byte != bytes[0]), "random");
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&path.metadata().unwrap().permissions()) & 0o777, 0o600);
    assert!(Key::load_or_create(&path).unwrap() == key, "read again");
    assert!(Key::load_or_create(&directory.path().join("other")).unwrap() != key);
    assert_eq!(format!("{key:?}"), "Key(..)");
}

#[test]
fn many_that_find_no_key_agree_on_one() {
    for _ in 0..20 {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        let start = std::sync::Barrier::new(8);
        let keys: Vec<Key> = std::thread::scope(|scope| {
            let load = || {
                start.wait();
                Key::load_or_create(&path).unwrap()
            };
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(load)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0]));
    }
}

#[test]
fn a_file_of_another_size_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key");
    for size in [1, 31, 33, 4096] {
        let text = vec![b'x'; size];
        std::fs::write(&path, &text).unwrap();
        let error = Key::load_or_create(&path).unwrap_err();
        assert!(matches!(error, KeyError::Size(_)));
        assert!(error.to_string().contains("is no key: it must have 32 bytes"), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), text);
    }
    // What a process leaves that was killed before it wrote.
    std::fs::write(&path, "").unwrap();
    let key = Key::load_or_create(&path).unwrap();
    assert!(Key::load_or_create(&path).unwrap() == key);
}

#[test]
fn a_place_where_no_key_can_be_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing").join("key");
    let error = Key::load_or_create(&missing).unwrap_err();
    assert_eq!(error.to_string(), format!("the key {} cannot be written", missing.display()));
    let error = Key::load_or_create(directory.path()).unwrap_err();
    assert!(matches!(error, KeyError::Kind(_)), "{error}");
}
