//! What each answer means, by the purpose of its request.
#![allow(clippy::unwrap_used, clippy::panic)]

use contact_sink_core::{Rejection, Retry, SinkError, SinkErrorKind as Kind, Verdict};

use super::{Failure, Ruling, failure, halved, hide_values_of_others, rule};
use crate::lane::scheduler::retries::Purpose;

const PURPOSES: [Purpose; 6] =
    [Purpose::Batch, Purpose::Isolation, Purpose::Canary, Purpose::Confirm, Purpose::Field, Purpose::ConfirmField];

fn listed() -> Rejection {
    Rejection::listed(1, "listed")
}

fn unlisted() -> Rejection {
    Rejection::unlisted(Some(2.into()), "unlisted")
}

/// The ruling of a request with one update: final, suspect or another.
fn single(purpose: Purpose, verdict: Verdict, is_known: bool) -> &'static str {
    let rulings = rule(purpose, vec![verdict], |code| is_known && code.is_some());
    match &rulings[..] {
        [Ruling::Accepted] => "accepted",
        [Ruling::Refused { .. }] => "refused",
        [Ruling::Suspect { .. }] => "suspect",
        [Ruling::Again(_)] => "again",
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_refusal_is_final_if_it_is_explained_confirmed_or_known() {
    for purpose in PURPOSES {
        let confirms = purpose.confirms();
        let of_a_field = purpose.is_of_a_field();
        let canary = purpose == Purpose::Canary;
        let finally = |is_final: bool| if is_final { "refused" } else { "suspect" };
        for is_known in [false, true] {
            let case = format!("{purpose:?} {is_known}");
            assert_eq!(single(purpose, Verdict::Accepted, is_known), "accepted", "{case}");
            assert_eq!(single(purpose, Verdict::Retry { code: None }, is_known), "again", "{case}");
            let is_final = confirms || !canary;
            assert_eq!(single(purpose, Verdict::Rejected(listed()), is_known), finally(is_final), "{case}");
            let is_final = confirms || (is_known && !canary);
            assert_eq!(single(purpose, Verdict::Rejected(unlisted()), is_known), finally(is_final), "{case}");
            assert_eq!(single(purpose, Verdict::Undecided(unlisted()), is_known), finally(is_final), "{case}");
            let is_final = confirms || of_a_field;
            assert_eq!(single(purpose, Verdict::Undecided(listed()), is_known), finally(is_final), "{case}");
        }
    }
}

#[test]
fn of_several_undecided_updates_one_is_at_fault() {
    let verdicts = vec![Verdict::Undecided(listed()), Verdict::Rejected(listed()), Verdict::Undecided(listed())];
    let rulings = rule(Purpose::Batch, verdicts, |_| false);
    let refused = Ruling::Refused { rejection: listed(), undecided: false };
    assert_eq!(rulings, [Ruling::Isolate, refused, Ruling::Isolate]);
    assert_eq!(halved(vec![1, 2, 3]), [vec![1, 2], vec![3]]);
    assert_eq!(halved(vec![1]), [vec![1]]);
    assert!(halved(Vec::<u8>::new()).is_empty());
}

#[test]
fn an_odd_answer_is_a_persons_matter_only_if_nothing_was_ever_accepted() {
    let error = |kind| SinkError::new("vendor", "set", kind);
    for (error, accepted, expected) in [
        (error(Kind::Timeout), false, Failure::Again),
        (error(Kind::Throttled).with_retry(Retry::Never), true, Failure::Act),
        (error(Kind::Credentials), true, Failure::Act),
        (error(Kind::Credentials).with_odd_answer(), false, Failure::Act),
        (error(Kind::Credentials).with_odd_answer(), true, Failure::Again),
        (error(Kind::WrongAddress).with_odd_answer(), true, Failure::Again),
        (error(Kind::BadRequest), true, Failure::Apart),
        (error(Kind::Contract), true, Failure::Broken),
    ] {
        assert_eq!(failure(&error, accepted), expected, "{error}");
    }
}

#[test]
fn a_vendors_text_shows_no_value_of_another_update() {
    let update = |user: i64, value: &str| {
        let update = contact_sink_core::ContactUpdate::user(user);
        update.with("email".parse().unwrap(), value).unwrap()
    };
    let updates = [update(1, "first@a.example"), update(2, "second@b.example")];
    let text = "bad: first@a.example, second@b.example";
    let mut verdicts = vec![Verdict::Undecided(listed().with_vendor_text(text)); 2];
    hide_values_of_others(&updates.iter().collect::<Vec<_>>(), &mut verdicts);
    for (verdict, own, other) in [(&verdicts[0], "first@", "second@"), (&verdicts[1], "second@", "first@")] {
        let Verdict::Undecided(rejection) = verdict else { panic!("{verdict:?}") };
        let shown = rejection.vendor_text().unwrap();
        assert!(shown.contains(own) && !shown.contains(other));
    }
}
