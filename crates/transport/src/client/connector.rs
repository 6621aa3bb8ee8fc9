//! What is around a client's connector: the connect timeout, and no more connections than exchanges.
//!
//! The client asks for a connection whenever none is in its pool, also if one is just on its way back. It takes what comes
//! first, and has the other one made in the background. So it would open more connections than it needs, without a bound:
//! - `one_caller_uses_one_connection` and `a_failed_exchange_is_not_sent_again` count the connections of one caller,
//! - `concurrent_exchanges_share_a_bounded_number_of_connections` counts those of many.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{sleep, timeout};
use tower_service::Service;

use super::failure::{self, BoxError, NO_CONNECTION};
use super::host::Host;
use crate::TransportErrorKind;

/// The wait before the next attempt to connect after the machine had nothing left for a connection.
pub(crate) const PAUSE: Duration = Duration::from_millis(100);

tokio::task_local! {
    /// The host of the exchange that is being polled. What the client does in the background is outside.
    pub(crate) static SCOPE: Arc<Host>;
}

/// A client's connector, which connects within the connect timeout and only if no connection is free.
#[derive(Clone)]
pub(crate) struct Connector<S> {
    pub(crate) inner: S,
    pub(crate) connect_timeout: Duration,
}

impl<S, T> Service<T> for Connector<S>
where
    S: Service<T, Error: Into<BoxError>, Future: Send + 'static>,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, target: T) -> Self::Future {
        let host = SCOPE.try_with(Arc::clone);
        let (connecting, connect_timeout) = (self.inner.call(target), self.connect_timeout);
        Box::pin(async move {
            // In the background no exchange waits for the connection any more.
            let host = host?;
            let attempt = host.attempt(|| SCOPE.try_with(|_| ()).is_ok()).await.ok_or(NO_CONNECTION)?;
            let connected = timeout(connect_timeout, connecting).await.map_err(|_| NO_CONNECTION)?;
            let error = match connected.map_err(failure::of_connect) {
                Ok(connected) => {
                    attempt.succeed();
                    return Ok(connected);
                }
                Err(error) => error,
            };
            drop(attempt);
            if error.kind() == TransportErrorKind::Exhausted && host.is_connected() {
                // `few_files`: fewer connections serve all exchanges. The client takes one that comes back while this waits.
                sleep(PAUSE).await;
            }
            Err(error.into())
        })
    }
}
