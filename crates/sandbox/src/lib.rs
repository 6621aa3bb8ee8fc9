//! A local HTTP server that behaves as the vendors' endpoints are documented to. Not a client, and no part of one.
//!
//! It is written from the vendors' documents alone and shares no code with the clients, so that the two cannot be wrong
//! together. It is as strict as the documents allow: where they are silent it refuses, or a setting chooses. What it
//! takes, the vendor should take.
//!
//! The endpoints are those of the [vendors](VENDORS), each described in its module. The server has pages of its own as well:
//!
//! | page | what it is for |
//! |---|---|
//! | `GET /_sandbox/state` | what is stored, by the vendors' names, and what was counted: `{"engagelab":{"10362473":{"email":"…"}},"counters":{"engagelab":{…}},"faults":{"500":3}}` |
//! | `GET /_sandbox/requests` | the latest requests, see [`RequestRecord`]: `{"seen":1,"requests":[{…}]}` |
//! | `POST /_sandbox/faults` | what the next requests meet, see [`Faults`], in place of what was set before: 200; or 400 and why, and nothing is changed |
//! | `DELETE /_sandbox/faults` | no more faults: 204 |
//! | `POST /_sandbox/changes` | what the vendors' operator changes after so many requests, in place of what was still to come, each key but the first optional: `[{"after_requests":5,"secret":"…","clock_ahead_ms":301000,"revoke_signatures":true}]`; the secret is that of all vendors from then on, the rest is Tencent's: 200; or 400 and where |
//! | `POST /_sandbox/reset` | forgets what is stored, counted and remembered, and the quota's window, but no fault: 204 |
//!
//! The pages need no credentials; a server that listens on loopback only has no other callers than this
//! machine's users. Everything else on it is 404.
//!
//! ```
//! use contact_sink_sandbox::{Sandbox, World, jiguang::Wording};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut world = World::from_toml("latency_ms = 20")?;
//! world.jiguang.wording = Wording::Nothing;
//! let sandbox = Sandbox::start(world)?;
//! println!("base URL: {}", sandbox.base_url());
//! assert_eq!(sandbox.jiguang().stored(10362819), None);
//! sandbox.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! # Faults and HTTPS
//! A test scripts what goes wrong, and reads in the log that it did:
//! ```
//! use contact_sink_sandbox::{Fault, FaultKind, Faults, Sandbox, World};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let sandbox = Sandbox::start(World::default())?;
//! // The answer to the next request is lost after the request has had its effect.
//! sandbox.set_faults(Faults::default().with_next(Fault::new(FaultKind::Reset).applied(true)))?;
//!
//! // Here the code under test sends to sandbox.base_url(); this is what leaves it.
//! # use std::io::{Read, Write};
//! # let address = sandbox.address();
//! # let seen = tokio::task::spawn_blocking(move || {
//! # let mut stream = std::net::TcpStream::connect(address)?;
//! let body = r#"[{"cuid": 10362819, "channels": [{"id": 210, "channelValues": {"默认联系": "15088888888"}}]}]"#;
//! let request = format!(
//!     "PUT /smartop/api/v1/user/channel/batch HTTP/1.1\r\nhost: sandbox\r\ncontent-type: application/json\r\n\
//!      authorization: Basic c2FuZGJveDpzYW5kYm94\r\ncontent-length: {}\r\n\r\n{body}",
//!     body.len()
//! );
//! # stream.write_all(request.as_bytes())?;
//! # stream.read(&mut [0; 1])
//! # }).await?;
//! # assert_eq!(seen.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
//!
//! let request = &sandbox.requests()[0];
//! assert_eq!((request.fault, request.applied, request.status), (Some(FaultKind::Reset), true, None));
//! assert_eq!(sandbox.jiguang().stored(10362819).unwrap()["210/默认联系"], "15088888888");
//! # sandbox.shutdown().await;
//! # Ok(())
//! # }
//! ```
//! `Sandbox::start_tls` (feature `tls`, on by default) serves HTTPS with a certificate made at the start; [`Sandbox::root_pem`] is what the client has to trust.
//!
//! # The world
//! [`World::from_toml`] reads this; every key may be left out:
//! ```toml
#![doc = include_str!("../world.toml")]
//! ```
//!
//! No `Debug` in this crate prints a user id, a contact value or a secret, and the request log holds no headers and no query.

/// Names the simulated vendors, one a line. The name is that of the module, of the table in a world, and of the accessor.
macro_rules! each_vendor {
    ($then:ident) => {
        $then! {
            jiguang
            engagelab
            tencent
        }
    };
}

/// The `Debug` of a type whose other fields hold secrets, users or values.
macro_rules! debug_shows {
    ($type:ident: $($field:ident),*) => {
        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($type))$(.field(stringify!($field), &self.$field))*.finish_non_exhaustive()
            }
        }
    };
}

macro_rules! modules {
    ($($vendor:ident)*) => {
        $(pub mod $vendor;)*

        /// The simulated vendors: the name of each is that of its module here and of its table in a world.
        pub const VENDORS: &[&str] = &[$(stringify!($vendor)),*];
    };
}
each_vendor!(modules);

mod answer;
mod changes;
mod choice;
mod counters;
mod door;
mod faults;
mod head;
mod hold;
mod lock;
mod log;
mod pages;
mod quota;
mod sandbox;
mod secret;
mod server;
mod state;
mod strict;
#[cfg(feature = "tls")]
mod tls;
mod users;
mod vendor;
mod vendors;
mod world;

pub use counters::Counters;
pub use faults::{Fault, FaultKind, Faults, InvalidFaults};
pub use log::RequestRecord;
pub use quota::{Quota, Window};
pub use sandbox::Sandbox;
pub use secret::Secret;
pub use world::{DEFAULT_TOML, InvalidWorld, World};
