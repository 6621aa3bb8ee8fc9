//! A vendor that words over-quota as a code that its table lacks, in a 200: nobody good is rejected for it.

use std::collections::VecDeque;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use contact_sink_core::{
    BatchKey, ContactSink, ContactUpdate, Field, Limits, Overlap, Quota, Rejection, SinkError, Subject, Verdict,
};
use contact_sink_delivery::{Delivery, MaxRejected, Options, Outcome};
use tokio::time::{Instant, sleep};

use crate::run::{deliver_users, paused};
use crate::world::{Request, World, user_of};

/// Takes 85 requests in any second, though it says 100. Every hundredth user is bad and nobody is named.
#[derive(Default)]
struct Vendor(Mutex<VecDeque<Instant>>);

fn is_bad(update: &ContactUpdate) -> bool {
    matches!(update.subject(), Subject::User(id) if id.as_i64().is_some_and(|id| id % 100 == 37))
}

#[async_trait]
impl ContactSink for Vendor {
    fn limits(&self) -> Limits {
        let quota = Quota::per_second(NonZeroU32::new(100).unwrap());
        Limits::new(NonZeroUsize::new(100).unwrap()).with_quota(quota)
    }

    fn batch_key(&self, _: &ContactUpdate) -> BatchKey {
        BatchKey::any()
    }

    fn validate(&self, _: &ContactUpdate) -> Result<(), Rejection> {
        Ok(())
    }

    async fn send(&self, batch: &[ContactUpdate]) -> Result<Vec<Verdict>, SinkError> {
        let now = Instant::now();
        let over = {
            let mut taken = self.0.lock().unwrap();
            while taken.front().is_some_and(|first| now - *first >= Duration::from_secs(1)) {
                taken.pop_front();
            }
            let over = taken.len() >= 85;
            if !over {
                taken.push_back(now);
            }
            over
        };
        sleep(Duration::from_millis(20)).await;
        let verdict = if over {
            Verdict::Undecided(Rejection::unlisted(Some(1902.into()), "a code that the table lacks"))
        } else if batch.iter().any(is_bad) {
            Verdict::Undecided(Rejection::listed(4107, "not saved"))
        } else {
            Verdict::Accepted
        };
        Ok(vec![verdict; batch.len()])
    }
}

/// The vendor has a code of its own for each of its refusals, which are every third user, or all.
#[test]
fn codes_that_all_differ_do_not_stop_a_run_for_a_window_each() {
    for every in [3, 1] {
        check_codes_that_differ(every);
    }
}

fn check_codes_that_differ(every: usize) {
    let took = |differ: bool| {
        let script = move |request: &Request<'_>| {
            let verdict = |update: &ContactUpdate| match user_of(update) {
                bad if bad % every == 0 => {
                    let code = if differ { bad as i64 } else { 0 };
                    Verdict::Rejected(Rejection::unlisted(Some((500_000 + code).into()), "a code that the table lacks"))
                }
                _ => Verdict::Accepted,
            };
            Ok(request.batch.iter().map(verdict).collect())
        };
        let world = World::new(1_000, script).with_keys(4, Overlap::OnePerKey).with_quota("200/s").shared();
        let finished = paused(deliver_users(&world, Options::for_run().with_max_rejected(MaxRejected::Any), 3_000));
        let rejected = 3_000 / every as u64;
        assert_eq!((finished.summary.accepted, finished.summary.rejected), (3_000 - rejected, rejected));
        assert_eq!(world.breaches(), [""; 0]);
        finished.took
    };
    let (same, differ) = (took(false), took(true));
    assert!(differ < 2 * same + Duration::from_secs(11), "{differ:?}, and {same:?} with one code");
}

/// A code that was confirmed costs no further requests while most requests succeed; else each refusal is confirmed.
#[test]
fn a_code_that_was_confirmed_is_believed_while_most_requests_succeed() {
    for (every, extra) in [(10, 0..40), (3, 0..40), (1, 1_000..usize::MAX)] {
        let script = move |request: &Request<'_>| {
            let is_bad = user_of(&request.batch[0]) > 100 && user_of(&request.batch[0]).is_multiple_of(every);
            Ok(vec![if is_bad {
                Verdict::Rejected(Rejection::unlisted(Some(9_999.into()), "a code that the table lacks"))
            } else {
                Verdict::Accepted
            }])
        };
        let world = World::new(1, script).with_quota("200/s").with_latency(|_| Duration::from_millis(20)).shared();
        let finished = paused(deliver_users(&world, Options::for_run().with_max_rejected(MaxRejected::Any), 2_000));
        let rejected = (101..2_000).filter(|user| user % every == 0).count() as u64;
        assert_eq!((finished.summary.accepted, finished.summary.rejected), (2_000 - rejected, rejected));
        let more = world.requests() - 2_000;
        assert!(extra.contains(&more), "1 in {every}: {more}");
    }
}

#[tokio::test(start_paused = true)]
async fn over_quota_as_an_unknown_code_rejects_nobody() {
    let delivery = Delivery::new(Vendor::default(), Options::for_run().with_seed(7));
    let mut waiting = tokio::task::JoinSet::new();
    for id in 0..3_000_i64 {
        let delivery = delivery.clone();
        let update = ContactUpdate::user(id);
        let update = ["mobile", "email"]
            .into_iter()
            .fold(update, |update, name| update.with(Field::new(name).unwrap(), "value").unwrap());
        waiting.spawn(async move { (is_bad(&update), delivery.deliver(update).await) });
    }
    while let Some(joined) = waiting.join_next().await {
        let (bad, outcome) = joined.unwrap();
        match outcome {
            Outcome::Accepted => assert!(!bad),
            Outcome::Rejected { rejections, .. } => {
                assert!(bad, "a good update was rejected: {rejections:?}");
                assert!(rejections.iter().all(|rejection| rejection.code() == Some(&4107.into())), "{rejections:?}");
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(delivery.summary().rejected, 30);
}
