//! Whose data a row is about: a user's column, or two columns for an entry of an address book.

use contact_sink_core::SubjectPart;

use super::section::Section;
use crate::status::Failure;

/// Whose data a vendor keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubjectKind {
    /// Users' own.
    User,
    /// Entries of users' address books.
    Contact,
}

/// The columns that say whose data a row is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubjectColumns {
    /// The user's.
    User(String),
    /// Two users', for an entry of an address book.
    Contact {
        /// Of the user whose address book it is.
        owner: String,
        /// Of the user whom the entry is about.
        contact: String,
    },
}

/// What becomes of a row whose subject is empty; of two columns, one that is empty is enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmptySubject {
    /// It is rejected.
    Reject,
    /// It is skipped.
    Skip,
}

impl SubjectKind {
    /// What a vendor of this kind keeps, and what is to be written for it.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::User => (
                "data of users, not of entries of address books",
                "a column's name in quotes, or { from = \"COLUMN\", empty = \"skip\" }",
            ),
            Self::Contact => (
                "entries of users' address books",
                "{ owner = \"COLUMN\", contact = \"COLUMN\" }, or the same with empty = \"skip\"",
            ),
        }
    }
}

impl SubjectColumns {
    /// Reads `subject`.
    pub(super) fn read(section: &Section<'_>, kind: SubjectKind) -> Result<(Self, EmptySubject), Failure> {
        let (keeps, write) = kind.words();
        let wrong_kind = || section.failure_at("subject", format!("this vendor keeps {keeps}: write {write}"));
        if let Some(value) = section.get("subject").filter(|value| value.get_ref().as_table().is_none()) {
            return match (value.get_ref().as_str(), kind) {
                (Some(column), SubjectKind::User) => Ok((Self::User(column.to_owned()), EmptySubject::Reject)),
                (Some(_), SubjectKind::Contact) => Err(wrong_kind()),
                (None, _) => Err(section.wrong_type("subject", value, write)),
            };
        }
        let table = section.required_section("subject")?;
        let has = |wanted: &str| table.entries().any(|(key, ..)| key == wanted);
        let columns = match kind {
            SubjectKind::User if !has("from") && (has("owner") || has("contact")) => return Err(wrong_kind()),
            SubjectKind::User => Self::User(table.required_text("from")?.to_owned()),
            SubjectKind::Contact if has("from") => return Err(wrong_kind()),
            SubjectKind::Contact => {
                let (owner, contact) = (table.required_text("owner")?, table.required_text("contact")?);
                if owner == contact {
                    return Err(
                        table.failure_at("contact", "it is the owner's column: nobody is a contact of their own")
                    );
                }
                Self::Contact { owner: owner.to_owned(), contact: contact.to_owned() }
            }
        };
        let empty = match table.text("empty")? {
            None | Some("reject") => EmptySubject::Reject,
            Some("skip") => EmptySubject::Skip,
            Some(_) => return Err(table.failure_at("empty", "it is \"skip\" or \"reject\"")),
        };
        table.finish()?;
        Ok((columns, empty))
    }

    /// The columns, the owner's first.
    pub fn columns(&self) -> impl Iterator<Item = &String> + Clone {
        let (first, second) = match self {
            Self::User(column) => (column, None),
            Self::Contact { owner, contact } => (owner, Some(contact)),
        };
        std::iter::once(first).chain(second)
    }

    /// The column that a file of rejected rows names when a rejection is about no field.
    ///
    /// Of an entry of an address book it is the contact's, unless the owner is to blame for sure. Vendors say of the pair only
    /// that it cannot be, and most of the time it is the contact that is unknown or no friend. One name and not two, so that it
    /// can be looked up in the first line of the file.
    pub fn blamed(&self, part: Option<SubjectPart>) -> &String {
        match (self, part) {
            (Self::Contact { owner, .. }, Some(SubjectPart::Owner)) => owner,
            (Self::User(column) | Self::Contact { contact: column, .. }, _) => column,
        }
    }

    /// What an empty cell in this column lacks.
    pub fn says(&self, column: &str) -> &'static str {
        match self {
            Self::User(_) => "it is empty, and it says whose row this is",
            Self::Contact { owner, .. } if owner == column => "it is empty, and it says whose address book this is",
            Self::Contact { .. } => "it is empty, and it says whom the entry is about",
        }
    }

    /// What to write in the configuration so that rows with an empty column are passed over.
    pub fn with_skip(&self) -> String {
        match self {
            Self::User(from) => format!("subject = {{ from = {from:?}, empty = \"skip\" }}"),
            Self::Contact { owner, contact } => {
                format!("subject = {{ owner = {owner:?}, contact = {contact:?}, empty = \"skip\" }}")
            }
        }
    }
}
