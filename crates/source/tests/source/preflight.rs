//! What the pre-flight finds, and what it says of a file that can be used.

use std::sync::Arc;

use contact_sink_source::{Dialect, Digest, Input, ReadControl};

use crate::{Place, preflight, read};

fn digest(content: &str, dialect: Dialect) -> Digest {
    preflight(&mut Place::new("input.csv", content).open(dialect), &[]).unwrap().digest()
}

#[test]
fn the_digest_is_of_the_cells() {
    let plain = digest("id,mail\n7,a@b\n8,c\n", Dialect::default());
    for same in ["\u{FEFF}id,mail\r\n7,a@b\r\n\r\n8,c", "\"id\",\"mail\"\n\"7\",\"a@b\"\n8,\"c\"\n"] {
        assert!(digest(same, Dialect::default()) == plain, "{same:?}");
    }
    let others = [
        "id,mail\n7,a@b\n8,d\n",
        "id,mail\n8,c\n7,a@b\n",
        "id,male\n7,a@b\n8,c\n",
        "id,mail\n7,a@b\n",
        "id,mail\n7a,@b\n8,c\n",
    ];
    for other in others {
        assert!(digest(other, Dialect::default()) != plain, "{other:?}");
    }
}

#[test]
fn a_prefix_has_the_digest_of_a_file_that_ends_there() {
    let whole = Place::new("input.csv", "id,mail\n1,a\n2,b\n3,c\n");
    let mut input = whole.open(Dialect::default());
    let found = preflight(&mut input, &[0, 2, 9]).unwrap();
    assert!(found.digest_of(2) == Some(digest("id,mail\n1,a\n2,b\n", Dialect::default())));
    assert!(found.digest_of(0) == Some(digest("id,mail\n", Dialect::default())));
    assert!(found.digest_of(9).is_none(), "there are not as many");
    let last = input.rows(Arc::new(ReadControl::default())).last().unwrap().unwrap();
    assert!((last.line, last.number) == (4, 2));
}

#[test]
fn rows_larger_than_any_buffer_are_whole() {
    let cell = "深圳".repeat(100_000);
    let content = format!("id,mail\n1,\"{cell}\"\n2,{cell}\r\n3,x");
    let mut input = Place::new("input.csv", content).open(Dialect::default());
    preflight(&mut input, &[]).unwrap();
    let rows = read(&mut input).unwrap();
    assert!(rows[0][1] == cell.as_bytes() && rows[1][1] == cell.as_bytes() && rows[2][1] == b"x");
}

#[test]
fn an_unclosed_quote_is_found_however_late() {
    let mut content = "id,mail\n".to_owned();
    (0..300_000).for_each(|row| content += &format!("{row},a@b.example\n"));
    content += "300000,\"a@b.example\n300001,c@d.example\n";
    let faults = preflight(&mut Place::new("input.csv", content).open(Dialect::default()), &[]).unwrap_err();
    assert_eq!((faults.len(), faults[0].lines()), (1, &[300_002][..]));
}

#[test]
fn faults_of_one_kind_are_one_with_their_lines() {
    let content = "id,mail\n1,\"a\"b\n2,c\n3,\"d\"e\n4,\"f\n5,g\n6,\"h\ni,j\"\n";
    let faults = preflight(&mut Place::new("input.csv", content).open(Dialect::default()), &[]).unwrap_err();
    let lines: Vec<&[u64]> = faults.iter().map(|fault| fault.lines()).collect();
    assert_eq!(lines, [&[2, 4, 5][..], &[7][..]], "{faults:?}");
    assert!(faults[0].message("a b.csv").starts_with("a b.csv: lines 2, 4, 5: the record"), "{faults:?}");
}

#[test]
fn a_stop_ends_it() {
    let mut input = Place::new("input.csv", "id\n7\n").open(Dialect::default());
    let progress = ReadControl::default();
    progress.stop();
    assert!(input.preflight(&[], &progress).is_err_and(|error| error.to_string().contains("stopped")));
}

#[test]
fn without_a_preflight_a_file_gives_a_fault() {
    let mut input: Input = Place::new("input.csv", "id\n7\n").open(Dialect::default());
    let rows: Vec<_> = input.rows(Arc::new(ReadControl::default())).collect();
    assert!(rows.len() == 1 && rows[0].is_err(), "no row is lost without a word");
}

#[test]
fn faults_are_named_also_if_not_all_of_a_file_was_read() {
    let mut content = "id,mail\n".to_owned();
    (0..30).for_each(|_| content += "1,\"a\"b\n");
    (0..300_000).for_each(|row| content += &format!("{row},a@b.example\n"));
    let faults = preflight(&mut Place::new("input.csv", content).open(Dialect::default()), &[]).unwrap_err();
    let message = faults[0].message("input.csv");
    assert!(faults.len() == 1 && message.starts_with("input.csv: lines 2, 3, 4,"), "{message}");
    assert!(message.contains("21 (the first 20; there may be more)"), "{message}");
}
