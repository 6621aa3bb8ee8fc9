//! What a lane does with an answer: it carries out the rulings of [`judge`](super::judge).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use contact_sink_core::{Applied, BatchKey, ErrorCode, Field, Rejection, Retry, SinkError, SinkErrorKind, Verdict};
use tokio::time::Instant;

use super::item::{At, Key};
use super::judge::{self, Failure, HALVED_AFTER, Ruling};
use super::scheduler::retries::{Again, Group, Purpose};
use super::state::Suspect;
use super::{Flight, Lane};
use crate::backoff::{after, pause};
use crate::{Outcome, Stop, Undelivered};

impl Lane {
    /// Takes in the answer to a request.
    pub(crate) fn answered(&mut self, number: u64, answer: Result<Vec<Verdict>, SinkError>, now: Instant) {
        let Some(Flight { group, since }) = self.in_flight.remove(&number) else { return };
        self.scheduler.answered(&group.key);
        let contract = || SinkError::new("sink", "send", SinkErrorKind::Contract);
        match answer {
            Ok(verdicts) if verdicts.len() == group.items.len() => {
                let (took, before) = (now.saturating_duration_since(since), self.setup.answer_time);
                self.setup.answer_time = if before.is_zero() { took } else { (before * 7 + took) / 8 };
                self.judged(number, group, verdicts, now);
            }
            Ok(_) => {
                let error = contract().with_detail("it must give one verdict for each update");
                self.failed(number, group, error, now);
            }
            Err(error) => self.failed(number, group, error, now),
        }
        self.ledger.answered();
        self.end_callers_in_a_pause(now);
        self.advance(now);
    }

    fn end_callers_in_a_pause(&mut self, now: Instant) {
        if self.state.is_paused() {
            self.end_waiting(|item| !item.is_of_an_input(), now);
        }
    }

    /// There are no verdicts at all.
    fn failed(&mut self, number: u64, group: Group, error: SinkError, now: Instant) {
        let error = Arc::new(error);
        let counts = self.state.is_there();
        let is_canary = self.state.is_canary_of_pause(number);
        self.state.failed(number, group.again == Again::No, &error, now);
        let until = (error.applied() == Applied::Maybe).then(|| after(now, self.setup.options.maybe_applied_hold));
        for item in &group.items {
            let item = &mut self.items[*item];
            item.maybe_until = item.maybe_until.max(until);
            item.applied = item.applied.max(error.applied());
            item.cause = Some(error.clone());
            if !counts {
                self.scheduler.give_part_back(item);
            }
        }
        let failure = judge::failure(&error, self.state.answers.accepted);
        let is_taken_apart = matches!(failure, Failure::Apart | Failure::Broken) && group.may_be_halved();
        if !is_taken_apart {
            // What is taken apart says nothing of one update yet.
            self.count_failure(&group.items, number, counts);
        }
        if failure != Failure::Again && !self.state.is_service() {
            self.stop(Stop::Failed(error.clone()), now);
        }
        if self.state.stopped().is_some() {
            return self.undeliver_all(group.items, now);
        }
        if is_canary && failure != Failure::Act {
            self.state.pause(&error, group.items.first().copied(), now);
        }
        match failure {
            Failure::Apart if is_taken_apart => self.isolate(&group.key, judge::halved(group.items), now),
            Failure::Broken => self.broke(group, now),
            // Where a later request was decided, the updates of this one are at fault.
            Failure::Act if is_canary || group.items.iter().all(|key| self.items[*key].outlived == 0) => {
                self.act(is_canary, group, &error, now);
            }
            Failure::Act | Failure::Apart | Failure::Again => self.fails(group, &error, now),
        }
    }

    /// Code of the sink panicked over this request. The answer to it, if there was one, is lost.
    pub(crate) fn panicked(&mut self, number: u64, now: Instant) {
        let Some(Flight { group, .. }) = self.in_flight.remove(&number) else { return };
        self.scheduler.answered(&group.key);
        if self.state.is_canary_of_pause(number) {
            self.state.pause(&super::panicked(), group.items.first().copied(), now);
        }
        let until = after(now, self.setup.options.maybe_applied_hold);
        for item in &group.items {
            let item = &mut self.items[*item];
            (item.applied, item.maybe_until) = (Applied::Maybe, Some(until));
        }
        match self.state.stopped() {
            Some(_) => self.undeliver_all(group.items, now),
            None => self.broke(group, now),
        }
        self.ledger.answered();
        self.end_callers_in_a_pause(now);
        self.advance(now);
    }

