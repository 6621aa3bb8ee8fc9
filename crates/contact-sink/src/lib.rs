//! Keeps messaging vendors' copies of users' contact data equal to yours. All of it in one crate; pick by feature.
//!
//! The domain model stands at the root: a [`ContactUpdate`] sets fields of one [`Subject`], a [`ContactSink`] is one
//! endpoint of one vendor. The rest is in modules, each behind the feature of its name.
//!
//! | feature | what it adds |
//! |---|---|
//! | `delivery` (default) | [`delivery`]: order, batches, pace, retries, isolation of bad updates, and stopping |
//! | `jiguang` | [`jiguang`]: the vendor Jiguang Operation Growth |
//! | `hyper` | [`HyperTransport`](transport::HyperTransport): HTTP/1.1 over hyper and rustls |
//! | `reqwest` | [`ReqwestTransport`](transport::ReqwestTransport): the same over reqwest, for a service that has it already |
//! | `native-roots` | the platform's certificates are trusted beside the compiled-in ones |
//! | `transport` | [`transport`]: the trait for a transport of one's own; every vendor and transport turns it on |
//! | `mock` | [`MockContactSink`], for tests of the code around a sink |
//! | `sandbox` | [`sandbox`]: a local server that behaves as the vendors' documents say, for tests |
//!
//! A vendor's client is given its transport, and a delivery its sink:
#![cfg_attr(all(feature = "delivery", feature = "hyper", feature = "jiguang"), doc = "```no_run")]
#![cfg_attr(not(all(feature = "delivery", feature = "hyper", feature = "jiguang")), doc = "```ignore")]
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use contact_sink::delivery::{Delivery, Options, Outcome};
//! use contact_sink::jiguang::{ChannelKind, Config, Jiguang, JiguangSink, channel};
//! use contact_sink::transport::{HyperTransport, TransportOptions};
//! use contact_sink::{ContactUpdate, Subject, UserId};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let transport = Arc::new(HyperTransport::new(TransportOptions::default())?);
//! let config = Config::new("100102", std::env::var("JIGUANG_PROJECT_SECRET")?.into());
//! let sink = JiguangSink::new(Jiguang::new(config, transport)).with_channel(210, ChannelKind::Sms);
//! let delivery = Delivery::new(sink, Options::default());
//!
//! let mobile = channel(210, "默认联系")?;
//! let update = ContactUpdate::new(Subject::User(UserId::from(10362819))).with(mobile, "15088888888")?;
//! match delivery.deliver(update).await {
//!     Outcome::Accepted => println!("the vendor took it"),
//!     Outcome::Rejected { rejections, .. } => println!("refused: {rejections:?}"),
//!     outcome => println!("send it again later: {outcome:?}"),
//! }
//! let summary = delivery.close(Duration::from_secs(30)).await;
//! println!("{} requests", summary.requests);
//! # Ok(())
//! # }
//! ```
//!
//! `examples/one_update.rs` is the same against the sandbox.
//!
//! # Tests with the sandbox
//! A service is tested against a server that is as strict as the vendor's document, and that fails when it is told to:
#![cfg_attr(all(feature = "delivery", feature = "hyper", feature = "jiguang", feature = "sandbox"), doc = "```")]
#![cfg_attr(
    not(all(feature = "delivery", feature = "hyper", feature = "jiguang", feature = "sandbox")),
    doc = "```ignore"
)]
//! use std::sync::Arc;
//!
//! use contact_sink::delivery::{Delivery, Options, Outcome};
//! use contact_sink::jiguang::{Config, Jiguang, JiguangSink, channel};
//! use contact_sink::sandbox::{Fault, FaultKind, Faults, Sandbox, World};
//! use contact_sink::transport::{HyperTransport, TransportOptions};
//! use contact_sink::{ContactUpdate, Subject, UserId};
//!
//! // #[tokio::test]
//! # #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let mut world = World::default();
//!     world.jiguang.unknown_cuids = Some([404].into());
//!     let sandbox = Sandbox::start(world)?;
//!     // The answer to the first request is lost after the request has had its effect.
//!     sandbox.set_faults(Faults::default().with_next(Fault::new(FaultKind::Reset).applied(true)))?;
//!
//!     let transport = Arc::new(HyperTransport::new(TransportOptions::default())?);
//!     let config = Config::new("sandbox", "sandbox".into()).with_base_url(sandbox.base_url().parse()?);
//!     let delivery = Delivery::new(JiguangSink::new(Jiguang::new(config, transport)), Options::default());
//!     let mail = channel(219, "默认联系")?;
//!     let update = |cuid| ContactUpdate::new(Subject::User(UserId::from(cuid))).with(mail.clone(), "a@b.example");
//!
//!     assert_eq!(delivery.deliver(update(7)?).await, Outcome::Accepted);
//!     assert!(matches!(delivery.deliver(update(404)?).await, Outcome::Rejected { .. }));
//!
//!     assert_eq!(sandbox.faults_met()[&FaultKind::Reset], 1);
//!     assert_eq!(sandbox.jiguang().stored(7).unwrap_or_default()["219/默认联系"], "a@b.example");
//!     assert_eq!(sandbox.jiguang().stored(404), None);
//!     sandbox.shutdown().await;
//!     Ok(())
//! }
//! ```

/// The README's examples compile.
#[cfg(all(doctest, feature = "delivery", feature = "hyper", feature = "jiguang"))]
#[doc = include_str!("../../../README.md")]
struct Readme;

#[doc(inline)]
pub use contact_sink_core::*;
#[cfg(feature = "delivery")]
#[doc(inline)]
pub use contact_sink_delivery as delivery;
#[cfg(feature = "engagelab")]
#[doc(inline)]
pub use contact_sink_engagelab as engagelab;
#[cfg(feature = "jiguang")]
#[doc(inline)]
pub use contact_sink_jiguang as jiguang;
#[cfg(feature = "sandbox")]
#[doc(inline)]
pub use contact_sink_sandbox as sandbox;
#[cfg(feature = "tencent")]
#[doc(inline)]
pub use contact_sink_tencent as tencent;
#[cfg(feature = "transport")]
#[doc(inline)]
pub use contact_sink_transport as transport;
