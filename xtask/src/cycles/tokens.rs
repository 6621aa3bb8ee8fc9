//! Splits Rust source text into words and signs, without comments.

/// A word, a sign or a text in quotes, which keeps its first quote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) text: &'a str,
    /// From 1.
    pub(super) line: usize,
}

impl Token<'_> {
    pub(super) fn is_word(&self) -> bool {
        word(self.text) == self.text.len() && !self.text.starts_with(|first: char| first.is_ascii_digit())
    }
}

/// All tokens of a text, in their order. `::` is one token, and so is each lifetime, number and character.
pub(super) fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let (mut rest, mut line) = (source, 1);
    while !rest.is_empty() {
        let length = length(rest).max(1);
        let (text, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        if !text.starts_with(char::is_whitespace) && !text.starts_with("//") && !text.starts_with("/*") {
            tokens.push(Token { text: text.strip_prefix("r#").filter(|_| !text.ends_with('#')).unwrap_or(text), line });
        }
        line += text.matches('\n').count();
        rest = after;
    }
    tokens
}

/// How many bytes the first token, comment or space has.
fn length(text: &str) -> usize {
    let mut chars = text.chars();
    let first = chars.next().unwrap_or_default();
    let to = |end: Option<usize>| end.unwrap_or(text.len());
    if text.starts_with("//") {
        return to(text.find('\n'));
    }
    if text.starts_with("/*") {
        return comment(text);
    }
    if let Some(quoted) = raw(text) {
        return quoted;
    }
    match first {
        'b' | 'c' if matches!(chars.next(), Some('"' | '\'')) => 1 + quoted(&text[1..]),
        'r' if text.starts_with("r#") => 2 + word(&text[2..]),
        '"' => quoted(text),
        // A lifetime has no quote behind its first character.
        '\'' if text[1..].chars().nth(1) == Some('\'') || text[1..].starts_with('\\') => quoted(text),
        '\'' => 1 + word(&text[1..]),
        ':' if text.starts_with("::") => 2,
        _ if first.is_alphanumeric() || first == '_' => word(text),
        _ => first.len_utf8(),
    }
}

fn word(text: &str) -> usize {
    text.find(|each: char| !each.is_alphanumeric() && each != '_').unwrap_or(text.len())
}

/// A text or character between quotes, in which a backslash hides a quote.
fn quoted(text: &str) -> usize {
    let quote = text.chars().next();
    let mut is_hidden = false;
    for (at, each) in text.char_indices().skip(1) {
        match each {
            _ if is_hidden => is_hidden = false,
            '\\' => is_hidden = true,
            each if Some(each) == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// `r".."`, `r#".."#` and so on.
fn raw(text: &str) -> Option<usize> {
    let start = text.strip_prefix("br").or_else(|| text.strip_prefix('r'))?;
    let hashes = start.len() - start.trim_start_matches('#').len();
    let inner = start.get(hashes..)?.strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let before = text.len() - inner.len();
    Some(inner.find(&end).map_or(text.len(), |at| before + at + end.len()))
}

/// A comment in which others may be.
fn comment(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest.starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}
