//! A text that may be a part of a larger one.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

/// An id or a value: a text of its own, or a part of a larger text that it shares with others. `Debug` prints nothing of it.
///
/// It is read like a `str`. A clone shares the memory; a part keeps the whole larger text in memory.
///
/// ```
/// use std::sync::Arc;
///
/// use contact_sink_core::Text;
///
/// let rows: Arc<str> = "7,a@b.example\n8,c@d.example\n".into();
/// let cell = rows.split([',', '\n']).nth(3).unwrap_or_default();
/// assert_eq!(*Text::within(&rows, cell), *"c@d.example");
/// ```
#[derive(Clone)]
pub struct Text {
    all: Arc<str>,
    /// The part; `ALL` for all of it.
    start: u32,
    end: u32,
}

/// No range.
const ALL: (u32, u32) = (1, 0);

impl Text {
    /// A part of a larger text, whose memory it shares. A part that lies elsewhere in memory is copied.
    pub fn within(all: &Arc<str>, part: &str) -> Self {
        // A text whose address is within the larger one is a part of it.
        let range = part.as_ptr().addr().checked_sub(all.as_ptr().addr()).and_then(|start| {
            let range = start..start.checked_add(part.len())?;
            // An empty part may stand inside a character.
            all.get(range.clone())?;
            Some((u32::try_from(range.start).ok()?, u32::try_from(range.end).ok()?))
        });
        match range {
            Some((start, end)) => Self { all: all.clone(), start, end },
            None => part.into(),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        if (self.start, self.end) == ALL { &self.all } else { &self.all[self.start as usize..self.end as usize] }
    }
}

impl From<Arc<str>> for Text {
    fn from(all: Arc<str>) -> Self {
        let (start, end) = ALL;
        Self { all, start, end }
    }
}

macro_rules! from_text {
    ($($text:ty),*) => {$(
        impl From<$text> for Text {
            fn from(text: $text) -> Self {
                Arc::<str>::from(text).into()
            }
        }
    )*};
}

from_text!(&str, String, Box<str>);

impl From<&String> for Text {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<Cow<'_, str>> for Text {
    fn from(text: Cow<'_, str>) -> Self {
        Arc::<str>::from(text).into()
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Text {}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Text(..)")
    }
}
