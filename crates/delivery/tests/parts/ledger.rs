//! Outcomes: the journal has them before the callers, and counts say when too much is rejected.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::{Arc, Mutex};

use contact_sink_core::{Applied, ContactUpdate, Rejection};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{Ledger, Told};
use crate::lane::item::{Delivered, Item, Key, Priority, Reply};
use crate::observe::Observer;
use crate::slab::Slab;
use crate::{Admission, Departing, Journal, JournalError, MaxRejected, Outcome, Settled, Stop, Undelivered};

/// What the journal was told: how many outcomes at a time. It fails if it is told to.
#[derive(Clone, Default)]
struct Notes {
    settled: Arc<Mutex<Vec<usize>>>,
    fails: bool,
}

impl Journal for Notes {
    fn admit(&mut self, _: Option<u64>, _: &ContactUpdate) -> Result<Admission, JournalError> {
        Ok(Admission::Send)
    }

    fn departs(&mut self, _: &[Departing<'_>]) -> Result<(), JournalError> {
        Ok(())
    }

    fn settled(&mut self, outcomes: &[Settled<'_>]) -> Result<(), JournalError> {
        self.settled.lock().unwrap().push(outcomes.len());
        if self.fails { Err(JournalError::new("the disk is full")) } else { Ok(()) }
    }
}

fn ledger(notes: &Notes, max_rejected: MaxRejected) -> Ledger {
    Ledger::new(Some(Box::new(notes.clone())), max_rejected, Arc::default(), Observer::new("test".into(), None))
}

fn item(items: &mut Slab<Item>) -> (Key, oneshot::Receiver<Delivered>) {
    let update = ContactUpdate::user(7).with("email".parse().unwrap(), "a@b.example").unwrap();
    let (to, outcome) = oneshot::channel();
    (
        items.insert(Item::new(
            update,
            Priority::Interactive,
            Reply::One { to, at: Default::default() },
            None,
            Instant::now(),
        )),
        outcome,
    )
}

fn rejected() -> Outcome {
    Outcome::Rejected { rejections: vec![Rejection::by_rule("a rule")], stored: vec![], earlier: Applied::No }
}

#[test]
fn the_journal_has_an_outcome_before_the_caller_and_each_is_counted_once() {
    let (notes, mut items) = (Notes::default(), Slab::new());
    let mut ledger = ledger(&notes, MaxRejected::Any);
    let (first, mut of_first) = item(&mut items);
    let (second, mut of_second) = item(&mut items);
    ledger.takes();
    ledger.takes();
    ledger.settle(first, true, Outcome::Accepted, Instant::now());
    ledger.settle(second, false, rejected(), Instant::now());
    assert!(of_first.try_recv().is_err() && ledger.told_at().is_some());
    ledger.commit(&mut items, Instant::now()).1.unwrap();
    assert_eq!(*notes.settled.lock().unwrap(), [2], "one call for all of them");
    assert_eq!(of_first.try_recv().unwrap().outcome, Outcome::Accepted);
    assert_eq!(of_second.try_recv().unwrap().outcome, rejected());
    let Told { summary, .. } = &*ledger.told();
    assert_eq!((summary.accepted, summary.rejected, ledger.waiting()), (1, 1, 0));
}

#[test]
fn an_outcome_that_was_not_written_down_is_undelivered() {
    for was_sent in [false, true] {
        let (notes, mut items) = (Notes { fails: true, ..Notes::default() }, Slab::new());
        let mut ledger = ledger(&notes, MaxRejected::Any);
        let (key, mut outcome) = item(&mut items);
        items[key].sent = was_sent;
        ledger.takes();
        ledger.settle(key, was_sent, Outcome::Accepted, Instant::now());
        ledger.commit(&mut items, Instant::now()).1.unwrap_err();
        let Outcome::Undelivered { applied, cause: Undelivered::Stopped(stop), .. } =
            outcome.try_recv().unwrap().outcome
        else {
            panic!("it was not written down")
        };
        assert!(matches!(*stop, Stop::Journal(_)));
        assert_eq!(applied == Applied::Maybe, was_sent);
    }
}

#[test]
fn shares_are_of_what_was_given_and_of_what_was_sent() {
    // Given, refused by a rule, sent, accepted, refused by the vendor.
    for (given, unsent, sent, accepted, refused, most, is_too_many) in [
        (10_000, 0, 1_000, 899, 101, MaxRejected::Share(0.1), true),
        (10_000, 0, 1_100, 899, 101, MaxRejected::Share(0.1), false),
        (999, 0, 999, 0, 999, MaxRejected::Share(0.1), false),
        (10_000, 1_001, 0, 0, 0, MaxRejected::Share(0.1), true),
        (10_000, 1_000, 0, 0, 0, MaxRejected::Share(0.1), false),
        (10, 2, 8, 5, 3, MaxRejected::Count(4), true),
        (10, 2, 8, 6, 2, MaxRejected::Count(4), false),
        (10_000, 9_000, 1_000, 0, 1_000, MaxRejected::Any, false),
    ] {
        let mut items = Slab::new();
        let mut ledger = ledger(&Notes::default(), most);
        let ((key, _), now) = (item(&mut items), Instant::now());
        (0..given).for_each(|_| ledger.takes());
        ledger.sent_first(sent);
        (0..unsent).for_each(|_| ledger.settle(key, false, rejected(), now));
        (0..refused).for_each(|_| ledger.settle(key, true, rejected(), now));
        (0..accepted).for_each(|_| ledger.settle(key, true, Outcome::Accepted, now));
        assert_eq!(
            ledger.too_many_rejected().is_some(),
            is_too_many,
            "{given} {unsent} {sent} {accepted} {refused} {most:?}"
        );
    }
}
