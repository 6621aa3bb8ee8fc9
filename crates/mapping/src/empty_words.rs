//! The words that mean nothing.

/// The words that mean nothing: a cell that is one of them leaves its field as it is at the vendor.
///
/// An empty cell always means nothing. A word is a whole cell, spelled exactly so, and never an entry of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmptyWords(Vec<String>);

impl Default for EmptyWords {
    /// `\N`, `NULL` and `#N/A`: what databases and spreadsheets write.
    fn default() -> Self {
        Self([r"\N", "NULL", "#N/A"].map(str::to_owned).to_vec())
    }
}

impl EmptyWords {
    /// No word: only an empty cell means nothing.
    pub fn none() -> Self {
        Self(Vec::new())
    }

    /// Adds a word.
    pub fn with(mut self, word: impl Into<String>) -> Self {
        let word = word.into();
        if !word.is_empty() && !self.0.contains(&word) {
            self.0.push(word);
        }
        self
    }

    /// The words.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether a text means nothing.
    pub(crate) fn contain(&self, text: &str) -> bool {
        self.contain_bytes(text.as_bytes())
    }

    /// The same of a text that may not be UTF-8: no word is so.
    pub(crate) fn contain_bytes(&self, text: &[u8]) -> bool {
        text.is_empty() || self.0.iter().any(|word| word.as_bytes() == text)
    }
}