    /// One of these is at fault, and ends.
    fn broke(&mut self, group: Group, now: Instant) {
        if group.may_be_halved() {
            return self.isolate(&group.key, judge::halved(group.items), now);
        }
        group.items.into_iter().for_each(|item| self.undeliver(item, Undelivered::Broken, now));
    }

    /// The vendor answered a service that a person must act. That may be one node's mistake: it is asked once more.
    fn act(&mut self, is_canary: bool, group: Group, error: &Arc<SinkError>, now: Instant) {
        let is_second = group.again == Again::AtOnce;
        if is_canary || (is_second && !self.state.is_paused()) {
            self.state.pause(error, group.items.first().copied(), now);
        }
        let again = if self.state.is_paused() { Again::Yes } else { Again::AtOnce };
        self.send(Group { again, ..group }, now, now);
    }

    /// A request failed, and is sent again.
    fn fails(&mut self, group: Group, error: &SinkError, now: Instant) {
        let throttled = error.kind() == SinkErrorKind::Throttled;
        let wait = match (error.retry(), self.setup.limits.quota) {
            (Retry::After(wait), _) => wait,
            // Within the same window it would most likely be throttled again.
            (_, Some(quota)) if throttled => quota.per.min(self.state.longest_backoff()),
            _ => Duration::ZERO,
        };
        // Our own wait is the least: `Retry-After: 0` does not mean to send again at once.
        let not_before = after(now, wait.max(self.backoff(&group.items)));
        // What a vendor asks of one update is kept, also if another one is answered well before.
        let while_probing = if matches!(error.retry(), Retry::After(_)) { not_before } else { now };
        let is_at_fault = group.may_be_halved()
            && match self.state.is_there() {
                // Any request may be throttled: that says something of this one only if others were not.
                true if throttled => group.items.iter().any(|key| self.items[*key].outlived >= HALVED_AFTER),
                true => {
                    self.state.answers.failed.len() < HALVED_AFTER as usize
                        && group.items.iter().any(|key| self.attempts(*key) >= HALVED_AFTER)
                }
                false => self.state.fails_again(group.items.first().copied()),
            };
        // What failed together counts as two attempts, so that a single update has attempts left.
        for key in group.items.iter().filter(|_| is_at_fault) {
            let item = &mut self.items[*key];
            item.failures = item.failures.min(HALVED_AFTER - 1);
            item.outlived = item.outlived.min(HALVED_AFTER - 1);
        }
        let Group { key, items, purpose, again } = group;
        for items in if is_at_fault { judge::halved(items) } else { vec![items] } {
            let group = Group { key: key.clone(), items, purpose, again };
            self.send_again(group, not_before, while_probing, now);
        }
        if self.state.is_told_to_wait_too_long(error, now) {
            self.stop(self.state.unreachable(now), now);
        }
    }

