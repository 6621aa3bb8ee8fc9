//! Checks of a request before it is built. A sink never sends one that fails; a caller of a typed client may try.

/// Why a request cannot be built. Nothing is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidRequest {
    /// No item, or more than the vendor takes.
    #[error("a request has 1 to {most} {items}")]
    Number {
        /// The most that the vendor takes.
        most: usize,
        /// What they are: `users`.
        items: &'static str,
    },
    /// An item is in the request twice. What the vendor makes of that is not documented.
    #[error("one of the request's {items} is in it twice")]
    ItemTwice {
        /// What they are: `users`.
        items: &'static str,
    },
    /// An item for which nothing is set.
    #[error("nothing is set for one of the request's items")]
    NothingSet,
    /// An id, a name or a value is empty. No vendor documents a delete by that.
    #[error("an id, a name or a value is empty: there is no delete")]
    Empty,
    /// A field of an item is set twice.
    #[error("a field is set twice for one item")]
    FieldTwice,
    /// The path does not fit the base URL.
    #[error("the base url cannot be extended")]
    BaseUrl,
    /// The body could not be written as JSON.
    #[error("the body could not be written")]
    Body,
}

/// Checks that there are 1 to `most` items, and each of them once.
///
/// # Errors
/// [`InvalidRequest::Number`] and [`InvalidRequest::ItemTwice`].
pub fn check_items<K: Ord>(
    keys: impl ExactSizeIterator<Item = K>,
    most: usize,
    items: &'static str,
) -> Result<(), InvalidRequest> {
    if !(1..=most).contains(&keys.len()) {
        return Err(InvalidRequest::Number { most, items });
    }
    let mut keys: Vec<K> = keys.collect();
    keys.sort_unstable();
    let twice = keys.windows(2).any(|pair| matches!(pair, [one, next] if one == next));
    if twice { Err(InvalidRequest::ItemTwice { items }) } else { Ok(()) }
}

/// Checks what is set for one item: something, nothing empty, and each field once. Of each field it takes the name, and
/// whether the name or the value is empty.
///
/// # Errors
/// [`InvalidRequest::NothingSet`], [`InvalidRequest::Empty`] and [`InvalidRequest::FieldTwice`].
pub fn check_fields<N: PartialEq>(fields: impl Iterator<Item = (N, bool)> + Clone) -> Result<(), InvalidRequest> {
    let mut number = 0;
    for (name, is_empty) in fields.clone() {
        if is_empty {
            return Err(InvalidRequest::Empty);
        }
        if fields.clone().take(number).any(|(earlier, _)| earlier == name) {
            return Err(InvalidRequest::FieldTwice);
        }
        number += 1;
    }
    if number == 0 { Err(InvalidRequest::NothingSet) } else { Ok(()) }
}
