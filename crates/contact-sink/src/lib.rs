//! All of contact-sink in one crate: pick vendors and transport by feature.
//!
//! contact-sink keeps messaging vendors' copies of users' contact data equal to a company's own. A vendor's sink takes a
//! [`ContactUpdate`] and gives a [`Verdict`]; [`delivery`] drives it: order, batches, the vendor's quota, retries.
//!
//! | feature | what it adds |
//! |---|---|
//! | a vendor's name, as `jiguang` | that vendor: the module of that name; `vendors` is all of them |
//! | `hyper`, `reqwest` | a transport, in the module `transport` |
//! | `delivery` (on by default) | the engine: the module `delivery`; `metrics` and `tracing` make it observable |
//! | `journal`, `mapping`, `source` | what survives a process; records to updates; records from files |
//! | `sandbox`, `mock` | for tests: a simulator of the vendors; a sink that is told what to answer |
//!
//! # Tests with the sandbox
//! A service is tested against a server that is as strict as the vendor's document, and that fails when it is told to:
#![cfg_attr(all(feature = "delivery", feature = "hyper", feature = "jiguang", feature = "sandbox"), doc = "```")]
#![cfg_attr(
    not(all(feature = "delivery", feature = "hyper", feature = "jiguang", feature = "sandbox")),
    doc = "```ignore"
)]
//! use contact_sink::ContactUpdate;
//! use contact_sink::delivery::{Delivery, Options, Outcome};
//! use contact_sink::jiguang::{Config, JiguangSink, default_label};
//! use contact_sink::sandbox::{Fault, FaultKind, Faults, Sandbox, World};
//! use contact_sink::transport::HyperTransport;
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
//!     let config = Config::new("sandbox", "sandbox".into())?.with_base_url(sandbox.base_url().parse()?);
//!     let delivery = Delivery::new(JiguangSink::new(config, HyperTransport::new()?), Options::for_run());
//!     let update = |cuid| ContactUpdate::user(cuid).with(default_label(219), "a@b.example");
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

#[doc(inline)]
pub use contact_sink_core::*;
#[cfg(feature = "delivery")]
#[doc(inline)]
pub use contact_sink_delivery as delivery;
#[cfg(feature = "journal")]
#[doc(inline)]
pub use contact_sink_journal as journal;
#[cfg(feature = "mapping")]
#[doc(inline)]
pub use contact_sink_mapping as mapping;
#[cfg(feature = "sandbox")]
#[doc(inline)]
pub use contact_sink_sandbox as sandbox;
#[cfg(feature = "source")]
#[doc(inline)]
pub use contact_sink_source as source;
#[cfg(feature = "transport")]
#[doc(inline)]
pub use contact_sink_transport as transport;

/// The one list of vendors: for each the feature, the module here, and the crate.
macro_rules! vendors {
    ($($feature:literal $module:ident $vendor:ident)*) => {
        $(#[cfg(feature = $feature)] #[doc(inline)] pub use $vendor as $module;)*

        /// The kits of the vendors whose features are on: what each says of itself.
        #[cfg(feature = "transport")]
        pub const VENDORS: &[&[transport::Kit]] = &[$(#[cfg(feature = $feature)] $vendor::KITS),*];
    };
}

vendors! {
    "jiguang" jiguang contact_sink_jiguang
    "engagelab" engagelab contact_sink_engagelab
    "tencent" tencent contact_sink_tencent
}

/// The kits of the vendors whose features are on, one for each name under the configuration's key `vendor`.
#[cfg(feature = "transport")]
pub fn kits() -> impl Iterator<Item = &'static transport::Kit> {
    VENDORS.iter().flat_map(|kits| kits.iter())
}
