//! Rows in blocks: the same rows as one by one, and no row of a pipe waits for the next.

use std::fmt::Write as _;
use std::sync::Arc;

use contact_sink_mapping::Record;
use contact_sink_source::{Dialect, Fault, InputRows, ReadControl};

use crate::{Place, preflight};

type Rows = Vec<(u64, u64, Record)>;

/// The rows that come in blocks, how many there are in each, and the fault at the end.
fn in_blocks(mut rows: InputRows) -> (Rows, Vec<usize>, Option<Fault>) {
    let (mut all, mut lengths) = (Vec::new(), Vec::new());
    while let Some(next) = rows.next_block() {
        let block = match next {
            Ok(block) => block,
            Err(fault) => {
                assert!(rows.next_block().is_none(), "nothing follows a fault");
                return (all, lengths, Some(fault));
            }
        };
        lengths.push(block.len());
        all.extend((0..block.len()).map(|at| (block.line(at), block.number(at), block.record(at).to_record())));
    }
    (all, lengths, None)
}

/// The same one by one.
fn one_by_one(rows: InputRows) -> (Rows, Option<Fault>) {
    let (mut all, mut fault) = (Vec::new(), None);
    for row in rows {
        match row {
            Ok(row) => all.push((row.line, row.number, row.record)),
            Err(found) => fault = Some(found),
        }
    }
    (all, fault)
}

#[test]
fn blocks_have_the_same_rows() {
    let (mut csv, mut ndjson) = (String::from("id,name\n"), String::new());
    for row in 0..1_000 {
        // Quotes, line breaks, too few cells, and cells that fill a block alone.
        let name = if row % 300 == 7 { "x".repeat(40_000) } else { format!("\"a\"\"{row}\n\"") };
        writeln!(csv, "{row},{name}{}", if row % 10 == 3 { ",more" } else { "" }).unwrap();
        writeln!(ndjson, "{{\"id\":{row}}}").unwrap();
    }
    for (name, content) in [("users.csv", csv), ("users.ndjson", ndjson), ("empty.csv", "id,name\n".to_owned())] {
        let place = Place::new(name, content);
        let mut input = place.open(Dialect::default().with_multiline());
        let expected = preflight(&mut input, &[]).unwrap().rows();
        let (rows, none) = one_by_one(input.rows(Arc::default()));
        let (all, lengths, fault) = in_blocks(input.rows(Arc::default()));
        assert_eq!((rows.len() as u64, none, fault), (expected, None, None), "{name}");
        assert!(all == rows, "{name}: the blocks have other rows");
        assert!(lengths.iter().all(|rows| (1..=256).contains(rows)), "{name}: {lengths:?}");
    }
}

#[test]
fn a_fault_comes_after_the_rows_before_it() {
    // The second MiB is changed after the check.
    let mut content = format!("id,name\n{}", "1,some name\n".repeat(150_000));
    let place = Place::new("users.csv", &content);
    let mut input = place.open(Dialect::default());
    preflight(&mut input, &[]).unwrap();
    content.replace_range(content.len() - 2.., "x\n");
    std::fs::write(&place.path, content).unwrap();
    let (rows, fault) = one_by_one(input.rows(Arc::default()));
    let (all, _, same) = in_blocks(input.rows(Arc::default()));
    assert!(rows == all && all.len() > 1_000 && fault.is_some());
    assert_eq!(fault, same);
}

#[test]
fn a_stop_ends_the_blocks() {
    let place = Place::new("users.csv", format!("id\n{}", "1\n".repeat(1_000)));
    let mut input = place.open(Dialect::default());
    preflight(&mut input, &[]).unwrap();
    let control = Arc::new(ReadControl::default());
    let mut rows = input.rows(control.clone());
    assert!(rows.next_block().is_some_and(|block| block.is_ok()));
    control.stop();
    assert!(rows.next_block().is_none());
}

#[cfg(unix)]
#[test]
fn no_row_of_a_pipe_waits_for_the_next() {
    use std::fs::File;
    use std::io::Write as _;
    use std::process::Command;
    use std::sync::mpsc;

    // What is written at once, and how many rows are whole by then. An open quote may end on the next line.
    const CSV: [(&str, usize); 4] = [("id,name\n1,a\n2,b\n\n", 2), ("3,\"c\n", 0), ("c\"\n4,d\n5", 2), (",e", 0)];
    const NDJSON: [(&str, usize); 3] = [("{\"id\":1}\n{\"id\":2}\n{\"id\"", 2), (":3}\n\n", 1), ("{\"id\":4}\n", 1)];
    for (name, parts, last) in [("pipe.csv", &CSV[..], 1), ("pipe.ndjson", &NDJSON[..], 0)] {
        let place = Place::new("users", "");
        let path = place.path.with_file_name(name);
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        let (write_next, next) = mpsc::channel();
        let writer = std::thread::spawn({
            let path = path.clone();
            move || {
                let mut pipe = File::create(path).unwrap();
                parts.iter().zip(next).for_each(|((text, _), ())| pipe.write_all(text.as_bytes()).unwrap());
            }
        });
        write_next.send(()).unwrap();
        let mut rows = Place { path, ..place }.open(Dialect::default().with_multiline()).rows(Arc::default());
        for (nth, (_, whole)) in parts.iter().enumerate() {
            // The next part is not written before all rows of this one were given.
            let mut given = 0;
            while given < *whole {
                given += rows.next_block().unwrap().unwrap().len();
            }
            assert_eq!(given, *whole, "{name}, part {nth}");
            write_next.send(()).unwrap_or_default();
        }
        drop(write_next);
        let rest: usize = std::iter::from_fn(|| rows.next_block()).map(|block| block.unwrap().len()).sum();
        assert_eq!(rest, last, "{name}");
        writer.join().unwrap();
    }
}
