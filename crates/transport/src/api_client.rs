//! A vendor's client but for its calls: a configuration, a transport, and the one place where credentials are put on a request.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use contact_sink_core::SinkError;
use http::{Request, Response};

use crate::{Call, Credentials, HttpTransport, InvalidRequest};

/// What a vendor's typed client is made of. Clones share configuration and transport. `Debug` prints what the configuration
/// prints.
///
/// It sends one request a call: it does not pace, retry or split.
pub struct ApiClient<C> {
    config: Arc<C>,
    transport: Arc<dyn HttpTransport>,
}

impl<C> ApiClient<C> {
    /// A client with this configuration over this transport, which several clients may share in an `Arc`.
    pub fn new(config: C, transport: impl HttpTransport + 'static) -> Self {
        Self { config: Arc::new(config), transport: Arc::new(transport) }
    }

    /// The configuration.
    pub fn config(&self) -> &C {
        &self.config
    }

    /// Sends a request that has its credentials already.
    ///
    /// # Errors
    /// [`SinkError`] if there is no whole answer.
    pub async fn exchange(&self, call: &Call, request: Request<Bytes>) -> Result<Response<Bytes>, SinkError> {
        let sent = self.transport.exchange(request).await;
        sent.map_err(|error| error.into_sink_error(call.vendor.name, call.operation))
    }

    /// Puts the credentials on a request, sends it, and removes the credentials from the answer, should the vendor repeat them.
    ///
    /// # Errors
    /// [`SinkError`] if there is no whole answer, or the request could not be built: nothing was sent then.
    pub async fn call(
        &self,
        call: &Call,
        credentials: &Credentials,
        request: Result<Request<Bytes>, InvalidRequest>,
    ) -> Result<Response<Bytes>, SinkError> {
        let mut request = request.map_err(|error| call.contract(error))?;
        credentials.put_on(&mut request);
        self.exchange(call, request).await.map(|answer| credentials.masked(answer))
    }
}

impl<C> Clone for ApiClient<C> {
    fn clone(&self) -> Self {
        Self { config: self.config.clone(), transport: self.transport.clone() }
    }
}

impl<C: fmt::Debug> fmt::Debug for ApiClient<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiClient").field("config", &self.config).finish_non_exhaustive()
    }
}
