//! A transport over hyper and rustls, with hyper-util's pool.

use std::task::{Context, Poll};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response, Uri};
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tower_service::Service;

use crate::client::connector::Connector;
use crate::client::failure::BoxError;
use crate::client::{Exchanges, SentBody, failure, tls};
use crate::{BuildError, HttpTransport, TransportError, TransportOptions};

/// The most bytes that the head of an answer may have.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// A transport over hyper and rustls: HTTP/1.1, ring, roots compiled in.
///
/// At most [`TransportOptions::max_connections`] exchanges with one host are made at a time, each over a connection of its own;
/// further ones wait for their turn, first come first served. A connection whose exchange ended well is used again. One whose
/// exchange failed is closed by a task of its own, so for a moment the next may be open beside it. If a server closes a
/// connection right after an answer without saying so, the next exchange may wait for 0.1 s.
/// The head of an answer may have 100 headers and about 64 KiB.
///
/// It runs on tokio. Its connections belong to the runtime that opened them: give each runtime its own transport.
///
/// ```
/// use std::time::Duration;
///
/// use contact_sink_transport::{HyperTransport, Proxy, TransportOptions};
///
/// let transport = HyperTransport::new()?;
///
/// let options = TransportOptions::default()
///     .with_exchange_timeout(Duration::from_secs(20))
///     .with_proxy(Proxy::new("http://user:password@proxy.example:3128")?);
/// let through_a_proxy = HyperTransport::with_options(options)?;
/// # Ok::<(), contact_sink_transport::BuildError>(())
/// ```
pub struct HyperTransport {
    exchanges: Exchanges,
    client: Client<Connector<Route>, SentBody>,
}

/// How a connection is made: name look-up, TCP, the proxy's tunnel, TLS. The environment is not read.
#[derive(Clone)]
enum Route {
    Direct(HttpsConnector<HttpConnector>),
    Proxied(HttpsConnector<Tunnel<HttpConnector>>),
}

impl HyperTransport {
    /// A transport with the default options. It connects to nothing yet.
    ///
    /// # Errors
    /// [`BuildError`] if TLS cannot be set up, or the platform's certificates cannot be read where they are trusted.
    pub fn new() -> Result<Self, BuildError> {
        Self::with_options(TransportOptions::default())
    }

    /// A transport with these options. It connects to nothing yet.
    ///
    /// # Errors
    /// As [`new`](Self::new), and if a timeout is zero, or the extra roots, the proxy or the user agent cannot be used.
    pub fn with_options(options: TransportOptions) -> Result<Self, BuildError> {
        let exchanges = Exchanges::new(options)?;
        let options = &exchanges.options;
        let mut client = Client::builder(TokioExecutor::new());
        client.http1_max_buf_size(MAX_HEAD_BYTES).pool_timer(TokioTimer::new()).pool_idle_timeout(options.idle_timeout);
        if options.idle_timeout.is_zero() {
            client.pool_max_idle_per_host(0);
        }
        let client = client.build(Connector { inner: Route::new(options)?, connect_timeout: options.connect_timeout });
        Ok(Self { exchanges, client })
    }
}

#[async_trait]
impl HttpTransport for HyperTransport {
    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let send = async |request| match self.client.request(request).await {
            Ok(answer) => self.exchanges.read(answer).await,
            Err(error) if error.is_connect() => Err(failure::of_connect(error)),
            Err(error) => Err(failure::of_exchange(error)),
        };
        self.exchanges.exchange(request, send).await
    }
}

impl Route {
    fn new(options: &TransportOptions) -> Result<Self, BuildError> {
        let tls = tls::client_config(options.extra_roots_pem.as_deref())?;
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        // It is shared out among the addresses of a host: one that swallows packets leaves time for the others.
        tcp.set_connect_timeout(Some(options.connect_timeout));
        // A closed socket still sends what was not acknowledged: up to 51 s later was seen. An exchange that has failed must not be
        // applied after the wait for it (`lost_packets`).
        #[cfg(target_os = "linux")]
        tcp.set_tcp_user_timeout(Some(options.exchange_timeout));
        let Some(proxy) = &options.proxy else { return Ok(Self::Direct(HttpsConnector::from((tcp, tls)))) };
        // `CONNECT` for every target, so that the proxy sees no path, no header and no body.
        let proxy = proxy.intercept()?;
        let tunnel = Tunnel::new(proxy.uri().clone(), tcp);
        let tunnel = match proxy.basic_auth() {
            Some(authorization) => tunnel.with_auth(authorization.clone()),
            None => tunnel,
        };
        Ok(Self::Proxied(HttpsConnector::from((tunnel, tls))))
    }
}

impl Service<Uri> for Route {
    type Response = MaybeHttpsStream<TokioIo<TcpStream>>;
    type Error = BoxError;
    type Future = <HttpsConnector<HttpConnector> as Service<Uri>>::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        match self {
            Self::Direct(direct) => direct.poll_ready(context),
            Self::Proxied(proxied) => proxied.poll_ready(context),
        }
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        match self {
            Self::Direct(direct) => direct.call(target),
            Self::Proxied(proxied) => proxied.call(target),
        }
    }
}

crate::debug_shows!(HyperTransport: exchanges);
