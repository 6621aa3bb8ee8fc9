//! A [contact-sink](contact_sink_core) vendor: Jiguang Operation Growth, "Set Contact Information".
//!
//! ```
//! use contact_sink_core::{ContactSink, ContactUpdate, Verdict};
//! use contact_sink_jiguang::{ChannelKind, Config, JiguangSink, channel, default_label};
//! use contact_sink_transport::http::{Request, Response};
//! use contact_sink_transport::{Bytes, HttpTransport, InvalidCredentials, TransportError, async_trait};
//!
//! fn sink(transport: impl HttpTransport + 'static) -> Result<JiguangSink, InvalidCredentials> {
//!     let config = Config::new("100102", "from the environment".into())?;
//!     Ok(JiguangSink::new(config, transport).with_channel(210, ChannelKind::Sms))
//! }
//!
//! let (mobile, second) = (default_label(210), channel(210, "默认联系1")?);
//! let update = ContactUpdate::user(10362819).with(mobile, "15088888888")?.with(second, "15099999999")?;
//!
//! /// Answers with the vendor's own example, so that nothing leaves this machine.
//! struct Documented(&'static str);
//!
//! #[async_trait]
//! impl HttpTransport for Documented {
//!     async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
//!         assert_eq!(request.uri(), "https://growth.jiguang.cn/smartop/api/v1/user/channel/batch");
//!         Ok(Response::new(Bytes::from_static(self.0.as_bytes())))
//!     }
//! }
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//!
//! let sink = sink(Documented(r#"{"code":0,"msg":"ok"}"#))?;
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
mod kit;
mod sink;
mod wire;

/// Types of other crates that are in signatures here.
pub use contact_sink_transport::{Bytes, Call, InvalidCredentials, InvalidRequest, Kit, SecretString, Vendor, http};

pub use client::Jiguang;
pub use codes::{CODES, VENDOR};
pub use config::{Config, DEFAULT_BASE_URL};
pub use field::{ChannelField, DEFAULT_LABEL, InvalidChannelField, channel, default_label};
pub use kit::KITS;
pub use sink::{ChannelKind, JiguangSink};
pub use wire::{Answer, AnswerError, MAX_USERS, UserChannels, build_set_channels, read_set_channels};

/// The one call that is made here.
pub const SET_CHANNELS: Call = Call { vendor: &VENDOR, operation: "set channels" };
