//! A vendor's error table as data: what each code means, what is done about it, and what a person can do.

use std::borrow::Cow;
use std::fmt;

use crate::{ErrorCode, SinkError, SinkErrorKind};

/// One line of a vendor's error table.
///
/// A vendor crate has its table as a constant; a sink judges by it, and whoever explains a code to a person reads it too.
///
/// ```
/// use contact_sink_core::{Code, Effect};
///
/// const CODES: &[Code] = &[
///     Code::new(0, "ok", Effect::Accepts, "nothing is to be done", "the vendor's manual"),
///     Code::new(17, "no such user", Effect::Rejects, "look the user up", "the vendor's manual"),
/// ];
/// assert_eq!(Code::find(CODES, &17.into()).map(|line| line.effect), Some(Effect::Rejects));
/// assert_eq!(Code::find(CODES, &18.into()), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Code {
    /// The vendor's code.
    pub code: ListedCode,
    /// What it means, in our words.
    pub meaning: &'static str,
    /// What is done about it when it stands for the whole request.
    pub effect: Effect,
    /// What is done about it when it stands for one update of the request, where that is something else.
    pub item_effect: Option<Effect>,
    /// Whether it is about the subject of an update, whatever its fields are.
    pub about_subject: bool,
    /// What a person can do about it.
    pub advice: &'static str,
    /// Where the vendor says so.
    pub source: &'static str,
}

/// The error code of a line of a table: the same as an [`ErrorCode`], for constants.
///
/// `Display` is the number or the word, and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ListedCode {
    /// A whole number.
    Number(i64),
    /// An identifier that the vendor defines.
    Word(&'static str),
}

/// What is done about a [`Code`]. `Display` says it in a few words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// Accepted.
    Accepts,
    /// Each error in the answer is judged by its own code; without one, the request is undecided.
    Several,
    /// Rejected.
    Rejects,
    /// The update that the text names is rejected; whoever it does not name is undecided.
    RejectsNamed,
    /// Undecided: the update that is to blame is looked for.
    Isolates,
    /// Sent again after a pause.
    Retries,
    /// Over the quota: sent again after a pause, and more slowly.
    Throttles,
    /// The signature is made anew and the request sent again; if that one is refused too, the run stops.
    Renews,
    /// The run stops.
    Stops(SinkErrorKind),
}

impl Code {
    /// A line of a table, for a vendor that writes numbers.
    pub const fn new(
        code: i64,
        meaning: &'static str,
        effect: Effect,
        advice: &'static str,
        source: &'static str,
    ) -> Self {
        Self::line(ListedCode::Number(code), meaning, effect, advice, source)
    }

    /// A line of a table, for a vendor that writes words.
    pub const fn word(
        code: &'static str,
        meaning: &'static str,
        effect: Effect,
        advice: &'static str,
        source: &'static str,
    ) -> Self {
        Self::line(ListedCode::Word(code), meaning, effect, advice, source)
    }

    const fn line(
        code: ListedCode,
        meaning: &'static str,
        effect: Effect,
        advice: &'static str,
        source: &'static str,
    ) -> Self {
        Self { code, meaning, effect, item_effect: None, about_subject: false, advice, source }
    }

    /// With another effect where it stands for one update only.
    pub const fn on_item(self, effect: Effect) -> Self {
        Self { item_effect: Some(effect), ..self }
    }

    /// About the subject of an update, whatever its fields are: a user who does not exist.
    pub const fn on_subject(self) -> Self {
        Self { about_subject: true, ..self }
    }

    /// The line for a code, if the table has one.
    pub fn find(table: &'static [Self], code: &ErrorCode) -> Option<&'static Self> {
        table.iter().find(|line| line.code == *code)
    }

    /// What is done about it when it stands for one update.
    pub fn effect_on_item(&self) -> Effect {
        self.item_effect.unwrap_or(self.effect)
    }

    /// The error that it is for a whole request, if its effect is one: it stops the run, throttles, or asks for another try.
    pub fn error(
        &self,
        vendor: impl Into<Cow<'static, str>>,
        operation: impl Into<Cow<'static, str>>,
    ) -> Option<SinkError> {
        self.error_by(self.effect, vendor, operation)
    }

    /// The same where it stands for one update of a request that went through for others.
    pub fn error_on_item(
        &self,
        vendor: impl Into<Cow<'static, str>>,
        operation: impl Into<Cow<'static, str>>,
    ) -> Option<SinkError> {
        self.error_by(self.effect_on_item(), vendor, operation)
    }

    fn error_by(
        &self,
        effect: Effect,
        vendor: impl Into<Cow<'static, str>>,
        operation: impl Into<Cow<'static, str>>,
    ) -> Option<SinkError> {
        let kind = match effect {
            Effect::Stops(kind) => kind,
            Effect::Throttles => SinkErrorKind::Throttled,
            Effect::Retries => SinkErrorKind::Unavailable,
            Effect::Renews => SinkErrorKind::Credentials,
            Effect::Accepts | Effect::Several | Effect::Rejects | Effect::RejectsNamed | Effect::Isolates => {
                return None;
            }
        };
        let error = SinkError::new(vendor, operation, kind).with_detail(self.meaning).with_code(self.code);
        Some(match effect {
            Effect::Stops(_) | Effect::Renews => error.with_advice(self.advice),
            _ => error,
        })
    }
}

impl PartialEq<ErrorCode> for ListedCode {
    fn eq(&self, other: &ErrorCode) -> bool {
        match (self, other) {
            (Self::Number(listed), ErrorCode::Number(number)) => listed == number,
            (Self::Word(listed), ErrorCode::Word(word)) => **listed == **word,
            (Self::Number(_), ErrorCode::Word(_)) | (Self::Word(_), ErrorCode::Number(_)) => false,
        }
    }
}

impl PartialEq<ListedCode> for ErrorCode {
    fn eq(&self, other: &ListedCode) -> bool {
        other == self
    }
}

impl From<ListedCode> for ErrorCode {
    fn from(listed: ListedCode) -> Self {
        match listed {
            ListedCode::Number(number) => number.into(),
            ListedCode::Word(word) => word.into(),
        }
    }
}

impl fmt::Display for ListedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Word(word) => word.fmt(f),
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepts => f.write_str("accepted"),
            Self::Several => f.write_str("each error in the answer is judged by its own code"),
            Self::Rejects => f.write_str("rejected"),
            Self::RejectsNamed => {
                f.write_str("the user that the text names is rejected, else the one to blame is looked for")
            }
            Self::Isolates => f.write_str("the one to blame is looked for, then rejected"),
            Self::Retries => f.write_str("sent again after a pause"),
            Self::Throttles => f.write_str("sent again after a pause, and more slowly"),
            Self::Renews => f.write_str("sent again once with a new signature; refused again, the run stops"),
            Self::Stops(kind) => write!(f, "the run stops: {kind}"),
        }
    }
}
