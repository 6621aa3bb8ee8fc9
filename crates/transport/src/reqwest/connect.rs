//! The layer over reqwest's connector that connects once, and tells what no error of reqwest tells for certain.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout};
use tower_layer::Layer;
use tower_service::Service;

use crate::TransportError;
use crate::client::idle::SETTLE;
use crate::client::{NO_CONNECTION, failure as failures};

type BoxError = Box<dyn Error + Send + Sync>;

/// What is known of the one connection of a client.
#[derive(Default)]
pub(super) struct Once {
    begun: AtomicBool,
    /// What counts the open connections to its host.
    open: Weak<()>,
    /// This connection's share in that count, from when it is made.
    made: OnceLock<Option<Arc<()>>>,
    given_back: Mutex<Option<Instant>>,
}

impl Once {
    pub(super) fn new(open: &Arc<()>) -> Self {
        Self { open: Arc::downgrade(open), ..Self::default() }
    }

    /// Whether the connection came about. As long as it did not, no request has left.
    pub(super) fn is_made(&self) -> bool {
        self.made.get().is_some()
    }

    /// Notes that the last exchange is over.
    pub(super) fn give_back(&self) {
        *self.given_back.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Waits while the connection may still be on its way back into reqwest's pool. It is there at once but for about
    /// one in a thousand exchanges, and then within a millisecond. Of a connection that has been idle for longer, nothing comes back.
    async fn settle(&self) {
        let given_back = *self.given_back.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(given_back) = given_back {
            sleep_until(given_back + SETTLE).await;
        }
    }
}

/// Makes a client connect once, within the connect timeout.
#[derive(Clone)]
pub(super) struct ConnectOnce {
    pub(super) once: Arc<Once>,
    pub(super) connect_timeout: Duration,
}

#[derive(Clone)]
pub(super) struct Connector<S> {
    inner: S,
    layer: ConnectOnce,
}

impl<S> Layer<S> for ConnectOnce {
    type Service = Connector<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Connector { inner, layer: self.clone() }
    }
}

impl<S, T> Service<T> for Connector<S>
where
    S: Service<T, Error = BoxError, Future: Send + 'static>,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, target: T) -> Self::Future {
        let ConnectOnce { once, connect_timeout } = self.layer.clone();
        if once.begun.swap(true, Ordering::AcqRel) {
            return Box::pin(async move {
                once.settle().await;
                Err(Spent.into())
            });
        }
        let connecting = self.inner.call(target);
        Box::pin(async move {
            let connected = timeout(connect_timeout, connecting).await.map_err(|_| NO_CONNECTION)??;
            once.made.get_or_init(|| once.open.upgrade());
            Ok(connected)
        })
    }
}

/// Whether reqwest wanted to connect again because the connection was closed. Then the request has not left: reqwest
/// asks for a connection before it sends, and after a send only if hyper gave the whole request back.
pub(super) fn is_spent(error: &::reqwest::Error) -> bool {
    failures::chain(error).any(|cause| cause.is::<Spent>())
}

/// Why no connection came about.
pub(super) fn failure(error: &::reqwest::Error) -> TransportError {
    let ours = failures::chain(error).find_map(|cause| cause.downcast_ref::<TransportError>());
    ours.copied().unwrap_or_else(|| failures::of_connect(error))
}

#[derive(Debug)]
struct Spent;

impl fmt::Display for Spent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the one connection is gone")
    }
}

impl Error for Spent {}
