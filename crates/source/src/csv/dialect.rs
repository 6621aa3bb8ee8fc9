//! How the cells of a CSV input are quoted.

/// How cells are quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dialect {
    pub(super) quotes: bool,
    pub(super) escape: Option<u8>,
    pub(super) multiline: bool,
    /// Found by the header: where it ends with an LF, a CR alone ends no line.
    pub(super) cr_ends_lines: bool,
}

impl Default for Dialect {
    /// Cells are quoted with `"`, a quote in them is doubled, and no cell holds whole lines.
    fn default() -> Self {
        Self { quotes: true, escape: None, multiline: false, cr_ends_lines: true }
    }
}

impl Dialect {
    /// Quotes are characters like any other.
    #[must_use]
    pub fn without_quotes(self) -> Self {
        Self { quotes: false, ..self }
    }

    /// After this character a quote, a delimiter, a line break or the character itself is part of the cell: `\`. It counts in quoted
    /// cells; with [`Dialect::without_quotes`] in all of them.
    #[must_use]
    pub fn with_escape(self, escape: u8) -> Self {
        Self { escape: Some(escape), ..self }
    }

    /// A quoted cell may hold lines that look like rows.
    #[must_use]
    pub fn with_multiline(self) -> Self {
        Self { multiline: true, ..self }
    }
}
