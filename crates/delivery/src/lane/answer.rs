//! What an answer means for each update of the request.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use contact_sink_core::{Applied, BatchKey, ErrorCode, Overlap, Rejection, Retry, SinkError, SinkErrorKind, Verdict};
use tokio::time::Instant;

use super::flight::{Again, Group, Purpose};
use super::item::{Item, Split};
use super::provisional::Refused;
use super::{Lane, Request};
use crate::backoff::{after, pause};
use crate::{Outcome, Stop};

/// The longest that the lane is kept quiet to hear one refusal again; a quota by the minute would stop it for too long.
const LONGEST_QUIET: Duration = Duration::from_secs(1);
/// For so many codes that the table lacks a window is spent.
const MOST_QUIET_CODES: usize = 10;
/// A batch that failed so often while other requests succeed is halved.
const HALVED_AFTER: u32 = 3;

impl Lane {
    /// Takes in the answer to a request.
    pub(crate) fn answered(&mut self, number: u64, answer: Result<Vec<Verdict>, SinkError>, now: Instant) {
        let Some(request) = self.in_flight.remove(&number) else { return };
        self.events += 1;
        if self.limits.overlap == Overlap::OnePerKey {
            self.queues.free(&request.key);
        }
        match answer {
            Ok(verdicts) if verdicts.len() == request.group.items.len() => self.judged(request, verdicts, now),
            Ok(_) => {
                let error = SinkError::new("sink", "send", SinkErrorKind::Contract)
                    .with_detail("it must give one verdict for each update");
                self.failed(request, error, now);
            }
            Err(error) => self.failed(request, error, now),
        }
        self.advance(now);
    }

    /// There are no verdicts at all.
    fn failed(&mut self, request: Request, error: SinkError, now: Instant) {
        let Request { key, group: Group { mut items, purpose, .. }, rest, departed } = request;
        let error = Arc::new(error);
        self.recent.push(false);
        let counts = self.hear_failure(departed, &error, now);
        let on_its_way = (error.applied() == Applied::Maybe).then(|| after(now, self.options.maybe_applied_hold));
        for item in &mut items {
            item.unknown_until = item.unknown_until.max(on_its_way);
            item.applied = item.applied.max(error.applied());
            item.attempts += u32::from(counts);
            item.cause = Some(error.clone());
        }
        if error.retry() == Retry::Never {
            self.stop(Stop::Failed(error.clone()));
        }
        if self.stopped {
            return self.give_up(items.into_iter().chain(rest.into_iter().flat_map(|group| group.items)));
        }
        self.flights.push(key.clone(), rest, now);
        let throttled = error.kind() == SinkErrorKind::Throttled;
        let not_before = match error.retry() {
            // The limiter holds the lane, and slows it down.
            Retry::After(wait) if throttled && self.paced => after(now, wait),
            _ if throttled && self.paced => now,
            // Our own wait is the least: `Retry-After: 0` is no leave to hammer the vendor.
            Retry::After(wait) => after(now, wait.max(self.backoff(&items))),
            _ => after(now, self.backoff(&items)),
        };
        // What a vendor asks of one update is kept, also if another one gets through before.
        let in_outage = if matches!(error.retry(), Retry::After(_)) { not_before } else { now };
        let is_update_to_blame =
            !throttled && !self.reach.is_outage() && self.reach.failed_in_a_row() < HALVED_AFTER as usize;
        for items in if is_update_to_blame { halved(items, purpose) } else { vec![items] } {
            self.send_again((key.clone(), purpose), items, not_before, in_outage);
        }
        self.stop_if_told_to_wait_too_long(&error, now);
    }

