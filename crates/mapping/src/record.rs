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

    /// The approximate size of its text in memory, in bytes.
    pub fn size_bytes(&self) -> usize {
        match self {
            Self::Cells(cells) => cells.bytes.len() + cells.ends.len() * size_of::<u32>(),
            Self::Object(text) => text.len(),
        }
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        RecordRef::from(self).fmt(f)
    }
}

/// A [`Record`] in the buffers of a reader.
///
/// `Debug` prints no value.
#[derive(Clone, Copy)]
pub enum RecordRef<'r> {
    /// A row of cells.
    Cells(CellsRef<'r>),
    /// The text of a JSON object. Whether it is one is found out when it is mapped.
    Object(&'r [u8]),
}

impl RecordRef<'_> {
    /// A copy of its own.
    pub fn to_record(self) -> Record {
        match self {
            Self::Cells(cells) => Record::Cells(cells.to_cells()),
            Self::Object(text) => Record::Object(text.into()),
        }
    }
}

impl<'r> From<&'r Record> for RecordRef<'r> {
    fn from(record: &'r Record) -> Self {
        match record {
            Record::Cells(cells) => Self::Cells(cells.as_ref()),
            Record::Object(text) => Self::Object(text),
        }
    }
}

impl fmt::Debug for RecordRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cells(_) => "Cells(..)",
            Self::Object(_) => "Object(..)",
        })
    }
}

/// What a row that is fed back says of the run that rejected it. A row whose run was cleared is a new one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RejectedBy {
    /// The name of the run; `None` if the row does not say it in a way that can be read.
    pub run: Option<String>,
    /// The line in the input of that run; `None` if that is no number.
    pub line: Option<u64>,
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
    /// Some columns of a file of rejected rows are there, and others are not.
    #[error(
        "the header has {}, as a file of rejected rows has, but not {}: put back what was taken out; if a column is one of your \
         own, rename it", listed(.there), listed(.missing)
    )]
    Reserved {
        /// Those that are there.
        there: Vec<&'static str>,
        /// Those that are not.
        missing: Vec<&'static str>,
    },
}

fn listed(names: &[&str]) -> String {
    names.join(", ")
}

/// The columns that a file of rejected rows adds; an input that has them is one that is fed back.
pub const REJECTED_ROWS_COLUMNS: [&str; 7] =
    ["_destination", "_line", "_field", "_code", "_reason", "_vendor_text", REJECTED_BY_RUN];

/// The column, or field, that says which run rejected a row. A row without text in it is sent as a new one.
pub const REJECTED_BY_RUN: &str = "_run";

/// The field of a rejected object that says why; an object that has it is one that is fed back.
pub const REJECTED_ERRORS: &str = "_errors";

/// The field that holds a rejected line that was no object.
pub const RAW: &str = "_raw";

/// Whether a name is one that a file of rejected rows uses for itself.
pub fn is_reserved(name: &str) -> bool {
    let others = [REJECTED_ERRORS, RAW, "_raw_base64"];
    REJECTED_ROWS_COLUMNS.contains(&name) || others.contains(&name)
}

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
        let is_there = |name: &&str| columns.0.iter().any(|known| known == name);
        let (there, missing): (Vec<_>, Vec<_>) = REJECTED_ROWS_COLUMNS.into_iter().partition(is_there);
        if there.is_empty() || missing.is_empty() {
            Ok(columns)
        } else {
            Err(InvalidColumns::Reserved { there, missing })
        }
    }

    /// Whether they are those of a file of rejected rows.
    pub fn are_fed_back(&self) -> bool {
        // A header has all of these or none.
        self.0.iter().any(|name| name == REJECTED_BY_RUN)
    }

    /// What a row that is fed back says of the run that rejected it.
    pub(crate) fn rejected_by(&self, cells: CellsRef<'_>) -> Option<RejectedBy> {
        let cell = |name: &str| {
            let place = self.0.iter().position(|known| known == name)?;
            std::str::from_utf8(cells.get(place)?.trim_ascii()).ok()
        };
        if !self.are_fed_back() || cell(REJECTED_BY_RUN) == Some("") {
            return None;
        }
        let line = cell("_line").and_then(|line| line.parse().ok());
        Some(RejectedBy { run: cell(REJECTED_BY_RUN).map(str::to_owned), line })
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
        self.0.iter().map(String::as_str).enumerate().filter(|(_, name)| !REJECTED_ROWS_COLUMNS.contains(name))
    }

    /// Whether a row repeats the header, as where one file was appended to another. Case, and white space around names, do not
    /// count.
    pub fn are_repeated_by(&self, cells: CellsRef<'_>) -> bool {
        cells.len() == self.len() && self.0.iter().zip(cells.iter()).all(|(name, cell)| is_named(cell, name))
    }

    /// Whether a row is the header of another file: not this header, but the id has the name of its column, or the id
    /// and all others are names of columns.
    pub fn are_named_by(&self, cells: CellsRef<'_>, id_columns: &[usize]) -> bool {
        if self.are_repeated_by(cells) {
            return false;
        }
        let is_id = |place: usize| id_columns.contains(&place);
        let spells_own =
            |place: usize| cells.get(place).zip(self.0.get(place)).is_some_and(|(cell, name)| spells(cell, name));
        let mut others = (0..cells.len()).filter(|place| !is_id(*place));
        let own_names = others.clone().filter(|place| spells_own(*place)).count();
        // A user id may equal the name of the id column in another case.
        let id_is_named = id_columns.iter().any(|place| {
            let exact = cells.get(*place).map(<[u8]>::trim_ascii) == self.0.get(*place).map(String::as_bytes);
            exact || own_names > 0 && spells_own(*place)
        });
        let is_name = |place: usize| {
            cells.get(place).is_some_and(|cell| cell.is_empty() || self.0.iter().any(|name| spells(cell, name)))
        };
        let filled = (0..cells.len()).filter(|place| cells.get(*place).is_some_and(|cell| !cell.is_empty())).count();
        let all_names = filled > 1
            && id_columns.iter().all(|place| cells.get(*place).is_some_and(|cell| !cell.is_empty()) && is_name(*place));
        id_is_named || all_names && others.all(is_name)
    }
}

/// Whether a cell has the name of a column; case, and white space around it, do not count.
fn spells(cell: &[u8], name: &str) -> bool {
    !cell.is_empty() && is_named(cell, name)
}

/// The same; two that are empty are alike.
fn is_named(cell: &[u8], name: &str) -> bool {
    cell.trim_ascii().eq_ignore_ascii_case(name.trim().as_bytes())
}
