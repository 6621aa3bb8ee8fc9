//! Updates that were never sent, by batch key and priority; the oldest goes first.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use contact_sink_core::BatchKey;
use tokio::time::Instant;

use crate::backoff::after;
use crate::lane::item::{Key, Priority};
use crate::slab::Slab;

/// Which of the updates that wait are taken first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    OldestFirst,
    NewestFirst,
    /// The newest of the queue that has the oldest one.
    NewestBesideOldest,
}

/// The updates that were never sent.
#[derive(Debug)]
pub(crate) struct Queues {
    most: usize,
    linger: Duration,
    queues: Slab<Queue>,
    by_key: HashMap<BatchKey, usize>,
    /// The queues that may send, by their oldest update of each priority.
    ready: [BTreeSet<(u64, usize)>; 2],
    /// Of these, the queues that have a full batch, by their oldest update.
    full: BTreeSet<(u64, usize)>,
    len: usize,
}

#[derive(Debug)]
struct Queue {
    key: BatchKey,
    /// What waits, for each priority in the order of `seq`.
    waiting: [VecDeque<Waiting>; 2],
    /// It has a request in flight and may have only one.
    busy: bool,
}

#[derive(Debug, Clone, Copy)]
struct Waiting {
    seq: u64,
    key: Key,
    came: Instant,
}

/// The place at which an update is, or is to be.
fn place_of(waiting: &VecDeque<Waiting>, seq: u64) -> Result<usize, usize> {
    waiting.binary_search_by_key(&seq, |waiting| waiting.seq)
}

fn insert(waiting: &mut VecDeque<Waiting>, new: Waiting) {
    // Nearly always the newest.
    let is_newest = waiting.back().is_none_or(|last| last.seq < new.seq);
    let place = if is_newest { waiting.len() } else { place_of(waiting, new.seq).unwrap_or_else(|place| place) };
    waiting.insert(place, new);
}

fn remove(waiting: &mut VecDeque<Waiting>, seq: u64) -> Option<Waiting> {
    waiting.remove(place_of(waiting, seq).ok()?)
}

impl Queue {
    fn len(&self) -> usize {
        self.waiting.iter().map(VecDeque::len).sum()
    }

    fn oldest(&self, priority: Priority) -> Option<u64> {
        self.waiting[priority as usize].front().map(|waiting| waiting.seq)
    }
}

const BOTH: [Priority; 2] = [Priority::Background, Priority::Interactive];

