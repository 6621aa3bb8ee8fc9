//! One row of the input, and what it says by the mapping.

use std::collections::HashMap;

use contact_sink_core::{ContactUpdate, Subject, UserId};

use crate::config::{EmptySubject, Mapping};
use crate::nearest;
use crate::status::Status;

/// One row as it stands in the input.
pub struct Row {
    /// The line on which it begins, from 1.
    pub line: u64,
    bytes: Box<[u8]>,
    ends: Box<[u32]>,
}

impl Row {
    pub(super) fn new(line: u64, bytes: &[u8], ends: &[usize]) -> Self {
        // A record is shorter than 4 GiB by far.
        let ends = ends.iter().map(|end| u32::try_from(*end).unwrap_or(u32::MAX)).collect();
        Self { line, bytes: bytes.into(), ends }
    }

    /// The cell of a column, by its place.
    pub fn cell(&self, column: usize) -> Option<&[u8]> {
        let end = *self.ends.get(column)? as usize;
        let start = column.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        self.bytes.get(start..end)
    }

    /// How many cells there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }
}

/// The columns that the first line names.
#[derive(Debug, Clone)]
pub struct Columns(Vec<String>);

/// The columns that a dead-letter file adds; an input that has them is one that is fed back.
pub const DEAD_LETTER_COLUMNS: [&str; 6] = ["_destination", "_line", "_field", "_code", "_reason", "_vendor_text"];

impl Columns {
    /// Reads the first line.
    pub fn new(header: &Row) -> Result<Self, (Status, String)> {
        let mut names: Vec<String> = Vec::with_capacity(header.len());
        let mut seen = HashMap::with_capacity(header.len());
        for cell in (0..header.len()).filter_map(|column| header.cell(column)) {
            let nth = names.len() + 1;
            let not_utf8 =
                || format!("the name of column {nth} is not UTF-8: save the file as UTF-8 (in Excel: CSV UTF-8)");
            let name = std::str::from_utf8(cell).map_err(|_| (Status::Unreadable, not_utf8()))?;
            // A name without text can be meant by no mapping; spreadsheets leave such columns behind.
            if let Some(first) = seen.insert(name, nth).filter(|_| !name.is_empty()) {
                // The name is not printed: the first line may be a row by mistake.
                let problem = format!("columns {first} and {nth} have the same name: rename one of them");
                return Err((Status::Usage, problem));
            }
            names.push(name.to_owned());
        }
        Ok(Self(names))
    }

    /// The place of a column.
    pub fn place(&self, name: &str) -> Result<usize, String> {
        self.0.iter().position(|known| known == name).ok_or_else(|| {
            let near = self.own().map(|(_, known)| known).find(|known| nearest::is_near(known, name));
            match near {
                Some(near) => format!("there is no column {name:?}: did you mean {near:?}?"),
                // The others are not printed: the first line may be a row by mistake.
                None => format!(
                    "there is no column {name:?}, and none with a similar name among the {} of the first line: does the first \
                     line name the columns?",
                    self.len()
                ),
            }
        })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The input's own columns and their places: all but those of a dead-letter file.
    pub fn own(&self) -> impl Iterator<Item = (usize, &str)> {
        let names = self.0.iter().map(String::as_str).enumerate();
        names.filter(|(_, name)| !DEAD_LETTER_COLUMNS.contains(name))
    }
}

/// What a row says.
pub enum Mapped {
    /// An update to send.
    Update(ContactUpdate),
    /// Nothing: no value, or no subject where that is allowed.
    Skip,
    /// Nothing that can be sent.
    Reject(Problem),
}

/// What is wrong with a row: the column, and the rule in our words.
pub struct Problem {
    /// The column, if it is one column's.
    pub column: Option<String>,
    /// The rule.
    pub reason: String,
}

/// How a row is read: the mapping with the places of its columns.
pub struct Plan {
    mapping: Mapping,
    subject: usize,
    set: Vec<usize>,
    null: Vec<String>,
    columns: usize,
}

impl Plan {
    /// Finds the columns of a mapping.
    pub fn new(mapping: Mapping, null: Vec<String>, columns: &Columns) -> Result<Self, String> {
        let subject = columns.place(&mapping.subject)?;
        let set = mapping.set.iter().map(|field| columns.place(&field.column)).collect::<Result<_, _>>()?;
        Ok(Self { mapping, subject, set, null, columns: columns.len() })
    }

    /// What a row says.
    pub fn map(&self, row: &Row) -> Mapped {
        match self.read(row) {
            Ok(Some(update)) => Mapped::Update(update),
            Ok(None) => Mapped::Skip,
            Err(problem) => Mapped::Reject(problem),
        }
    }

    fn read(&self, row: &Row) -> Result<Option<ContactUpdate>, Problem> {
        if row.len() != self.columns {
            let reason = format!("the row has {} fields, the first line names {}", row.len(), self.columns);
            return Err(Problem { column: None, reason });
        }
        let subject = &self.mapping.subject;
        let id = match self.text(row, self.subject, subject)? {
            Some(text) => UserId::new(text).map_err(|error| problem(subject, error.to_string()))?,
            None if self.mapping.empty_subject == EmptySubject::Skip => return Ok(None),
            None => return Err(problem(subject, "it is empty, and it says whose row this is")),
        };
        let mut update = ContactUpdate::new(Subject::User(id));
        for (field, place) in self.mapping.set.iter().zip(&self.set) {
            if let Some(text) = self.text(row, *place, &field.column)? {
                update = update
                    .with(field.address.clone(), text)
                    .map_err(|error| problem(&field.column, error.to_string()))?;
            }
        }
        Ok((!update.fields().is_empty()).then_some(update))
    }

    /// The text of a cell, or `None` if it is a word for nothing.
    fn text<'r>(&self, row: &'r Row, place: usize, column: &str) -> Result<Option<&'r str>, Problem> {
        let cell = row.cell(place).unwrap_or_default();
        let text = std::str::from_utf8(cell).map_err(|_| problem(column, "it is not UTF-8: save the file as UTF-8"))?;
        if text.contains(['\n', '\r', '\0']) {
            return Err(problem(column, "it has a line break or a NUL in it"));
        }
        Ok((!text.is_empty() && !self.null.iter().any(|word| word == text)).then_some(text))
    }
}

fn problem(column: &str, reason: impl Into<String>) -> Problem {
    Problem { column: Some(column.to_owned()), reason: reason.into() }
}
