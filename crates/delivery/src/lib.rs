//! Drives any [`ContactSink`](contact_sink_core::ContactSink): order, batches, pace, retries, isolation of bad updates, and
//! stopping when the run as a whole is wrong.
//!
//! A [`Delivery`] is a handle on one lane: one sink, one limiter, one order. Clone it and share it; every update that is
//! given to it ends in exactly one [`Outcome`].
//!
//! 1. An update is validated before anything is sent.
//! 2. Two updates of one subject are never in flight together, and the later never overtakes the earlier.
//! 3. Updates share requests by the sink's key and limit, by count or linger time, whichever comes first.
//! 4. Departures follow the sink's quota, see [`Limiter`].
//! 5. What failed is sent again, with full jitter; what ran out of tries is [`Outcome::Unsettled`]. Until
//!    something gets through, one request at a time probes whether the vendor is there: after 10 s the lane stops, see
//!    [`Options::unreachable_after`]. A vendor that goes down later is probed and waited for in the same way, for half an hour, see
//!    [`Options::patience`].
//! 6. After an attempt whose end is unknown a different value of its subject waits, see [`Options::maybe_applied_hold`].
//! 7. A request that the vendor refused as a whole is taken apart until each update has its own answer.
//! 8. The lane stops when a person must act (credentials, a wrong base URL), when everything is refused alike (a wrong key or
//!    label must not make a million dead letters), or when too much is rejected, see [`MaxRejected`]. To tell a wrong key from
//!    bad rows that stand together, the last batch of an input leaves when what left before it is answered and taken apart.
//!
//! Nothing is kept on disk here and no memory grows with the length of the input. What is to outlive the process is told to a
//! [`Journal`] before anybody else: the crate `contact-sink-journal` has one.
//!
//! # In a service
//!
//! One handle is opened at the start, shared by all handlers, and closed at the end. Updates of concurrent requests leave
//! together. [`Options::unreachable_after`] and [`Options::patience`] are `None`, so that a vendor that is down, while the service
//! starts or later, does not end the lane; each handler limits its own waiting instead.
//!
//! ```
//! use std::future::Future;
//! use std::time::Duration;
//!
//! use axum::extract::{Path, State};
//! use axum::http::StatusCode;
//! use axum::{Router, routing};
//! use contact_sink_core::{Field, ContactSink, ContactUpdate, Subject, UserId};
//! use contact_sink_delivery::{Delivery, Options, Outcome};
//! use tokio::net::TcpListener;
//! use tokio::time::timeout;
//!
//! type Answer = (StatusCode, String);
//!
//! /// `PUT /users/7/email` with the address as the body.
//! async fn set_email(State(delivery): State<Delivery>, Path(user): Path<i64>, email: String) -> Answer {
//!     let update = ContactUpdate::new(Subject::User(UserId::from(user)));
//!     let update = match "email".parse().map(|field: Field| update.with(field, email)) {
//!         Ok(Ok(update)) => update,
//!         _ => return (StatusCode::UNPROCESSABLE_ENTITY, "no e-mail address".to_owned()),
//!     };
//!     match timeout(Duration::from_secs(5), delivery.deliver(update)).await {
//!         Ok(Outcome::Accepted) => (StatusCode::NO_CONTENT, String::new()),
//!         // Our words and the vendor's code; the vendor's text is personal data and stays out.
//!         Ok(Outcome::Rejected { rejections, .. }) => {
//!             let reasons: Vec<String> = rejections.iter().map(ToString::to_string).collect();
//!             (StatusCode::UNPROCESSABLE_ENTITY, reasons.join("; "))
//!         }
//!         Ok(_) => (StatusCode::SERVICE_UNAVAILABLE, "not delivered: send it again".to_owned()),
//!         // The lane has it still and may yet deliver it.
//!         Err(_) => (StatusCode::GATEWAY_TIMEOUT, "not known yet: it is safe to send it again".to_owned()),
//!     }
//! }
//!
//! async fn serve(
//!     sink: impl ContactSink + 'static,
//!     listener: TcpListener,
//!     shutdown: impl Future<Output = ()> + Send + 'static,
//! ) -> std::io::Result<()> {
//!     let delivery = Delivery::new(sink, Options::default().with_unreachable_after(None).with_patience(None));
//!     let app = Router::new().route("/users/{user}/email", routing::put(set_email)).with_state(delivery.clone());
//!     axum::serve(listener, app).with_graceful_shutdown(shutdown).await?;
//!     // Nobody asks any more: what callers left behind is still delivered, or given up.
//!     let summary = delivery.close(Duration::from_secs(10)).await;
//!     println!("{} accepted, {} rejected, {} given up", summary.accepted, summary.rejected, summary.unsettled);
//!     Ok(())
//! }
//! # use contact_sink_core::*;
//! # struct Vendor;
//! # #[async_trait::async_trait] impl ContactSink for Vendor {
//! #     fn limits(&self) -> Limits { Limits::new(std::num::NonZeroUsize::MIN) }
//! #     fn batch_key(&self, _: &ContactUpdate) -> BatchKey { BatchKey::any() }
//! #     fn validate(&self, update: &ContactUpdate) -> Result<(), Rejection> {
//! #         match update.fields() { [(_, Value::Text(email))] if email.contains('@') => Ok(()), _ => Err(Rejection::by_rule("an address has an @")) }
//! #     }
//! #     async fn send(&self, batch: &[ContactUpdate]) -> Result<Vec<Verdict>, SinkError> { Ok(vec![Verdict::Accepted; batch.len()]) }
//! # }
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
//! # let delivery = Delivery::new(Vendor, Options::default());
//! # let call = |email: &str| set_email(State(delivery.clone()), Path(7), email.to_owned());
//! # assert_eq!(call("a@b.example").await, (StatusCode::NO_CONTENT, String::new()));
//! # assert_eq!(call("nonsense").await, (StatusCode::UNPROCESSABLE_ENTITY, "an address has an @".to_owned()));
//! # assert_eq!(call("").await.0, StatusCode::UNPROCESSABLE_ENTITY);
//! # delivery.halt();
//! # assert_eq!(call("a@b.example").await.0, StatusCode::SERVICE_UNAVAILABLE);
//! # serve(Vendor, TcpListener::bind("127.0.0.1:0").await?, std::future::ready(())).await
//! # }
//! ```
//!
//! # A whole table beside it
//!
//! [`Delivery::deliver_all`] on a clone of the same handle shares the quota and the order with whoever calls
//! [`Delivery::deliver`] meanwhile: a user's newer value is never overwritten by an older row that was read later.
//!
//! ```
//! use std::error::Error;
//!
//! use contact_sink_core::{ContactUpdate, Subject, UserId};
//! use contact_sink_delivery::{Delivery, Outcome};
//! use futures_util::{Stream, stream};
//!
//! /// Reads only as far as the lane has room. What is left pending is for the next run.
//! async fn sync(delivery: Delivery, rows: impl Stream<Item = (i64, ContactUpdate)> + Send + 'static) -> Vec<i64> {
//!     let mut outcomes = delivery.deliver_all(rows);
//!     let mut pending = Vec::new();
//!     while let Some((row, outcome)) = outcomes.next().await {
//!         match outcome {
//!             Outcome::Accepted => {}
//!             Outcome::Rejected { rejections, .. } => eprintln!("row {row}: {rejections:?}"),
//!             _ => pending.push(row),
//!         }
//!     }
//!     if let Some(stop) = outcomes.summary().stop {
//!         eprintln!("stopped: {stop}");
//!     }
//!     pending
//! }
//!
//! fn update(user: i64, email: &str) -> Result<ContactUpdate, Box<dyn Error>> {
//!     let update = ContactUpdate::new(Subject::User(UserId::from(user)));
//!     Ok(update.with("email".parse()?, email)?)
//! }
//! # use contact_sink_core::*;
//! # struct Vendor;
//! # #[async_trait::async_trait] impl ContactSink for Vendor {
//! #     fn limits(&self) -> Limits { Limits::new(std::num::NonZeroUsize::MIN.saturating_add(99)) }
//! #     fn batch_key(&self, _: &ContactUpdate) -> BatchKey { BatchKey::any() }
//! #     fn validate(&self, _: &ContactUpdate) -> Result<(), Rejection> { Ok(()) }
//! #     async fn send(&self, batch: &[ContactUpdate]) -> Result<Vec<Verdict>, SinkError> { Ok(vec![Verdict::Accepted; batch.len()]) }
//! # }
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn Error>> {
//! # let delivery = Delivery::new(Vendor, contact_sink_delivery::Options::default());
//!
//! let rows = (0..10_000).map(|row| Ok((row, update(row, "old@b.example")?)));
//! let rows = stream::iter(rows.collect::<Result<Vec<_>, Box<dyn Error>>>()?);
//! let nightly = tokio::spawn(sync(delivery.clone(), rows));
//! assert_eq!(delivery.deliver(update(10_001, "new@b.example")?).await, Outcome::Accepted);
//! assert_eq!(nightly.await?, [0; 0], "no row is pending");
//! # assert_eq!(delivery.summary().accepted, 10_001);
//! # Ok(()) }
//! ```
//!
//! # In tests
//!
//! A lane waits on Tokio's clock. On a paused one a test of the code around it takes no time, whatever the vendor does. The
//! mock is behind the feature `mock` of `contact-sink-core`.
//!
//! ```
//! use std::num::NonZeroUsize;
//! use std::time::Duration;
//!
//! use contact_sink_core::{
//!     BatchKey, ContactUpdate, Limits, MockContactSink, Retry, SinkError, SinkErrorKind, Subject, UserId, Verdict,
//! };
//! use contact_sink_delivery::{Delivery, Options, Outcome};
//! use tokio::time::Instant;
//!
//! // In a test: #[tokio::test(start_paused = true)]
//! #[tokio::main(flavor = "current_thread", start_paused = true)]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let mut sink = MockContactSink::new();
//!     sink.expect_limits().return_const(Limits::new(NonZeroUsize::MIN));
//!     sink.expect_batch_key().returning(|_| BatchKey::any());
//!     sink.expect_validate().returning(|_| Ok(()));
//!     // The vendor is over-loaded at first.
//!     let busy = SinkError::new("vendor", "set", SinkErrorKind::Unavailable).with_retry(Retry::After(Duration::from_secs(7)));
//!     sink.expect_send().times(1).return_once(|_| Err(busy));
//!     sink.expect_send().times(1).returning(|batch| Ok(vec![Verdict::Accepted; batch.len()]));
//!
//!     let delivery = Delivery::new(sink, Options::default());
//!     let update = ContactUpdate::new(Subject::User(UserId::from(7))).with("email".parse()?, "a@b.example")?;
//!     let began = Instant::now();
//!     assert_eq!(delivery.deliver(update).await, Outcome::Accepted);
//!     assert!(began.elapsed() >= Duration::from_secs(7), "and no time has passed");
//!     Ok(())
//! }
//! ```
#![doc = include_str!("observe.md")]

mod backoff;
mod delivery;
mod journal;
mod lane;
mod limiter;
mod observe;
mod options;
mod outcome;
mod outcomes;
mod room;

pub use delivery::Delivery;
pub use journal::{Admission, Departing, Journal, JournalError, Numbered, Settled};
pub use limiter::{Limiter, Permit};
pub use options::{MaxRejected, Options};
pub use outcome::{Outcome, Stop, Summary};
pub use outcomes::Outcomes;
