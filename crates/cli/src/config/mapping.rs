//! What goes where: address = the column that its value comes from.

use contact_sink_core::Address;

use super::section::Section;
use crate::status::Failure;

/// What goes where.
#[derive(Debug, Clone)]
pub struct Mapping {
    /// The column that holds the subject.
    pub subject: String,
    /// What becomes of a row whose subject is empty.
    pub empty_subject: EmptySubject,
    /// The fields that are set.
    pub set: Vec<Field>,
}

/// What becomes of a row whose subject is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmptySubject {
    /// It is rejected.
    Reject,
    /// It is skipped.
    Skip,
}

/// One field that is set.
#[derive(Debug, Clone)]
pub struct Field {
    /// At the vendor.
    pub address: Address,
    /// In the input.
    pub column: String,
}

impl Mapping {
    /// Reads `subject` and `set`. The vendor reads an address as the user wrote it and says what is wrong with it.
    pub fn read(section: &Section<'_>, address: impl Fn(&str) -> Result<Address, String>) -> Result<Self, Failure> {
        let (subject, empty_subject) = subject(section)?;
        let table = section.required_section("set")?;
        let mut set: Vec<Field> = Vec::new();
        for (written, span, value) in table.entries() {
            let address =
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
            set.push(Field { address, column });
        }
        if set.is_empty() {
            return Err(section.failure_at("set", "it names no field: write the vendor's address = the column"));
        }
        Ok(Self { subject, empty_subject, set })
    }
}

fn subject(section: &Section<'_>) -> Result<(String, EmptySubject), Failure> {
    if let Some(column) = section.get("subject").and_then(|value| value.get_ref().as_str()) {
        return Ok((column.to_owned(), EmptySubject::Reject));
    }
    if let Some(value) = section.get("subject").filter(|value| value.get_ref().as_table().is_none()) {
        return Err(section.wrong_type(
            "subject",
            value,
            "a column's name in quotes, or { from = \"COLUMN\", empty = \"skip\" }",
        ));
    }
    let subject = section.required_section("subject")?;
    let column = subject.required_text("from")?.to_owned();
    let empty = match subject.text("empty")? {
        None | Some("reject") => EmptySubject::Reject,
        Some("skip") => EmptySubject::Skip,
        Some(_) => return Err(subject.failure_at("empty", "it is \"skip\" or \"reject\"")),
    };
    subject.finish()?;
    Ok((column, empty))
}