    /// There is a verdict for each update.
    fn judged(&mut self, number: u64, group: Group, mut verdicts: Vec<Verdict>, now: Instant) {
        let Group { key, items, purpose, again } = group;
        let counts = self.state.is_there() || !judge::decides_nothing(&verdicts);
        let is_accepted = !purpose.is_of_a_field() && verdicts.contains(&Verdict::Accepted);
        if judge::decides_nothing(&verdicts) {
            let Some(Verdict::Retry { code }) = verdicts.first() else { return };
            let error = Arc::new(judge::asked_for_another_attempt(code.as_ref()));
            let is_canary = self.state.is_canary_of_pause(number);
            self.state.failed(number, again == Again::No, &error, now);
            if is_canary {
                self.state.pause(&error, items.first().copied(), now);
            }
        } else {
            self.state.decided(number, is_accepted, purpose.confirms(), now);
        }
        judge::hide_values_of_others(
            &items.iter().map(|key| &self.items[*key].update).collect::<Vec<_>>(),
            &mut verdicts,
        );
        let rulings = judge::rule(purpose, verdicts, |code| self.is_known_refusal(code, purpose));
        let (mut repeated, mut undecided, mut named) = (Vec::new(), Vec::new(), false);
        let mut causes = HashMap::new();
        for (key, ruling) in items.into_iter().zip(rulings) {
            let item = &mut self.items[key];
            if !matches!(ruling, Ruling::Again(_)) {
                // Only failures in a row count.
                (item.failures, item.outlived, item.failed, item.cause) = (0, 0, None, None);
            }
            match ruling {
                Ruling::Again(code) => {
                    let asked = |code: &Option<ErrorCode>| Arc::new(judge::asked_for_another_attempt(code.as_ref()));
                    let cause = causes.entry(code).or_insert_with_key(asked);
                    (item.cause, item.left_open) = (Some(cause.clone()), true);
                    repeated.push(key);
                }
                ruling if purpose.is_of_a_field() => self.field_ruled(key, ruling, now),
                Ruling::Accepted => self.settle(key, Outcome::Accepted, now),
                Ruling::Isolate => {
                    item.left_open = true;
                    undecided.push(key);
                }
                Ruling::Refused { undecided: true, .. } if self.state.stopped().is_some() => {
                    item.left_open = true;
                    self.undeliver(key, self.cause_of_the_end(), now);
                }
                Ruling::Refused { rejection, undecided } => {
                    (item.left_open, named) = (item.left_open | undecided, named | !undecided);
                    if purpose.confirms() && !rejection.is_listed() {
                        self.state.codes.confirmed(rejection.code());
                    }
                    self.refuse(Suspect { key, rejection, undecided }, now);
                }
                Ruling::Suspect { rejection, undecided } => {
                    (item.left_open, named) = (item.left_open | undecided, named | !undecided);
                    self.suspect(Suspect { key, rejection, undecided }, purpose, now);
                }
            }
        }
        self.count_failure(&repeated, number, counts);
        // With the refused ones out, the rest may be good. Else one of them is at fault, and halving finds it.
        self.isolate(&key, if named { vec![undecided] } else { judge::halved(undecided) }, now);
        if !counts {
            repeated.iter().for_each(|key| self.scheduler.give_part_back(&mut self.items[*key]));
        }
        if !repeated.is_empty() {
            let not_before = after(now, self.backoff(&repeated));
            self.send_again(Group { key, items: repeated, purpose, again }, not_before, now, now);
        }
        if is_accepted {
            self.state.suspects.in_a_row = 0;
            // What was refused before this request was sent was not refused because nothing is accepted.
            let suspects = self.state.suspects.refused_before(number);
            self.confirm_or_refuse(suspects, now);
        }
    }

    /// Whether a code that the vendor's table lacks was confirmed as a refusal before. It may be about the quota all the same: so it
    /// counts only while most requests succeed.
    fn is_known_refusal(&self, code: Option<&ErrorCode>, purpose: Purpose) -> bool {
        let codes = &self.state.codes;
        match purpose.is_of_a_field() {
            true => codes.is_known(code),
            false => code.is_some() && codes.is_known(code) && self.state.answers.succeed(),
        }
    }

    /// An update was refused, and that may not be its fault.
    fn suspect(&mut self, suspect: Suspect, purpose: Purpose, now: Instant) {
        if self.state.stopped().is_some() || !self.items[suspect.key].is_awaited() {
            return self.undeliver(suspect.key, self.cause_of_leaving(), now);
        }
        if self.state.is_service() {
            return self.confirm(suspect, Purpose::Confirm, now);
        }
        let key = suspect.key;
        self.items[key].at = At::Suspect;
        let code = suspect.rejection.code().cloned();
        self.state.suspects.push(suspect, self.state.answers.departed);
        if purpose == Purpose::Canary {
            self.state.canary_ended(key);
        }
        self.setup.observer.keeps_back(code.as_ref(), self.state.suspects.in_a_row);
    }

