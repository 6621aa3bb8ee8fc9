//! What an answer leaves open, an outcome says so: that the update may be stored, and by which code.

use contact_sink_core::{Applied, ErrorCode, Rejection, SinkErrorKind, Verdict};
use contact_sink_delivery::{Options, Outcome};

use crate::run::{deliver_users, failure, paused};
use crate::script::error;
use crate::world::{Request, World, row_of};

#[test]
fn an_update_that_runs_out_of_tries_by_its_own_code_says_the_code_and_may_be_stored() {
    for (code, words) in
        [(Some(ErrorCode::Number(30006)), "code 30006"), (None, "its answer says nothing of the update")]
    {
        let given = code.clone();
        let script = move |request: &Request<'_>| {
            let verdict =
                |row: usize| if row == 3 { Verdict::Retry { code: given.clone() } } else { Verdict::Accepted };
            Ok(request.batch.iter().map(|update| verdict(row_of(update))).collect())
        };
        let world = World::new(10, script).shared();
        let finished = paused(deliver_users(&world, Options::for_run(), 20));
        let (applied, cause) = failure(&finished.outcomes[3]);
        assert_eq!(applied, Applied::Maybe);
        assert_eq!((cause.code(), cause.to_string().contains(words)), (code.as_ref(), true), "{cause}");
        assert_eq!((finished.undelivered(), finished.summary.accepted), (vec![3], 19));
    }
}

#[test]
fn what_a_refused_request_leaves_open_is_not_said_to_be_unstored() {
    // Ten are refused together, and then the vendor refuses the credentials.
    let world = World::new(10, |request| match request.number {
        1 => Ok(vec![Verdict::Undecided(Rejection::listed(4107, "refused")); request.batch.len()]),
        _ => Err(error(SinkErrorKind::Credentials)),
    })
    .shared();
    let finished = paused(deliver_users(&world, Options::for_run(), 30));
    for (row, outcome) in finished.outcomes.iter().enumerate() {
        let Outcome::Undelivered { applied, .. } = outcome else { panic!("{outcome:?}") };
        assert_eq!(*applied == Applied::Maybe, row < 10, "row {row}");
    }
}
