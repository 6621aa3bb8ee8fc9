//! Rejected rows of a CSV file: its own columns, and before them why each row was rejected.

use std::io;

use super::reason::{Place, Reason};
use contact_sink_mapping::{CellsRef, Columns, REJECTED_ROWS_COLUMNS};

/// The columns of the file.
pub struct Table {
    header: Vec<String>,
    /// Where the input's own columns stand in it.
    places: Vec<usize>,
    /// How many columns the input has.
    columns: usize,
}

const BOM: &[u8] = b"\xEF\xBB\xBF";

impl Table {
    /// For an input with these columns.
    pub fn new(columns: &Columns) -> Self {
        let added = REJECTED_ROWS_COLUMNS.into_iter().map(str::to_owned);
        let own: Vec<(usize, &str)> = columns.own().collect();
        Self {
            header: added.chain(own.iter().map(|(_, name)| (*name).to_owned())).collect(),
            places: own.iter().map(|(place, _)| *place).collect(),
            columns: columns.len(),
        }
    }

    /// What the file begins with.
    pub fn start(&self) -> io::Result<Vec<u8>> {
        Ok([BOM, &line(&csv::ByteRecord::from(self.header.as_slice()))?].concat())
    }

    /// One row.
    pub fn line(&self, place: &Place<'_>, cells: CellsRef<'_>, reasons: &[Reason]) -> io::Result<Vec<u8>> {
        let joined = |part: &dyn Fn(&Reason) -> Option<String>| {
            reasons.iter().map(|reason| part(reason).unwrap_or_default()).collect::<Vec<_>>().join(";")
        };
        let mut record = csv::ByteRecord::new();
        record.push_field(place.destination.as_bytes());
        record.push_field(place.line.map_or(String::new(), |line| line.to_string()).as_bytes());
        record.push_field(no_formula(joined(&|reason| reason.column.clone())).as_bytes());
        record.push_field(no_formula(joined(&|reason| reason.code.as_ref().map(ToString::to_string))).as_bytes());
        record.push_field(no_formula(joined(&|reason| Some(reason.reason.clone()))).as_bytes());
        record.push_field(no_formula(joined(&|reason| reason.vendor_text.clone())).as_bytes());
        record.push_field(place.run.as_bytes());
        // A row with too few or too many cells stays one: fed back without a correction, it must not become another row.
        for place in self.places.iter().copied().chain(self.columns..cells.len()) {
            if let Some(cell) = cells.get(place) {
                record.push_field(cell);
            }
        }
        line(&record)
    }
}

/// A text of ours or of the vendor that a spreadsheet takes for a text, with an apostrophe if it would run it as a formula. The cells of
/// the input stay as they are: they are sent again.
fn no_formula(text: String) -> String {
    let is_formula = text.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠', '|', '%']);
    if is_formula && text.parse::<i64>().is_err() { format!("'{text}") } else { text }
}

fn line(record: &csv::ByteRecord) -> io::Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    writer.write_byte_record(record)?;
    writer.into_inner().map_err(|error| io::Error::other(error.to_string()))
}
