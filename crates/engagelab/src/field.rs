//! How a contact of a user is written as a field: by the vendor's name for it.

use contact_sink_core::{Field, FieldKind, InvalidField};

/// The names that the vendor's pages have, and what each contact is. The set is open: a project may have others.
pub const CONTACTS: [(&str, FieldKind); 4] = [
    ("email", FieldKind::Email),
    ("mobile_phone", FieldKind::Phone),
    ("landline_phone", FieldKind::Phone),
    ("whatsapp_phone", FieldKind::Phone),
];

/// The field of a user's e-mail address: `email`.
pub fn email() -> Field {
    documented(0)
}

/// The field of a user's mobile number: `mobile_phone`.
pub fn mobile_phone() -> Field {
    documented(1)
}

/// The field of a user's landline number: `landline_phone`.
pub fn landline_phone() -> Field {
    documented(2)
}

/// The field of a user's number at WhatsApp: `whatsapp_phone`.
pub fn whatsapp_phone() -> Field {
    documented(3)
}

fn documented(place: usize) -> Field {
    let Ok(field) = contact(CONTACTS[place].0) else {
        unreachable!("a constant is short and without control characters")
    };
    field
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

/// What a contact is: an e-mail address, a phone number, or for a name of the project's own any text.
///
/// ```
/// use contact_sink_core::FieldKind;
/// use contact_sink_engagelab::{contact, email, kind};
///
/// assert_eq!((kind(&email()), kind(&contact("line_id")?)), (FieldKind::Email, FieldKind::Text));
/// # Ok::<(), contact_sink_core::InvalidField>(())
/// ```
pub fn kind(field: &Field) -> FieldKind {
    let documented = CONTACTS.iter().find(|(name, _)| *name == field.as_str());
    documented.map_or(FieldKind::Text, |(_, kind)| *kind)
}
