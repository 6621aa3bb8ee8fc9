//! HTTP for contact-sink: one request, one answer, nothing hidden.
//!
//! A vendor's client is given an `Arc<dyn HttpTransport>`. A transport does one exchange: no retry, no redirect, no proxy
//! from the environment, time limits that cannot be switched off and a cap on the answer. Its errors answer one question,
//! [`TransportError::applied`], and never hold a URL, a header or a body. Retrying and pacing are the work of
//! `contact-sink-delivery`.
//!
//! The judgement of an answer by its HTTP status and the vendor's code, which is the same for all vendors, is
//! [`judge`]. No type of an HTTP library but those of the `http` crate is in a public signature.
//!
//! Features: `hyper` adds `HyperTransport`; `native-roots` trusts the platform's certificates too.

mod base_url;
#[cfg(any(feature = "hyper", feature = "reqwest"))]
mod client;
mod error;
#[cfg(feature = "hyper")]
mod hyper;
mod judge;
mod options;
#[cfg(feature = "reqwest")]
mod reqwest;

use async_trait::async_trait;
use bytes::Bytes;

pub use base_url::{BaseUrl, InvalidBaseUrl};
pub use error::{BuildError, TransportError, TransportErrorKind};
#[cfg(feature = "hyper")]
pub use hyper::HyperTransport;
pub use judge::{Judgement, judge};
pub use options::{Proxy, TransportOptions};
#[cfg(feature = "reqwest")]
pub use reqwest::ReqwestTransport;

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

#[async_trait]
impl<T: HttpTransport + ?Sized> HttpTransport for std::sync::Arc<T> {
    async fn exchange(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError> {
        (**self).exchange(request).await
    }
}
