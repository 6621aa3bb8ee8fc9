//! A record: named values, as a row of cells under a header or as an object.

use std::fmt;

use serde::Serialize;

use crate::nearest;

/// Named values: a row of cells, whose names are in the [`Columns`] of its input, or the text of a JSON object.
///
/// `Debug` prints no value.
#[derive(Clone, PartialEq, Eq)]
pub enum Record {
    /// A row of cells.
    Cells(Cells),
    /// The text of a JSON object. Whether it is one is found out when it is mapped.
    Object(Box<[u8]>),
}

/// The cells of a row.
#[derive(Clone, PartialEq, Eq)]
pub struct Cells {
    bytes: Box<[u8]>,
    ends: Box<[u32]>,
}

/// Why a value is no record.
#[derive(Debug, thiserror::Error)]
#[error("it cannot be written as a JSON object: {0}")]
pub struct InvalidRecord(#[from] serde_json::Error);

impl Record {
    /// The text of a JSON object: one line of NDJSON.
    pub fn from_json(text: impl Into<Vec<u8>>) -> Self {
        Self::Object(text.into().into_boxed_slice())
    }

    /// A value with named fields: a struct, a map.
    ///
    /// # Errors
    /// [`InvalidRecord`] if its `Serialize` fails.
    pub fn from_serde(value: &impl Serialize) -> Result<Self, InvalidRecord> {
        Ok(Self::from_json(serde_json::to_vec(value)?))
    }

    /// Pairs of a name and a text. A name that is there twice is rejected when the record is mapped.
    pub fn from_pairs<N: AsRef<str>, V: AsRef<str>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let mut text = String::from("{");
        for (name, value) in pairs {
            if text.len() > 1 {
                text.push(',');
            }
            text.push_str(&serde_json::Value::from(name.as_ref()).to_string());
            text.push(':');
            text.push_str(&serde_json::Value::from(value.as_ref()).to_string());
        }
        text.push('}');
        Self::from_json(text)
    }

    /// How much memory it takes, about.
    pub fn size(&self) -> usize {
        match self {
            Self::Cells(cells) => cells.bytes.len() + cells.ends.len() * size_of::<u32>(),
            Self::Object(text) => text.len(),
        }
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cells(_) => "Cells(..)",
            Self::Object(_) => "Object(..)",
        })
    }
}

/// The cells of a row, in the buffers of a reader.
#[derive(Clone, Copy)]
pub struct CellsRef<'r> {
    bytes: &'r [u8],
    ends: &'r [u32],
}

impl Cells {
    /// The cells, borrowed.
    pub fn as_ref(&self) -> CellsRef<'_> {
        CellsRef { bytes: &self.bytes, ends: &self.ends }
    }

    /// The cell of a column, by its place from 0.
    pub fn get(&self, column: usize) -> Option<&[u8]> {
        self.as_ref().get(column)
    }

    /// How many cells there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The cells, in order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.as_ref().iter()
    }
}

impl<'r> CellsRef<'r> {
    /// Cells with one byte between two of them, as in a line without quotes; each is given by its end in `bytes`.
    #[inline]
    pub fn new(bytes: &'r [u8], ends: &'r [u32]) -> Self {
        Self { bytes, ends }
    }

    /// A copy of its own.
    #[inline]
    pub fn to_cells(self) -> Cells {
        Cells { bytes: self.bytes.into(), ends: self.ends.into() }
    }

    /// The cell of a column, by its place from 0.
    #[inline]
    pub fn get(self, column: usize) -> Option<&'r [u8]> {
        let end = *self.ends.get(column)?;
        let start = column.checked_sub(1).map_or(0, |before| self.ends[before] + 1);
        self.bytes.get(start as usize..end as usize)
    }

    /// How many cells there are.
    #[inline]
    pub fn len(self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.ends.is_empty()
    }

    /// The cells, in order.
    #[inline]
    pub fn iter(self) -> impl Iterator<Item = &'r [u8]> {
        (0..self.len()).filter_map(move |column| self.get(column))
    }

    /// The cells with one byte between two of them.
    #[inline]
    pub fn bytes(self) -> &'r [u8] {
        self.bytes
    }

    /// Where each cell ends in [`CellsRef::bytes`].
    #[inline]
    pub fn ends(self) -> &'r [u32] {
        self.ends
    }
}

/// The columns that the header of a CSV file names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns(Vec<String>);

/// Why a header cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidColumns {
    /// The name of this column, from 1, is not UTF-8.
    #[error("the name of column {0} is not UTF-8: save the file as UTF-8 (in Excel: CSV UTF-8)")]
    NotUtf8(usize),
    /// The column has a name of the file of rejected rows, and the others of that file are not there.
    #[error("the column {0:?} has a name that the file of rejected rows uses for itself: rename it")]
    Reserved(String),
}

