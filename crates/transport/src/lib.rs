//! HTTP for contact-sink: one request, one answer, nothing hidden.
//!
//! A vendor's client is given an [`HttpTransport`], which may be shared in an `Arc`. A transport does one exchange: no retry, no redirect, no proxy
//! from the environment, time limits that cannot be switched off and a cap on the answer. Its errors answer one question,
//! [`TransportError::applied`], and never show a URL, a header or a body. Retrying and pacing are the work of
//! `contact-sink-delivery`.
//!
//! What the vendors' crates share is here too: [`ApiClient`] and [`Credentials`], the checks of a request ([`check_items`],
//! [`check_fields`]), the judgement of an answer by its HTTP status and the vendor's code ([`Call`]), [`match_named`] for
//! answers that name items, [`json`], and the [`Kit`] by which a vendor describes itself. No type of an HTTP library but those
//! of the `http` crate is in a public signature.
//!
//! | feature | what it adds |
//! |---|---|
//! | `hyper` | `HyperTransport`, over hyper: the leaner one, in time and in crates; take it if nothing speaks against it |
//! | `reqwest` | `ReqwestTransport`, over reqwest: for a service that builds reqwest anyhow |
//! | `native-roots` | either of them trusts the platform's certificates beside the compiled-in ones |
//!
//! They take the same [`TransportOptions`] and keep the same promises, which one suite of tests holds both to; what differs
//! stands at `ReqwestTransport`. Both may be on: which one is used is said by what is constructed.
//!
//! # A transport of one's own
//! Often it is a wrapper, here one that logs how long each exchange took. It prints the status and no URL, header or
//! body: those hold secrets and contacts.
//! ```
//! use std::time::Instant;
//!
//! use contact_sink_transport::http::{Request, Response};
//! use contact_sink_transport::{Bytes, HttpTransport, TransportError, async_trait};
//!
//! struct Logged<T>(T);
//!
//! #[async_trait]
//! impl<T: HttpTransport> HttpTransport for Logged<T> {
//!     async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
//!         let start = Instant::now();
//!         let answer = self.0.exchange(request).await;
//!         let took = start.elapsed().as_millis();
//!         match &answer {
//!             Ok(answer) => println!("http {} after {took} ms", answer.status().as_u16()),
//!             // One line without anything personal: `no connection: connection refused`.
//!             Err(error) => println!("{error} after {took} ms"),
//!         }
//!         answer
//!     }
//! }
//! ```
//!
//! In a test it may be a stub that answers without a network:
//! ```
//! use contact_sink_transport::http::{Request, Response};
//! use contact_sink_transport::{Bytes, HttpTransport, TransportError, TransportErrorKind, async_trait};
//!
//! struct Refused;
//!
//! #[async_trait]
//! impl HttpTransport for Refused {
//!     async fn exchange(&self, _: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
//!         Err(TransportError::new(TransportErrorKind::Connect, "connection refused"))
//!     }
//! }
//! ```

/// Implements `Debug` for a struct with personal data or secrets: it prints these fields, or the numbers of their items, and
/// nothing else.
#[macro_export]
macro_rules! debug_shows {
    ($type:ident $(<$life:lifetime>)?: $($field:ident $(.$method:ident())?),+) => {
        impl ::std::fmt::Debug for $type $(<$life>)? {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.debug_struct(stringify!($type))
                    $(.field(stringify!($field), &self.$field$(.$method())?))+
                    .finish_non_exhaustive()
            }
        }
    };
}

mod api_client;
mod base_url;
mod call;
#[cfg(any(feature = "hyper", feature = "reqwest"))]
mod client;
mod credentials;
mod error;
#[cfg(feature = "hyper")]
mod hyper;
pub mod json;
mod kit;
mod named;
mod options;
mod region;
mod request;
#[cfg(feature = "reqwest")]
mod reqwest;

use std::sync::Arc;

pub use api_client::ApiClient;
/// The macro for an implementation of [`HttpTransport`].
pub use async_trait::async_trait;
pub use base_url::{BaseUrl, InvalidBaseUrl};
/// The body of requests and answers.
pub use bytes::Bytes;
pub use call::{Call, Judgement, Vendor};
pub use credentials::{Credentials, InvalidCredentials};
pub use error::{BuildError, TransportError, TransportErrorKind};
/// The crate of the types of requests and answers: [`http::Request`], [`http::Response`].
pub use http;
#[cfg(feature = "hyper")]
pub use hyper::HyperTransport;
pub use kit::{Clock, InvalidValue, Key, KeyKind, KeyValue, Kit, MakeSink, Opening, ReadField, Values};
pub use named::{Named, Unnamed, match_named};
pub use options::{Proxy, TransportOptions};
pub use region::Region;
pub use request::{InvalidRequest, check_fields, check_items};
#[cfg(feature = "reqwest")]
pub use reqwest::{Client as ReqwestClient, ReqwestTransport};
/// A secret that `Debug` does not print; made with `.into()` of a `String`.
pub use secrecy::SecretString;

/// One HTTP exchange.
///
/// - One request leaves, at most once; a redirect is an answer like any other.
/// - It ends within the exchange timeout of the transport, with the whole answer or an error.
/// - Dropping the future may leave the request applied.
#[async_trait]
pub trait HttpTransport: Send + Sync {
    /// Sends the request and reads the whole answer.
    ///
    /// # Errors
    /// [`TransportError`] if there is no whole answer; it says whether the request may have been applied.
    async fn exchange(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError>;
}

macro_rules! forward {
    ($pointer:ident) => {
        #[async_trait]
        impl<T: HttpTransport + ?Sized> HttpTransport for $pointer<T> {
            async fn exchange(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError> {
                (**self).exchange(request).await
            }
        }
    };
}

forward!(Arc);
forward!(Box);
