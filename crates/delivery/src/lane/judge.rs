//! What an answer means for each update of the request. Pure: purpose and answer in, rulings out.

use std::collections::HashMap;

use contact_sink_core::{ContactUpdate, ErrorCode, Rejection, Retry, SinkError, SinkErrorKind, Verdict};

use super::scheduler::retries::Purpose;

/// A batch that failed so often while other requests succeed is halved.
pub(crate) const HALVED_AFTER: u32 = 3;

/// What is done with one update.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Ruling {
    Accepted,
    /// Refused for good. `undecided`: the vendor refused the request and named no update.
    Refused {
        rejection: Rejection,
        undecided: bool,
    },
    /// Refused, and that may not be its fault.
    Suspect {
        rejection: Rejection,
        undecided: bool,
    },
    /// Its request was refused as a whole: find out which update is at fault.
    Isolate,
    /// To be sent again.
    Again(Option<ErrorCode>),
}

/// What is done when there are no verdicts at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The same request is sent again.
    Again,
    /// The request itself is wrong: one of its updates is at fault.
    Apart,
    /// A person must act first.
    Act,
    /// The sink's own code failed.
    Broken,
}

/// One ruling for each verdict. `is_known` says which codes that the vendor's table lacks are known to be refusals.
pub(crate) fn rule(
    purpose: Purpose,
    verdicts: Vec<Verdict>,
    is_known: impl Fn(Option<&ErrorCode>) -> bool,
) -> Vec<Ruling> {
    let is_single = verdicts.len() == 1;
    let refused = |rejection: Rejection, undecided: bool| {
        let is_explained = if purpose.is_of_a_field() {
            rejection.is_listed()
        } else {
            purpose != Purpose::Canary && rejection.is_listed() && !undecided
        };
        let is_believed = || {
            purpose.confirms() || (purpose != Purpose::Canary && !rejection.is_listed() && is_known(rejection.code()))
        };
        if is_explained || is_believed() {
            Ruling::Refused { rejection, undecided }
        } else {
            Ruling::Suspect { rejection, undecided }
        }
    };
    let ruling = |verdict| match verdict {
        Verdict::Accepted => Ruling::Accepted,
        Verdict::Retry { code } => Ruling::Again(code),
        Verdict::Rejected(rejection) => refused(rejection, false),
        Verdict::Undecided(rejection) if is_single => refused(rejection, true),
        _ => Ruling::Isolate,
    };
    verdicts.into_iter().map(ruling).collect()
}

/// What an error asks for. `has_accepted` says whether the vendor ever accepted anything.
pub(crate) fn failure(error: &SinkError, has_accepted: bool) -> Failure {
    match error.retry() {
        Retry::Never if error.kind() == SinkErrorKind::Contract => Failure::Broken,
        Retry::Never if error.kind() == SinkErrorKind::BadRequest => Failure::Apart,
        // Something between answers in the vendor's place.
        Retry::Never if error.is_odd() && has_accepted => Failure::Again,
        Retry::Never => Failure::Act,
        _ => Failure::Again,
    }
}

/// Whether an answer decides about no update: it asks for another attempt of all of them.
pub(crate) fn decides_nothing(verdicts: &[Verdict]) -> bool {
    !verdicts.is_empty() && verdicts.iter().all(|verdict| matches!(verdict, Verdict::Retry { .. }))
}

/// The same updates in two requests: one of them is at fault, and must not hold the others.
pub(crate) fn halved<T>(mut items: Vec<T>) -> Vec<Vec<T>> {
    let second = items.split_off(items.len().div_ceil(2));
    [items, second].into_iter().filter(|half| !half.is_empty()).collect()
}

/// What a vendor says that asks for another attempt of one update.
pub(crate) fn asked_for_another_attempt(code: Option<&ErrorCode>) -> SinkError {
    let error = SinkError::new("sink", "send", SinkErrorKind::Unavailable);
    match code {
        Some(code) => error.with_detail("it asks for another try").with_code(code.clone()),
        None => error.with_detail("its answer says nothing of the update"),
    }
}

/// Whether it is open which field is at fault, or whether the subject is.
pub(crate) fn blames_nothing(rejection: &Rejection) -> bool {
    rejection.field().is_none() && rejection.subject().is_none()
}

/// A vendor may repeat the request in its text, which every update of the request gets: values of the others are replaced.
pub(crate) fn hide_values_of_others(updates: &[&ContactUpdate], verdicts: &mut [Verdict]) {
    /// What is shorter is in any text by chance.
    const SHORTEST: usize = 4;
    let values_in = |text: &str| -> Vec<(usize, String)> {
        let values = updates.iter().enumerate().flat_map(|(nth, update)| {
            update.fields().iter().flat_map(|(_, value)| value.texts()).map(move |value| (nth, value))
        });
        // A text that was cut may end within a value.
        let cut = text.strip_suffix('…').unwrap_or_default();
        let found = values.filter_map(|(nth, value)| {
            let mut beginnings = (SHORTEST..value.len()).rev().filter_map(|end| value.get(..end));
            let found = if text.contains(value) { Some(value) } else { beginnings.find(|part| cut.ends_with(part)) };
            Some((nth, found.filter(|found| found.len() >= SHORTEST)?.to_owned()))
        });
        let mut found: Vec<(usize, String)> = found.collect();
        // One may be a part of another.
        found.sort_by_key(|(_, value)| std::cmp::Reverse(value.len()));
        found
    };
    // Most often all of them have the same text.
    let mut found: HashMap<String, Vec<(usize, String)>> = HashMap::new();
    for (nth, verdict) in verdicts.iter_mut().enumerate().filter(|_| updates.len() > 1) {
        let (Verdict::Rejected(rejection) | Verdict::Undecided(rejection)) = verdict else { continue };
        let Some(text) = rejection.vendor_text() else { continue };
        let found = found.entry(text.to_owned()).or_insert_with_key(|text| values_in(text));
        let of_others = found.iter().filter(|(other, _)| *other != nth).map(|(_, value)| value.as_str());
        *rejection = rejection.clone().hiding(of_others);
    }
}

#[cfg(test)]
#[path = "../../tests/parts/judge.rs"]
mod tests;
