//! A transport over reqwest: a client that it builds, or the service's own.

/// The client of a service's own.
pub use ::reqwest::Client;
use ::reqwest::{Body, Request as Call, redirect, retry};
use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response, uri::Scheme};
use http_body_util::BodyExt;
use tower_layer::layer_fn;

use crate::client::connector::Connector;
use crate::client::{Exchanges, NO_ANSWER, NO_URL, SentBody, failure, tls};
use crate::{BuildError, HttpTransport, TransportError, TransportErrorKind as Kind, TransportOptions};

/// A transport over reqwest and rustls: HTTP/1.1, ring, roots compiled in.
///
/// It is for a service that builds reqwest anyhow; whatever features of reqwest that service turns on, this transport
/// decompresses nothing, keeps no cookies, follows no redirect and sends nothing twice. It makes the same promises as
/// `HyperTransport`. A service that has a client of its own, with its proxy and its TLS, gives that:
/// [`with_client`](Self::with_client).
///
/// What differs:
/// - The head of an answer may have 100 headers and about 400 KiB.
/// - `Accept: */*` is added to a request that has no `Accept`.
/// - The URL is written as browsers write it: `/a/../b` as `/b`, a `'` in the query as `%27`.
/// - With a proxy, a request over plain HTTP is refused: reqwest would show all of it to the proxy.
///
/// It runs on tokio. Its connections belong to the runtime that opened them: give each runtime its own transport.
///
/// ```
/// use std::time::Duration;
///
/// use contact_sink_transport::{Proxy, ReqwestTransport, TransportOptions};
///
/// let transport = ReqwestTransport::new()?;
///
/// let options = TransportOptions::default()
///     .with_exchange_timeout(Duration::from_secs(20))
///     .with_proxy(Proxy::new("http://user:password@proxy.example:3128")?);
/// let through_a_proxy = ReqwestTransport::with_options(options)?;
/// # Ok::<(), contact_sink_transport::BuildError>(())
/// ```
pub struct ReqwestTransport {
    exchanges: Exchanges,
    client: Client,
}

const IN_THE_CLEAR: TransportError =
    TransportError::new(Kind::Connect, "a request over plain http does not go through a proxy");

impl ReqwestTransport {
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
        Ok(Self { client: client(&exchanges.options)?, exchanges })
    }

    /// A transport over the service's own client, with that client's proxy, TLS, resolver and pool.
    ///
    /// Of the options it takes the exchange timeout, the cap on an answer, the number of connections (as exchanges at a time) and
    /// the user agent. It promises as ever that an exchange ends in time, and that an error is [`Applied::No`] only if the request
    /// was not sent. The rest is the client's: build it with
    /// - `.redirect(redirect::Policy::none())`: else a redirect is followed, with the credentials of the request,
    /// - `.retry(retry::never())`: else a request may be sent twice (one with a body is not, whatever the client wants),
    /// - `.connect_timeout(..)` shorter than the exchange timeout: else a host that swallows packets takes all of that,
    /// - `.tcp_user_timeout(..)` as long as the exchange timeout (Linux): else a request may arrive long after its exchange has
    ///   failed, and an older value may replace a newer one,
    /// - no cookie store, and no decompression, which unpacks an answer before the cap on it is read.
    ///
    /// None of this can be seen from outside, so it is not checked.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use contact_sink_transport::{ReqwestTransport, TransportOptions};
    /// use reqwest::{Client, redirect, retry};
    ///
    /// # let _ = rustls::crypto::ring::default_provider().install_default();
    /// let options = TransportOptions::default();
    /// let client = Client::builder()
    ///     .redirect(redirect::Policy::none())
    ///     .retry(retry::never())
    ///     .connect_timeout(Duration::from_secs(5))
    ///     .tcp_user_timeout(options.exchange_timeout)
    ///     .build()?;
    /// let transport = ReqwestTransport::with_client(client, options)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`BuildError::OwnClient`] if the options name a proxy or roots, which are the client's; and as
    /// [`with_options`](Self::with_options).
    ///
    /// [`Applied::No`]: contact_sink_core::Applied::No
    pub fn with_client(client: Client, options: TransportOptions) -> Result<Self, BuildError> {
        if options.proxy.is_some() || options.extra_roots_pem.is_some() {
            return Err(BuildError::OwnClient);
        }
        Ok(Self { exchanges: Exchanges::new(options)?, client })
    }

    async fn send(&self, request: Request<SentBody>) -> Result<Response<Bytes>, TransportError> {
        let (parts, body) = request.into_parts();
        if self.exchanges.options.proxy.is_some() && parts.uri.scheme() == Some(&Scheme::HTTP) {
            return Err(IN_THE_CLEAR);
        }
        let mut call = Call::new(parts.method, parts.uri.to_string().parse().map_err(|_| NO_URL)?);
        *call.headers_mut() = parts.headers;
        // One that cannot be cloned: no client sends it twice.
        *call.body_mut() = Some(Body::wrap(body));
        match self.client.execute(call).await.map_err(::reqwest::Error::without_url) {
            Ok(answer) => {
                let answer = Response::from(answer);
                self.exchanges.read(answer.map(|body| body.map_err(::reqwest::Error::without_url))).await
            }
            Err(error) if error.is_connect() => Err(failure::of_connect(error)),
            // The client's own time limit.
            Err(error) if error.is_timeout() => Err(NO_ANSWER.with_source(error)),
            Err(error) => Err(failure::of_exchange(error)),
        }
    }
}

#[async_trait]
impl HttpTransport for ReqwestTransport {
    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        self.exchanges.exchange(request, |request| self.send(request)).await
    }
}

/// All that reqwest does by itself is switched off, and so is what it would do if the service turned on more of its features.
fn client(options: &TransportOptions) -> Result<Client, BuildError> {
    let connect_timeout = options.connect_timeout;
    let builder = Client::builder()
        .tls_backend_preconfigured(tls::client_config(options.extra_roots_pem.as_deref())?)
        .http1_only()
        .retry(retry::never())
        .redirect(redirect::Policy::none())
        .referer(false)
        .no_proxy()
        .no_gzip()
        .no_brotli()
        .no_zstd()
        .no_deflate()
        .no_hickory_dns()
        .pool_idle_timeout(options.idle_timeout)
        .pool_max_idle_per_host(if options.idle_timeout.is_zero() { 0 } else { usize::MAX })
        // reqwest has its connector share it out among the addresses of a host.
        .connect_timeout(connect_timeout)
        .connector_layer(layer_fn(move |inner| Connector { inner, connect_timeout }));
    // A closed socket still sends what was not acknowledged, see `hyper.rs`.
    #[cfg(target_os = "linux")]
    let builder = builder.tcp_user_timeout(options.exchange_timeout);
    let builder = match &options.proxy {
        Some(proxy) => builder.proxy(tunnel(proxy)?),
        None => builder,
    };
    builder.build().map_err(|_| BuildError::Tls)
}

/// `CONNECT` for every target over HTTPS, so that the proxy sees no path, no header and no body.
fn tunnel(proxy: &crate::Proxy) -> Result<::reqwest::Proxy, BuildError> {
    let proxy = proxy.intercept()?;
    let tunnel = ::reqwest::Proxy::https(proxy.uri().to_string()).map_err(|_| BuildError::Proxy)?;
    Ok(match proxy.basic_auth() {
        Some(authorization) => tunnel.custom_http_auth(authorization.clone()),
        None => tunnel,
    })
}

crate::debug_shows!(ReqwestTransport: exchanges);
