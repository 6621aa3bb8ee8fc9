//! An update of several fields whose refusal names none is sent field by field, and the outcome says which were stored.

use contact_sink_core::{Applied, Rejection, SinkErrorKind, SubjectPart, Verdict};
use contact_sink_delivery::{Options, Outcome};

use crate::run::{Finished, deliver_rows, failure, paused};
use crate::script::{Wording, accept_all, error};
use crate::world::{Answer, Request, World, update_of, user_of};

const BAD_USER: usize = 3;

/// Refuses a request in which the bad user sets one of these fields, naming nobody and no field.
fn refuse_fields(request: &Request<'_>, bad: &[&str], wording: Wording) -> Answer {
    let is_bad = request.batch.iter().any(|update| {
        user_of(update) == BAD_USER && update.fields().iter().any(|(field, _)| bad.contains(&field.as_str()))
    });
    let verdict = if is_bad { Verdict::Undecided(wording.rejection()) } else { Verdict::Accepted };
    Ok(vec![verdict; request.batch.len()])
}

fn ten_rows_of_three_fields(world: World) -> (Finished, Vec<String>, Vec<Option<usize>>) {
    let world = world.shared();
    let finished =
        paused(deliver_rows(&world, Options::for_run(), (0..10).map(|row| update_of(row, row, 3)).collect()));
    let alone =
        world.departures().into_iter().filter(|departure| departure.users == [BAD_USER] && departure.fields.len() == 1);
    let alone = alone.map(|departure| departure.fields[0].to_string()).collect();
    let stored = ["field-0", "field-1", "field-2"].map(|field| world.stored(BAD_USER, field)).to_vec();
    (finished, alone, stored)
}

#[test]
fn the_outcome_names_the_bad_fields_and_the_stored_ones() {
    let each: [&[&'static str]; 4] =
        [&["field-1"], &["field-0", "field-2"], &["field-2"], &["field-0", "field-1", "field-2"]];
    for (bad, wording) in each.into_iter().flat_map(|bad| Wording::EACH.map(|wording| (bad, wording))) {
        let (finished, alone, stored) =
            ten_rows_of_three_fields(World::new(10, move |request| refuse_fields(request, bad, wording)));
        assert_eq!(finished.rejected(), [BAD_USER]);
        let Outcome::Rejected { rejections, stored: named, earlier } = &finished.outcomes[BAD_USER] else {
            unreachable!()
        };
        let blamed: Vec<&str> = rejections.iter().map(|rejection| rejection.field().unwrap().as_str()).collect();
        assert_eq!(blamed, bad);
        assert!(rejections.iter().all(|rejection| rejection.code() == Some(&Wording::CODE.into())));
        let good: Vec<&str> =
            ["field-0", "field-1", "field-2"].into_iter().filter(|field| !bad.contains(field)).collect();
        assert_eq!(named.iter().map(|field| field.as_str()).collect::<Vec<_>>(), good);
        assert_eq!(*earlier, Applied::No);
        assert_eq!(alone, ["field-0", "field-1", "field-2"], "each field once");
        for (field, stored) in ["field-0", "field-1", "field-2"].into_iter().zip(stored) {
            assert_eq!(stored.is_some(), good.contains(&field));
        }
    }
}

#[test]
fn a_refusal_that_names_its_field_is_not_taken_apart() {
    let script = |request: &Request<'_>| {
        let named = Rejection::listed(4107, "refused").with_field("field-1".parse().unwrap());
        let verdict = |user| if user == BAD_USER { Verdict::Rejected(named.clone()) } else { Verdict::Accepted };
        Ok(request.batch.iter().map(|update| verdict(user_of(update))).collect())
    };
    let (finished, alone, _) = ten_rows_of_three_fields(World::new(10, script));
    assert_eq!((finished.rejected(), finished.summary.requests), (vec![BAD_USER], 1));
    assert_eq!(alone, [""; 0]);
}

#[test]
fn a_subject_that_is_to_blame_is_not_taken_apart() {
    for fields in [1, 3] {
        let script = |request: &Request<'_>| {
            let unknown = Rejection::listed(4107, "refused").with_subject(SubjectPart::User);
            let bad = request.batch.iter().any(|update| user_of(update) == BAD_USER);
            let verdict = if bad { Verdict::Undecided(unknown) } else { Verdict::Accepted };
            Ok(vec![verdict; request.batch.len()])
        };
        let world = World::new(10, script).shared();
        let rows = (0..10).map(|row| update_of(row, row, fields)).collect();
        let finished = paused(deliver_rows(&world, Options::for_run(), rows));
        let Outcome::Rejected { rejections, .. } = &finished.outcomes[BAD_USER] else { panic!("{finished:?}") };
        let [rejection] = &rejections[..] else { panic!("one rejection, not one for each field: {rejections:?}") };
        assert_eq!((rejection.field(), rejection.subject()), (None, Some(SubjectPart::User)));
        let alone = world.departures().into_iter().filter(|departure| departure.users == [BAD_USER]).count();
        assert_eq!((finished.rejected(), alone), (vec![BAD_USER], 1));
    }
}

