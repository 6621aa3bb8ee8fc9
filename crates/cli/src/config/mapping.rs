//! What goes where: address = the column that its value comes from.

use contact_sink_core::Address;

use super::section::Section;
use super::subject::{EmptySubject, SubjectColumns, SubjectKind};
use crate::status::Failure;

/// What goes where.
#[derive(Debug, Clone)]
pub struct Mapping {
    /// The columns that hold the subject.
    pub subject: SubjectColumns,
    /// What becomes of a row whose subject is empty.
    pub empty_subject: EmptySubject,
    /// The fields that are set.
    pub set: Vec<Field>,
}

/// One field that is set.
#[derive(Debug, Clone)]
pub struct Field {
    /// At the vendor.
    pub address: Address,
    /// What its value is.
    pub kind: FieldKind,
    /// In the input.
    pub column: String,
}

/// What a field's value is, as the vendor has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldKind {
    /// One text.
    Text,
    /// Several texts; in a cell with this between them.
    List(ListSeparator),
}

/// What stands between the entries of a list in one cell; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListSeparator(String);

impl ListSeparator {
    /// Reads `list_separator`: for vendors that have lists. To the others the key is unknown.
    pub(super) fn read(section: &Section<'_>) -> Result<Self, Failure> {
        match section.text("list_separator")? {
            Some("") => Err(section.failure_at("list_separator", "it is empty: write what stands between two entries")),
            text => Ok(Self(text.unwrap_or(";").to_owned())),
        }
    }

    /// As it stands in a cell.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Mapping {
    /// Reads `subject` and `set`. The vendor says whose data it keeps; it reads an address as the user wrote it, and says what
    /// is wrong with it, or what its value is.
    pub(super) fn read(
        section: &Section<'_>,
        kind: SubjectKind,
        address: impl Fn(&str) -> Result<(Address, FieldKind), String>,
    ) -> Result<Self, Failure> {
        let (subject, empty_subject) = SubjectColumns::read(section, kind)?;
        let table = section.required_section("set")?;
        let mut set: Vec<Field> = Vec::new();
        for (written, span, value) in table.entries() {
            let (address, kind) =
                address(written).map_err(|problem| table.failure(span.clone(), format!("{written:?}: {problem}")))?;
            if set.iter().any(|field| field.address == address) {
                return Err(table.failure(span, format!("{written:?}: another line sets the same field ({address})")));
            }
            let column = match value.get_ref().as_str() {
                Some(column) => column.to_owned(),
                None if value.get_ref().as_table().is_none() => {
                    return Err(table.wrong_type(
                        written,
                        value,
                        "a column's name in quotes, or { from = \"COLUMN\" }",
                    ));
                }
                None => {
                    let from = table.below(written, value)?;
                    let column = from.required_text("from")?.to_owned();
                    from.finish()?;
                    column
                }
            };
            set.push(Field { address, kind, column });
        }
        if set.is_empty() {
            return Err(section.failure_at("set", "it names no field: write the vendor's address = the column"));
        }
        Ok(Self { subject, empty_subject, set })
    }
}