    /// A refusal that the vendor's table explains stands; another one must be confirmed.
    pub(super) fn confirm_or_refuse(&mut self, suspects: Vec<Suspect>, now: Instant) {
        suspects.iter().for_each(|suspect| self.items[suspect.key].at = At::Flight);
        for suspect in suspects {
            if self.state.stopped().is_some() {
                self.undeliver(suspect.key, self.cause_of_the_end(), now);
            } else if suspect.rejection.is_listed() {
                self.refuse(suspect, now);
            } else {
                self.confirm(suspect, Purpose::Confirm, now);
            }
        }
    }

    /// Sends an update alone once more. The code may mean that the quota is used up: so nothing else is sent for a window before,
    /// unless nothing else is there to be sent.
    fn confirm(&mut self, Suspect { key, rejection, .. }: Suspect, purpose: Purpose, now: Instant) {
        let is_alone =
            self.in_flight.is_empty() && self.scheduler.retries.is_empty() && self.scheduler.queues.len() == 0;
        let is_quiet = now < self.state.quiet_until();
        let (mut window, mut is_silent) = (Duration::ZERO, false);
        let needs_no_window = rejection.is_listed() || (self.state.is_service() && is_alone);
        if !needs_no_window {
            let (quota, succeed, is_service) =
                (self.setup.limits.quota, self.state.answers.succeed(), self.state.is_service());
            (window, is_silent) = self.state.codes.window(rejection.code(), quota, is_quiet, succeed, is_service);
        }
        let not_before = after(self.state.quiet_until().max(now), window);
        if is_silent {
            self.state.keep_quiet(not_before);
        }
        self.send_one(key, purpose, Again::No, not_before, now);
    }

    /// The refusal is final. If it may be one field's fault only, the fields are sent one by one.
    fn refuse(&mut self, Suspect { key, rejection, undecided }: Suspect, now: Instant) {
        let item = &mut self.items[key];
        match item.update.fields() {
            [(only, _)] if undecided && judge::blames_nothing(&rejection) => {
                let rejection = rejection.with_field(only.clone());
                self.reject(key, vec![rejection], Vec::new(), now);
            }
            [_, _, ..] if undecided && judge::blames_nothing(&rejection) && self.state.stopped().is_none() => {
                item.split = Some(Box::default());
                self.send_one(key, Purpose::Field, Again::No, now, now);
            }
            _ => self.reject(key, vec![rejection], Vec::new(), now),
        }
    }

    fn field_ruled(&mut self, key: Key, ruling: Ruling, now: Instant) {
        let item = &mut self.items[key];
        let mut split = item.split.take().unwrap_or_default();
        let fields = item.update.fields().len();
        match ruling {
            Ruling::Suspect { rejection, undecided } if self.state.stopped().is_none() => {
                item.split = Some(split);
                return self.confirm(Suspect { key, rejection, undecided }, Purpose::ConfirmField, now);
            }
            Ruling::Refused { rejection, .. } | Ruling::Suspect { rejection, .. } => {
                if !rejection.is_listed() {
                    self.state.codes.confirmed(rejection.code());
                }
                let field = item.update.fields().get(split.next).map(|(field, _)| field.clone());
                split.rejections.push(match field.filter(|_| judge::blames_nothing(&rejection)) {
                    Some(field) => rejection.with_field(field),
                    None => rejection,
                });
            }
            _ => split.stored.extend(item.update.fields().get(split.next).map(|(field, _)| field.clone())),
        }
        split.next += 1;
        if split.next < fields {
            item.split = Some(split);
            self.send_one(key, Purpose::Field, Again::No, now, now);
        } else if split.rejections.is_empty() {
            self.settle(key, Outcome::Accepted, now);
        } else {
            self.reject(key, split.rejections, split.stored, now);
        }
    }

    pub(super) fn reject(&mut self, key: Key, rejections: Vec<Rejection>, stored: Vec<Field>, now: Instant) {
        let earlier = self.items[key].applied;
        self.settle(key, Outcome::Rejected { rejections, stored, earlier }, now);
    }

