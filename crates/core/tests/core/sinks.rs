//! A sink behind a pointer is that sink, and the mock of one works.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use contact_sink_core::{BatchKey, ContactSink, ContactUpdate, Limits, Overlap, Quota, Rejection, SinkError, Verdict};

use super::{field, user};

/// Answers each call in a way that no default would.
struct Probe;

#[async_trait]
impl ContactSink for Probe {
    fn limits(&self) -> Limits {
        let quota = Quota::per_second(7.try_into().unwrap());
        Limits::new(3.try_into().unwrap()).with_quota(quota).with_overlap(Overlap::OnePerKey)
    }

    fn batch_key(&self, _: &ContactUpdate) -> BatchKey {
        BatchKey::of("probe")
    }

    fn validate(&self, update: &ContactUpdate) -> Result<(), Rejection> {
        if update.fields().is_empty() { Err(Rejection::by_rule("nothing to set")) } else { Ok(()) }
    }

    async fn send(&self, batch: &[ContactUpdate]) -> Result<Vec<Verdict>, SinkError> {
        Ok(batch.iter().map(|update| Verdict::Retry { code: Some((update.fields().len() as i64).into()) }).collect())
    }
}

/// Runs what waits for nothing, so that this crate needs no runtime even here.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}

fn check(sink: impl ContactSink) {
    let empty = ContactUpdate::new(user("7"));
    let full = empty.clone().with(field("email"), "a@b.example").unwrap();
    assert_eq!(sink.limits(), Probe.limits());
    assert_eq!(sink.batch_key(&empty), BatchKey::of("probe"));
    assert_eq!(sink.validate(&empty), Err(Rejection::by_rule("nothing to set")));
    assert_eq!(sink.validate(&full), Ok(()));
    let verdicts = [0, 1].map(|fields: i64| Verdict::Retry { code: Some(fields.into()) });
    assert_eq!(at_once(sink.send(&[empty, full])), Ok(verdicts.to_vec()));
}

#[test]
fn a_pointer_to_a_sink_forwards_every_call() {
    check(Probe);
    check(Box::new(Probe));
    check(Arc::new(Probe));
    check(Box::new(Probe) as Box<dyn ContactSink>);
    check(Arc::new(Probe) as Arc<dyn ContactSink>);
    check(Arc::new(Box::new(Probe) as Box<dyn ContactSink>));
}

#[test]
fn batch_keys_are_equal_only_to_themselves() {
    let keys = [BatchKey::any(), BatchKey::of(""), BatchKey::of("a"), BatchKey::of("b")];
    for (at, key) in keys.iter().enumerate() {
        for (other_at, other) in keys.iter().enumerate() {
            assert_eq!(key == other, at == other_at);
        }
    }
}

#[cfg(feature = "mock")]
#[test]
fn the_mock_answers_as_it_is_told() {
    let mut mock = contact_sink_core::MockContactSink::new();
    mock.expect_limits().returning(|| Probe.limits());
    mock.expect_batch_key().returning(|update| Probe.batch_key(update));
    mock.expect_validate().returning(|update| Probe.validate(update));
    mock.expect_send().times(1).returning(|batch| at_once(Probe.send(batch)));
    check(Arc::new(mock) as Arc<dyn ContactSink>);
}
