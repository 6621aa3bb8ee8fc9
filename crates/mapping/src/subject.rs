//! The columns that identify whose data a record is about.

use contact_sink_core::SubjectPart;

/// The columns that identify whose data a record is about.
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

/// What becomes of a record whose subject is empty; of two columns, one that is empty is enough.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum EmptySubject {
    /// It is rejected.
    #[default]
    Reject,
    /// It is skipped.
    Skip,
}

impl SubjectColumns {
    /// The column of a user's id.
    pub fn user(column: impl Into<String>) -> Self {
        Self::User(column.into())
    }

    /// The columns of an entry of an address book: of its owner's id, and of the id of the user whom it is about.
    pub fn contact(owner: impl Into<String>, contact: impl Into<String>) -> Self {
        Self::Contact { owner: owner.into(), contact: contact.into() }
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
    /// can be looked up in the header of the file.
    pub fn blamed(&self, part: Option<SubjectPart>) -> &String {
        match (self, part) {
            (Self::Contact { owner, .. }, Some(SubjectPart::Owner)) => owner,
            (Self::User(column) | Self::Contact { contact: column, .. }, _) => column,
        }
    }

    /// What to write in the configuration so that records with an empty column are skipped.
    pub(crate) fn with_skip(&self) -> String {
        match self {
            Self::User(from) => format!("subject = {{ from = {from:?}, empty = \"skip\" }}"),
            Self::Contact { owner, contact } => {
                format!("subject = {{ owner = {owner:?}, contact = {contact:?}, empty = \"skip\" }}")
            }
        }
    }
}