    /// Sends again what has attempts left, and ends the rest. While the vendor is down, `not_before` is for the next probe,
    /// whatever it is.
    fn send_again(&mut self, group: Group, mut not_before: Instant, while_probing: Instant, now: Instant) {
        let most = self.setup.options.max_attempts.get();
        let (spent, left): (Vec<Key>, Vec<Key>) = group.items.into_iter().partition(|key| self.attempts(*key) >= most);
        if !spent.is_empty() {
            self.setup.observer.runs_out(spent.len());
        }
        spent.into_iter().for_each(|key| self.runs_out(key, now));
        if !left.is_empty() {
            let wait = not_before.saturating_duration_since(now);
            self.setup.observer.retries(group.purpose.name(), left.len(), self.next_attempt(&left), wait);
        }
        if self.state.probes_at().is_some() && !self.state.is_paused() {
            self.state.probe_not_before(not_before, left.first().copied());
            not_before = while_probing;
        }
        self.send(Group { items: left, again: Again::Yes, ..group }, not_before, now);
    }

    /// An update failed as often as it may.
    fn runs_out(&mut self, key: Key, now: Instant) {
        let asked = || Arc::new(judge::asked_for_another_attempt(None));
        let error = self.items[key].cause.clone().unwrap_or_else(asked);
        self.undeliver(key, Undelivered::Attempts(error), now);
    }

    /// Sends these apart, the first ones first.
    fn isolate(&mut self, key: &BatchKey, groups: Vec<Vec<Key>>, now: Instant) {
        for items in groups.into_iter().rev() {
            self.send(Group { key: key.clone(), items, purpose: Purpose::Isolation, again: Again::No }, now, now);
        }
    }

    /// Sends one update by itself.
    pub(super) fn send_one(&mut self, key: Key, purpose: Purpose, again: Again, not_before: Instant, now: Instant) {
        match super::guarded(|| self.setup.sink.batch_key(&self.items[key].update)) {
            Some(batch_key) => self.send(Group { key: batch_key, items: vec![key], purpose, again }, not_before, now),
            None => self.undeliver(key, Undelivered::Broken, now),
        }
    }

    /// Sends these from then on. What no caller wants any more ends here.
    fn send(&mut self, mut group: Group, not_before: Instant, now: Instant) {
        let is_stopped = self.state.stopped().is_some();
        let gone = group.items.extract_if(.., |key| is_stopped || !self.items[*key].is_awaited());
        for key in gone.collect::<Vec<_>>() {
            self.undeliver(key, self.cause_of_leaving(), now);
        }
        group.items.iter().for_each(|key| self.items[*key].at = At::Retry);
        if let Some(priority) = group.items.iter().map(|key| self.items[*key].priority).max() {
            self.scheduler.retries.push(group, priority, not_before);
        }
    }

    fn cause_of_leaving(&self) -> Undelivered {
        self.state.stopped().map_or(Undelivered::Deadline, Undelivered::by)
    }

    /// In a run each failure counts while the vendor is there; in a service only one that a later request outlived.
    fn attempts(&self, key: Key) -> u32 {
        let item = &self.items[key];
        if self.state.is_service() { item.outlived } else { item.failures }
    }

    fn count_failure(&mut self, items: &[Key], number: u64, counts: bool) {
        for key in items {
            self.count_outlived(*key);
            let item = &mut self.items[*key];
            item.failures += u32::from(counts);
            item.failed = Some(number);
            self.count_outlived(*key);
        }
    }

    fn count_outlived(&mut self, key: Key) {
        let item = &mut self.items[key];
        if item.failed.take_if(|failed| self.state.answers.outlived(*failed)).is_some() {
            item.outlived += 1;
        }
    }

    /// Ends what ran out of attempts while it waited.
    pub(super) fn end_outlived(&mut self, items: &mut Vec<Key>, now: Instant) {
        items.iter().for_each(|key| self.count_outlived(*key));
        let most = self.setup.options.max_attempts.get();
        for key in items.extract_if(.., |key| self.attempts(*key) >= most).collect::<Vec<_>>() {
            self.runs_out(key, now);
        }
    }

    fn backoff(&mut self, items: &[Key]) -> Duration {
        // While the vendor is down it is no matter which update probes, and how often that one was sent.
        let of_items = || items.iter().map(|key| self.items[*key].failures).max().unwrap_or_default();
        let attempts = if self.state.is_there() { of_items() } else { self.state.tried() };
        let (first, longest) = (self.setup.options.first_backoff, self.state.longest_backoff());
        pause(&mut self.setup.rng, attempts, first, longest)
    }
}
