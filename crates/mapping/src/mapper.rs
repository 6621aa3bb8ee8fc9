//! Applies a mapping to the records of one input.

use std::sync::Arc;

use contact_sink_core::{ContactUpdate, Field, Subject, Updates, UserId, Value};
use serde_json::value::RawValue;

use crate::cell::{Cell, NOT_UTF8, shared};
use crate::mapping::Mapping;
use crate::nearest;
use crate::object::{self, InvalidObject};
use crate::problem::Problem;
use crate::record::{CellsRef, Columns, RecordRef, RejectedBy, is_reserved};
use crate::subject::{EmptySubject, SubjectColumns};
use crate::tally::{SkipReason, Tally};

/// How the records of an input are written.
#[derive(Debug, Clone)]
pub enum Layout {
    /// Rows of cells under these columns.
    Columns(Columns),
    /// Objects, with the names of the fields of the first one, if they are known; later ones may have others.
    Objects(Option<Vec<String>>),
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mapped {
    /// An update to send.
    Update(ContactUpdate),
    /// Nothing to send.
    Skip(SkipReason),
    /// Nothing that can be sent: all that is wrong with it, at least one.
    Reject(Vec<Problem>),
}

/// Why a record gives no update.
enum NotSent {
    Skip(SkipReason),
    Reject(Vec<Problem>),
}

impl From<Problem> for NotSent {
    fn from(problem: Problem) -> Self {
        Self::Reject(vec![problem])
    }
}

/// Why a mapping does not fit an input: which column is missing, and what to do. It holds no value of a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidLayout(String);

/// A mapping, and the places of its columns in one input.
#[derive(Debug, Clone)]
pub struct Mapper {
    mapping: Mapping,
    /// The columns that the mapping names, each once.
    names: Vec<String>,
    /// The same without white space around them.
    bare_names: Vec<String>,
    /// For the columns of the subject and then for each field that is set: which of these names.
    wanted: Vec<usize>,
    /// Which of these names are of fields and not of the subject.
    field_names: Vec<usize>,
    places: Places,
}

#[derive(Debug, Clone)]
enum Places {
    /// For each name its column.
    Cells {
        places: Vec<usize>,
        columns: Columns,
        /// Whether the columns are those of a file of rejected rows.
        are_fed_back: bool,
    },
    Objects,
}

/// The cells of a record that the mapping names.
enum Named<'r> {
    /// A row, and for each name its column.
    Cells(CellsRef<'r>, &'r [usize]),
    /// For each name its value.
    Fields(Vec<Option<&'r RawValue>>),
}

impl<'r> Named<'r> {
    fn cell(&self, name: usize) -> Cell<'r> {
        match self {
            Self::Cells(cells, places) => Cell::Bytes(cells.get(places[name]).unwrap_or_default()),
            Self::Fields(values) => Cell::Json(values[name]),
        }
    }
}

impl Layout {
    /// Objects whose fields are not known beforehand: the records of a service.
    pub fn objects() -> Self {
        Self::Objects(None)
    }
}

impl SkipReason {
    /// The reason in words, to follow a count of rows.
    pub fn words(self) -> &'static str {
        match self {
            Self::NoValue => "no value in any column",
            Self::RepeatsHeader => "the header again",
            Self::NoSubject => "the id is empty",
            Self::NoField => "no value in a column that is sent",
        }
    }
}

impl Mapper {
    /// Finds the columns of a mapping in an input.
    ///
    /// # Errors
    /// [`InvalidLayout`] if the mapping names a column that the input does not have, or has twice, or a reserved one.
    pub fn new(mapping: Mapping, layout: &Layout) -> Result<Self, InvalidLayout> {
        let columns = mapping.subject.columns().chain(mapping.fields.iter().map(|field| &field.column));
        if let Some(name) = columns.clone().find(|name| is_reserved(name)) {
            return Err(InvalidLayout(format!(
                "{name:?} is a name that the file of rejected rows uses for itself: rename that column"
            )));
        }
        let (mut names, mut wanted) = (Vec::<String>::new(), Vec::new());
        for column in columns {
            let known = names.iter().position(|name| name == column);
            wanted.push(known.unwrap_or_else(|| {
                names.push(column.clone());
                names.len() - 1
            }));
        }
        let places = match layout {
            Layout::Columns(columns) => {
                let places = names.iter().map(|name| columns.place(name)).collect::<Result<_, _>>();
                let (columns, are_fed_back) = (columns.clone(), columns.are_fed_back());
                Places::Cells { places: places.map_err(InvalidLayout)?, columns, are_fed_back }
            }
            Layout::Objects(first) => {
                let fields = first.as_ref().filter(|_| mapping.empty_subject == EmptySubject::Reject);
                if let Some(fields) = fields
                    && let Some(name) = mapping.subject.columns().find(|name| !fields.contains(name))
                {
                    return Err(InvalidLayout(no_field(name, fields, &mapping.subject)));
                }
                Places::Objects
            }
        };
        let ids = &wanted[..mapping.subject.columns().count()];
        let field_names = (0..names.len()).filter(|name| !ids.contains(name)).collect();
        let bare_names = names.iter().map(|name| name.trim().to_owned()).collect();
        Ok(Self { mapping, names, bare_names, field_names, wanted, places })
    }

