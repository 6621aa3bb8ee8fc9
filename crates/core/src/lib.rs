//! The domain model of contact-sink: what is sent, to whom, and what came of it.
//!
//! A [`ContactUpdate`] sets fields of one [`Subject`] at a vendor. A [`ContactSink`] is one endpoint of one vendor: it sends
//! a batch of updates in one request and gives one [`Verdict`] for each. Driving a sink (order, pace, retries) is the
//! work of `contact-sink-delivery`; speaking HTTP that of `contact-sink-transport`. This crate does no I/O and needs no
//! async runtime.
//!
//! No `Debug` or `Display` in this crate prints a user id, a contact value or a vendor's text.
//!
//! ```
//! use contact_sink_core::{ContactUpdate, Field};
//!
//! let mobile: Field = "210/默认联系".parse()?;
//! let update = ContactUpdate::user(10362819).with(mobile, "15088888888")?;
//! assert!(!format!("{update:?}").contains("15088888888"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod code;
mod error;
mod error_code;
mod field;
mod field_kind;
mod printable;
mod quota;
mod sink;
mod subject_kind;
mod text;
mod update;
mod user_id;
mod value;
mod verdict;

/// The macro for an implementation of [`ContactSink`].
pub use async_trait::async_trait;
pub use code::{Code, Effect, ListedCode};
pub use error::{Applied, Retry, SinkError, SinkErrorKind};
pub use error_code::{ErrorCode, InvalidErrorCode};
pub use field::{Field, InvalidField};
pub use field_kind::FieldKind;
/// For matchers and the order of calls of a [`MockContactSink`].
#[cfg(feature = "mock")]
pub use mockall;
pub use printable::printable;
pub use quota::{InvalidQuota, Quota};
/// A [`ContactSink`] that a test tells what to expect and what to answer, by `mockall`.
///
/// ```
/// use std::num::NonZeroUsize;
///
/// use contact_sink_core::{BatchKey, ContactSink, ContactUpdate, Limits, MockContactSink, Rejection, Verdict};
///
/// let mut sink = MockContactSink::new();
/// sink.expect_limits().return_const(Limits::new(NonZeroUsize::MIN));
/// sink.expect_batch_key().returning(|_| BatchKey::any());
/// sink.expect_validate().returning(|_| Ok(()));
/// // Takes the first request, refuses the second, and panics at a third, or if one of them never comes.
/// sink.expect_send().times(1).returning(|batch| Ok(vec![Verdict::Accepted; batch.len()]));
/// let refused = Verdict::Rejected(Rejection::listed(4107, "no such user"));
/// let answer = vec![refused.clone()];
/// sink.expect_send().times(1).return_once(|_| Ok(answer));
/// # fn at_once<T>(future: impl Future<Output = T>) -> T {
/// #     match std::pin::pin!(future).poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
/// #         std::task::Poll::Ready(output) => output,
/// #         std::task::Poll::Pending => unreachable!(),
/// #     }
/// # }
/// # at_once(async {
///
/// let update = ContactUpdate::user(7).with("email".parse()?, "a@b.example")?;
/// assert_eq!(sink.send(&[update.clone()]).await?, [Verdict::Accepted]);
/// assert_eq!(sink.send(&[update]).await?, [refused]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[cfg(feature = "mock")]
pub use sink::MockContactSink;
pub use sink::{BatchKey, ContactSink, Limits, Overlap};
pub use subject_kind::SubjectKind;
pub use text::Text;
pub use update::{ContactUpdate, InvalidUpdate, Subject, Updates};
pub use user_id::{InvalidUserId, UserId, canonical_i64};
pub use value::Value;
pub use verdict::{Rejection, SubjectPart, Verdict};
