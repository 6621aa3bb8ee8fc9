//! Drives any [`ContactSink`](contact_sink_core::ContactSink): order, batches, pace, retries, isolation of bad updates, and
//! stopping when the run as a whole is wrong.
//!
//! A [`Delivery`] is a handle on one sink, one limiter and one order. Clone it and share it; every update that is given to it ends in
//! exactly one [`Outcome`].
//!
//! 1. An update is validated before anything is sent.
//! 2. Two updates of one subject are never in flight together, and a later one is never sent before an earlier one has its outcome.
//! 3. Updates share requests by the sink's key and limit, by count or linger time, whichever comes first. A batch that failed three
//!    times while other requests succeeded is halved.
//! 4. Departures follow the sink's quota, see [`Limiter`].
//! 5. What failed is sent again, with full jitter.
//! 6. After an attempt without an answer a different value of its subject is held back, see [`Options::maybe_applied_hold`].
//! 7. A request that the vendor refused as a whole is taken apart until each update has its own answer.
//! 8. An update of [`Delivery::deliver`] is sent before those of [`Delivery::deliver_all`].
//!
//! A run ends and is delivered again; a service never ends. What they do not share is in the table of [`Options`].
//!
//! Nothing is kept on disk here, and no memory grows with the length of the input or the life of the delivery. What must outlive the
//! process is told to a [`Journal`] before the callers: the crate `contact-sink-journal` has one.
//!
//! # In a service
//!
//! One handle is opened at the start, shared by all handlers, and closed at the end. Updates of concurrent requests are sent
//! together. What to do with each outcome:
//!
//! | outcome | what it means for the caller |
//! |---|---|
//! | [`Outcome::Accepted`] | the vendor has the value |
//! | [`Outcome::Rejected`] | the value cannot be stored: correct it |
//! | [`Undelivered::Deadline`], [`Undelivered::Attempts`], [`Undelivered::Paused`] | send the *current* value again later |
//! | [`Undelivered::Closed`], [`Undelivered::Stopped`], [`Undelivered::Broken`] | the same, to another delivery |
//!
//! The current value, not the one that was undelivered: a newer update of the user may have been accepted since. Where updates must
//! not be lost with the process, they come from a table or a stream of the caller's.
//!
//! ```
//! use std::future::Future;
//! use std::time::Duration;
//!
//! use axum::extract::{Path, State};
//! use axum::http::StatusCode;
//! use axum::{Router, routing};
//! use contact_sink_core::{ContactSink, ContactUpdate, Field, Subject, UserId};
//! use contact_sink_delivery::{Delivery, Health, Options, Outcome};
//! use tokio::net::TcpListener;
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
//!     match delivery.deliver_within(update, Duration::from_secs(5)).await {
//!         Outcome::Accepted => (StatusCode::NO_CONTENT, String::new()),
//!         // Our words and the vendor's code; the vendor's text is personal data and stays out.
//!         Outcome::Rejected { rejections, .. } => {
//!             let reasons: Vec<String> = rejections.iter().map(ToString::to_string).collect();
//!             (StatusCode::UNPROCESSABLE_ENTITY, reasons.join("; "))
//!         }
//!         _ => (StatusCode::SERVICE_UNAVAILABLE, "not delivered: send it again".to_owned()),
//!     }
//! }
//!
//! /// Ready in every state in which the delivery continues by itself.
//! async fn ready(State(delivery): State<Delivery>) -> Answer {
//!     let health = delivery.health().borrow().clone();
//!     match health {
//!         Health::Stopped(stop) => (StatusCode::SERVICE_UNAVAILABLE, stop.to_string()),
//!         health => (StatusCode::OK, health.name().to_owned()),
//!     }
//! }
//!
//! async fn serve(
//!     sink: impl ContactSink + 'static,
//!     options: Options,
//!     listener: TcpListener,
//!     shutdown: impl Future<Output = ()> + Send + 'static,
//! ) -> std::io::Result<()> {
//!     let delivery = Delivery::new(sink, options);
//!     let app = Router::new().route("/users/{user}/email", routing::put(set_email)).route("/ready", routing::get(ready));
//!     axum::serve(listener, app.with_state(delivery.clone())).with_graceful_shutdown(shutdown).await?;
//!     // What is in flight is still answered.
//!     let summary = delivery.close(Duration::from_secs(10)).await;
//!     println!("{} accepted, {} rejected, {} undelivered", summary.accepted, summary.rejected, summary.undelivered);
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
//!
//! // The process before closed in order: no request of it is on its way.
//! let options = Options::for_service().with_first_after(Duration::ZERO);
//! # let delivery = Delivery::new(Vendor, options.clone());
//! # let call = |email: &str| set_email(State(delivery.clone()), Path(7), email.to_owned());
//! # assert_eq!(ready(State(delivery.clone())).await, (StatusCode::OK, "starting".to_owned()));
//! # assert_eq!(call("a@b.example").await, (StatusCode::NO_CONTENT, String::new()));
//! # assert_eq!(ready(State(delivery.clone())).await, (StatusCode::OK, "normal".to_owned()));
//! # assert_eq!(call("nonsense").await, (StatusCode::UNPROCESSABLE_ENTITY, "an address has an @".to_owned()));
//! # assert_eq!(call("").await.0, StatusCode::UNPROCESSABLE_ENTITY);
//! # delivery.halt();
//! # assert_eq!(call("a@b.example").await.0, StatusCode::SERVICE_UNAVAILABLE);
//! # assert_eq!(ready(State(delivery.clone())).await.0, StatusCode::SERVICE_UNAVAILABLE);
//! # serve(Vendor, options, TcpListener::bind("127.0.0.1:0").await?, std::future::ready(())).await
//! # }
//! ```
//!
//! # A whole table beside it
//!
//! [`Delivery::deliver_all`] on a clone of the same handle shares the quota and the order with the callers of
//! [`Delivery::deliver`]. An update of a user is sent after the ones of that user that were given before it.
//!
//! ```
//! use std::error::Error;
//!
//! use contact_sink_core::{ContactUpdate, Subject, UserId};
//! use contact_sink_delivery::{Delivery, Outcome};
//! use futures_util::{Stream, stream};
//!
//! /// Reads only as far as the buffer has places. What is left pending is for the next run.
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
//! # let delivery = Delivery::new(Vendor, contact_sink_delivery::Options::for_run());
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
//! A delivery waits on Tokio's clock. On a paused one a test of the code around it takes no time, whatever the vendor does. The
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
//!     let delivery = Delivery::new(sink, Options::for_run());
//!     let update = ContactUpdate::new(Subject::User(UserId::from(7))).with("email".parse()?, "a@b.example")?;
//!     let began = Instant::now();
//!     assert_eq!(delivery.deliver(update).await, Outcome::Accepted);
//!     assert!(began.elapsed() >= Duration::from_secs(7), "and no time has passed");
//!     Ok(())
//! }
//! ```
#![doc = include_str!("observe.md")]

mod backoff;
mod buffer;
mod delivery;
mod journal;
mod lane;
mod limiter;
mod observe;
mod options;
mod outcome;
mod outcomes;

pub use delivery::{Delivery, Full, Ticket};
pub use journal::{Admission, Departing, Journal, JournalError, Numbered, Settled};
pub use limiter::{Limiter, Permit};
pub use options::{MaxRejected, Options};
pub use outcome::{Health, Outcome, Stop, Summary, Undelivered};
pub use outcomes::Outcomes;
