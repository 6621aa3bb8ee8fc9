//! One change of one user's contact data.

use std::fmt;
use std::sync::Arc;

use crate::{Field, UserId, Value};

/// Whose data an update sets. `Debug` prints no id.
///
/// A user's id is a subject, and so is a whole number:
///
/// ```
/// use contact_sink_core::{Subject, UserId};
///
/// assert_eq!(Subject::from(7), Subject::User(UserId::from(7)));
/// let friend = Subject::friend(7, UserId::new("id1")?);
/// assert!(matches!(friend, Subject::Friend { owner, .. } if owner == UserId::from(7)));
/// # Ok::<(), contact_sink_core::InvalidUserId>(())
/// ```
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

/// The fields to set for one [`Subject`]: at most one value for each [`Field`], none of them empty. A clone shares them.
///
/// ```
/// use contact_sink_core::{ContactUpdate, Field};
///
/// let (email, city) = (Field::new("email")?, Field::new("city")?);
/// let row: (i64, &str, Option<String>) = (7, "a@b.example", None);
///
/// let update = ContactUpdate::user(row.0).with(email.clone(), row.1)?.with_opt(city, row.2)?;
/// assert_eq!(update.fields().len(), 1, "a city that is not known stays as it is at the vendor");
/// assert!(update.with(email, "c@d.example").is_err(), "a field named twice");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ContactUpdate {
    of: Arc<Updates>,
    place: usize,
}

/// Updates that are made together, such as those of the rows of a file. They share their memory, which is free when all of them are
/// gone.
///
/// ```
/// use contact_sink_core::{Field, Subject, Updates};
///
/// let email = Field::new("email")?;
/// let mut updates = Updates::default();
/// for (id, value) in [(7, "a@b.example"), (8, "c@d.example")] {
///     updates.add(Subject::from(id), [(email.clone(), value.into())])?;
/// }
/// assert_eq!(updates.finish().map(|update| update.subject().clone()).collect::<Vec<_>>(), [7.into(), 8.into()]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct Updates {
    updates: Vec<Update>,
    /// The fields of all of them, one after the other.
    fields: Vec<(Field, Value)>,
}

/// One update of [`Updates`].
#[derive(Clone)]
struct Update {
    subject: Subject,
    /// Where its fields end.
    end: usize,
    text_bytes: usize,
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

impl Subject {
    /// The entry of a friend in the address book of a user, the owner.
    pub fn friend(owner: impl Into<UserId>, friend: impl Into<UserId>) -> Self {
        Self::Friend { owner: owner.into(), friend: friend.into() }
    }
}

/// A user.
impl<I: Into<UserId>> From<I> for Subject {
    fn from(id: I) -> Self {
        Self::User(id.into())
    }
}

impl ContactUpdate {
    /// An update that sets nothing yet. A sink rejects one that is left so.
    pub fn new(subject: impl Into<Subject>) -> Self {
        Self::one(subject.into(), Vec::new())
    }

    /// An update of a user that sets nothing yet. A text becomes an id with [`UserId::new`], which checks it.
    pub fn user(id: impl Into<UserId>) -> Self {
        Self::new(id.into())
    }

    /// An update of the entry of a friend in the address book of a user, the owner. It sets nothing yet.
    pub fn friend(owner: impl Into<UserId>, friend: impl Into<UserId>) -> Self {
        Self::new(Subject::friend(owner, friend))
    }

    /// Adds a field.
    ///
    /// # Errors
    /// [`InvalidUpdate`] if the field is there already or the value is empty.
    pub fn with(self, field: Field, value: impl Into<Value>) -> Result<Self, InvalidUpdate> {
        let value = value.into();
        if self.get(&field).is_some() {
            Err(InvalidUpdate::NamedTwice(field))
        } else if value.is_empty() {
            Err(InvalidUpdate::EmptyValue(field))
        } else {
            Ok(self.change(|fields| fields.push((field, value))))
        }
    }

    /// Adds a field if there is a value. `None` leaves the field out: it stays as it is at the vendor.
    ///
    /// # Errors
    /// As [`with`](Self::with). An empty text is a value, and is refused.
    pub fn with_opt(self, field: Field, value: Option<impl Into<Value>>) -> Result<Self, InvalidUpdate> {
        match value {
            Some(value) => self.with(field, value),
            None => Ok(self),
        }
    }

    /// Adds several fields.
    ///
    /// # Errors
    /// As [`with`](Self::with), for the first field that cannot be added.
    pub fn with_all<V: Into<Value>>(self, fields: impl IntoIterator<Item = (Field, V)>) -> Result<Self, InvalidUpdate> {
        fields.into_iter().try_fold(self, |update, (field, value)| update.with(field, value))
    }

    /// An update that sets these fields, in this order.
    ///
    /// # Errors
    /// [`InvalidUpdate`] if a field is there twice or a value is empty.
    pub fn from_fields(subject: Subject, fields: Vec<(Field, Value)>) -> Result<Self, InvalidUpdate> {
        check(&fields)?;
        Ok(Self::one(subject, fields))
    }

