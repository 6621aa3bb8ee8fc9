//! The files of rejected rows, read without mercy: every line whole, and its row as it stands in the input.

use std::path::Path;

use crate::input::{Input, Row};
use crate::vendor::Vendor;

/// A rejected row.
pub struct Letter {
    pub line: u64,
    pub field: String,
    pub code: String,
    pub reason: String,
}

/// All that stands in the files of a directory, a file's letters together; nothing if it is not there.
pub fn read(directory: &Path, vendor: &Vendor, input: &Input) -> Vec<Vec<Letter>> {
    let Ok(files) = std::fs::read_dir(directory) else { return Vec::new() };
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| file(&std::fs::read(path).unwrap(), vendor, input)).collect()
}

fn file(bytes: &[u8], vendor: &Vendor, input: &Input) -> Vec<Letter> {
    if bytes.is_empty() {
        return Vec::new();
    }
    assert_eq!(bytes.last(), Some(&b'\n'), "the last line of a file of rejected rows is torn");
    let mut reader = csv::ReaderBuilder::new().from_reader(bytes);
    let header = format!("_destination,_line,_field,_code,_reason,_vendor_text,_run,{}", input.columns);
    let found = reader.headers().unwrap().iter().collect::<Vec<_>>().join(",");
    assert_eq!(found.trim_start_matches('\u{feff}'), header);
    let letters = reader.records().map(|record| {
        let record = record.expect("a row of the file of rejected rows is torn");
        let cell = |place: usize| record.get(place).unwrap().to_owned();
        let line = cell(1).parse().unwrap();
        let row: &Row = input.row(line).unwrap_or_else(|| panic!("there is no line {line} in the input"));
        let cells = record.iter().skip(7).collect::<Vec<_>>().join(",");
        assert!(cell(0) == vendor.name && cells == Input::cells(row), "the rejected row of line {line} is another one");
        Letter { line, field: cell(2), code: cell(3), reason: cell(4) }
    });
    letters.collect()
}
