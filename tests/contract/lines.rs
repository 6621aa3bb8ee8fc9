//! The contract of `ContactSink`: each line of its documentation as one test.

use std::time::Duration;

use contact_sink_core::{Applied, ContactSink, ContactUpdate, Retry, SinkErrorKind, Verdict};
use contact_sink_sandbox::{Fault, FaultKind, Faults, Sandbox, World};
use contact_sink_transport::TransportOptions;

use crate::server::Server;
use crate::vendors::{Make, Vendor};

/// All lines for one sink over one transport.
macro_rules! tests {
    ($vendor:ty, $make:path) => {
        lines::tests!(@each $vendor, $make,
            limits_gives_the_same_answer_at_every_call
            batch_key_gives_the_same_answer_for_the_same_subject_whatever_the_fields
            validate_does_no_io_and_gives_the_same_answer_at_every_call
            validate_names_the_field_if_it_is_one_fields
            a_refused_update_is_never_given_to_send
            the_batch_has_1_to_max_updates_each_subject_once_all_valid_and_of_one_key
            one_request_no_retry_no_redirect
            one_verdict_for_each_update_in_their_order
            a_batch_that_the_vendor_refuses_is_ok_with_undecided
            dropping_the_future_may_leave_the_batch_applied
            an_error_says_whether_to_try_again_and_whether_the_batch_may_have_been_applied
        );
    };
    (@each $vendor:ty, $make:path, $($line:ident)*) => {
        $(#[tokio::test]
        async fn $line() {
            lines::$line::<$vendor>($make).await;
        })*
    };
}
pub(crate) use tests;

fn sandbox() -> Sandbox {
    Sandbox::start(World::default()).unwrap()
}

fn options() -> TransportOptions {
    TransportOptions::default()
}

/// So many good updates, but no more than a request holds.
fn batch<V: Vendor>(sink: &dyn ContactSink, count: u32) -> Vec<ContactUpdate> {
    let most = sink.limits().max_updates.get();
    (0..count).map(|number| V::update(number, false)).take(most).collect()
}

fn letters(verdicts: &[Verdict]) -> String {
    let letter = |verdict: &Verdict| match verdict {
        Verdict::Accepted => 'A',
        Verdict::Rejected(_) => 'R',
        Verdict::Undecided(_) => 'U',
        Verdict::Retry { .. } => 'T',
        _ => '?',
    };
    verdicts.iter().map(letter).collect()
}

pub(crate) async fn limits_gives_the_same_answer_at_every_call<V: Vendor>(make: Make) {
    let sandbox = sandbox();
    let sink = V::sink(&sandbox.base_url(), make(options()));
    let before = sink.limits();
    assert_eq!(letters(&sink.send(&batch::<V>(&*sink, 1)).await.unwrap()), "A");
    assert!(sink.send(&[V::unknown()]).await.is_ok());
    assert_eq!(sink.limits(), before);
}

pub(crate) async fn batch_key_gives_the_same_answer_for_the_same_subject_whatever_the_fields<V: Vendor>(make: Make) {
    let sink = V::sink("http://127.0.0.1:9", make(options()));
    assert_eq!(sink.batch_key(&V::update(1, false)), sink.batch_key(&V::update(1, true)));
    assert_eq!(sink.batch_key(&V::update(1, false)), sink.batch_key(&V::update(1, false)));
}

pub(crate) async fn validate_does_no_io_and_gives_the_same_answer_at_every_call<V: Vendor>(make: Make) {
    let sandbox = sandbox();
    let sink = V::sink(&sandbox.base_url(), make(options()));
    for other in [false, true] {
        let good = V::update(1, other);
        assert_eq!([sink.validate(&good), sink.validate(&good)], [Ok(()), Ok(())]);
    }
    for (bad, _) in V::against_rules() {
        assert_eq!(sink.validate(&bad), sink.validate(&bad));
    }
    assert_eq!(sandbox.seen(), 0, "nothing left");
}