    /// There is a verdict for each update.
    fn judged(&mut self, request: Request, mut verdicts: Vec<Verdict>, now: Instant) {
        let Request { key, group: Group { items, purpose, .. }, mut rest, departed } = request;
        hide_values_of_others(&items, &mut verdicts);
        let alone = items.len() == 1;
        let counts = self.hear(departed, &verdicts, now);
        self.recent.push(verdicts.contains(&Verdict::Accepted));
        let (mut again, mut undecided, mut accepted, mut rejected) = (Vec::new(), Vec::new(), false, false);
        let mut causes = HashMap::new();
        for (mut item, verdict) in items.into_iter().zip(verdicts) {
            if let Verdict::Retry { code } = verdict {
                item.attempts += u32::from(counts);
                item.left_open = true;
                let cause =
                    causes.entry(code).or_insert_with_key(|code| Arc::new(asked_for_another_try(code.as_ref())));
                item.cause = Some(cause.clone());
                again.push(item);
                continue;
            }
            // Only failures in a row count.
            (item.attempts, item.cause) = (0, None);
            item.left_open |= matches!(verdict, Verdict::Undecided(_));
            match verdict {
                verdict if purpose == Purpose::Field => self.field_judged(item, verdict, now),
                Verdict::Accepted => {
                    accepted = true;
                    self.settle(item, Outcome::Accepted);
                }
                Verdict::Rejected(rejection) => {
                    rejected = true;
                    self.refused(Refused { item, rejection, undecided: false }, purpose, now);
                }
                Verdict::Undecided(rejection) if alone => {
                    self.refused(Refused { item, rejection, undecided: true }, purpose, now);
                }
                _ => undecided.push(item),
            }
        }
        if self.stopped {
            let rest = rest.into_iter().flat_map(|group| group.items);
            return self.give_up(again.into_iter().chain(undecided).chain(rest));
        }
        // The rejected ones are out: the rest may be good. Else somebody among them is bad, and halving finds it.
        if !rejected && undecided.len() > 1 {
            rest.push(Group::new(undecided.split_off(undecided.len().div_ceil(2)), Purpose::Isolation));
        }
        if !undecided.is_empty() {
            rest.push(Group::new(undecided, Purpose::Isolation));
        }
        self.flights.push(key.clone(), rest, now);
        if !again.is_empty() {
            let not_before = after(now, self.backoff(&again));
            self.send_again((key, purpose), again, not_before, now);
        }
        if accepted {
            self.accepted(departed, now);
        }
    }

    /// One update was refused by an answer of its own.
    fn refused(&mut self, refused: Refused, purpose: Purpose, now: Instant) {
        let plain = !refused.undecided && refused.rejection.is_listed();
        if self.stopped && !plain {
            self.give_up([refused.item]);
        } else if purpose == Purpose::Conviction
            || (purpose != Purpose::Try && (plain || self.is_known_refusal(refused.rejection.code())))
        {
            if !refused.rejection.is_listed() {
                self.was_heard_in_quiet(refused.rejection.code().cloned());
            }
            self.convict(refused, now);
        } else {
            let code = refused.rejection.code().cloned();
            let in_a_row = self.provisional.push(refused, self.events, purpose == Purpose::Try);
            self.observer.keeps_back(code.as_ref(), in_a_row);
        }
    }

    /// A whole update was accepted: what was refused before that request left was not refused because nothing is accepted.
    fn accepted(&mut self, departed: u64, now: Instant) {
        self.alone = false;
        if self.provisional.end_trial() {
            self.observer.trial_ends();
        }
        for refused in self.provisional.refused_before(departed) {
            self.convict_or_hear_again(refused, now);
        }
    }

    /// A refusal that the vendor's table explains stands; another one must be heard twice.
    pub(super) fn convict_or_hear_again(&mut self, refused: Refused, now: Instant) {
        if self.stopped {
            self.give_up([refused.item]);
        } else if refused.rejection.is_listed() {
            self.convict(refused, now);
        } else {
            self.hear_again(refused.item, Purpose::Conviction, refused.rejection.code().cloned(), now);
        }
    }

    /// Sends an update alone that was refused with a code that the vendor's table lacks. The code may mean that the quota is
    /// passed: so nothing leaves for a window before, unless it was answered so in quiet before: then it means something else. After ten
    /// such codes no more windows are spent: this vendor has a code for each update, and none for its quota.
    fn hear_again(&mut self, item: Item, purpose: Purpose, code: Option<ErrorCode>, now: Instant) {
        self.quiet_until = self.quiet_until.max(now);
        let is_asked = self.asked_in_quiet.contains(&code) || self.asked_in_quiet.len() < MOST_QUIET_CODES;
        if is_asked && !self.heard_in_quiet.contains(&code) {
            self.asked_in_quiet.insert(code);
            let window = self.limits.quota.map_or(Duration::ZERO, |quota| quota.per.min(LONGEST_QUIET));
            self.quiet_until = after(self.quiet_until, window);
        }
        let key = self.sink.batch_key(&item.update);
        self.flights.push(key, vec![Group::new(vec![item], purpose)], self.quiet_until);
    }

