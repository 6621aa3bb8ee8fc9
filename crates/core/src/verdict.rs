//! What a vendor said of one update.

use std::borrow::Cow;
use std::fmt;

use crate::printable::vendor_text;
use crate::{ErrorCode, Field};

/// What one request said of one of its updates.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The vendor took it.
    Accepted,
    /// The vendor refused this update and no other answer can change that.
    Rejected(Rejection),
    /// The vendor asks that this update be sent again.
    Retry {
        /// The code that asked for it, if there was one.
        code: Option<ErrorCode>,
    },
    /// The vendor refused the request and did not say whether this update is to blame. The rejection is the one that it
    /// earns if it is.
    Undecided(Rejection),
}

/// Why an update was refused: by a rule of the vendor that is checked here, or by an answer of the vendor.
///
/// It is an error, without a source. `Debug` and `Display` print the code and our own words only: the vendor's text may hold ids
/// and values.
#[derive(Clone, PartialEq, Eq)]
pub struct Rejection {
    code: Option<ErrorCode>,
    listed: bool,
    reason: Cow<'static, str>,
    field: Option<Field>,
    subject: Option<SubjectPart>,
    vendor_text: Option<Box<str>>,
}

/// Which part of a subject is to blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubjectPart {
    /// The user; of an entry of an address book, the contact or the pair.
    User,
    /// The user whose address book it is.
    Owner,
}

impl Rejection {
    /// A refusal by a documented rule that is checked before anything is sent. It has no code and counts as listed.
    pub fn by_rule(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { code: None, listed: true, reason: reason.into(), field: None, subject: None, vendor_text: None }
    }

    /// A refusal with a code of the vendor's table.
    pub fn listed(code: impl Into<ErrorCode>, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { code: Some(code.into()), ..Self::by_rule(reason) }
    }

    /// A refusal that the vendor's table does not explain: an unknown code, or none at all.
    pub fn unlisted(code: Option<ErrorCode>, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { code, listed: false, ..Self::by_rule(reason) }
    }

    /// Names the field that is to blame.
    pub fn with_field(self, field: Field) -> Self {
        Self { field: Some(field), ..self }
    }

    /// Says that the subject is to blame, whatever the fields are.
    pub fn with_subject(self, part: SubjectPart) -> Self {
        Self { subject: Some(part), ..self }
    }

    /// Keeps the vendor's own text, which is personal data: its first 300 characters, since every update of a request may get a
    /// copy. Characters that are not [`printable`](crate::printable), what looks like credentials, and JSON, which may be the
    /// request, are replaced. An empty text is none.
    pub fn with_vendor_text(self, text: impl AsRef<str>) -> Self {
        Self { vendor_text: vendor_text(text.as_ref()), ..self }
    }

    /// Replaces these texts in the vendor's text by `***`: values of other users.
    pub fn hiding<'a>(mut self, texts: impl IntoIterator<Item = &'a str>) -> Self {
        for text in texts {
            if let Some(of_vendor) = self.vendor_text.as_ref().filter(|of_vendor| of_vendor.contains(text)) {
                self.vendor_text = Some(of_vendor.replace(text, "***").into());
            }
        }
        self
    }

    /// The vendor's code, if there was one.
    pub fn code(&self) -> Option<&ErrorCode> {
        self.code.as_ref()
    }

    /// Whether the code is in the vendor's table. A refusal by a rule of ours counts as listed.
    pub fn is_listed(&self) -> bool {
        self.listed
    }

    /// What it means, in our own words, without any value.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The field that is to blame, if that is known.
    pub fn field(&self) -> Option<&Field> {
        self.field.as_ref()
    }

    /// Whether the subject is to blame, if that is known: then no field is.
    pub fn subject(&self) -> Option<SubjectPart> {
        self.subject
    }

    /// What the vendor wrote. Personal data: for the dead letter of that row only, never for a screen or a log.
    pub fn vendor_text(&self) -> Option<&str> {
        self.vendor_text.as_deref()
    }
}

impl fmt::Debug for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rejection")
            .field("code", &self.code)
            .field("listed", &self.listed)
            .field("reason", &self.reason)
            .field("field", &self.field)
            .field("subject", &self.subject)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.code {
            Some(code) => write!(f, "{} (code {code})", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}

impl std::error::Error for Rejection {}
