//! A [contact-sink](contact_sink_core) vendor: EngageLab Marketing Automation, "Set Contact Information".
//!
//! ```
//! use contact_sink_core::{ContactSink, ContactUpdate, Verdict};
//! use contact_sink_engagelab::{Config, EngageLabSink, email, region};
//! use contact_sink_transport::http::{Request, Response};
//! use contact_sink_transport::{Bytes, HttpTransport, InvalidCredentials, TransportError, async_trait};
//!
//! fn sink(transport: impl HttpTransport + 'static) -> Result<EngageLabSink, InvalidCredentials> {
//!     let config = Config::new("the API key", "from the environment".into())?.with_region(region::VIRGINIA);
//!     Ok(EngageLabSink::new(config, transport))
//! }
//!
//! let update = ContactUpdate::user(10362473).with(email(), "12@gmail.com")?;
//!
//! /// Answers with the vendor's own example, so that nothing leaves this machine.
//! struct Documented(&'static str);
//!
//! #[async_trait]
//! impl HttpTransport for Documented {
//!     async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
//!         assert_eq!(request.uri(), "https://ma-api-usva.engagelab.com/v1/user/contact");
//!         Ok(Response::new(Bytes::from_static(self.0.as_bytes())))
//!     }
//! }
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//!
//! let sink = sink(Documented(r#"{"code":0,"message":"success"}"#))?;
//! assert_eq!(sink.validate(&update), Ok(()));
//! assert_eq!(sink.send(&[update]).await?, [Verdict::Accepted]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Below the sink is the vendor's own call, with the vendor's own answer: [`EngageLab::set_contacts`].
#![doc = include_str!("docs.md")]

mod client;
mod codes;
mod config;
mod field;
mod kit;
mod sink;
mod wire;

/// Types of other crates that are in signatures here.
pub use contact_sink_transport::{
    Bytes, Call, InvalidCredentials, InvalidRequest, Kit, Region, SecretString, Vendor, http,
};

pub use client::EngageLab;
pub use codes::{CODES, VENDOR};
pub use config::{Config, region};
pub use field::{CONTACTS, contact, email, kind, landline_phone, mobile_phone, whatsapp_phone};
pub use kit::KITS;
pub use sink::EngageLabSink;
pub use wire::{Answer, UserContacts, build_set_contacts, read_set_contacts};

/// The one call that is made here.
pub const SET_CONTACTS: Call = Call { vendor: &VENDOR, operation: "set contacts" };
