//! What this crate promises: the judgement, the base URL, HTTP Basic and JSON without a network, and one contract for every transport.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "transport/base_url.rs"]
mod base_url;
#[path = "transport/call.rs"]
mod call;
#[cfg(any(feature = "hyper", feature = "reqwest"))]
#[path = "transport/contract.rs"]
mod contract;
#[path = "transport/credentials.rs"]
mod credentials;
#[cfg(any(feature = "hyper", feature = "reqwest"))]
#[path = "transport/environment.rs"]
mod environment;
#[cfg(all(unix, any(feature = "hyper", feature = "reqwest")))]
#[path = "transport/few_files.rs"]
mod few_files;
#[cfg(feature = "hyper")]
#[path = "transport/hyper.rs"]
mod hyper;
#[path = "transport/json.rs"]
mod json;
#[cfg(all(target_os = "linux", any(feature = "hyper", feature = "reqwest")))]
#[path = "transport/lost_packets.rs"]
mod lost_packets;
#[path = "transport/named.rs"]
mod named;
#[cfg(any(feature = "hyper", feature = "reqwest"))]
#[path = "transport/options.rs"]
mod options;
#[path = "transport/pointers.rs"]
mod pointers;
#[cfg(feature = "reqwest")]
#[path = "transport/reqwest.rs"]
mod reqwest;
#[cfg(any(feature = "hyper", feature = "reqwest"))]
#[path = "transport/server.rs"]
mod server;
#[cfg(any(feature = "hyper", feature = "reqwest"))]
#[path = "transport/support.rs"]
mod support;
