//! A vendor that answers as a test scripts it, keeps account of what reaches it, and notes every breach of a sink's limits.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use contact_sink_core::{
    Applied, BatchKey, ContactSink, ContactUpdate, Field, Limits, Overlap, Rejection, SinkError, Subject, UserId,
    Value, Verdict,
};
use tokio::time::{Instant, sleep};

pub(crate) type Answer = Result<Vec<Verdict>, SinkError>;

/// One request, as a script sees it.
pub(crate) struct Request<'a> {
    /// Counted from 1.
    pub(crate) number: usize,
    pub(crate) batch: &'a [ContactUpdate],
}

impl Request<'_> {
    pub(crate) fn users(&self) -> Vec<usize> {
        self.batch.iter().map(user_of).collect()
    }
}

/// A request as it was kept.
#[derive(Debug, Clone)]
pub(crate) struct Departure {
    pub(crate) at: Instant,
    pub(crate) users: Vec<usize>,
    /// The rows that its values name.
    pub(crate) rows: Vec<usize>,
    /// The fields of all its updates together.
    pub(crate) fields: Vec<Field>,
}

pub(crate) struct World {
    limits: Limits,
    keys: usize,
    latency: Box<dyn Fn(usize) -> Duration + Send + Sync>,
    script: Box<dyn Fn(&Request<'_>) -> Answer + Send + Sync>,
    maybe_applied_hold: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    departures: Vec<Departure>,
    stored: HashMap<(usize, Field), usize>,
    flying: Vec<usize>,
    flying_keys: Vec<usize>,
    most_flying: usize,
    /// The rows of each user that were neither answered nor have an outcome that was taken.
    owed: HashMap<usize, BTreeSet<usize>>,
    /// The rows of which no outcome was taken.
    held: BTreeSet<(usize, usize)>,
    read: usize,
    taken: usize,
    most_ahead: usize,
    /// For each user, the rows of which an attempt ended and is not known to have been applied, and when.
    unknown: HashMap<usize, Vec<(usize, Instant)>>,
    breaches: Vec<String>,
}

impl World {
    pub(crate) fn new(max_updates: usize, script: impl Fn(&Request<'_>) -> Answer + Send + Sync + 'static) -> Self {
        Self {
            limits: Limits::new(max_updates.try_into().unwrap()),
            keys: 1,
            latency: Box::new(|_| Duration::from_millis(20)),
            script: Box::new(script),
            maybe_applied_hold: Duration::from_secs(10),
            state: Mutex::default(),
        }
    }

    pub(crate) fn with_quota(self, quota: &str) -> Self {
        Self { limits: self.limits.with_quota(quota.parse().ok()), ..self }
    }

    /// Each user belongs to one of so many batch keys.
    pub(crate) fn with_keys(self, keys: usize, overlap: Overlap) -> Self {
        Self { keys, limits: self.limits.with_overlap(overlap), ..self }
    }

    pub(crate) fn with_latency(self, latency: impl Fn(usize) -> Duration + Send + Sync + 'static) -> Self {
        Self { latency: Box::new(latency), ..self }
    }

    /// For how long no other value may follow one of which an attempt has an unknown end.
    pub(crate) fn with_maybe_applied_hold(self, maybe_applied_hold: Duration) -> Self {
        Self { maybe_applied_hold, ..self }
    }

    pub(crate) fn shared(self) -> Arc<Self> {
        Arc::new(self)
    }

    pub(crate) fn requests(&self) -> usize {
        self.state().departures.len()
    }

    pub(crate) fn departures(&self) -> Vec<Departure> {
        self.state().departures.clone()
    }

    pub(crate) fn most_flying(&self) -> usize {
        self.state().most_flying
    }

    /// How far the input was read ahead of the outcomes that were taken, at most.
    pub(crate) fn most_ahead(&self) -> usize {
        self.state().most_ahead
    }

    /// The row whose value is stored for this field.
    pub(crate) fn stored(&self, user: usize, field: &str) -> Option<usize> {
        self.state().stored.get(&(user, field.parse().unwrap())).copied()
    }

    pub(crate) fn breaches(&self) -> Vec<String> {
        self.state().breaches.clone()
    }

    /// The lane is given this row. Until it is answered, or its outcome is taken, no later one of this user may leave.
    pub(crate) fn row_read(&self, user: usize, row: usize) {
        let mut state = self.state();
        state.owed.entry(user).or_default().insert(row);
        state.held.insert((user, row));
        state.read += 1;
        state.most_ahead = state.most_ahead.max(state.read - state.taken);
    }

    /// The caller has this row's outcome, or does not want it any more.
    pub(crate) fn row_taken(&self, user: usize, row: usize) {
        let mut state = self.state();
        state.owed.entry(user).or_default().remove(&row);
        let held = state.held.remove(&(user, row));
        state.taken += usize::from(held);
    }

    fn key_of(&self, update: &ContactUpdate) -> usize {
        user_of(update) % self.keys
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn departs(&self, batch: &[ContactUpdate]) -> (usize, Flying<'_>) {
        let users: Vec<usize> = batch.iter().map(user_of).collect();
        let rows: Vec<usize> = batch.iter().map(row_of).collect();
        let keys: BTreeSet<usize> = batch.iter().map(|update| self.key_of(update)).collect();
        let mut guard = self.state();
        let state = &mut *guard;
        let number = state.departures.len() + 1;
        let mut breach = |what: &str| state.breaches.push(format!("request {number} ({users:?}): {what}"));
        if batch.is_empty() || batch.len() > self.limits.max_updates.get() {
            breach("its size");
        }
        if keys.len() != 1 {
            breach("its keys differ");
        }
        if users.iter().collect::<BTreeSet<_>>().len() != users.len() {
            breach("a subject twice");
        }
        if batch.iter().any(|update| self.validate(update).is_err()) {
            breach("an update that validation refused");
        }
        if users.iter().any(|user| state.flying.contains(user)) {
            breach("a subject is in flight already");
        }
        if self.limits.overlap == Overlap::OnePerKey && keys.iter().any(|key| state.flying_keys.contains(key)) {
            breach("its key is in flight already");
        }
        let owes_earlier = |(user, row): (&usize, &usize)| {
            state.owed.get(user).and_then(BTreeSet::first).is_some_and(|earliest| earliest < row)
        };
        if users.iter().zip(&rows).any(owes_earlier) {
            breach("an earlier update of the subject was not sent before");
        }
        let is_held = |(user, row): (&usize, &usize)| {
            let on_its_way = |(other, at): &(usize, Instant)| other != row && at.elapsed() < self.maybe_applied_hold;
            state.unknown.get(user).is_some_and(|unknown| unknown.iter().any(on_its_way))
        };
        if users.iter().zip(&rows).any(is_held) {
            breach("another value of the subject may still be on its way");
        }
        let fields = batch.iter().flat_map(|update| update.fields().iter().map(|(field, _)| field.clone())).collect();
        state.flying.extend(&users);
        state.flying_keys.extend(&keys);
        state.departures.push(Departure { at: Instant::now(), users: users.clone(), rows, fields });
        let flying = Flying { world: self, users, keys: keys.into_iter().collect() };
        let together = state.flying_keys.len();
        state.most_flying = state.most_flying.max(together);
        (number, flying)
    }
}

/// A request under way; also one whose future is dropped comes to an end.
struct Flying<'a> {
    world: &'a World,
    users: Vec<usize>,
    keys: Vec<usize>,
}

impl Drop for Flying<'_> {
    fn drop(&mut self) {
        let mut state = self.world.state();
        for user in &self.users {
            let place = state.flying.iter().position(|flying| flying == user).unwrap();
            state.flying.swap_remove(place);
        }
        for key in &self.keys {
            let place = state.flying_keys.iter().position(|flying| flying == key).unwrap();
            state.flying_keys.swap_remove(place);
        }
    }
}

#[async_trait]
impl ContactSink for World {
    fn limits(&self) -> Limits {
        self.limits
    }

