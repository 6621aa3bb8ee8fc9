//! What a row says by the mapping.

use contact_sink_core::{ContactUpdate, Subject, UserId};

use super::ndjson::{self, Wrong};
use super::row::{Cells, Columns, Record, Row, is_reserved};
use super::value::{Cell, NOT_UTF8, NullWords};
use crate::config::{EmptySubject, Mapping, SubjectColumns};
use crate::nearest;

/// How the rows of an input are written.
pub enum Shape {
    /// CSV, with the columns that its first line names.
    Csv(Columns),
    /// NDJSON, with the names of the fields of its first object; later ones may have others.
    Ndjson(Option<Vec<String>>),
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
#[derive(Debug, Clone)]
pub struct Problem {
    /// The column, if it is one column's.
    pub column: Option<String>,
    /// The rule.
    pub reason: String,
    /// What it is counted as, where the reason also says a place.
    pub rule: Option<&'static str>,
}

/// How a row is read: the mapping, and where its columns stand.
pub struct Plan {
    mapping: Mapping,
    null: NullWords,
    /// The columns that the mapping names, each once.
    names: Vec<String>,
    /// For the columns of the subject and then for each field that is set: which of these names.
    wanted: Vec<usize>,
    /// Which of these names were there in some row.
    met: Vec<bool>,
    /// Some row could be read.
    any: bool,
    places: Places,
}

enum Places {
    /// For each name its column, and how many columns there are.
    Csv {
        places: Vec<usize>,
        columns: usize,
    },
    Ndjson,
}

impl Plan {
    /// Finds the columns of a mapping.
    pub fn new(mapping: Mapping, null: Vec<String>, shape: &Shape) -> Result<Self, String> {
        let columns = mapping.subject.columns().chain(mapping.set.iter().map(|field| &field.column));
        if let Some(name) = columns.clone().find(|name| is_reserved(name)) {
            return Err(format!(
                "{name:?} is a name that the file of rejected rows uses for itself: rename that column"
            ));
        }
        let (mut names, mut wanted) = (Vec::<String>::new(), Vec::new());
        for column in columns {
            let known = names.iter().position(|name| name == column);
            wanted.push(known.unwrap_or_else(|| {
                names.push(column.clone());
                names.len() - 1
            }));
        }
        let places = match shape {
            Shape::Csv(columns) => {
                let places = names.iter().map(|name| columns.place(name)).collect::<Result<_, _>>()?;
                Places::Csv { places, columns: columns.len() }
            }
            Shape::Ndjson(first) => {
                let fields = first.as_ref().filter(|_| mapping.empty_subject == EmptySubject::Reject);
                if let Some(fields) = fields
                    && let Some(name) = mapping.subject.columns().find(|name| !fields.contains(name))
                {
                    return Err(no_field(name, fields, &mapping.subject));
                }
                Places::Ndjson
            }
        };
        Ok(Self { met: vec![false; names.len()], any: false, mapping, null: NullWords(null), names, wanted, places })
    }

    /// What a row says.
    pub fn map(&mut self, row: &Row) -> Mapped {
        match self.read(row) {
            Ok(Some(update)) => Mapped::Update(update),
            Ok(None) => Mapped::Skip,
            Err(problem) => Mapped::Reject(problem),
        }
    }

    /// Columns of the mapping that no row had: they are probably misspelt.
    pub fn never_met(&self) -> Vec<String> {
        match self.places {
            Places::Ndjson if self.any => {
                let met = self.names.iter().zip(&self.met);
                met.filter(|(_, met)| !**met).map(|(name, _)| name.clone()).collect()
            }
            _ => Vec::new(),
        }
    }

