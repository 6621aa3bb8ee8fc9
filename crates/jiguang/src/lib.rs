//! A [contact-sink](contact_sink_core) vendor: Jiguang Operation Growth, "Set Contact Information".
//!
//! ```
//! use std::sync::Arc;
//!
//! use bytes::Bytes;
//! use contact_sink_core::{ContactSink, ContactUpdate, Subject, UserId, Verdict};
//! use contact_sink_jiguang::{ChannelKind, Config, Jiguang, JiguangSink, channel};
//! use contact_sink_transport::{HttpTransport, TransportError};
//! use http::{Request, Response};
//!
//! fn sink(transport: Arc<dyn HttpTransport>) -> JiguangSink {
//!     let config = Config::new("100102", "from the environment".into());
//!     JiguangSink::new(Jiguang::new(config, transport)).with_channel(210, ChannelKind::Sms)
//! }
//!
//! let mobile = channel(210, "默认联系")?;
//! let update = ContactUpdate::new(Subject::User(UserId::from(10362819))).with(mobile, "15088888888")?;
//!
//! /// Answers with the vendor's own example, so that nothing leaves this machine.
//! struct Documented(&'static str);
//!
//! #[async_trait::async_trait]
//! impl HttpTransport for Documented {
//!     async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
//!         assert_eq!(request.uri(), "https://growth.jiguang.cn/smartop/api/v1/user/channel/batch");
//!         Ok(Response::new(Bytes::from_static(self.0.as_bytes())))
//!     }
//! }
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//!
//! let sink = sink(Arc::new(Documented(r#"{"code":0,"msg":"ok"}"#)));
//! assert_eq!(sink.validate(&update), Ok(()));
//! assert_eq!(sink.send(&[update]).await?, [Verdict::Accepted]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Below the sink is the vendor's own call, with the vendor's own answer: [`Jiguang::set_channels`].
#![doc = include_str!("docs.md")]

mod client;
mod codes;
mod config;
mod field;
mod sink;
mod wire;

pub use client::Jiguang;
pub use codes::{CODES, find_code};
pub use config::{Config, DEFAULT_BASE_URL};
pub use field::{ChannelField, InvalidChannelField, channel};
pub use sink::{ChannelKind, JiguangSink};
pub use wire::{Answer, AnswerError, BuildError, MAX_USERS, UserChannels, build_set_channels, read_set_channels};

/// The vendor's name in errors: `jiguang`.
pub const VENDOR: &str = "jiguang";

/// The name in errors of the one call that is made here.
pub const SET_CHANNELS: &str = "set channels";
