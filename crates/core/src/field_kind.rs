//! What a field of a vendor holds.

/// What a field of a vendor holds.
///
/// Each vendor crate says it of its own fields. A mapping checks the values of an input by it; [`ContactSink::validate`] does not:
/// it knows the documented rules only.
///
/// [`ContactSink::validate`]: crate::ContactSink::validate
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldKind {
    /// Any text: a name, a city, a token.
    Text,
    /// A phone number.
    Phone,
    /// An e-mail address.
    Email,
    /// Several texts.
    List,
}
