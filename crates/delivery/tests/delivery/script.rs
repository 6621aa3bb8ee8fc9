//! Answers for a scripted vendor: who is refused, how it is worded, and plain chaos.

use std::time::Duration;

use contact_sink_core::{Rejection, Retry, SinkError, SinkErrorKind, Verdict};
use fastrand::Rng;

use crate::world::{Answer, Request, user_of};

/// What the vendor does with a request that has bad updates in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blame {
    /// The whole request is refused and nobody is named.
    Nobody,
    /// The whole request is refused and one bad update is named.
    One,
    /// The whole request is refused and all bad updates are named.
    All,
    /// The bad updates are named and the others are taken.
    AllAndTheRestIsTaken,
}

impl Blame {
    pub(crate) const EACH: [Self; 4] = [Self::Nobody, Self::One, Self::All, Self::AllAndTheRestIsTaken];
}

/// Whether the code of a refusal is in the vendor's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wording {
    Listed,
    Unlisted,
}

impl Wording {
    pub(crate) const EACH: [Self; 2] = [Self::Listed, Self::Unlisted];
    pub(crate) const CODE: i64 = 4107;

    pub(crate) fn rejection(self) -> Rejection {
        match self {
            Self::Listed => Rejection::listed(Self::CODE, "refused"),
            Self::Unlisted => Rejection::unlisted(Some(Self::CODE.into()), "refused"),
        }
    }
}

pub(crate) fn accept_all(request: &Request<'_>) -> Answer {
    Ok(vec![Verdict::Accepted; request.batch.len()])
}

/// A request that the vendor refuses as a whole, naming nobody.
pub(crate) fn refuse_all(request: &Request<'_>, wording: Wording) -> Answer {
    Ok(vec![Verdict::Undecided(wording.rejection()); request.batch.len()])
}

/// A vendor that refuses some users for ever.
pub(crate) fn refuse_users(
    is_bad: impl Fn(usize) -> bool + Send + Sync + 'static,
    blame: Blame,
    wording: Wording,
) -> impl Fn(&Request<'_>) -> Answer + Send + Sync + 'static {
    move |request| {
        let bad: Vec<bool> = request.batch.iter().map(|update| is_bad(user_of(update))).collect();
        if !bad.contains(&true) {
            return accept_all(request);
        }
        let first = bad.iter().position(|bad| *bad);
        let verdict = |(place, bad): (usize, &bool)| {
            let named = match blame {
                Blame::Nobody => false,
                Blame::One => Some(place) == first,
                Blame::All | Blame::AllAndTheRestIsTaken => *bad,
            };
            match blame {
                _ if named => Verdict::Rejected(wording.rejection()),
                Blame::AllAndTheRestIsTaken => Verdict::Accepted,
                _ => Verdict::Undecided(wording.rejection()),
            }
        };
        Ok(bad.iter().enumerate().map(verdict).collect())
    }
}

pub(crate) fn error(kind: SinkErrorKind) -> SinkError {
    SinkError::new("world", "set", kind)
}

/// Any answer at all, good or bad, by the seed and the number of the request.
pub(crate) fn chaos(seed: u64, also_fatal: bool) -> impl Fn(&Request<'_>) -> Answer + Send + Sync + 'static {
    use SinkErrorKind as K;
    const FATAL: [K; 6] = [K::Certificate, K::Credentials, K::Forbidden, K::WrongAddress, K::BadRequest, K::Contract];
    const PASSING: [K; 7] =
        [K::Connect, K::Timeout, K::Interrupted, K::AnswerTooLarge, K::Throttled, K::Unavailable, K::Unreadable];
    move |request| {
        let mut rng = Rng::with_seed(seed.wrapping_add(request.number as u64));
        match rng.u32(0..100) {
            0 if also_fatal => Err(error(FATAL[rng.usize(..FATAL.len())])),
            1 if also_fatal => Ok(vec![Verdict::Accepted; rng.usize(..2 * request.batch.len())]),
            2 if also_fatal => panic!("a sink may panic"),
            3..15 => {
                let error = error(PASSING[rng.usize(..PASSING.len())]);
                let wait = Duration::from_millis(rng.u64(..5_000));
                Err(if rng.bool() { error.with_retry(Retry::After(wait)) } else { error })
            }
            15..30 => refuse_all(request, Wording::EACH[rng.usize(..2)]),
            _ => Ok(request.batch.iter().map(|_| chaotic_verdict(&mut rng)).collect()),
        }
    }
}

fn chaotic_verdict(rng: &mut Rng) -> Verdict {
    let wording = Wording::EACH[rng.usize(..2)];
    match rng.u32(0..10) {
        0 => Verdict::Rejected(wording.rejection()),
        1 => Verdict::Undecided(wording.rejection()),
        2 => Verdict::Retry { code: None },
        _ => Verdict::Accepted,
    }
}
