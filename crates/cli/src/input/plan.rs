//! What a row says by the mapping.

use std::borrow::Cow;

use contact_sink_core::{ContactUpdate, Subject, UserId};

use super::ndjson::{self, Wrong};
use super::row::{Cells, Columns, Record, Row, is_reserved};
use crate::config::{EmptySubject, Mapping};
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
    null: Vec<String>,
    /// The columns that the mapping names, each once.
    names: Vec<String>,
    /// For the subject and then for each field that is set: which of these names.
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

type Texts<'r> = Vec<Result<Option<Cow<'r, str>>, &'static str>>;

const NOT_UTF8: &str = "it is not UTF-8: save the file as UTF-8";

impl Plan {
    /// Finds the columns of a mapping.
    pub fn new(mapping: Mapping, null: Vec<String>, shape: &Shape) -> Result<Self, String> {
        let columns = std::iter::once(&mapping.subject).chain(mapping.set.iter().map(|field| &field.column));
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
                let may_lack = mapping.empty_subject == EmptySubject::Skip;
                if let Some(fields) = first.as_ref().filter(|fields| !may_lack && !fields.contains(&mapping.subject)) {
                    return Err(no_field(&mapping.subject, fields));
                }
                Places::Ndjson
            }
        };
        Ok(Self { met: vec![false; names.len()], any: false, mapping, null, names, wanted, places })
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
        let texts = match (row.record(), &self.places) {
            (Record::Cells(cells), Places::Csv { places, columns }) => cell_texts(cells, places, *columns)?,
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
                values.into_iter().map(|value| value.map_or(Ok(None), ndjson::text)).collect()
            }
            // An input is of one shape.
            (Record::Cells(_), Places::Ndjson) => return Ok(None),
        };
        let subject = &self.mapping.subject;
        let id = match self.text(&texts, 0)? {
            Some(text) => UserId::new(text).map_err(|error| problem(subject, error.to_string()))?,
            None if self.mapping.empty_subject == EmptySubject::Skip => return Ok(None),
            None => return Err(problem(subject, "it is empty, and it says whose row this is")),
        };
        let mut update = ContactUpdate::new(Subject::User(id));
        for (nth, field) in self.mapping.set.iter().enumerate() {
            if let Some(text) = self.text(&texts, nth + 1)? {
                update = update
                    .with(field.address.clone(), text)
                    .map_err(|error| problem(&field.column, error.to_string()))?;
            }
        }
        Ok((!update.fields().is_empty()).then_some(update))
    }

    /// The text of the subject or of a field that is set, or `None` if it is a word for nothing.
    fn text<'t>(&self, texts: &'t Texts<'_>, nth: usize) -> Result<Option<&'t str>, Problem> {
        let place = self.wanted[nth];
        let column = &self.names[place];
        let text = texts[place].as_ref().map_err(|reason| problem(column, *reason))?;
        let text = text.as_deref().filter(|text| !text.is_empty() && !self.null.iter().any(|word| word == text));
        if text.is_some_and(|text| text.contains(['\n', '\r', '\0'])) {
            return Err(problem(column, "it has a line break or a NUL in it"));
        }
        Ok(text)
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

fn cell_texts<'r>(cells: &'r Cells, places: &[usize], columns: usize) -> Result<Texts<'r>, Problem> {
    if cells.len() != columns {
        let reason = format!("the row has {} fields, the first line names {columns}", cells.len());
        return Err(Problem { column: None, reason, rule: None });
    }
    let text = |place: &usize| {
        let cell = cells.cell(*place).unwrap_or_default();
        std::str::from_utf8(cell).map(|text| Some(Cow::Borrowed(text))).map_err(|_| NOT_UTF8)
    };
    Ok(places.iter().map(text).collect())
}

fn no_field(name: &str, fields: &[String]) -> String {
    match fields.iter().find(|known| nearest::is_near(known, name)) {
        Some(near) => format!("the first object has no field {name:?}: did you mean {near:?}?"),
        None => format!(
            "the first object has no field {name:?}, and none with a similar name among its {}; if some rows have none, say \
             subject = {{ from = {name:?}, empty = \"skip\" }}",
            fields.len()
        ),
    }
}

fn problem(column: &str, reason: impl Into<String>) -> Problem {
    Problem { column: Some(column.to_owned()), reason: reason.into(), rule: None }
}