    fn read(&mut self, row: &Row) -> Result<Option<ContactUpdate>, Problem> {
        let cells = match (row.record(), &self.places) {
            (Record::Cells(cells), Places::Csv { places, columns }) => pick_cells(cells, places, *columns)?,
            (Record::Line(line), _) => {
                let values = ndjson::pick(line, &self.names).map_err(|wrong| self.problem_of_line(line, &wrong))?;
                self.any = true;
                if values.iter().all(Option::is_none) && ndjson::is_raw(line) {
                    let reason = "it is still as it was rejected: write an object in place of _raw";
                    return Err(Problem { column: None, reason: reason.to_owned(), rule: None });
                }
                for (met, value) in self.met.iter_mut().zip(&values) {
                    *met |= value.is_some();
                }
                values.into_iter().map(Cell::Json).collect()
            }
            // An input is of one shape.
            (Record::Cells(_), Places::Ndjson) => return Ok(None),
        };
        let Some(subject) = self.subject(&cells)? else { return Ok(None) };
        let mut update = ContactUpdate::new(subject);
        let places = self.wanted.iter().skip(self.mapping.subject.columns().count());
        for (field, place) in self.mapping.set.iter().zip(places) {
            let value = self.null.value(cells[*place], &field.kind).map_err(|reason| problem(&field.column, reason))?;
            if let Some(value) = value {
                update = update
                    .with(field.address.clone(), value)
                    .map_err(|error| problem(&field.column, error.to_string()))?;
            }
        }
        Ok((!update.fields().is_empty()).then_some(update))
    }

    /// Whose row it is, or `None` if it is to be skipped.
    fn subject(&self, cells: &[Cell<'_>]) -> Result<Option<Subject>, Problem> {
        let subject = &self.mapping.subject;
        let mut texts = Vec::with_capacity(2);
        for (column, place) in subject.columns().zip(&self.wanted) {
            match self.null.text(cells[*place]).map_err(|reason| problem(column, reason))? {
                Some(text) => texts.push(text),
                None if self.mapping.empty_subject == EmptySubject::Skip => return Ok(None),
                None => return Err(problem(column, subject.says(column))),
            }
        }
        let id = |column: &str, text: &str| UserId::new(text).map_err(|error| problem(column, error.to_string()));
        Ok(match (subject, &texts[..]) {
            (SubjectColumns::User(column), [user]) => Some(Subject::User(id(column, user)?)),
            (SubjectColumns::Contact { owner, contact }, [first, second]) => {
                Some(Subject::Contact { owner: id(owner, first)?, contact: id(contact, second)? })
            }
            // There is a text for each column.
            _ => None,
        })
    }

    fn problem_of_line(&self, line: &[u8], wrong: &Wrong) -> Problem {
        match wrong {
            Wrong::Twice(place) => problem(&self.names[*place], wrong.to_string()),
            Wrong::NotUtf8(_) if self.field_that_is_not_utf8(line).is_some() => {
                problem(self.field_that_is_not_utf8(line).unwrap_or_default(), NOT_UTF8)
            }
            _ => Problem { column: None, reason: wrong.to_string(), rule: Some(wrong.rule()) },
        }
    }

    /// The field that a person has to look at, if it is one of the mapping's.
    fn field_that_is_not_utf8(&self, line: &[u8]) -> Option<&str> {
        let mended = String::from_utf8_lossy(line);
        let values = ndjson::pick(mended.as_bytes(), &self.names).ok()?;
        let damaged = |value: &Option<&serde_json::value::RawValue>| {
            value.is_some_and(|value| value.get().contains(char::REPLACEMENT_CHARACTER))
        };
        values.iter().position(damaged).map(|place| self.names[place].as_str())
    }
}

fn pick_cells<'r>(cells: &'r Cells, places: &[usize], columns: usize) -> Result<Vec<Cell<'r>>, Problem> {
    if cells.len() != columns {
        let reason = format!("the row has {} fields, the first line names {columns}", cells.len());
        return Err(Problem { column: None, reason, rule: None });
    }
    Ok(places.iter().map(|place| Cell::Bytes(cells.cell(*place).unwrap_or_default())).collect())
}

fn no_field(name: &str, fields: &[String], subject: &SubjectColumns) -> String {
    match fields.iter().find(|known| nearest::is_near(known, name)) {
        Some(near) => format!("the first object has no field {name:?}: did you mean {near:?}?"),
        None => format!(
            "the first object has no field {name:?}, and none with a similar name among its {}; if some rows have none, say {}",
            fields.len(),
            subject.with_skip()
        ),
    }
}

fn problem(column: &str, reason: impl Into<String>) -> Problem {
    Problem { column: Some(column.to_owned()), reason: reason.into(), rule: None }
}
