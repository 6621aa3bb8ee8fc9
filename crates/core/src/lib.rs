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
//! use contact_sink_core::{Address, ContactUpdate, Subject, UserId};
//!
//! let mobile: Address = "210/默认联系".parse()?;
//! let update = ContactUpdate::new(Subject::User(UserId::from(10362819))).with(mobile, "15088888888")?;
//! assert!(!format!("{update:?}").contains("15088888888"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod address;
mod error;
mod quota;
mod sink;
mod update;
mod user_id;
mod verdict;

pub use address::{Address, InvalidAddress};
pub use error::{Applied, Retry, SinkError, SinkErrorKind};
pub use quota::{InvalidQuota, Quota};
#[cfg(feature = "mock")]
pub use sink::MockContactSink;
pub use sink::{BatchKey, ContactSink, Limits, Overlap};
pub use update::{ContactUpdate, InvalidUpdate, Subject, Value};
pub use user_id::{InvalidUserId, UserId};
pub use verdict::{Rejection, Verdict};
