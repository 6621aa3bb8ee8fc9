//! How a contact of a user is written as a field: by the vendor's name for it.

use std::fmt;
use std::str::FromStr;

use contact_sink_core::{Field, FieldKind, InvalidField};

/// A kind of contact, by the vendor's name. The set is open: a project may have others.
///
/// ```
/// use contact_sink_engagelab::ContactName;
///
/// assert_eq!("mobile_phone".parse(), Ok(ContactName::MobilePhone));
/// assert_eq!("line_id".parse::<ContactName>()?.as_str(), "line_id");
/// # Ok::<(), contact_sink_core::InvalidField>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ContactName {
    /// `email`
    Email,
    /// `mobile_phone`
    MobilePhone,
    /// `landline_phone`
    LandlinePhone,
    /// `whatsapp_phone`
    WhatsappPhone,
    /// Any other name.
    Other(Field),
}

/// The field of a user's e-mail address: `email`.
pub fn email() -> Field {
    ContactName::Email.into()
}

/// The field of a user's mobile number: `mobile_phone`.
pub fn mobile_phone() -> Field {
    ContactName::MobilePhone.into()
}

/// The field of a user's landline number: `landline_phone`.
pub fn landline_phone() -> Field {
    ContactName::LandlinePhone.into()
}

/// The field of a user's number at WhatsApp: `whatsapp_phone`.
pub fn whatsapp_phone() -> Field {
    ContactName::WhatsappPhone.into()
}

/// The field of a contact by the vendor's name for it, for a name that has no function of its own here.
///
/// # Errors
/// [`InvalidField`] if the name is empty, too long or has a control character.
///
/// Source: EngageLab MA, "Set Contact Information" (`contacts`).
pub fn contact(name: &str) -> Result<Field, InvalidField> {
    Field::new(name)
}

impl ContactName {
    /// The names that the vendor's pages have.
    pub const KNOWN: [Self; 4] = [Self::Email, Self::MobilePhone, Self::LandlinePhone, Self::WhatsappPhone];

    /// The vendor's name.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Email => "email",
            Self::MobilePhone => "mobile_phone",
            Self::LandlinePhone => "landline_phone",
            Self::WhatsappPhone => "whatsapp_phone",
            Self::Other(name) => name.as_str(),
        }
    }

    /// What it holds: an e-mail address, a phone number, or for a name of the project's own any text.
    pub fn kind(&self) -> FieldKind {
        match self {
            Self::Email => FieldKind::Email,
            Self::MobilePhone | Self::LandlinePhone | Self::WhatsappPhone => FieldKind::Phone,
            Self::Other(_) => FieldKind::Text,
        }
    }
}

impl From<Field> for ContactName {
    fn from(field: Field) -> Self {
        let known = Self::KNOWN.into_iter().find(|known| known.as_str() == field.as_str());
        known.unwrap_or(Self::Other(field))
    }
}

impl FromStr for ContactName {
    type Err = InvalidField;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Field::new(text).map(Self::from)
    }
}

impl From<ContactName> for Field {
    fn from(name: ContactName) -> Self {
        match name {
            ContactName::Other(field) => field,
            known => {
                let Ok(field) = Self::new(known.as_str()) else {
                    unreachable!("a known name is short and has no control character")
                };
                field
            }
        }
    }
}

impl fmt::Display for ContactName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
