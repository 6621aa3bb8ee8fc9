//! Updates that have not been sent yet: a line for each subject, a queue for each batch key.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::time::Duration;

use contact_sink_core::{BatchKey, Subject};
use tokio::time::Instant;

use super::item::Item;
use crate::backoff::after;

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

    /// Whether anything waits behind an earlier update.
    pub(super) fn has_waiting(&self) -> bool {
        self.0.values().any(|line| !line.waiting.is_empty())
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
    /// The keys that may depart.
    order: BTreeMap<Turn, BatchKey>,
    /// Those of them that have a full batch.
    full: BTreeSet<Turn>,
    /// Keys that have a request in flight and may have only one.
    busy: HashSet<BatchKey>,
    len: usize,
}

/// When a key's oldest update came, and its `seq`.
type Turn = (Instant, u64);

impl Queues {
    pub(super) fn new(most: usize, linger: Duration) -> Self {
        Self {
            most,
            linger,
            by_key: HashMap::new(),
            order: BTreeMap::new(),
            full: BTreeSet::new(),
            busy: HashSet::new(),
            len: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn push(&mut self, key: BatchKey, item: Item, now: Instant) {
        self.len += 1;
        let queue = self.by_key.entry(key.clone()).or_default();
        queue.push_back((now, item));
        if queue.len() == 1 || queue.len() == self.most {
            self.enter(&key);
        }
    }

    /// The key that may depart now: full, or waited long enough, or at once if nothing more is coming.
    pub(super) fn ripe(&self, now: Instant, nothing_more_comes: bool) -> Option<&BatchKey> {
        let ((came, _), first) = self.order.first_key_value()?;
        if nothing_more_comes || now.saturating_duration_since(*came) >= self.linger {
            return Some(first);
        }
        self.full.first().and_then(|turn| self.order.get(turn))
    }

    /// When the next key has waited long enough.
    pub(super) fn ripe_at(&self) -> Option<Instant> {
        self.order.first_key_value().map(|((came, _), _)| after(*came, self.linger))
    }

    /// Takes one batch of this key.
    pub(super) fn take(&mut self, key: &BatchKey) -> Vec<Item> {
        self.leave(key);
        let Some(queue) = self.by_key.get_mut(key) else { return Vec::new() };
        let batch: Vec<Item> = queue.drain(..self.most.min(queue.len())).map(|(_, item)| item).collect();
        self.len -= batch.len();
        self.enter(key);
        batch
    }

    /// Takes one item out of the middle, by its `seq`.
    pub(super) fn pick(&mut self, key: &BatchKey, seq: u64) -> Option<Item> {
        let place = self.by_key.get(key)?.iter().position(|(_, item)| item.seq == seq)?;
        self.leave(key);
        let picked = self.by_key.get_mut(key)?.remove(place);
        self.len -= 1;
        self.enter(key);
        picked.map(|(_, item)| item)
    }

    /// All that waits here: its key and its `seq`.
    pub(super) fn waiting(&self) -> impl Iterator<Item = (u64, &BatchKey)> {
        self.by_key.iter().flat_map(|(key, queue)| queue.iter().map(move |(_, item)| (item.seq, key)))
    }

    /// A request of this key left, and no other may until it is answered.
    pub(super) fn occupy(&mut self, key: &BatchKey) {
        self.leave(key);
        self.busy.insert(key.clone());
    }

    pub(super) fn is_busy(&self, key: &BatchKey) -> bool {
        self.busy.contains(key)
    }

    /// That request was answered.
    pub(super) fn free(&mut self, key: &BatchKey) {
        self.busy.remove(key);
        self.enter(key);
    }

    pub(super) fn drain(&mut self) -> Vec<Item> {
        self.order.clear();
        self.full.clear();
        self.len = 0;
        let mut items: Vec<Item> = self.by_key.drain().flat_map(|(_, queue)| queue).map(|(_, item)| item).collect();
        items.sort_by_key(|item| item.seq);
        items
    }

    /// Takes a key out of the order before what waits for it changes.
    fn leave(&mut self, key: &BatchKey) {
        if let Some((came, oldest)) = self.by_key.get(key).and_then(VecDeque::front) {
            self.order.remove(&(*came, oldest.seq));
            self.full.remove(&(*came, oldest.seq));
        }
    }

    /// Puts a key where it belongs after what waits for it changed.
    fn enter(&mut self, key: &BatchKey) {
        let Some(queue) = self.by_key.get(key) else { return };
        let Some((came, oldest)) = queue.front() else {
            self.by_key.remove(key);
            return;
        };
        if self.busy.contains(key) {
            return;
        }
        let turn = (*came, oldest.seq);
        if queue.len() >= self.most {
            self.full.insert(turn);
        }
        self.order.insert(turn, key.clone());
    }
}