    fn batch_key(&self, update: &ContactUpdate) -> BatchKey {
        BatchKey::of(self.key_of(update).to_string())
    }

    fn validate(&self, update: &ContactUpdate) -> Result<(), Rejection> {
        if update.fields().is_empty() { Err(Rejection::by_rule("nothing to set")) } else { Ok(()) }
    }

    async fn send(&self, batch: &[ContactUpdate]) -> Answer {
        let (number, _flying) = self.departs(batch);
        let latency = (self.latency)(number);
        if !latency.is_zero() {
            sleep(latency).await;
        }
        let answer = (self.script)(&Request { number, batch });
        let mut state = self.state();
        for update in batch {
            state.owed.entry(user_of(update)).or_default().remove(&row_of(update));
        }
        if answer.as_ref().is_err_and(|error| error.applied() == Applied::Maybe) {
            for update in batch {
                state.unknown.entry(user_of(update)).or_default().push((row_of(update), Instant::now()));
            }
        }
        for (update, verdict) in batch.iter().zip(answer.iter().flatten()) {
            if *verdict == Verdict::Accepted {
                let fields = update.fields().iter();
                state.stored.extend(fields.map(|(field, _)| ((user_of(update), field.clone()), row_of(update))));
            }
        }
        drop(state);
        answer
    }
}

/// Row `row` of a file: it sets so many fields of this user to its own number.
pub(crate) fn update_of(row: usize, user: usize, fields: usize) -> ContactUpdate {
    let subject = Subject::User(UserId::from(i64::try_from(user).unwrap()));
    (0..fields).fold(ContactUpdate::new(subject), |update, field| {
        update.with(format!("field-{field}").parse().unwrap(), row.to_string()).unwrap()
    })
}

pub(crate) fn user_of(update: &ContactUpdate) -> usize {
    let Subject::User(user) = update.subject() else { panic!("no user") };
    user.as_str().parse().unwrap()
}

pub(crate) fn row_of(update: &ContactUpdate) -> usize {
    match update.fields() {
        [(_, Value::Text(row)), ..] => row.parse().unwrap(),
        _ => usize::MAX,
    }
}
