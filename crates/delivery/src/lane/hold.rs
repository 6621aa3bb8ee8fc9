//! What waits because an earlier, different value of its subject may still be on its way: an attempt whose end is unknown may be
//! applied late, and would undo what came after it.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, Hash, Hasher};

use contact_sink_core::{ContactUpdate, Subject, Value};
use tokio::time::Instant;

use super::Lane;
use super::item::Item;
use crate::Outcome;

/// The most that is remembered of subjects after their update has its outcome.
const MOST: usize = 50_000;

/// Subjects with an unknown end, and what waits for it.
#[derive(Debug, Default)]
pub(super) struct Holds {
    /// Only hashes of the values, with a key of this lane's own: nobody's data is kept.
    hasher: RandomState,
    remembered: HashMap<Subject, Remembered>,
    /// The order in which they may be forgotten, by when and by the update's `seq`; one that was put off since stands here twice.
    order: BTreeMap<(Instant, u64), Subject>,
    /// Updates that may go otherwise, by when and by their `seq`.
    waiting: BTreeMap<(Instant, u64), Item>,
    /// Updates that have an outcome and of whose subject nothing can be remembered any more: they keep their places until then.
    kept: BTreeMap<(Instant, u64), (Item, Outcome)>,
}

#[derive(Debug)]
struct Remembered {
    until: Instant,
    /// Of the only fields that may go before; `None` if there are none.
    fields: Option<u64>,
}

impl Holds {
    /// Until when this update must wait, if it must.
    fn holds(&self, update: &ContactUpdate, now: Instant) -> Option<Instant> {
        let Remembered { until, fields } = self.remembered.get(update.subject())?;
        let is_same = fields.is_some() && *fields == self.hash(update);
        (*until > now && !is_same).then_some(*until)
    }

    /// Remembers that an attempt of this update may be applied until then. Says whether there is room for it.
    fn remember(&mut self, item: &Item, until: Instant) -> bool {
        if self.order.len() >= MOST {
            return false;
        }
        let (subject, fields) = (item.update.subject(), self.hash(&item.update));
        self.order.insert((until, item.seq), subject.clone());
        let known = self.remembered.entry(subject.clone()).or_insert(Remembered { until, fields });
        known.until = known.until.max(until);
        known.fields = known.fields.filter(|known| Some(*known) == fields);
        true
    }

    fn forget_what_is_over(&mut self, now: Instant) {
        while let Some(first) = self.order.first_entry().filter(|first| first.key().0 <= now) {
            let subject = first.remove();
            if self.remembered.get(&subject).is_some_and(|known| known.until <= now) {
                self.remembered.remove(&subject);
            }
        }
    }

    /// `None` if there is a kind of value that is not known here: nothing is taken for the same then.
    fn hash(&self, update: &ContactUpdate) -> Option<u64> {
        let mut hasher = self.hasher.build_hasher();
        for (field, value) in update.fields() {
            field.hash(&mut hasher);
            match value {
                Value::Text(text) => (0, text).hash(&mut hasher),
                Value::List(texts) => (1, texts).hash(&mut hasher),
                _ => return None,
            }
        }
        Some(hasher.finish())
    }

    pub(super) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// When the next one may go.
    pub(super) fn next_at(&self) -> Option<Instant> {
        let waiting = self.waiting.first_key_value().map(|((at, _), _)| *at);
        waiting.into_iter().chain(self.kept.first_key_value().map(|((at, _), _)| *at)).min()
    }

    pub(super) fn drain(&mut self) -> Vec<Item> {
        std::mem::take(&mut self.waiting).into_values().collect()
    }
}

impl Lane {
    /// Gives the item back if it may go now, else keeps it until no different value of its subject can be on its way any more.
    pub(super) fn hold(&mut self, item: Item, now: Instant) -> Option<Item> {
        let until = self.holds.holds(&item.update, now).filter(|_| !self.stopped);
        match until {
            Some(until) => {
                self.holds.waiting.insert((until, item.seq), item);
                None
            }
            None => Some(item),
        }
    }

    /// Lets go what was held for long enough.
    pub(super) fn advance_holds(&mut self, now: Instant) {
        self.holds.forget_what_is_over(now);
        while let Some(first) = self.holds.waiting.first_entry().filter(|first| first.key().0 <= now) {
            let item = first.remove();
            self.enqueue(item, now);
        }
        while let Some(first) = self.holds.kept.first_entry().filter(|first| first.key().0 <= now) {
            self.definite.push(first.remove());
        }
    }

    /// Remembers the unknown end of an update that has its outcome. If there are too many to remember, the update keeps its place
    /// in the lane, and is given back as soon as that is over.
    pub(super) fn remember_unknown_end(&mut self, item: Item, outcome: Outcome) -> Option<(Item, Outcome)> {
        let until = item.unknown_until.filter(|_| !self.stopped);
        match until {
            Some(until) if !self.holds.remember(&item, until) => {
                self.holds.kept.insert((until, item.seq), (item, outcome));
                None
            }
            _ => Some((item, outcome)),
        }
    }

    /// Everything that only keeps its place: when the lane stops, nothing can overtake it any more.
    pub(super) fn release_kept(&mut self) {
        self.definite.extend(std::mem::take(&mut self.holds.kept).into_values());
    }
}
