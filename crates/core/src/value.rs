//! What a field is set to.

use std::borrow::Cow;
use std::fmt;

use crate::Text;

/// What a field is set to. `Debug` prints no part of it.
///
/// A text and a list are taken in the form that the caller has. Numbers are sent as numbers: write `number.to_string()` where
/// the vendor takes texts only.
///
/// ```
/// use contact_sink_core::Value;
///
/// let name = String::from("Li");
/// assert_eq!(Value::from(&name), Value::from("Li"));
/// assert_eq!(Value::from(["a", "b"]), Value::List(vec!["a".to_owned(), "b".to_owned()]));
/// assert_eq!(["a", "b"].iter().map(|group| group.to_uppercase()).collect::<Value>(), ["A", "B"].into());
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Value {
    /// One text.
    Text(Text),
    /// A number, where the vendor stores numbers: a custom field of a friend at Tencent Chat. Elsewhere it is rejected.
    Integer(i64),
    /// Several texts, in order.
    List(Vec<String>),
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
        let (one, list): (Option<&str>, &[String]) = match self {
            Self::Text(text) => (Some(text), &[]),
            Self::Integer(_) => (None, &[]),
            Self::List(texts) => (None, texts),
        };
        one.into_iter().chain(list.iter().map(String::as_str))
    }

    pub(crate) fn text_bytes(&self) -> usize {
        self.texts().map(str::len).sum()
    }
}

macro_rules! text_from {
    ($($text:ty),*) => {$(
        impl From<$text> for Value {
            fn from(text: $text) -> Self {
                Self::Text(text.into())
            }
        }
    )*};
}

text_from!(&str, &String, String, Box<str>, Cow<'_, str>, Text);

macro_rules! integer_from {
    ($($integer:ty),*) => {$(
        impl From<$integer> for Value {
            fn from(number: $integer) -> Self {
                Self::Integer(number.into())
            }
        }
    )*};
}

integer_from!(i64, i32, u32);

impl<S: Into<String>> From<Vec<S>> for Value {
    fn from(texts: Vec<S>) -> Self {
        texts.into_iter().collect()
    }
}

impl<S: Into<String>, const N: usize> From<[S; N]> for Value {
    fn from(texts: [S; N]) -> Self {
        texts.into_iter().collect()
    }
}

impl<S: AsRef<str>> From<&[S]> for Value {
    fn from(texts: &[S]) -> Self {
        texts.iter().map(AsRef::as_ref).collect()
    }
}

impl<S: AsRef<str>> From<&Vec<S>> for Value {
    fn from(texts: &Vec<S>) -> Self {
        texts.as_slice().into()
    }
}

impl<S: AsRef<str>, const N: usize> From<&[S; N]> for Value {
    fn from(texts: &[S; N]) -> Self {
        texts.as_slice().into()
    }
}

/// A list.
impl<S: Into<String>> FromIterator<S> for Value {
    fn from_iter<I: IntoIterator<Item = S>>(texts: I) -> Self {
        Self::List(texts.into_iter().map(Into::into).collect())
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