    /// What a record says.
    pub fn map<'r>(&self, record: impl Into<RecordRef<'r>>) -> Mapped {
        self.map_counted(record, &mut Tally::default())
    }

    /// What a record says; what a person should know of the whole input is counted.
    pub fn map_counted<'r>(&self, record: impl Into<RecordRef<'r>>, tally: &mut Tally) -> Mapped {
        let mut mapped = self.map_together([record.into()], &Arc::default(), tally);
        mapped.pop().unwrap_or_else(|| unreachable!("it is one for each record"))
    }

    /// What each of these records says. Their updates share their memory, and also the memory of the whole text in which the
    /// records stand, if there is one.
    pub fn map_together<'r>(
        &self,
        records: impl IntoIterator<Item = RecordRef<'r>>,
        whole: &Arc<str>,
        tally: &mut Tally,
    ) -> Vec<Mapped> {
        let (records, fields) = (records.into_iter(), self.mapping.fields.len());
        let mut updates = Updates::with_room(records.size_hint().0, fields);
        let mut values = Vec::with_capacity(fields);
        let read = |record| {
            let not_sent = self.read(record, whole, tally, (&mut updates, &mut values)).err();
            if let Some(NotSent::Skip(reason)) = not_sent {
                tally.skip(reason);
            }
            not_sent
        };
        let not_sent: Vec<Option<NotSent>> = records.map(read).collect();
        let mut updates = updates.finish();
        let mapped = |not_sent| match not_sent {
            None => updates.next().map_or_else(|| unreachable!("it was added"), Mapped::Update),
            Some(NotSent::Skip(reason)) => Mapped::Skip(reason),
            Some(NotSent::Reject(problems)) => Mapped::Reject(problems),
        };
        not_sent.into_iter().map(mapped).collect()
    }

    /// Makes its fields anew. An update shares its fields with the mapper and counts them; updates from here on share them with no
    /// earlier one. So a thread that drops earlier updates does not slow down the one that maps: call it now and then.
    pub fn renew_fields(&mut self) {
        for mapping in &mut self.mapping.fields {
            // The name was one before.
            if let Ok(field) = Field::new(mapping.field.as_str()) {
                mapping.field = field;
            }
        }
    }

    /// What a record that is fed back says of the run that rejected it.
    pub fn rejected_by<'r>(&self, record: impl Into<RecordRef<'r>>) -> Option<RejectedBy> {
        match (record.into(), &self.places) {
            (RecordRef::Cells(_), Places::Cells { are_fed_back: false, .. } | Places::Objects) => None,
            (RecordRef::Cells(cells), Places::Cells { columns, .. }) => columns.rejected_by(cells),
            (RecordRef::Object(text), _) => object::rejected_by(text),
        }
    }

    /// The ids of a record as they are written, whether they can be used or not; for a friend the owner comes first.
    pub fn ids<'r>(&self, record: impl Into<RecordRef<'r>>) -> Vec<String> {
        let ids = self.wanted.iter().take(self.mapping.subject.columns().count());
        match (record.into(), &self.places) {
            (RecordRef::Cells(cells), Places::Cells { places, .. }) => {
                let cell = |nth: &usize| cells.get(places[*nth]).unwrap_or_default();
                ids.map(|nth| String::from_utf8_lossy(cell(nth)).into_owned()).collect()
            }
            (RecordRef::Object(text), _) => {
                let Ok(values) = object::pick(text, &self.names) else { return Vec::new() };
                let text = |nth: &usize| values[*nth].and_then(|value| object::text(value).ok().flatten());
                ids.map(|nth| text(nth).unwrap_or_default().into_owned()).collect()
            }
            (RecordRef::Cells(_), Places::Objects) => Vec::new(),
        }
    }

    /// The mapping.
    pub fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// The places, from 0, of the columns that identify the subject; none if the records are objects, or if ids are not checked.
    pub fn id_places(&self) -> Vec<usize> {
        if !self.mapping.subject_rules.check {
            return Vec::new();
        }
        let ids = self.wanted.iter().take(self.mapping.subject.columns().count());
        match &self.places {
            Places::Cells { places, .. } => ids.map(|nth| places[*nth]).collect(),
            Places::Objects => Vec::new(),
        }
    }

    /// Adds the update that a record gives.
    fn read(
        &self,
        record: RecordRef<'_>,
        whole: &Arc<str>,
        tally: &mut Tally,
        (updates, values): (&mut Updates, &mut Vec<(Field, Value)>),
    ) -> Result<(), NotSent> {
        let skip = |reason| Err(NotSent::Skip(reason));
        let named = match (record, &self.places) {
            (RecordRef::Cells(cells), Places::Cells { places, columns, .. }) => {
                if cells.len() != columns.len() {
                    return if cells.iter().all(|cell| self.is_blank(Cell::Bytes(cell))) {
                        skip(SkipReason::NoValue)
                    } else {
                        Err(wrong_count(cells, columns).into())
                    };
                }
                Named::Cells(cells, places)
            }
            (RecordRef::Object(text), _) => Named::Fields(self.fields_of(text, tally)?),
            (RecordRef::Cells(_), Places::Objects) => {
                let reason = "it is a row of cells, and objects are wanted";
                return Err(Problem::of_record(reason, reason).into());
            }
        };
        if let Some(reason) = self.no_data(record, &named) {
            return skip(reason);
        }
        if self.mapping.subject_rules.check && self.looks_like_header(&named) {
            return Err(Problem::of_record(HEADER_AMONG_ROWS, HEADER_AMONG_ROWS).into());
        }
        let mut problems = Vec::new();
        let subject = match self.subject(&named, whole, tally) {
            Ok(Some(subject)) => Some(subject),
            Ok(None) => return skip(SkipReason::NoSubject),
            Err(problem) => {
                problems.push(problem);
                None
            }
        };
        values.clear();
        let places = self.wanted.iter().skip(self.mapping.subject.columns().count());
        for (field, place) in self.mapping.fields.iter().zip(places) {
            let (cell, words) = (named.cell(*place), &self.mapping.empty_words);
            match cell.value(words, field.rules, field.kind, &field.separator, whole) {
                Ok(Some(value)) => values.push((field.field.clone(), value)),
                Ok(None) => {}
                Err(reason) => problems.push(Problem::of_column(&field.column, reason)),
            }
        }
        let Some(subject) = subject.filter(|_| problems.is_empty()) else { return Err(NotSent::Reject(problems)) };
        if values.is_empty() {
            return skip(SkipReason::NoField);
        }
        // A mapping sets each field once, and no value that is read is empty.
        tally.see(&self.mapping, values);
        updates
            .add(subject, values.drain(..))
            .map_err(|error| Problem::of_record(error.to_string(), error.to_string()).into())
    }

    fn fields_of<'r>(&self, text: &'r [u8], tally: &mut Tally) -> Result<Vec<Option<&'r RawValue>>, Problem> {
        let values = object::pick(text, &self.names).map_err(|invalid| self.problem_of_object(text, &invalid))?;
        if values.iter().all(Option::is_none) && object::is_raw(text) {
            let reason = "it is still as it was rejected: write the row's own fields in place of the field _raw";
            return Err(Problem::of_record(reason, reason));
        }
        tally.see_fields(values.iter().map(Option::is_some));
        Ok(values)
    }

    /// Why a record is not data at all: it has no value, or it is the header again. The cells of ids show at once that it is.
    fn no_data(&self, record: RecordRef<'_>, named: &Named<'_>) -> Option<SkipReason> {
        let (mut all_blank, mut all_named) = (true, true);
        for name in &self.wanted[..self.mapping.subject.columns().count()] {
            let cell = named.cell(*name);
            all_blank &= self.is_blank(cell);
            all_named &= spells(cell, &self.bare_names[*name]);
        }
        match record {
            RecordRef::Cells(cells) if all_blank => {
                cells.iter().all(|cell| self.is_blank(Cell::Bytes(cell))).then_some(SkipReason::NoValue)
            }
            RecordRef::Cells(cells) if all_named => match &self.places {
                Places::Cells { columns, .. } => columns.are_repeated_by(cells).then_some(SkipReason::RepeatsHeader),
                Places::Objects => None,
            },
            RecordRef::Object(text) if all_blank => {
                self.every_field(text, |_, cell| self.is_blank(cell)).then_some(SkipReason::NoValue)
            }
            RecordRef::Object(text) if all_named => {
                self.every_field(text, |name, cell| spells(cell, name.trim())).then_some(SkipReason::RepeatsHeader)
            }
            _ => None,
        }
    }

    /// Whether each field that is set has the name of its column (two at least), or the ids and one of the fields do.
    fn looks_like_header(&self, named: &Named<'_>) -> bool {
        let ids = &self.wanted[..self.mapping.subject.columns().count()];
        let is_named = |name: &usize| spells(named.cell(*name), &self.bare_names[*name]);
        let count = self.field_names.iter().filter(|name| is_named(name)).count();
        count > 0 && (count > 1 && count == self.field_names.len() || ids.iter().all(is_named))
    }

    fn every_field(&self, text: &[u8], mut holds: impl FnMut(&str, Cell<'_>) -> bool) -> bool {
        let mut all = true;
        let read = std::str::from_utf8(text).map(|text| {
            object::each_field(text, |name, value| {
                // What a file of rejected rows adds is no value of the record.
                all &= is_reserved(name) || holds(name, Cell::Json(Some(value)));
            })
        });
        all && matches!(read, Ok(Ok(())))
    }

    fn is_blank(&self, cell: Cell<'_>) -> bool {
        cell.is_blank(&self.mapping.empty_words)
    }

    /// Whose record it is, or `None` if it is to be skipped.
    fn subject(&self, named: &Named<'_>, whole: &Arc<str>, tally: &mut Tally) -> Result<Option<Subject>, Problem> {
        let mut id = |nth: usize, column| self.id(named.cell(self.wanted[nth]), column, whole, tally);
        Ok(match &self.mapping.subject {
            SubjectColumns::User(column) => id(0, column)?.map(Subject::User),
            SubjectColumns::Contact { owner, contact } => {
                let Some(owner) = id(0, owner)? else { return Ok(None) };
                id(1, contact)?.map(|friend| Subject::Friend { owner, friend })
            }
        })
    }

    /// One id of the subject, or `None` if the record is to be skipped.
    fn id(&self, cell: Cell<'_>, column: &str, whole: &Arc<str>, tally: &mut Tally) -> Result<Option<UserId>, Problem> {
        let rules = self.mapping.subject_rules;
        let text = cell.id(&self.mapping.empty_words, rules, whole);
        match text.map_err(|reason| Problem::of_column(column, reason))? {
            Some(text) if text == column && rules.check => {
                Err(Problem::of_column(column, "it is the name of its column: a header among the rows"))
            }
            Some(text) => {
                tally.see_text(column, &text);
                let id = UserId::try_from(shared(text, whole));
                id.map(Some).map_err(|error| Problem::of_column(column, error.to_string()))
            }
            None if self.mapping.empty_subject == EmptySubject::Skip => Ok(None),
            None => Err(Problem::empty_id(column)),
        }
    }

    fn problem_of_object(&self, text: &[u8], invalid: &InvalidObject) -> Problem {
        match invalid {
            InvalidObject::Twice(place) => Problem::of_column(&self.names[*place], invalid.to_string()),
            InvalidObject::NotUtf8(_) if self.field_that_is_not_utf8(text).is_some() => {
                Problem::of_column(self.field_that_is_not_utf8(text).unwrap_or_default(), NOT_UTF8)
            }
            _ => Problem::of_record(invalid.to_string(), invalid.rule()),
        }
    }

    /// The field that a person has to look at, if it is one of the mapping's.
    fn field_that_is_not_utf8(&self, text: &[u8]) -> Option<&str> {
        let replaced = String::from_utf8_lossy(text);
        let values = object::pick(replaced.as_bytes(), &self.names).ok()?;
        let damaged =
            |value: &Option<&RawValue>| value.is_some_and(|value| value.get().contains(char::REPLACEMENT_CHARACTER));
        values.iter().position(damaged).map(|place| self.names[place].as_str())
    }
}

