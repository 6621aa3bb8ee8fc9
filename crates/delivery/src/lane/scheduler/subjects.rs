//! What waits because of its subject: behind an earlier update, or until an earlier value cannot arrive any more.

use std::collections::hash_map::{Entry, RandomState};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher};
use std::sync::Arc;

use contact_sink_core::{ContactUpdate, SinkError, Subject, Value};
use tokio::time::Instant;

use crate::lane::item::Key;

/// A run stops when so many subjects have an update that ran out of attempts.
pub(crate) const MOST_ENDED: usize = 10_000;
/// While so many subjects are held back, nothing that was never sent is sent.
const MOST_HELD: usize = 50_000;

/// A hash of a subject, with a key of this lane's own: a subject is hashed once for each update. Two subjects with the same hash,
/// which hardly ever is, are taken for one: their updates are sent one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct SubjectHash(u64);

/// Takes a hash as it is.
#[derive(Debug, Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only hashes are hashed")
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// The subjects that have an update without an outcome, a value that may still arrive, or an update that the next run sends again.
#[derive(Debug, Default)]
pub(crate) struct Subjects {
    lines: HashMap<SubjectHash, Line, BuildHasherDefault<AsItIs>>,
    /// Of subjects and of values.
    hasher: RandomState,
    /// When each hold is over, by when and by the update's `seq`.
    holds: BTreeMap<(Instant, u64), SubjectHash>,
    /// How many subjects end a run's later updates.
    ended: usize,
}

#[derive(Debug, Default)]
struct Line {
    active: Option<Key>,
    /// Few lines have more than one update.
    more: Option<Box<More>>,
}

#[derive(Debug, Default)]
struct More {
    waiting: VecDeque<Key>,
    hold: Option<Hold>,
    /// Why an update of a run ended undelivered: the next run sends it again, so nothing may be sent after it.
    ended: Option<Arc<SinkError>>,
}

#[derive(Debug)]
struct Hold {
    until: Instant,
    /// Of the only fields that may be sent before; `None` if there are none.
    fields: Option<u64>,
}

impl Line {
    fn waiting(&self) -> impl Iterator<Item = &Key> {
        self.more.iter().flat_map(|more| &more.waiting)
    }

    fn more(&mut self) -> &mut More {
        self.more.get_or_insert_default()
    }

    fn is_over(&self) -> bool {
        let has_more = |more: &More| more.hold.is_some() || more.ended.is_some();
        self.active.is_none() && !self.more.as_deref().is_some_and(has_more)
    }
}

impl Subjects {
    pub(crate) fn hash_of(&self, subject: &Subject) -> SubjectHash {
        SubjectHash(self.hasher.hash_one(subject))
    }

    /// Whether this update may go on. Else it waits behind the earlier ones of its subject.
    pub(crate) fn enter(&mut self, subject: SubjectHash, key: Key) -> bool {
        let line = self.lines.entry(subject).or_default();
        let may_go_on = line.active.is_none();
        if may_go_on {
            line.active = Some(key);
        } else {
            line.more().waiting.push_back(key);
        }
        may_go_on
    }

    /// This update has its outcome: the next one of the subject, if any, goes on.
    pub(crate) fn leave(&mut self, subject: SubjectHash, key: Key) -> Option<Key> {
        let Entry::Occupied(mut entry) = self.lines.entry(subject) else { return None };
        let line = entry.get_mut();
        if line.active != Some(key) {
            line.more().waiting.retain(|waiting| *waiting != key);
            return None;
        }
        line.active = line.more.as_mut().and_then(|more| more.waiting.pop_front());
        let next = line.active;
        if line.is_over() {
            entry.remove();
        }
        next
    }

    /// The updates of a subject without an outcome, in order.
    pub(crate) fn of(&self, subject: SubjectHash) -> impl Iterator<Item = Key> {
        self.lines.get(&subject).into_iter().flat_map(|line| line.active.iter().chain(line.waiting())).copied()
    }

    /// Whether anything waits behind an earlier update.
    pub(crate) fn has_waiting(&self) -> bool {
        self.lines.values().any(|line| line.waiting().next().is_some())
    }

    /// Until when this update must wait, if it must.
    pub(crate) fn held_until(&self, subject: SubjectHash, update: &ContactUpdate, now: Instant) -> Option<Instant> {
        if self.holds.is_empty() {
            return None;
        }
        let Hold { until, fields } = self.lines.get(&subject)?.more.as_ref()?.hold.as_ref()?;
        let is_same = fields.is_some() && *fields == self.hash(update);
        (*until > now && !is_same).then_some(*until)
    }

    /// Holds back different values of this subject until then.
    pub(crate) fn hold(&mut self, subject: SubjectHash, update: &ContactUpdate, seq: u64, until: Instant) {
        let fields = self.hash(update);
        let line = self.lines.entry(subject).or_default();
        let hold = line.more().hold.get_or_insert(Hold { until, fields });
        hold.until = hold.until.max(until);
        hold.fields = hold.fields.filter(|held| Some(*held) == fields);
        self.holds.insert((until, seq), subject);
    }

    /// Forgets the holds that are over.
    pub(crate) fn advance(&mut self, now: Instant) {
        while let Some(first) = self.holds.first_entry().filter(|first| first.key().0 <= now) {
            let subject = first.remove();
            let Some(line) = self.lines.get_mut(&subject) else { continue };
            line.more().hold.take_if(|hold| hold.until <= now);
            if line.is_over() {
                self.lines.remove(&subject);
            }
        }
    }

    pub(crate) fn are_too_many_held(&self) -> bool {
        self.holds.len() >= MOST_HELD
    }

    pub(crate) fn next_hold_ends(&self) -> Option<Instant> {
        self.holds.first_key_value().map(|((at, _), _)| *at)
    }

    /// Leaves the later updates of this subject to the next run. Says of how many subjects that is so.
    pub(crate) fn end(&mut self, subject: SubjectHash, error: Arc<SinkError>) -> usize {
        let line = self.lines.entry(subject).or_default();
        self.ended += usize::from(line.more().ended.replace(error).is_none());
        self.ended
    }

    /// Why updates of this subject are left to the next run, if they are.
    pub(crate) fn ended(&self, subject: SubjectHash) -> Option<Arc<SinkError>> {
        if self.ended == 0 { None } else { self.lines.get(&subject)?.more.as_ref()?.ended.clone() }
    }

    /// `None` if there is a kind of value that is not known here: nothing is taken for the same then.
    fn hash(&self, update: &ContactUpdate) -> Option<u64> {
        let mut hasher = self.hasher.build_hasher();
        for (field, value) in update.fields() {
            field.hash(&mut hasher);
            match value {
                Value::Text(text) => (0, text).hash(&mut hasher),
                Value::List(texts) => (1, texts).hash(&mut hasher),
                Value::Integer(number) => (2, number).hash(&mut hasher),
                _ => return None,
            }
        }
        Some(hasher.finish())
    }
}