#[test]
fn a_single_field_is_to_blame_without_being_asked_again() {
    let world = World::new(10, |request| refuse_fields(request, &["field-0"], Wording::Listed)).shared();
    let rows = (0..10).map(|row| update_of(row, row, 1)).collect();
    let finished = paused(deliver_rows(&world, Options::for_run(), rows));
    let Outcome::Rejected { rejections, stored, .. } = &finished.outcomes[BAD_USER] else { panic!("{finished:?}") };
    assert_eq!((rejections[0].field().unwrap().as_str(), stored.len()), ("field-0", 0));
    let alone = world.departures().into_iter().filter(|departure| departure.users == [BAD_USER]).count();
    assert_eq!((finished.rejected(), alone), (vec![BAD_USER], 1));
}

#[test]
fn an_update_whose_fields_all_pass_one_by_one_is_accepted() {
    let script = |request: &Request<'_>| {
        let together = request.batch.iter().any(|update| user_of(update) == BAD_USER && update.fields().len() > 1);
        let verdict = if together { Verdict::Undecided(Wording::Listed.rejection()) } else { Verdict::Accepted };
        Ok(vec![verdict; request.batch.len()])
    };
    let (finished, alone, _) = ten_rows_of_three_fields(World::new(10, script));
    assert_eq!((finished.summary.accepted, alone.len()), (10, 3));
}

#[test]
fn a_lost_answer_is_remembered_and_a_lost_field_is_sent_again() {
    let script = |request: &Request<'_>| {
        let fields = request.batch[0].fields();
        match (request.number, fields.len()) {
            (1, _) => Err(error(SinkErrorKind::Timeout)),
            (_, 1) if fields[0].0.as_str() == "field-1" && request.number.is_multiple_of(2) => {
                Err(error(SinkErrorKind::Connect))
            }
            _ => refuse_fields(request, &["field-2"], Wording::Listed),
        }
    };
    let (finished, alone, _) = ten_rows_of_three_fields(World::new(10, script));
    let Outcome::Rejected { rejections, stored, earlier } = &finished.outcomes[BAD_USER] else {
        panic!("{finished:?}")
    };
    assert_eq!((rejections.len(), stored.len(), *earlier), (1, 2, Applied::Maybe));
    assert!((3..=4).contains(&alone.len()), "{alone:?}");
    assert_eq!(finished.summary.accepted, 9);
}

#[test]
fn an_update_given_up_between_its_fields_may_be_applied() {
    let script = |request: &Request<'_>| match request.batch[0].fields() {
        [(field, _)] if field.as_str() == "field-1" => Err(error(SinkErrorKind::Connect)),
        [_] => accept_all(request),
        _ => refuse_fields(request, &["field-2"], Wording::Listed),
    };
    let (finished, _, _) = ten_rows_of_three_fields(World::new(10, script));
    let (applied, cause) = failure(&finished.outcomes[BAD_USER]);
    assert_eq!((applied, cause.kind()), (Applied::Maybe, SinkErrorKind::Connect));
}
