//! The error code of a reason is read as it was written: a number stays a number, and a word stays a word.

use contact_sink_core::ErrorCode;
use contact_sink_journal::{Entry, Kind, Reason, Run};

use crate::world::{World, finish};

/// Also the words that look like a number, and those that could be taken for no code.
fn codes() -> Vec<Option<ErrorCode>> {
    let numbers = [4107, 12, -7, 0, i64::MIN, i64::MAX].map(ErrorCode::from);
    let words = ["NOT_FOUND", "not_found", "12", "1e1", "-7", "0", "none", "NULL", ""].map(ErrorCode::from);
    numbers.into_iter().chain(words).map(Some).chain([None]).collect()
}

fn commit(run: &mut Run, codes: &[Option<ErrorCode>]) {
    let mut entry = Entry::default();
    entry.reasons = codes.iter().map(|code| Reason::new(Kind::Rejected, code.clone(), "refused")).collect();
    run.commit(entry).unwrap();
}

#[test]
fn codes_come_back_as_they_were() {
    let (world, codes) = (World::new(), codes());
    let mut run = world.run();
    commit(&mut run, &codes);
    world.kill(run);
    for count in 2..4 {
        let mut run = world.run();
        commit(&mut run, &codes);
        finish(run);
        let run = world.run();
        let reasons = run.reasons().unwrap();
        assert_eq!(reasons.iter().map(|reason| reason.code.clone()).collect::<Vec<_>>(), codes);
        assert!(reasons.iter().all(|reason| reason.count == count), "{reasons:?}");
    }
    assert_eq!(world.ask("SELECT count(*) FROM reason WHERE typeof(code) = 'integer'"), 6);
    assert_eq!(world.ask("SELECT count(*) FROM reason WHERE typeof(code) = 'text'"), 9);
}