impl Queues {
    pub(crate) fn new(most: usize, linger: Duration) -> Self {
        Self {
            most,
            linger,
            queues: Slab::new(),
            by_key: HashMap::new(),
            ready: [BTreeSet::new(), BTreeSet::new()],
            full: BTreeSet::new(),
            len: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Adds an update. Gives the number of its queue.
    pub(crate) fn push(&mut self, batch_key: BatchKey, priority: Priority, seq: u64, key: Key, came: Instant) -> usize {
        let queue = match self.by_key.get(&batch_key) {
            Some(queue) => *queue,
            None => self.open(batch_key),
        };
        self.change(queue, |queue| insert(&mut queue.waiting[priority as usize], Waiting { seq, key, came }));
        self.len += 1;
        queue
    }

    fn open(&mut self, key: BatchKey) -> usize {
        let queue = self.queues.insert(Queue { key: key.clone(), waiting: Default::default(), busy: false });
        self.by_key.insert(key, queue);
        queue
    }

    /// Takes one update out.
    pub(crate) fn remove(&mut self, queue: usize, seq: u64) {
        let is_in = |queue: &Queue| queue.waiting.iter().any(|waiting| place_of(waiting, seq).is_ok());
        if self.queues.get(queue).is_some_and(is_in) {
            self.change(queue, |queue| queue.waiting.iter_mut().filter_map(|waiting| remove(waiting, seq)).count());
            self.len -= 1;
            self.close_if_empty(queue);
        }
    }

    /// Gives an update that waits in the background the priority of one that a caller waits for.
    pub(crate) fn promote(&mut self, queue: usize, seq: u64) {
        self.change(queue, |queue| {
            let [background, interactive] = &mut queue.waiting;
            if let Some(promoted) = remove(background, seq) {
                insert(interactive, promoted);
            }
        });
    }

    /// The queue of this priority that may send now: full, waited long enough, or at once if nothing more comes.
    pub(crate) fn ripe(
        &self,
        priority: Priority,
        order: Order,
        now: Instant,
        nothing_more_comes: bool,
    ) -> Option<usize> {
        let ready = &self.ready[priority as usize];
        let newest = |queue: &usize| self.queues[*queue].waiting[priority as usize].back().map(|waiting| waiting.seq);
        let first = match order {
            Order::OldestFirst | Order::NewestBesideOldest => ready.first().map(|(_, queue)| queue)?,
            Order::NewestFirst => ready.iter().map(|(_, queue)| queue).max_by_key(|queue| newest(queue))?,
        };
        let has_waited = |queue: &usize| self.lingers_until(*queue, priority).is_some_and(|until| until <= now);
        if nothing_more_comes || has_waited(first) {
            return Some(*first);
        }
        if let Some((_, oldest)) = ready.first().filter(|(_, oldest)| has_waited(oldest)) {
            return Some(*oldest);
        }
        self.full.iter().map(|(_, queue)| *queue).find(|queue| self.queues[*queue].oldest(priority).is_some())
    }

    fn lingers_until(&self, queue: usize, priority: Priority) -> Option<Instant> {
        let first = self.queues[queue].waiting[priority as usize].front()?;
        Some(after(first.came, self.linger))
    }

    /// When the next queue has waited long enough.
    pub(crate) fn ripe_at(&self) -> Option<Instant> {
        let first = |priority: Priority| self.lingers_until(self.ready[priority as usize].first()?.1, priority);
        BOTH.into_iter().filter_map(first).min()
    }

    /// Since when the oldest update of this priority waits.
    pub(crate) fn oldest(&self, priority: Priority) -> Option<Instant> {
        let (_, queue) = self.ready[priority as usize].first()?;
        self.queues[*queue].waiting[priority as usize].front().map(|waiting| waiting.came)
    }

    /// Takes one batch of at most so many: of this priority first, then of the other.
    pub(crate) fn take(&mut self, queue: usize, first: Priority, order: Order, most: usize) -> (BatchKey, Vec<Key>) {
        let most = most.min(self.most);
        let mut batch = Vec::with_capacity(most.min(self.len));
        self.change(queue, |queue| {
            batch.reserve(most.min(queue.len()));
            for priority in [first as usize, 1 - first as usize] {
                while batch.len() < most {
                    let taken = match order {
                        Order::OldestFirst => queue.waiting[priority].pop_front(),
                        Order::NewestFirst | Order::NewestBesideOldest => queue.waiting[priority].pop_back(),
                    };
                    let Some(Waiting { key, .. }) = taken else { break };
                    batch.push(key);
                }
            }
        });
        self.len -= batch.len();
        let key = self.queues[queue].key.clone();
        self.close_if_empty(queue);
        (key, batch)
    }

    /// All that waits here, in no order: its `seq` and its key.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = (u64, Key)> {
        let waiting = self.queues.iter().flat_map(|(_, queue)| &queue.waiting);
        waiting.flat_map(|waiting| waiting.iter().map(|waiting| (waiting.seq, waiting.key)))
    }

    /// A request of this key was sent, and no other may be until it is answered.
    pub(crate) fn occupy(&mut self, key: &BatchKey) {
        let queue = match self.by_key.get(key) {
            Some(queue) => *queue,
            None => self.open(key.clone()),
        };
        self.change(queue, |queue| queue.busy = true);
    }

    pub(crate) fn is_busy(&self, key: &BatchKey) -> bool {
        self.by_key.get(key).is_some_and(|queue| self.queues[*queue].busy)
    }

    /// That request was answered.
    pub(crate) fn free(&mut self, key: &BatchKey) {
        if let Some(queue) = self.by_key.get(key).copied() {
            self.change(queue, |queue| queue.busy = false);
            self.close_if_empty(queue);
        }
    }

    fn close_if_empty(&mut self, queue: usize) {
        if self.queues[queue].len() == 0 && !self.queues[queue].busy {
            let closed = self.queues.remove(queue);
            closed.map(|closed| self.by_key.remove(&closed.key));
        }
    }

    /// Changes a queue, and puts it where it belongs.
    fn change<T>(&mut self, number: usize, change: impl FnOnce(&mut Queue) -> T) {
        let queue = &mut self.queues[number];
        let before = BOTH.map(|priority| queue.oldest(priority).filter(|_| !queue.busy));
        let was_full = queue.len() >= self.most;
        change(queue);
        let after = BOTH.map(|priority| queue.oldest(priority).filter(|_| !queue.busy));
        let is_full = queue.len() >= self.most;
        if before == after && was_full == is_full {
            return;
        }
        for (ready, (before, after)) in self.ready.iter_mut().zip(before.into_iter().zip(after)) {
            if before != after {
                before.map(|seq| ready.remove(&(seq, number)));
                after.map(|seq| ready.insert((seq, number)));
            }
        }
        let oldest = |oldest: [Option<u64>; 2]| oldest.into_iter().flatten().min();
        oldest(before).map(|seq| self.full.remove(&(seq, number)));
        if let Some(seq) = oldest(after).filter(|_| is_full) {
            self.full.insert((seq, number));
        }
    }
}
