//! Updates that have not been sent yet: a line for each subject, a queue for each batch key.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::time::Duration;

use contact_sink_core::{BatchKey, Subject};
use tokio::time::Instant;

use super::item::Item;

/// The line behind each subject that has an update without an outcome.
#[derive(Debug, Default)]
pub(super) struct Lines(HashMap<Subject, Line>);

#[derive(Debug)]
struct Line {
    active: u64,
    waiting: VecDeque<Item>,
}

impl Lines {
    /// Gives the item back if it may go now, else keeps it until the earlier ones of its subject are done.
    pub(super) fn enter(&mut self, item: Item) -> Option<Item> {
        match self.0.get_mut(item.update.subject()) {
            Some(line) => {
                line.waiting.push_back(item);
                None
            }
            None => {
                let line = Line { active: item.seq, waiting: VecDeque::new() };
                self.0.insert(item.update.subject().clone(), line);
                Some(item)
            }
        }
    }

    /// The caller has the outcome of this update: the next one of the subject, if any, may go.
    pub(super) fn leave(&mut self, seq: u64, subject: &Subject) -> Option<Item> {
        let line = self.0.get_mut(subject)?;
        if line.active != seq {
            return None;
        }
        match line.waiting.pop_front() {
            Some(next) => {
                line.active = next.seq;
                Some(next)
            }
            None => {
                self.0.remove(subject);
                None
            }
        }
    }

    /// Everything that waits behind an earlier update, in the order in which it came.
    pub(super) fn drain(&mut self) -> Vec<Item> {
        let mut items: Vec<Item> = self.0.values_mut().flat_map(|line| line.waiting.drain(..)).collect();
        items.sort_by_key(|item| item.seq);
        items
    }
}

/// Updates that may go, by batch key; the key whose oldest one came first goes first.
#[derive(Debug)]
pub(super) struct Queues {
    most: usize,
    linger: Duration,
    by_key: HashMap<BatchKey, VecDeque<(Instant, Item)>>,
    /// The keys that may depart, by the `seq` of their oldest update.
    order: BTreeMap<u64, BatchKey>,
    /// Keys that have a request in flight and may have only one.
    busy: HashSet<BatchKey>,
    full: usize,
    len: usize,
}

impl Queues {
    pub(super) fn new(most: usize, linger: Duration) -> Self {
        Self { most, linger, by_key: HashMap::new(), order: BTreeMap::new(), busy: HashSet::new(), full: 0, len: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn push(&mut self, key: BatchKey, item: Item, now: Instant) {
        self.len += 1;
        let queue = self.by_key.entry(key.clone()).or_default();
        if queue.is_empty() && !self.busy.contains(&key) {
            self.order.insert(item.seq, key);
        }
        queue.push_back((now, item));
        if queue.len() == self.most {
            self.full += 1;
        }
    }

    /// The key that may depart now: full, or waited long enough, or at once if nothing more is coming.
    pub(super) fn ripe(&self, now: Instant, nothing_more_comes: bool) -> Option<&BatchKey> {
        let mut keys = self.order.values();
        let first = keys.next()?;
        if nothing_more_comes || self.came(first).is_some_and(|came| came + self.linger <= now) || self.is_full(first) {
            return Some(first);
        }
        if self.full == 0 { None } else { keys.find(|key| self.is_full(key)) }
    }

    /// When the next key has waited long enough.
    pub(super) fn ripe_at(&self) -> Option<Instant> {
        let key = self.order.values().next()?;
        self.came(key).map(|came| came + self.linger)
    }

    /// Takes one batch of this key.
    pub(super) fn take(&mut self, key: &BatchKey) -> Vec<Item> {
        let Some(queue) = self.by_key.get_mut(key) else { return Vec::new() };
        if queue.len() >= self.most {
            self.full -= 1;
        }
        if let Some((_, oldest)) = queue.front() {
            self.order.remove(&oldest.seq);
        }
        let batch: Vec<Item> = queue.drain(..self.most.min(queue.len())).map(|(_, item)| item).collect();
        self.len -= batch.len();
        if queue.len() >= self.most {
            self.full += 1;
        }
        self.reenter(key);
        batch
    }

    /// Takes one item out of the middle, by its `seq`.
    pub(super) fn pick(&mut self, key: &BatchKey, seq: u64) -> Option<Item> {
        let queue = self.by_key.get_mut(key)?;
        let place = queue.iter().position(|(_, item)| item.seq == seq)?;
        if let Some((_, oldest)) = queue.front() {
            self.order.remove(&oldest.seq);
        }
        if queue.len() == self.most {
            self.full -= 1;
        }
        let (_, item) = queue.remove(place)?;
        self.len -= 1;
        self.reenter(key);
        Some(item)
    }

    /// All that waits here: its key and its `seq`.
    pub(super) fn waiting(&self) -> impl Iterator<Item = (u64, &BatchKey)> {
        self.by_key.iter().flat_map(|(key, queue)| queue.iter().map(move |(_, item)| (item.seq, key)))
    }

    /// A request of this key left, and no other may until it is answered.
    pub(super) fn occupy(&mut self, key: &BatchKey) {
        self.busy.insert(key.clone());
        if let Some((_, oldest)) = self.by_key.get(key).and_then(VecDeque::front) {
            self.order.remove(&oldest.seq);
        }
    }

    pub(super) fn is_busy(&self, key: &BatchKey) -> bool {
        self.busy.contains(key)
    }

    /// That request was answered.
    pub(super) fn free(&mut self, key: &BatchKey) {
        self.busy.remove(key);
        self.reenter(key);
    }

    pub(super) fn drain(&mut self) -> Vec<Item> {
        self.order.clear();
        (self.full, self.len) = (0, 0);
        let mut items: Vec<Item> = self.by_key.drain().flat_map(|(_, queue)| queue).map(|(_, item)| item).collect();
        items.sort_by_key(|item| item.seq);
        items
    }

    /// Puts a key back into the order after its oldest update changed.
    fn reenter(&mut self, key: &BatchKey) {
        match self.by_key.get(key).map(VecDeque::front) {
            Some(Some((_, oldest))) if !self.busy.contains(key) => {
                self.order.insert(oldest.seq, key.clone());
            }
            Some(None) => {
                self.by_key.remove(key);
            }
            _ => {}
        }
    }

    fn came(&self, key: &BatchKey) -> Option<Instant> {
        self.by_key.get(key)?.front().map(|(came, _)| *came)
    }

    fn is_full(&self, key: &BatchKey) -> bool {
        self.by_key.get(key).is_some_and(|queue| queue.len() >= self.most)
    }
}