pub(crate) async fn validate_names_the_field_if_it_is_one_fields<V: Vendor>(make: Make) {
    let sink = V::sink("http://127.0.0.1:9", make(options()));
    for (bad, field) in V::against_rules() {
        let rejection = sink.validate(&bad).unwrap_err();
        assert_eq!(rejection.field().map(|field| field.as_str()), field, "{rejection}");
        assert!(rejection.code().is_none() && rejection.is_listed() && !rejection.reason().is_empty());
    }
}

pub(crate) async fn a_refused_update_is_never_given_to_send<V: Vendor>(make: Make) {
    let sandbox = sandbox();
    let sink = V::sink(&sandbox.base_url(), make(options()));
    for (bad, _) in V::against_rules() {
        let error = sink.send(&[bad]).await.unwrap_err();
        assert_eq!((error.kind(), error.applied()), (SinkErrorKind::Contract, Applied::No), "{error}");
    }
    assert_eq!(sandbox.seen(), 0, "nothing left");
}

pub(crate) async fn the_batch_has_1_to_max_updates_each_subject_once_all_valid_and_of_one_key<V: Vendor>(make: Make) {
    let sandbox = sandbox();
    let sink = V::sink(&sandbox.base_url(), make(options()));
    let most = u32::try_from(sink.limits().max_updates.get()).unwrap();
    let whole: Vec<_> = (0..most).map(|number| V::update(number, false)).collect();
    assert_eq!(letters(&sink.send(&whole).await.unwrap()), "A".repeat(whole.len()), "as many as the limit says");
    assert_eq!(sandbox.seen(), 1);
    let too_many: Vec<_> = (0..=most).map(|number| V::update(number, false)).collect();
    let twice = vec![V::update(1, false), V::update(1, true)];
    for broken in [Vec::new(), too_many, twice] {
        let error = sink.send(&broken).await.unwrap_err();
        assert_eq!((error.kind(), error.applied()), (SinkErrorKind::Contract, Applied::No), "{error}");
    }
    assert_eq!(sandbox.seen(), 1, "nothing else left");
}

pub(crate) async fn one_request_no_retry_no_redirect<V: Vendor>(make: Make) {
    let other = Server::start(Server::answer(200, "", V::success(&[0]))).await;
    let location = format!("location: {}/elsewhere\r\n", other.base_url);
    for (status, headers) in [(307, &*location), (301, &*location), (503, ""), (429, "retry-after: 0\r\n"), (500, "")] {
        let server = Server::start(Server::answer(status, headers, "")).await;
        let sink = V::sink(&server.base_url, make(options()));
        sink.send(&batch::<V>(&*sink, 1)).await.unwrap_err();
        assert_eq!((server.requests(), other.requests()), (1, 0), "http {status}");
    }
    // The answer is lost after the request has left.
    let sandbox = sandbox();
    sandbox.set_faults(Faults::default().with_next(Fault::new(FaultKind::Reset).applied(true).times(2))).unwrap();
    let sink = V::sink(&sandbox.base_url(), make(options()));
    sink.send(&batch::<V>(&*sink, 3)).await.unwrap_err();
    assert_eq!(sandbox.seen(), 1);
}

pub(crate) async fn one_verdict_for_each_update_in_their_order<V: Vendor>(make: Make) {
    let sandbox = sandbox();
    let sink = V::sink(&sandbox.base_url(), make(options()));
    let good = batch::<V>(&*sink, 7);
    assert_eq!(letters(&sink.send(&good).await.unwrap()), "A".repeat(good.len()));
    let alone = sink.send(&[V::unknown()]).await.unwrap();
    assert!(matches!(&alone[..], [Verdict::Rejected(_) | Verdict::Undecided(_)]), "{alone:?}");
    if let Some(expected) = V::beside_an_unknown() {
        let mixed = [V::update(11, false), V::unknown(), V::update(12, false)];
        assert_eq!(letters(&sink.send(&mixed).await.unwrap()), expected);
        let moved = [V::unknown(), V::update(13, false), V::update(14, false)];
        let moved = letters(&sink.send(&moved).await.unwrap());
        let expected: Vec<char> = expected.chars().collect();
        assert_eq!(
            moved,
            String::from_iter([expected[1], expected[0], expected[2]]),
            "the verdicts move with the updates"
        );
    }
}

