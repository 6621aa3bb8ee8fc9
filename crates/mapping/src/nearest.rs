//! The valid name that was probably meant.

/// `: did you mean "mobile"?`, or the list of the valid names, or nothing if there is none.
pub fn hint<'a>(wrong: &str, valid: impl IntoIterator<Item = &'a str>) -> String {
    let valid: Vec<&str> = valid.into_iter().collect();
    let near = near(wrong, valid.iter().copied());
    if valid.is_empty() || !near.is_empty() {
        return near;
    }
    format!(": there is {}", valid.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", "))
}

/// `: did you mean "mobile"?`, or nothing.
pub fn near<'a>(wrong: &str, valid: impl IntoIterator<Item = &'a str>) -> String {
    let near = valid.into_iter().filter(|name| is_near(wrong, name)).min_by_key(|name| distance(wrong, name));
    near.map_or(String::new(), |name| format!(": did you mean {name:?}?"))
}

/// Whether a name may be a slip for a valid one: at most a third of it is wrong, white space at the ends aside.
pub(crate) fn is_near(wrong: &str, valid: &str) -> bool {
    distance(wrong, valid) <= (valid.trim().chars().count() / 3).max(1)
}

fn distance(wrong: &str, valid: &str) -> usize {
    strsim::damerau_levenshtein(&wrong.trim().to_lowercase(), &valid.trim().to_lowercase())
}