    fn one(subject: Subject, fields: Vec<(Field, Value)>) -> Self {
        let updates = vec![Update::new(subject, 0, &fields)];
        Self { of: Arc::new(Updates { updates, fields }), place: 0 }
    }

    /// Changes its fields, as the only update in its memory.
    fn change(mut self, change: impl FnOnce(&mut Vec<(Field, Value)>)) -> Self {
        if self.of.updates.len() > 1 {
            self = Self::one(self.subject().clone(), self.fields().to_vec());
        }
        let Updates { updates, fields } = Arc::make_mut(&mut self.of);
        change(fields);
        updates.iter_mut().for_each(|update| update.measure(0, fields));
        self
    }

    /// Whose data is set.
    pub fn subject(&self) -> &Subject {
        &self.of.updates[self.place].subject
    }

    /// The fields, in the order in which they were added.
    pub fn fields(&self) -> &[(Field, Value)] {
        self.of.fields_of(self.place)
    }

    /// The value that the update sets for a field, if it does.
    pub fn get(&self, field: &Field) -> Option<&Value> {
        self.fields().iter().find(|(named, _)| named == field).map(|(_, value)| value)
    }

    /// How many bytes of text the update holds: its ids and its values. The fields, which updates share, do not count, and neither
    /// does the larger text that a [`Text`](crate::Text) is a part of.
    pub fn text_bytes(&self) -> usize {
        self.of.updates[self.place].text_bytes
    }

    /// The same update with those fields only that `keep` wants.
    pub fn retain(self, mut keep: impl FnMut(&Field) -> bool) -> Self {
        self.change(|fields| fields.retain(|(field, _)| keep(field)))
    }

    /// The same update cut down to its field at `index`, or `None` if it has no such field.
    pub fn only(&self, index: usize) -> Option<Self> {
        let field = self.fields().get(index)?.clone();
        Some(Self::one(self.subject().clone(), vec![field]))
    }
}

impl Updates {
    /// No update yet. There is room for so many, each with so many fields, before more memory is taken.
    pub fn with_room(updates: usize, fields_each: usize) -> Self {
        let fields = Vec::with_capacity(updates.saturating_mul(fields_each));
        Self { updates: Vec::with_capacity(updates), fields }
    }

    /// Adds an update that sets these fields, in this order.
    ///
    /// # Errors
    /// [`InvalidUpdate`] if a field is there twice or a value is empty. Nothing is added then.
    pub fn add(
        &mut self,
        subject: Subject,
        fields: impl IntoIterator<Item = (Field, Value)>,
    ) -> Result<(), InvalidUpdate> {
        let start = self.fields.len();
        self.fields.extend(fields);
        let fields = &self.fields[start..];
        if let Err(error) = check(fields) {
            self.fields.truncate(start);
            return Err(error);
        }
        self.updates.push(Update::new(subject, start, fields));
        Ok(())
    }

    /// The updates, in the order in which they were added.
    pub fn finish(self) -> impl Iterator<Item = ContactUpdate> {
        let of = Arc::new(self);
        (0..of.updates.len()).map(move |place| ContactUpdate { of: of.clone(), place })
    }

    fn fields_of(&self, place: usize) -> &[(Field, Value)] {
        let start = place.checked_sub(1).map_or(0, |before| self.updates[before].end);
        &self.fields[start..self.updates[place].end]
    }
}

impl Update {
    fn new(subject: Subject, start: usize, fields: &[(Field, Value)]) -> Self {
        let mut update = Self { subject, end: start, text_bytes: 0 };
        update.measure(start, fields);
        update
    }

    /// Notes where its fields end, and how much text it has.
    fn measure(&mut self, start: usize, fields: &[(Field, Value)]) {
        let ids = match &self.subject {
            Subject::User(id) => id.as_str().len(),
            Subject::Friend { owner, friend } => owner.as_str().len() + friend.as_str().len(),
        };
        self.end = start + fields.len();
        self.text_bytes = ids + fields.iter().map(|(_, value)| value.text_bytes()).sum::<usize>();
    }
}

fn check(fields: &[(Field, Value)]) -> Result<(), InvalidUpdate> {
    for (index, (field, value)) in fields.iter().enumerate() {
        if fields[..index].iter().any(|(named, _)| named == field) {
            return Err(InvalidUpdate::NamedTwice(field.clone()));
        }
        if value.is_empty() {
            return Err(InvalidUpdate::EmptyValue(field.clone()));
        }
    }
    Ok(())
}

impl PartialEq for ContactUpdate {
    fn eq(&self, other: &Self) -> bool {
        self.subject() == other.subject() && self.fields() == other.fields()
    }
}

impl Eq for ContactUpdate {}

/// How many there are.
impl fmt::Debug for Updates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Updates").field("updates", &self.updates.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for ContactUpdate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContactUpdate")
            .field("subject", self.subject())
            .field("fields", &self.fields().iter().map(|(field, _)| field).collect::<Vec<_>>())
            .finish()
    }
}