/// The columns that a file of rejected rows adds; an input that has them is one that is fed back.
pub const REJECTED_ROWS_COLUMNS: [&str; 6] = ["_destination", "_line", "_field", "_code", "_reason", "_vendor_text"];

/// The field of a rejected object that says why; an object that has it is one that is fed back.
pub const REJECTED_ERRORS: &str = "_errors";

/// Whether a name is one that a file of rejected rows uses for itself.
pub fn is_reserved(name: &str) -> bool {
    REJECTED_ROWS_COLUMNS.contains(&name) || [REJECTED_ERRORS, crate::RAW, "_raw_base64"].contains(&name)
}

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

impl Columns {
    /// Reads a header.
    ///
    /// # Errors
    /// [`InvalidColumns`] if a name is not UTF-8 or reserved. Names that are there twice are found when one of them is wanted.
    pub fn new(header: CellsRef<'_>) -> Result<Self, InvalidColumns> {
        let mut names = Vec::with_capacity(header.len());
        for cell in header.iter() {
            let name = std::str::from_utf8(cell).map_err(|_| InvalidColumns::NotUtf8(names.len() + 1))?;
            names.push(name.to_owned());
        }
        let columns = Self(names);
        match columns.0.iter().find(|name| REJECTED_ROWS_COLUMNS.contains(&name.as_str())) {
            Some(name) if !columns.are_fed_back() => Err(InvalidColumns::Reserved(name.clone())),
            _ => Ok(columns),
        }
    }

    /// Whether they are those of a file of rejected rows.
    pub fn are_fed_back(&self) -> bool {
        REJECTED_ROWS_COLUMNS.iter().all(|name| self.0.iter().any(|known| known == name))
    }

    /// The place of a column, from 0.
    ///
    /// # Errors
    /// In words: there is no such column, or two of them.
    pub fn place(&self, name: &str) -> Result<usize, String> {
        let mut places = self.0.iter().enumerate().filter(|(_, known)| *known == name).map(|(place, _)| place);
        match (places.next(), places.next()) {
            (Some(place), None) => Ok(place),
            (Some(first), Some(second)) => Err(format!(
                "the columns {} and {} are both named {name:?}: rename the one that is not meant",
                first + 1,
                second + 1
            )),
            (None, _) => Err(self.no_column(name)),
        }
    }

    fn no_column(&self, name: &str) -> String {
        let near = self.own().map(|(_, known)| known).find(|known| nearest::is_near(known, name));
        match near {
            Some(near) => format!("there is no column {name:?}: did you mean {near:?}?"),
            None if self.0.len() == 1 && self.0[0].contains([';', '\t']) => {
                format!("there is no column {name:?}: the header has ; or tabs between its cells: save it with commas")
            }
            // The others are not printed: the first line may be a row by mistake.
            None => format!(
                "there is no column {name:?}, and none with a similar name among the {} of the header: does the first line name \
                 the columns?",
                self.len()
            ),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The input's own columns and their places: all but those of a file of rejected rows.
    pub fn own(&self) -> impl Iterator<Item = (usize, &str)> {
        let names = self.0.iter().map(String::as_str).enumerate();
        names.filter(|(_, name)| !REJECTED_ROWS_COLUMNS.contains(name))
    }

    /// Whether a row repeats the header, as where one file was appended to another: with a byte order mark or without.
    pub fn are_repeated_by(&self, cells: CellsRef<'_>) -> bool {
        cells.len() == self.len()
            && self.0.iter().zip(cells.iter()).enumerate().all(|(place, (name, cell))| {
                let cell = if place == 0 { cell.strip_prefix(BYTE_ORDER_MARK).unwrap_or(cell) } else { cell };
                cell == name.as_bytes()
            })
    }

    /// Whether a row is the header of another file: it is not this header, and in a column that identifies the subject it has
    /// that column's name, or each of its values is a name of a column.
    pub fn are_named_by(&self, cells: CellsRef<'_>, id_columns: &[usize]) -> bool {
        let named = |place: &usize| {
            let cell = cells.get(*place)?;
            let cell = cell.strip_prefix(BYTE_ORDER_MARK).unwrap_or(cell).trim_ascii();
            self.0.iter().position(|name| name.as_bytes() == cell).filter(|_| !cell.is_empty())
        };
        // Most rows end here.
        let Some((place, name)) = id_columns.iter().find_map(|place| Some((*place, named(place)?))) else {
            return false;
        };
        let is_name = |cell: &[u8]| self.0.iter().any(|name| name.as_bytes() == cell);
        let mut others =
            cells.iter().enumerate().filter(|(other, cell)| *other != place && !cell.is_empty()).peekable();
        let is_header = place == name || others.peek().is_some() && others.all(|(_, cell)| is_name(cell));
        is_header && !self.are_repeated_by(cells)
    }
}
