//! How many requests a second a delivery makes, beside a bare loop of the same client at the same concurrency. Not a test:
//! `cargo xtask bench loop` runs it against a sandbox in a process of its own and holds the ratio against its limit.
//!
//! Arguments: the base URL of a sandbox without a quota for EngageLab, updates a round, rounds. It prints one JSON object.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use contact_sink_core::ContactUpdate;
use contact_sink_delivery::{Delivery, Options, Outcome};
use contact_sink_engagelab::{Config, EngageLab, EngageLabSink, UserContacts, contact};
use contact_sink_transport::HyperTransport;
use futures_util::stream;
use tokio::task::JoinSet;

const CONCURRENCY: NonZeroUsize = NonZeroUsize::new(32).unwrap();
const EMAIL: &str = "user@example.com";

#[tokio::main(flavor = "current_thread")]
async fn main() {
    // `cargo test` and `cargo bench` may run it without arguments, or with their own: then there is nothing to do.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let [base_url, updates, rounds] = arguments.as_slice() else { return };
    let (updates, rounds): (i64, u32) = (updates.parse().unwrap(), rounds.parse().unwrap());
    let transport = HyperTransport::new().unwrap();
    let config = Config::new("sandbox", "sandbox".into()).unwrap().with_base_url(base_url.parse().unwrap());
    let client = EngageLab::new(config, transport);
    // Connections are made before anything is measured.
    bare(&client, 1_000).await;
    let (mut bare_loop, mut delivery) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        bare_loop.push(bare(&client, updates).await);
        delivery.push(delivered(&client, updates).await);
    }
    println!("{}", serde_json::json!({ "bare": bare_loop, "delivery": delivery }));
}

/// Requests a second of a loop that does nothing but call the client.
async fn bare(client: &EngageLab, updates: i64) -> f64 {
    let (began, next) = (Instant::now(), Arc::new(AtomicI64::new(0)));
    let mut loops = JoinSet::new();
    for _ in 0..CONCURRENCY.get() {
        let (client, next) = (client.clone(), next.clone());
        loops.spawn(async move {
            loop {
                let euid = next.fetch_add(1, Ordering::Relaxed);
                if euid >= updates {
                    break;
                }
                let answer = client.set_contacts(&UserContacts::new(euid).with("email", EMAIL)).await;
                assert!(answer.unwrap().is_success());
            }
        });
    }
    loops.join_all().await;
    updates as f64 / began.elapsed().as_secs_f64()
}

/// The same by a delivery.
async fn delivered(client: &EngageLab, updates: i64) -> f64 {
    let began = Instant::now();
    let sink = EngageLabSink::from(client.clone()).with_quota(None);
    let delivery = Delivery::new(sink, Options::for_run().with_concurrency(CONCURRENCY));
    let email = contact("email").unwrap();
    let rows = (0..updates).map(move |euid| {
        let update = ContactUpdate::user(euid);
        (euid, update.with(email.clone(), EMAIL).unwrap())
    });
    let mut outcomes = delivery.deliver_all(stream::iter(rows));
    let mut accepted = 0;
    while let Some((_, outcome)) = outcomes.next().await {
        assert_eq!(outcome, Outcome::Accepted);
        accepted += 1;
    }
    assert_eq!((accepted, outcomes.summary().requests), (updates, updates as u64));
    updates as f64 / began.elapsed().as_secs_f64()
}
