//! What goes where: field = the column that its value comes from.

use contact_sink_core::{Field, FieldKind};

use crate::empty_words::EmptyWords;
use crate::subject::{EmptySubject, SubjectColumns};

/// The separator of list entries in a cell where a mapping names none.
pub(crate) const LIST_SEPARATOR: &str = ";";

/// Which columns identify the subject, and which column each field is set from.
#[derive(Debug, Clone)]
pub struct Mapping {
    pub(crate) subject: SubjectColumns,
    pub(crate) empty_subject: EmptySubject,
    pub(crate) subject_rules: ColumnRules,
    pub(crate) fields: Vec<FieldMapping>,
    pub(crate) empty_words: EmptyWords,
}

/// One field, and the column that it is set from.
#[derive(Debug, Clone)]
pub struct FieldMapping {
    pub(crate) field: Field,
    pub(crate) kind: FieldKind,
    pub(crate) column: String,
    pub(crate) rules: ColumnRules,
    pub(crate) separator: String,
}

/// How the cells of a column are read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ColumnRules {
    /// What is invisible or white at the ends of a text is removed.
    pub(crate) trim: bool,
    /// A value that cannot be right is rejected.
    pub(crate) check: bool,
}

impl Default for ColumnRules {
    fn default() -> Self {
        Self { trim: false, check: true }
    }
}

/// Why a field cannot be added to a [`Mapping`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidMapping {
    /// The mapping sets this field already.
    #[error("the field {0} is set twice")]
    SetTwice(Field),
    /// The column's name is one of those that a file of rejected rows has for itself.
    #[error("the column {0:?} has a name that the file of rejected rows uses for itself")]
    ReservedColumn(String),
}

impl Mapping {
    /// A mapping that sets nothing yet. A record without a subject is rejected; [`EmptyWords::default`] mean nothing.
    pub fn new(subject: SubjectColumns) -> Self {
        Self {
            subject,
            empty_subject: EmptySubject::default(),
            subject_rules: ColumnRules::default(),
            fields: Vec::new(),
            empty_words: EmptyWords::default(),
        }
    }

    /// Adds a field.
    ///
    /// # Errors
    /// [`InvalidMapping`] if the field is set already, or the column has a reserved name.
    pub fn with(mut self, field: FieldMapping) -> Result<Self, InvalidMapping> {
        if self.fields.iter().any(|known| known.field == field.field) {
            return Err(InvalidMapping::SetTwice(field.field));
        }
        if crate::is_reserved(&field.column) {
            return Err(InvalidMapping::ReservedColumn(field.column));
        }
        self.fields.push(field);
        Ok(self)
    }

    /// With this rule for records without a subject. Default [`EmptySubject::Reject`].
    pub fn with_empty_subject(self, empty_subject: EmptySubject) -> Self {
        Self { empty_subject, ..self }
    }

    /// With these words that mean nothing, in place of the default ones.
    pub fn with_empty_words(self, empty_words: EmptyWords) -> Self {
        Self { empty_words, ..self }
    }

    /// Removes white space, control and invisible characters at the ends of ids.
    pub fn with_trimmed_subject(mut self) -> Self {
        self.subject_rules.trim = true;
        self
    }

    /// Takes any text as an id.
    pub fn with_unchecked_subject(mut self) -> Self {
        self.subject_rules.check = false;
        self
    }

    /// The columns that identify the subject.
    pub fn subject(&self) -> &SubjectColumns {
        &self.subject
    }

    /// What becomes of a record without a subject.
    pub fn empty_subject(&self) -> EmptySubject {
        self.empty_subject
    }

    /// Whether the ends of ids are trimmed.
    pub fn trims_subject(&self) -> bool {
        self.subject_rules.trim
    }

    /// Whether ids are checked.
    pub fn checks_subject(&self) -> bool {
        self.subject_rules.check
    }

    /// The fields that are set.
    pub fn fields(&self) -> &[FieldMapping] {
        &self.fields
    }

    /// The words that mean nothing.
    pub fn empty_words(&self) -> &EmptyWords {
        &self.empty_words
    }

    /// The column that a field is set from, if the mapping sets it.
    pub fn column_of(&self, field: &Field) -> Option<&str> {
        self.fields.iter().find(|mapping| mapping.field == *field).map(FieldMapping::column)
    }
}

impl FieldMapping {
    /// A field that holds this kind of value, and its column. The entries of a list are separated by `;`.
    pub fn new(field: Field, kind: FieldKind, column: impl Into<String>) -> Self {
        let separator = LIST_SEPARATOR.to_owned();
        Self { field, kind, column: column.into(), rules: ColumnRules::default(), separator }
    }

    /// Removes white space, control and invisible characters at the ends of values, and of each entry of a list.
    pub fn trimmed(mut self) -> Self {
        self.rules.trim = true;
        self
    }

    /// Takes any value.
    pub fn unchecked(mut self) -> Self {
        self.rules.check = false;
        self
    }

    /// With this text between the entries of a list. An empty one separates nothing: a cell is one entry.
    pub fn with_separator(mut self, separator: impl Into<String>) -> Self {
        self.separator = separator.into();
        self
    }

    /// The field, as the vendor names it.
    pub fn field(&self) -> &Field {
        &self.field
    }

    /// What it holds.
    pub fn kind(&self) -> FieldKind {
        self.kind
    }

    /// The column.
    pub fn column(&self) -> &str {
        &self.column
    }

    /// Whether the ends of values are trimmed.
    pub fn is_trimmed(&self) -> bool {
        self.rules.trim
    }

    /// Whether values are checked.
    pub fn is_checked(&self) -> bool {
        self.rules.check
    }

    /// What is between the entries of a list.
    pub fn separator(&self) -> &str {
        &self.separator
    }
}