fn wrong_count(cells: CellsRef<'_>, columns: &Columns) -> Problem {
    let cell = if cells.len() == 1 { "cell" } else { "cells" };
    let reason = format!("the row has {} {cell}, and the header names {} columns", cells.len(), columns.len());
    Problem::of_record(reason.clone(), reason)
}

const HEADER_AMONG_ROWS: &str = "its values are the names of their columns, as of a header among the rows: remove it, or set check = false for the subject";

/// White space, or a byte order mark.
fn is_space(c: char) -> bool {
    c.is_whitespace() || c == '\u{FEFF}'
}

/// Whether a cell has this name, which has no white space around it; case, and white space around the cell, do not count.
fn spells(cell: Cell<'_>, bare_name: &str) -> bool {
    match cell {
        Cell::Bytes(bytes) => bytes.trim_ascii().eq_ignore_ascii_case(bare_name.as_bytes()),
        Cell::Json(value) => value.is_some_and(|value| {
            let text = object::text(value).ok().flatten();
            text.is_some_and(|text| text.trim_matches(is_space).eq_ignore_ascii_case(bare_name))
        }),
    }
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

impl Tally {
    /// The columns of the mapping that no object had: they are probably misspelt. None if there was no object.
    pub fn missing_columns(&self, mapper: &Mapper) -> Vec<String> {
        let seen = mapper.names.iter().zip(self.seen_names());
        seen.filter(|(_, seen)| !**seen).map(|(name, _)| name.clone()).collect()
    }
}
