//! A [contact-sink](contact_sink_core) vendor: Jiguang Operation Growth, "Set Contact Information".
//!
//! ```
//! use std::sync::Arc;
//!
//! use contact_sink_core::{ContactSink, ContactUpdate, Subject, UserId};
//! use contact_sink_jiguang::{ChannelKind, Config, Jiguang, JiguangSink, channel};
//! use contact_sink_transport::HttpTransport;
//!
//! fn sink(transport: Arc<dyn HttpTransport>) -> JiguangSink {
//!     let config = Config::new("100102", "from the environment".into());
//!     JiguangSink::new(Jiguang::new(config, transport)).with_channel(210, ChannelKind::Sms)
//! }
//!
//! let mobile = channel(210, "默认联系")?;
//! let update = ContactUpdate::new(Subject::User(UserId::from(10362819))).with(mobile, "15088888888")?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![doc = include_str!("docs.md")]

mod address;
mod client;
mod codes;
mod config;
mod sink;
mod wire;

pub use address::{ChannelAddress, InvalidChannelAddress, channel};
pub use client::Jiguang;
pub use codes::{CODES, Code, Effect, find_code};
pub use config::{Config, DEFAULT_BASE_URL, InvalidConfig};
pub use sink::{ChannelKind, JiguangSink};
pub use wire::{Answer, AnswerError, BuildError, MAX_USERS, UserChannels, build_set_channels, read_set_channels};

/// The vendor's name in errors: `jiguang`.
pub const VENDOR: &str = "jiguang";

/// The name in errors of the one call that is made here.
pub const SET_CHANNELS: &str = "set channels";