    /// Whether a code that the vendor's table lacks was confirmed as a refusal before. It may be about the quota all the same: so it
    /// counts only while most requests succeed.
    fn is_known_refusal(&self, code: Option<&ErrorCode>) -> bool {
        code.is_some() && self.heard_in_quiet.contains(&code.cloned()) && self.recent.succeed()
    }

    fn was_heard_in_quiet(&mut self, code: Option<ErrorCode>) {
        if self.asked_in_quiet.contains(&code) {
            self.heard_in_quiet.insert(code);
        }
    }

    /// The refusal is final. If it may be one field's fault only, the fields are sent one by one.
    fn convict(&mut self, refused: Refused, now: Instant) {
        let Refused { mut item, rejection, undecided } = refused;
        match item.update.fields() {
            [(only, _)] if undecided && blames_nothing(&rejection) => {
                let rejection = rejection.with_field(only.clone());
                self.reject(item, vec![rejection], Vec::new());
            }
            [_, _, ..] if undecided && blames_nothing(&rejection) && !self.stopped => {
                item.split = Some(Split::default());
                self.send_alone(item, Purpose::Field, now);
            }
            _ => self.reject(item, vec![rejection], Vec::new()),
        }
    }

    fn field_judged(&mut self, mut item: Item, verdict: Verdict, now: Instant) {
        let mut split = item.split.take().unwrap_or_default();
        if let Verdict::Rejected(rejection) | Verdict::Undecided(rejection) = &verdict
            && !rejection.is_listed()
            && !self.stopped
        {
            let code = rejection.code().cloned();
            if !split.refused_once && !self.heard_in_quiet.contains(&code) {
                split.refused_once = true;
                item.split = Some(split);
                return self.hear_again(item, Purpose::Field, code, now);
            }
            self.was_heard_in_quiet(code);
        }
        split.refused_once = false;
        let fields = item.update.fields();
        if let Some((field, _)) = fields.get(split.next) {
            match verdict {
                Verdict::Accepted => split.stored.push(field.clone()),
                Verdict::Rejected(rejection) | Verdict::Undecided(rejection) => split
                    .rejections
                    .push(if blames_nothing(&rejection) { rejection.with_field(field.clone()) } else { rejection }),
                _ => {}
            }
        }
        split.next += 1;
        if split.next < fields.len() {
            item.split = Some(split);
            if self.stopped { self.give_up([item]) } else { self.send_alone(item, Purpose::Field, now) }
        } else if split.rejections.is_empty() {
            self.settle(item, Outcome::Accepted);
        } else {
            self.reject(item, split.rejections, split.stored);
        }
    }

    fn reject(&mut self, item: Item, rejections: Vec<Rejection>, stored: Vec<contact_sink_core::Field>) {
        let earlier = item.applied;
        self.rejects.refused += 1;
        self.settle(item, Outcome::Rejected { rejections, stored, earlier });
    }

    pub(super) fn send_alone(&mut self, item: Item, purpose: Purpose, now: Instant) {
        let key = self.sink.batch_key(&item.update);
        self.flights.push(key, vec![Group::new(vec![item], purpose)], now);
    }

    /// Sends again what has tries left, and gives the rest up. In an outage `not_before` is for the next probe, whatever it is.
    fn send_again(
        &mut self,
        (key, purpose): (BatchKey, Purpose),
        items: Vec<Item>,
        mut not_before: Instant,
        in_outage: Instant,
    ) {
        let most = self.options.max_attempts.get();
        let (left, spent): (Vec<Item>, Vec<Item>) = items.into_iter().partition(|item| item.attempts < most);
        self.observe_again(&left, &spent, purpose, not_before);
        if purpose == Purpose::Try && !spent.is_empty() {
            self.provisional.try_ended();
        }
        self.give_up(spent);
        if self.reach.is_outage() {
            self.probe_not_before(not_before, left.first().map(|item| item.seq));
            not_before = in_outage;
        }
        if !left.is_empty() {
            self.flights.push(key, vec![Group { items: left, purpose, again: Again::Yes }], not_before);
        }
    }

