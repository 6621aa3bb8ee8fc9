//! What is sent next: order by subject, batches, priority, and what is held back.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::num::NonZeroUsize;
use std::time::Duration;

use contact_sink_core::{BatchKey, ContactUpdate, Limits};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::Scheduler;
use super::retries::{Again, Group, Purpose};
use crate::Options;
use crate::lane::item::{At, Item, Key, Priority, Reply};
use crate::lane::state::Allowance;
use crate::slab::Slab;

const LINGER: Duration = Duration::from_millis(5);

struct Waiting {
    scheduler: Scheduler,
    items: Slab<Item>,
    now: Instant,
}

impl Waiting {
    fn new(options: Options, most: usize) -> Self {
        let limits = Limits::new(NonZeroUsize::new(most).unwrap());
        let is_service = options.max_rejected == crate::MaxRejected::Any;
        Self { scheduler: Scheduler::new(&options, &limits, is_service), items: Slab::new(), now: Instant::now() }
    }

    /// Adds an update of a user, if nothing earlier of that user waits.
    fn give(&mut self, user: i64, value: &str, priority: Priority) -> Key {
        let update = ContactUpdate::user(user).with("email".parse().unwrap(), value).unwrap();
        let reply = Reply::One { to: oneshot::channel().0, at: Default::default() };
        let mut item = Item::new(update, priority, reply, None, Instant::now());
        (item.seq, item.came) = (self.items.iter().count() as u64, self.now);
        item.subject = self.scheduler.subjects.hash_of(item.update.subject());
        let key = self.items.insert(item);
        if self.scheduler.subjects.enter(self.items[key].subject, key) {
            self.proceed(key);
        }
        key
    }

    fn proceed(&mut self, key: Key) {
        let item = &mut self.items[key];
        if !self.scheduler.hold(item, key, self.now) {
            let queue = self.scheduler.queues.push(BatchKey::any(), item.priority, item.seq, key, item.came);
            item.at = At::Queue(queue);
        }
    }

    /// The updates of the request that is sent next.
    fn next(&mut self) -> Vec<Key> {
        self.allowed(Allowance::Any)
    }

    fn allowed(&mut self, allowed: Allowance) -> Vec<Key> {
        let choice = self.scheduler.next(allowed, false, self.now);
        choice.and_then(|choice| self.scheduler.take(choice)).map_or_else(Vec::new, |group| group.items)
    }

    fn again(&mut self, items: Vec<Key>, purpose: Purpose, priority: Priority) {
        let group = Group { key: BatchKey::any(), items, purpose, again: Again::Yes };
        self.scheduler.retries.push(group, priority, self.now);
    }
}

use Priority::{Background, Interactive};

#[test]
fn a_batch_is_sent_when_it_is_full_or_has_waited() {
    let mut waiting = Waiting::new(Options::for_run(), 2);
    let first = waiting.give(1, "a", Background);
    assert!(waiting.next().is_empty());
    let second = waiting.give(2, "a", Background);
    let third = waiting.give(3, "a", Background);
    assert_eq!(waiting.next(), [first, second]);
    assert!(waiting.next().is_empty());
    waiting.now += LINGER;
    assert_eq!(waiting.next(), [third]);
}

#[test]
fn a_later_update_of_a_subject_waits_for_the_earlier_one() {
    let mut waiting = Waiting::new(Options::for_run(), 10);
    let (first, second) = (waiting.give(1, "a", Background), waiting.give(1, "b", Background));
    waiting.now += LINGER;
    assert_eq!(waiting.next(), [first]);
    assert!(waiting.next().is_empty());
    let subject = waiting.items[first].subject;
    assert_eq!(waiting.scheduler.subjects.leave(subject, first), Some(second));
    assert_eq!(waiting.scheduler.subjects.leave(subject, second), None);
    assert_eq!(waiting.scheduler.subjects.of(subject).count(), 0, "nothing is remembered");
}

#[test]
fn a_different_value_is_held_back_and_the_same_one_is_not() {
    let mut waiting = Waiting::new(Options::for_run(), 1);
    let first = waiting.give(1, "a", Background);
    let (subject, update) = (waiting.items[first].subject, waiting.items[first].update.clone());
    assert_eq!(
        {
            waiting.now += LINGER;
            waiting.next()
        },
        [first]
    );
    let until = waiting.now + Duration::from_secs(10);
    waiting.scheduler.subjects.hold(subject, &update, 0, until);
    waiting.scheduler.subjects.leave(subject, first);
    let same = waiting.give(1, "a", Background);
    assert_eq!(
        {
            waiting.now += LINGER;
            waiting.next()
        },
        [same]
    );
    waiting.scheduler.subjects.leave(subject, same);
    let other = waiting.give(1, "b", Background);
    waiting.now = until - LINGER;
    assert_eq!((waiting.scheduler.release_held(waiting.now), waiting.next()), (None, vec![]));
    waiting.now = until;
    assert_eq!(waiting.scheduler.release_held(until), Some(other));
}

