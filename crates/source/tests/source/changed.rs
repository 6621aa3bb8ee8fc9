//! A file that is changed after the pre-flight: no row of a block that is not as it was, and never half a row.
#![cfg(unix)]

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use contact_sink_source::{Dialect, Input, ReadControl, Row};

use crate::{Place, preflight};

const ROWS: u64 = 60_000;

fn content() -> String {
    // 50 bytes a row: three blocks.
    (0..ROWS)
        .fold("id,mail\n".to_owned(), |text, row| text + &format!("{row:010},user{row:010}@example.com............\n"))
}

/// Opens a file, checks it, changes it, and reads its rows: those before a fault, and the fault.
fn after(change: impl FnOnce(&Place)) -> (Vec<Row>, Option<String>) {
    let place = Place::new("input.csv", content());
    let mut input: Input = place.open(Dialect::default());
    assert_eq!(preflight(&mut input, &[]).unwrap().rows(), ROWS);
    change(&place);
    let (mut rows, mut fault) = (Vec::new(), None);
    for row in input.rows(Arc::new(ReadControl::default())) {
        match row {
            Ok(row) => rows.push(row),
            Err(error) => fault = Some(error.message("input.csv")),
        }
    }
    (rows, fault)
}

fn writer(place: &Place) -> File {
    OpenOptions::new().write(true).open(&place.path).unwrap()
}

#[test]
fn a_byte_in_a_block_costs_the_block() {
    for (at, least, most) in [(100, 0, 0), (1_500_000, 20_000, 20_971), (2_900_000, 41_000, 41_943)] {
        let (rows, fault) = after(|place| writer(place).write_all_at(b"X", at).unwrap());
        let count = rows.len() as u64;
        assert!((least..=most).contains(&count), "{count} rows before byte {at}");
        let expected = format!("input.csv:{}: the file was changed after it was checked", count + 2);
        let expected =
            if count == 0 { "input.csv:1: the file was changed after it was checked".to_owned() } else { expected };
        assert!(fault.as_deref().is_some_and(|fault| fault.starts_with(&expected)), "{expected}: {fault:?}");
        assert!(rows.iter().enumerate().all(|(nth, row)| row.number == nth as u64));
    }
}

#[test]
fn a_file_that_was_cut_off_is_a_fault() {
    let (rows, fault) = after(|place| writer(place).set_len(1_200_000).unwrap());
    assert!(rows.len() <= 20_971 && fault.is_some_and(|fault| fault.contains("was changed")));
}

#[test]
fn a_touch_an_append_a_rename_and_a_removal_change_nothing() {
    let changes: [fn(&Place); 4] = [
        |place| writer(place).set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap(),
        |place| {
            let mut file = OpenOptions::new().append(true).open(&place.path).unwrap();
            file.write_all(b"9999999999,\"x@example.com\n").unwrap();
        },
        |place| {
            let other = place.path.with_extension("new");
            std::fs::write(&other, "id,mail\n1,other\n").unwrap();
            std::fs::rename(other, &place.path).unwrap();
        },
        |place| std::fs::remove_file(&place.path).unwrap(),
    ];
    for change in changes {
        let (rows, fault) = after(change);
        assert_eq!((rows.len() as u64, fault), (ROWS, None));
    }
}

#[test]
fn a_last_line_that_goes_on_is_not_given() {
    let place = Place::new("input.csv", "id,mail\n1,a@b.example\n2,c@d.exa");
    let mut input = place.open(Dialect::default());
    preflight(&mut input, &[]).unwrap();
    OpenOptions::new().append(true).open(&place.path).unwrap().write_all(b"mple\n").unwrap();
    assert!(input.rows(Arc::new(ReadControl::default())).all(|row| row.is_err()), "half an address is none");

    let place = Place::new("input.csv", "id,mail\n1,a@b.example\n2,c@d.example");
    let mut input = place.open(Dialect::default());
    preflight(&mut input, &[]).unwrap();
    OpenOptions::new().append(true).open(&place.path).unwrap().write_all(b"\n3,e@f.example\n").unwrap();
    assert_eq!(input.rows(Arc::new(ReadControl::default())).filter(Result::is_ok).count(), 2, "it was whole");
}

#[test]
fn columns_that_change_places_before_the_check_are_a_fault() {
    let place = Place::new("input.csv", "id,mail\n1,a@b.example\n");
    let mut input = place.open(Dialect::default());
    writer(&place).write_all_at(b"mail,id\na@b.example,1\n", 0).unwrap();
    let faults = preflight(&mut input, &[]).unwrap_err();
    assert!(faults[0].to_string().contains("the header was changed"), "{faults:?}");
}