    fn backoff(&mut self, items: &[Item]) -> Duration {
        // In an outage it is no matter which update probes, and how often that one was sent.
        let of_items = || items.iter().map(|item| item.attempts).max().unwrap_or_default();
        let attempts = self.reach.tried().max(if self.reach.is_outage() { 0 } else { of_items() });
        let (first, longest) = (self.options.first_backoff, self.longest_pause());
        pause(&mut self.rng, attempts, first, longest)
    }
}

/// Whether at least half of the latest answers were successes: something in the request was accepted.
#[derive(Debug, Default)]
pub(super) struct Recent(VecDeque<bool>);

impl Recent {
    const MOST: usize = 20;

    fn push(&mut self, is_success: bool) {
        self.0.push_back(is_success);
        if self.0.len() > Self::MOST {
            self.0.pop_front();
        }
    }

    fn succeed(&self) -> bool {
        2 * self.0.iter().filter(|is_success| **is_success).count() >= self.0.len()
    }
}

/// A batch that failed [`HALVED_AFTER`] times, in two halves: one update that the vendor never answers well must
/// not hold the others. What failed together counts as two attempts, so that a single update has attempts left.
fn halved(mut items: Vec<Item>, purpose: Purpose) -> Vec<Vec<Item>> {
    let is_batch = matches!(purpose, Purpose::Batch | Purpose::Isolation) && items.len() > 1;
    if !is_batch || !items.iter().any(|item| item.attempts >= HALVED_AFTER) {
        return vec![items];
    }
    for item in &mut items {
        item.attempts = item.attempts.min(HALVED_AFTER - 1);
    }
    let second = items.split_off(items.len().div_ceil(2));
    vec![items, second]
}

/// A vendor may repeat the request in its text, which every update of the request gets: values of the others are replaced.
fn hide_values_of_others(items: &[Item], verdicts: &mut [Verdict]) {
    /// What is shorter is in any text by chance.
    const SHORTEST: usize = 4;
    let values_in = |text: &str| -> Vec<(u64, String)> {
        let values = items.iter().flat_map(|item| {
            let texts = item.update.fields().iter().flat_map(|(_, value)| value.texts());
            texts.map(|value| (item.seq, value))
        });
        // A text that was cut may end within a value.
        let cut = text.strip_suffix('…').unwrap_or_default();
        let found = values.filter_map(|(seq, value)| {
            let mut beginnings = (SHORTEST..value.len()).rev().filter_map(|end| value.get(..end));
            let found = if text.contains(value) { Some(value) } else { beginnings.find(|part| cut.ends_with(part)) };
            Some((seq, found.filter(|found| found.len() >= SHORTEST)?.to_owned()))
        });
        let mut found: Vec<(u64, String)> = found.collect();
        // One may be a part of another.
        found.sort_by_key(|(_, value)| std::cmp::Reverse(value.len()));
        found
    };
    // Most often all of them have the same text.
    let mut found: HashMap<String, Vec<(u64, String)>> = HashMap::new();
    for (item, verdict) in items.iter().zip(verdicts) {
        let (Verdict::Rejected(rejection) | Verdict::Undecided(rejection)) = verdict else { continue };
        let Some(text) = rejection.vendor_text().filter(|_| items.len() > 1) else { continue };
        let found = found.entry(text.to_owned()).or_insert_with_key(|text| values_in(text));
        let of_others = found.iter().filter(|(seq, _)| *seq != item.seq).map(|(_, value)| value.as_str());
        *rejection = rejection.clone().hiding(of_others);
    }
}

/// What a vendor says that asks for another try of one update.
pub(super) fn asked_for_another_try(code: Option<&ErrorCode>) -> SinkError {
    let error = SinkError::new("sink", "send", SinkErrorKind::Unavailable);
    match code {
        Some(code) => error.with_detail("it asks for another try").with_code(code.clone()),
        None => error.with_detail("its answer says nothing of the update"),
    }
}

/// Whether it is open which field is to blame, or whether the subject is.
fn blames_nothing(rejection: &Rejection) -> bool {
    rejection.field().is_none() && rejection.subject().is_none()
}
