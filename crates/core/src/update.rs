//! One change of one user's contact data.

use std::fmt;

use crate::{Field, UserId};

/// Whose data an update sets. `Debug` prints no id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Subject {
    /// A user of the vendor's project.
    User(UserId),
    /// An entry of one user's address book.
    Friend {
        /// The user who owns the address book.
        owner: UserId,
        /// The user whom the entry is about.
        friend: UserId,
    },
}

/// What a field is set to. `Debug` prints no part of it.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Value {
    /// One text.
    Text(String),
    /// A number, where the vendor stores numbers: a custom field of a friend at Tencent Chat. Elsewhere it is rejected.
    Integer(i64),
    /// Several texts, in order.
    List(Vec<String>),
}

/// The fields to set for one [`Subject`]: at most one value for each [`Field`], none of them empty.
///
/// ```
/// use contact_sink_core::{Field, ContactUpdate, Subject, UserId};
///
/// let email = Field::new("email")?;
/// let update = ContactUpdate::new(Subject::User(UserId::from(7))).with(email.clone(), "a@b.example")?;
/// assert!(update.with(email, "c@d.example").is_err(), "a field named twice");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ContactUpdate {
    subject: Subject,
    fields: Vec<(Field, Value)>,
}

/// Why a field cannot be added to a [`ContactUpdate`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidUpdate {
    /// The update sets this field already.
    #[error("{0} is set twice in one update")]
    NamedTwice(Field),
    /// The value is empty, or a list with an empty entry or none. No vendor here documents a delete.
    #[error("the value for {0} is empty: there is no delete")]
    EmptyValue(Field),
}

impl ContactUpdate {
    /// An update that sets nothing yet. A sink rejects one that is left so.
    pub fn new(subject: Subject) -> Self {
        Self { subject, fields: Vec::new() }
    }

    /// Adds a field.
    ///
    /// # Errors
    /// [`InvalidUpdate`] if the field is there already or the value is empty.
    pub fn with(mut self, field: Field, value: impl Into<Value>) -> Result<Self, InvalidUpdate> {
        let value = value.into();
        if self.get(&field).is_some() {
            Err(InvalidUpdate::NamedTwice(field))
        } else if value.is_empty() {
            Err(InvalidUpdate::EmptyValue(field))
        } else {
            self.fields.push((field, value));
            Ok(self)
        }
    }

    /// An update that sets these fields, in this order.
    ///
    /// # Errors
    /// [`InvalidUpdate`] if a field is there twice or a value is empty.
    pub fn from_fields(subject: Subject, fields: Vec<(Field, Value)>) -> Result<Self, InvalidUpdate> {
        for (index, (field, value)) in fields.iter().enumerate() {
            if fields[..index].iter().any(|(named, _)| named == field) {
                return Err(InvalidUpdate::NamedTwice(field.clone()));
            }
            if value.is_empty() {
                return Err(InvalidUpdate::EmptyValue(field.clone()));
            }
        }
        Ok(Self { subject, fields })
    }

    /// Whose data is set.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// The fields, in the order in which they were added.
    pub fn fields(&self) -> &[(Field, Value)] {
        &self.fields
    }

    /// The value that the update sets for a field, if it does.
    pub fn get(&self, field: &Field) -> Option<&Value> {
        self.fields.iter().find(|(named, _)| named == field).map(|(_, value)| value)
    }

    /// How many bytes of text the update holds: its ids and its values. The fields, which updates share, do not count.
    pub fn text_bytes(&self) -> usize {
        let ids = match &self.subject {
            Subject::User(id) => id.as_str().len(),
            Subject::Friend { owner, friend } => owner.as_str().len() + friend.as_str().len(),
        };
        ids + self.fields.iter().map(|(_, value)| value.text_bytes()).sum::<usize>()
    }

    /// The same update with those fields only that `keep` wants.
    pub fn retain(mut self, mut keep: impl FnMut(&Field) -> bool) -> Self {
        self.fields.retain(|(field, _)| keep(field));
        self
    }

    /// The same update cut down to its field at `index`, or `None` if it has no such field.
    pub fn only(&self, index: usize) -> Option<Self> {
        let field = self.fields.get(index)?.clone();
        Some(Self { subject: self.subject.clone(), fields: vec![field] })
    }
}

impl Value {
    /// Whether there is nothing to send: an empty text, an empty list, or a list with an empty text in it.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::Integer(_) => false,
            Self::List(texts) => texts.is_empty() || texts.iter().any(String::is_empty),
        }
    }

    /// The one text, or each text of the list. A number is no text.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let texts = match self {
            Self::Text(text) => std::slice::from_ref(text),
            Self::Integer(_) => &[],
            Self::List(texts) => texts,
        };
        texts.iter().map(String::as_str)
    }

    fn text_bytes(&self) -> usize {
        self.texts().map(str::len).sum()
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Vec<String>> for Value {
    fn from(texts: Vec<String>) -> Self {
        Self::List(texts)
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Integer(_) => "Integer(..)",
            Self::Text(_) => "Text(..)",
            Self::List(_) => "List(..)",
        })
    }
}

impl fmt::Debug for ContactUpdate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContactUpdate")
            .field("subject", &self.subject)
            .field("fields", &self.fields.iter().map(|(field, _)| field).collect::<Vec<_>>())
            .finish()
    }
}
