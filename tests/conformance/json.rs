//! JSON as the documents print it: with `//` comments, which are not part of the wire format.

use serde_json::Value;

/// Reads JSON after its comments are taken out.
pub(crate) fn read(text: &str) -> Result<Value, String> {
    serde_json::from_str(&without_comments(text)).map_err(|error| format!("the body of the case: {error}"))
}

/// Takes out `//` to the end of the line, but not inside a JSON string: `"https://.."` stays.
pub(crate) fn without_comments(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let (mut in_string, mut escaped, mut end) = (false, false, line.len());
        for (at, char) in line.char_indices() {
            match char {
                _ if escaped => escaped = false,
                '\\' if in_string => escaped = true,
                '"' => in_string = !in_string,
                '/' if !in_string && line[at..].starts_with("//") => {
                    end = at;
                    break;
                }
                _ => {}
            }
        }
        kept.push_str(&line[..end]);
        if end < line.len() {
            kept.push('\n');
        }
    }
    kept
}