#[test]
fn callers_go_first_and_one_request_in_ten_is_for_rows() {
    let mut waiting = Waiting::new(Options::for_service(), 1);
    for user in 0..100 {
        waiting.give(user, "a", if user < 50 { Background } else { Interactive });
    }
    waiting.now += LINGER;
    let order: Vec<Priority> = (0..50)
        .map(|_| {
            let key = waiting.next()[0];
            waiting.items[key].priority
        })
        .collect();
    assert_eq!(order.iter().filter(|priority| **priority == Background).count(), 5);
    assert_eq!(order[..9], [Interactive; 9]);
}

#[test]
fn when_callers_wait_for_long_the_newest_goes_first() {
    let mut waiting = Waiting::new(Options::for_service(), 1);
    let first = waiting.give(1, "a", Interactive);
    waiting.now += Duration::from_millis(500);
    let second = waiting.give(2, "a", Interactive);
    waiting.now += Duration::from_millis(499);
    let third = waiting.give(3, "a", Interactive);
    waiting.now += LINGER;
    assert_eq!([waiting.next(), waiting.next(), waiting.next()], [[third], [second], [first]]);
}

#[test]
fn a_row_takes_over_the_priority_of_a_caller_who_waits_for_it() {
    let mut waiting = Waiting::new(Options::for_service(), 1);
    let (row, other) = (waiting.give(1, "a", Background), waiting.give(2, "a", Interactive));
    let caller = waiting.give(1, "b", Interactive);
    waiting.scheduler.promote_before(caller, &mut waiting.items);
    waiting.now += LINGER;
    assert_eq!([waiting.next(), waiting.next()], [[row], [other]]);
}

#[test]
fn in_a_service_what_failed_and_what_is_new_take_turns() {
    let mut waiting = Waiting::new(Options::for_service(), 1);
    let new: Vec<Key> = (0..5).map(|user| waiting.give(user, "a", Interactive)).collect();
    let failed: Vec<Key> = (5..10).map(|user| waiting.give(user, "a", Interactive)).collect();
    for key in &failed {
        waiting.scheduler.withdraw(&waiting.items[*key], *key);
        waiting.again(vec![*key], Purpose::Batch, Interactive);
    }
    waiting.now += LINGER;
    let order: Vec<Key> = (0..10).map(|_| waiting.next()[0]).collect();
    let expected: Vec<Key> = failed.iter().zip(&new).flat_map(|(failed, new)| [*failed, *new]).collect();
    assert_eq!(order, expected);
}

#[test]
fn a_probe_is_not_the_request_that_failed_last_if_there_is_another_one() {
    let mut waiting = Waiting::new(Options::for_run(), 1);
    let (first, second) = (waiting.give(1, "a", Background), waiting.give(2, "a", Background));
    for key in [first, second] {
        waiting.scheduler.withdraw(&waiting.items[key], key);
        waiting.again(vec![key], Purpose::Batch, Background);
    }
    let probe = |fresh_first| Allowance::Probe { fresh_first, failed_last: Some(first), most: 1 };
    assert_eq!(waiting.allowed(probe(false)), [second]);
    let fresh = waiting.give(3, "a", Background);
    waiting.now += LINGER;
    assert_eq!(waiting.allowed(probe(true)), [fresh]);
    assert_eq!(waiting.allowed(probe(false)), [first], "better than none");
}

#[test]
fn an_update_is_taken_out_of_wherever_it_waits() {
    let mut waiting = Waiting::new(Options::for_run(), 10);
    let (queued, again) = (waiting.give(1, "a", Background), waiting.give(2, "a", Background));
    waiting.scheduler.withdraw(&waiting.items[again], again);
    waiting.again(vec![again], Purpose::Batch, Background);
    waiting.items[again].at = At::Retry;
    for key in [queued, again] {
        waiting.scheduler.withdraw(&waiting.items[key], key);
    }
    waiting.now += LINGER;
    assert!(waiting.next().is_empty());
    assert!(waiting.scheduler.retries.is_empty() && waiting.scheduler.queues.len() == 0);
}
