//! How a contact label of a channel is written as a field: `210/默认联系`.

use std::fmt;
use std::str::FromStr;

use contact_sink_core::{Field, InvalidField, canonical_i64};

/// A contact label of a channel.
///
/// Shape: the channel's id as a canonical 64-bit integer, a slash, and the label: all that follows the first slash, not
/// empty. A label may hold further slashes. It is configuration, not personal data: `Debug` and `Display` print it.
///
/// ```
/// use contact_sink_jiguang::ChannelField;
///
/// let field: ChannelField = "210/默认联系".parse()?;
/// assert_eq!((field.id(), field.label()), (210, "默认联系"));
/// assert!("0210/默认联系".parse::<ChannelField>().is_err());
/// # Ok::<(), contact_sink_jiguang::InvalidChannelField>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelField {
    id: i64,
    field: Field,
}

/// Why a text is not a [`ChannelField`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidChannelField {
    /// There is no slash.
    #[error("a field is a channel id, a slash and a contact label: 210/默认联系")]
    NoSlash,
    /// What is before the slash is not a channel id.
    #[error("a channel id, before the slash, is a whole number within 64 bits without leading zeros")]
    ChannelId,
    /// Nothing follows the slash.
    #[error("the contact label, after the slash, is empty")]
    EmptyLabel,
    /// No vendor's field may be like this: too long, or with a control character.
    #[error(transparent)]
    Field(#[from] InvalidField),
}

/// The first contact label of a channel, as it reads in every example of the vendor. In a project made in English it may be
/// another.
pub const DEFAULT_LABEL: &str = "默认联系";

/// The field of the first contact label of a channel: `210/默认联系` for 210. See [`DEFAULT_LABEL`]; where the label is another one,
/// take [`channel`].
///
/// Source: Jiguang, "Set Contact Information" (`id`, `channelValues`).
pub fn default_label(id: i64) -> Field {
    let Ok(field) = channel(id, DEFAULT_LABEL) else {
        unreachable!("the label is a constant, and any id is short enough")
    };
    field
}

/// The field of a contact label of a channel: `210/默认联系`.
///
/// # Errors
/// [`InvalidChannelField`] if the label is empty, has a control character, or is longer than a [`Field`] may be.
///
/// Source: Jiguang, "Set Contact Information" (`id`, `channelValues`).
pub fn channel(id: i64, label: &str) -> Result<Field, InvalidChannelField> {
    format!("{id}/{label}").parse().map(ChannelField::into)
}

impl ChannelField {
    /// The id of the channel.
    pub fn id(&self) -> i64 {
        self.id
    }

    /// The contact label.
    pub fn label(&self) -> &str {
        self.field.as_str().split_once('/').map_or("", |(_, label)| label)
    }
}

/// Takes a field apart without a copy.
pub(crate) fn split(field: &str) -> Result<(i64, &str), InvalidChannelField> {
    // An id is so short that a look at each byte is quicker than a search.
    let slash = field.bytes().position(|byte| byte == b'/').ok_or(InvalidChannelField::NoSlash)?;
    let (id, label) = (&field[..slash], &field[slash + 1..]);
    // A channel id has the canonical form that a numeric user id has, for the same reason: one channel, one spelling.
    let id = canonical_i64(id).ok_or(InvalidChannelField::ChannelId)?;
    if label.is_empty() { Err(InvalidChannelField::EmptyLabel) } else { Ok((id, label)) }
}

impl FromStr for ChannelField {
    type Err = InvalidChannelField;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (id, _) = split(text)?;
        Ok(Self { id, field: Field::new(text)? })
    }
}

impl From<ChannelField> for Field {
    fn from(channel: ChannelField) -> Self {
        channel.field
    }
}

impl fmt::Display for ChannelField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.field.fmt(f)
    }
}
