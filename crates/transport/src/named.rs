//! Verdicts for the items of a request, of an answer that names items.

use contact_sink_core::{ErrorCode, SinkError, Verdict};

/// What an answer says of an item that it names. Its text is personal data: there is no `Debug`.
#[derive(Clone)]
pub struct Named<'a, K> {
    /// The item, as the request names it.
    pub item: K,
    /// The code; `None` if the answer has none for it that can be read.
    pub code: Option<ErrorCode>,
    /// The vendor's text; empty if there is none.
    pub text: &'a str,
}

/// What is known of an item that an answer does not name.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unnamed {
    /// The answer names all items that failed: this one was accepted.
    Accepted,
    /// The same, of an answer that says that some items failed. One that names none of the request's items contradicts itself.
    AcceptedBesideFailures,
    /// The answer has a result for each item: nothing is known of this one.
    Unknown,
    /// This verdict.
    Verdict(Verdict),
}

/// Gives a verdict for each item of a request, in the order of the request.
///
/// | the answer | verdict |
/// |---|---|
/// | names the item | that of `judge`, which gets all that the answer says of it |
/// | names the item twice, with different codes | [`Verdict::Retry`]: nothing is known of it |
/// | does not name the item | as [`Unnamed`] says |
/// | does not name the item, and names another that the request does not have | [`Verdict::Retry`] in place of accepted: this one may be meant |
/// | says that some items failed, and names none of the request's | [`Verdict::Retry`] for all |
///
/// # Errors
/// Those of `judge`: a code that concerns the request as a whole.
///
/// ```
/// use contact_sink_core::{Rejection, Verdict};
/// use contact_sink_transport::{Named, Unnamed, match_named};
///
/// let failed = [Named { item: "u2", code: Some(7.into()), text: "no such user" }];
/// let rejected = Verdict::Rejected(Rejection::listed(7, "no such user"));
/// let verdicts = match_named(["u1", "u2"], failed, Unnamed::Accepted, |_| Ok(rejected.clone()))?;
/// assert_eq!(verdicts, [Verdict::Accepted, rejected]);
/// # Ok::<(), contact_sink_core::SinkError>(())
/// ```
pub fn match_named<'a, K: Ord>(
    sent: impl IntoIterator<Item = K, IntoIter: Clone>,
    named: impl IntoIterator<Item = Named<'a, K>>,
    unnamed: Unnamed,
    judge: impl Fn(&[Named<'a, K>]) -> Result<Verdict, SinkError>,
) -> Result<Vec<Verdict>, SinkError> {
    let mut named: Vec<Named<'a, K>> = named.into_iter().collect();
    // Stable: the first text of an item stays the first.
    named.sort_by(|one, other| one.item.cmp(&other.item));
    let of = |item: &K| {
        let start = named.partition_point(|named| named.item < *item);
        let end = start + named[start..].partition_point(|named| named.item == *item);
        &named[start..end]
    };
    let sent = sent.into_iter();
    let names_others = || {
        let mut items: Vec<K> = sent.clone().collect();
        items.sort_unstable();
        let other = named.iter().find(|named| items.binary_search(&named.item).is_err());
        (other.map(|other| other.code.clone()), named.iter().any(|named| items.binary_search(&named.item).is_ok()))
    };
    let unnamed = match unnamed {
        Unnamed::Verdict(verdict) => verdict,
        Unnamed::Unknown => Verdict::Retry { code: None },
        Unnamed::Accepted | Unnamed::AcceptedBesideFailures => match names_others() {
            (Some(code), _) => Verdict::Retry { code },
            (None, false) if unnamed == Unnamed::AcceptedBesideFailures => Verdict::Retry { code: None },
            (None, _) => Verdict::Accepted,
        },
    };
    sent.clone()
        .map(|item| match of(&item) {
            [] => Ok(unnamed.clone()),
            [first, rest @ ..] if rest.iter().any(|named| named.code != first.code) => {
                Ok(Verdict::Retry { code: None })
            }
            all => judge(all),
        })
        .collect()
}
