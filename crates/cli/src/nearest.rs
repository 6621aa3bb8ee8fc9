//! The valid name that was probably meant.

/// `: did you mean "mobile"?`, or the list of what there is, or nothing if there is nothing.
pub fn hint<'a>(wrong: &str, valid: impl IntoIterator<Item = &'a str>) -> String {
    let valid: Vec<&str> = valid.into_iter().collect();
    let folded = wrong.to_lowercase();
    let nearest = valid
        .iter()
        .map(|name| (strsim::damerau_levenshtein(&folded, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= (name.chars().count() / 3).max(1))
        .min_by_key(|(distance, _)| *distance);
    match nearest {
        Some((_, name)) => format!(": did you mean {name:?}?"),
        None if valid.is_empty() => String::new(),
        None => format!(": there is {}", valid.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ")),
    }
}