pub(crate) async fn a_batch_that_the_vendor_refuses_is_ok_with_undecided<V: Vendor>(make: Make) {
    for status in [400, 413, 422] {
        let server = Server::start(Server::answer(status, "", "no")).await;
        let sink = V::sink(&server.base_url, make(options()));
        let batch = batch::<V>(&*sink, 3);
        let verdicts = sink.send(&batch).await.unwrap();
        assert_eq!(letters(&verdicts), "U".repeat(batch.len()), "http {status}");
        for verdict in verdicts {
            let Verdict::Undecided(rejection) = verdict else { unreachable!() };
            assert!(rejection.code().is_none() && !rejection.is_listed(), "{rejection:?}");
        }
    }
}

pub(crate) async fn dropping_the_future_may_leave_the_batch_applied<V: Vendor>(make: Make) {
    let mut silent = Server::start(None).await;
    let sink = V::sink(&silent.base_url, make(options()));
    let batch = batch::<V>(&*sink, 3);
    tokio::select! {
        outcome = sink.send(&batch) => panic!("nobody answers: {outcome:?}"),
        () = silent.request_came() => {}
    }
    // The request has left whole, so the vendor may apply it; and the sink is as good as before.
    assert_eq!(silent.requests(), 1);
    let numbers: Vec<u32> = (0..).take(batch.len()).collect();
    let server = Server::start(Server::answer(200, "", V::success(&numbers))).await;
    let sink = V::sink(&server.base_url, make(options()));
    drop(sink.send(&batch));
    assert_eq!(letters(&sink.send(&batch).await.unwrap()), "A".repeat(batch.len()));
    assert_eq!(server.requests(), 1, "a future that was never polled sends nothing");
}

pub(crate) async fn an_error_says_whether_to_try_again_and_whether_the_batch_may_have_been_applied<V: Vendor>(
    make: Make,
) {
    use SinkErrorKind as K;
    let seconds = |seconds| Retry::After(Duration::from_secs(seconds));
    let answered = [
        (Server::answer(200, "", "<html>"), K::Unreadable, Retry::Backoff, Applied::Maybe),
        (Server::answer(200, "", "{}"), K::Unreadable, Retry::Backoff, Applied::Maybe),
        (Server::answer(502, "", "<html>"), K::Unavailable, Retry::Backoff, Applied::Maybe),
        (Server::answer(503, "retry-after: 7\r\n", ""), K::Unavailable, seconds(7), Applied::Maybe),
        (Server::answer(429, "retry-after: 3\r\n", ""), K::Throttled, seconds(3), Applied::No),
        (Server::answer(401, "", ""), K::Credentials, Retry::Never, Applied::No),
        (Server::answer(403, "", ""), K::Forbidden, Retry::Never, Applied::No),
        (Server::answer(404, "", ""), K::WrongAddress, Retry::Never, Applied::No),
        (None, K::Timeout, Retry::Backoff, Applied::Maybe),
    ];
    for (answer, kind, retry, applied) in answered {
        let server = Server::start(answer).await;
        let sink = V::sink(&server.base_url, make(options().with_exchange_timeout(Duration::from_millis(300))));
        let error = sink.send(&batch::<V>(&*sink, 3)).await.unwrap_err();
        assert_eq!((error.kind(), error.retry(), error.applied()), (kind, retry, applied), "{error}");
        let shown = format!("{error} {error:?} {}", error.advice());
        assert!(!shown.contains("127.0.0.1") && !shown.contains("http:"), "no URL: {shown}");
    }
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let sink = V::sink(&format!("http://{nobody}"), make(options()));
    let error = sink.send(&batch::<V>(&*sink, 1)).await.unwrap_err();
    assert_eq!((error.kind(), error.retry(), error.applied()), (K::Connect, Retry::Backoff, Applied::No));
}
