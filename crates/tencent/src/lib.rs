//! A [contact-sink](contact_sink_core) vendor: Tencent Chat, user attributes (`im_set_attr`) and friends (`friend_update`).
//!
//! ```
//! use contact_sink_core::{ContactSink, ContactUpdate, UserId, Verdict};
//! use contact_sink_tencent::{Config, FriendsSink, InvalidConfig, group, region, remark};
//! use contact_sink_transport::http::{Request, Response};
//! use contact_sink_transport::{Bytes, HttpTransport, TransportError, async_trait};
//!
//! fn sink(transport: impl HttpTransport + 'static) -> Result<FriendsSink, InvalidConfig> {
//!     let config = Config::new(1400000000, "administrator", "from the environment".into())?;
//!     Ok(FriendsSink::new(config.with_region(region::SINGAPORE), transport))
//! }
//!
//! let (owner, friend) = (UserId::new("id")?, UserId::new("id1")?);
//! let update = ContactUpdate::friend(owner, friend).with(remark(), "remark1")?.with(group(), ["group1", "group2"])?;
//!
//! /// Answers with the vendor's own example, so that nothing leaves this machine.
//! struct Documented(&'static str);
//!
//! #[async_trait]
//! impl HttpTransport for Documented {
//!     async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
//!         assert_eq!(request.uri().host(), Some("adminapisgp.im.qcloud.com"));
//!         Ok(Response::new(Bytes::from_static(self.0.as_bytes())))
//!     }
//! }
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//!
//! let answer = r#"{"ResultItem":[{"To_Account":"id1","ResultCode":0,"ResultInfo":""}],"ActionStatus":"OK","ErrorCode":0}"#;
//! let sink = sink(Documented(answer))?;
//! assert_eq!(sink.validate(&update), Ok(()));
//! assert_eq!(sink.send(&[update]).await?, [Verdict::Accepted]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Below the sinks is [`Tencent`] with the vendor's own calls and answers, and [`usersig`].
#![doc = include_str!("docs.md")]

mod client;
mod codes;
mod config;
mod field;
mod kit;
mod signer;
mod sink;
pub mod usersig;
mod wire;

/// Types of other crates that are in signatures here.
pub use contact_sink_transport::{Bytes, Call, Clock, InvalidRequest, Kit, Region, SecretString, Vendor, http};

pub use client::Tencent;
pub use codes::{CODES, VENDOR};
pub use config::{Config, InvalidConfig, region};
pub use field::{FriendField, InvalidTencentField, MAX_ATTRIBUTE_NAME_BYTES, attribute, custom, group, remark};
pub use kit::KITS;
pub use sink::{AttributesSink, FriendsSink};
pub use wire::{
    AccountError, Answer, AttributesOf, Caller, Friend, FriendResult, FriendResults, MAX_ACCOUNTS, MAX_ATTRIBUTES,
    MAX_FRIENDS, TagValue, UserAttributeNames, UserAttributes, build_get_attribute_names, build_get_attributes,
    build_remove_attributes, build_set_attribute_names, build_set_attributes, build_update_friends,
    read_get_attribute_names, read_get_attributes, read_remove_attributes, read_set_attribute_names,
    read_set_attributes, read_update_friends,
};

/// The calls that are made here.
pub mod operation {
    use super::{Call, VENDOR};

    /// `im_set_attr`
    pub const SET_ATTRIBUTES: Call = Call { vendor: &VENDOR, operation: "set attributes" };
    /// `im_remove_attr`
    pub const REMOVE_ATTRIBUTES: Call = Call { vendor: &VENDOR, operation: "remove attributes" };
    /// `im_get_attr`
    pub const GET_ATTRIBUTES: Call = Call { vendor: &VENDOR, operation: "get attributes" };
    /// `im_set_attr_name`
    pub const SET_ATTRIBUTE_NAMES: Call = Call { vendor: &VENDOR, operation: "set attribute names" };
    /// `im_get_attr_name`
    pub const GET_ATTRIBUTE_NAMES: Call = Call { vendor: &VENDOR, operation: "get attribute names" };
    /// `friend_update`
    pub const UPDATE_FRIENDS: Call = Call { vendor: &VENDOR, operation: "update friends" };
}
