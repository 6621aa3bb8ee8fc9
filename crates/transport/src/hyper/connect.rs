//! How one connection comes about: name look-up, TCP, the proxy's tunnel, TLS.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderValue, Uri};
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower_service::Service;

use super::failure;
use super::origin::Origin;
use super::tls;
use crate::{BuildError, Proxy, TransportError, TransportErrorKind, TransportOptions};

/// The stream of a connection, in the clear or encrypted.
pub(super) type Io = MaybeHttpsStream<TokioIo<TcpStream>>;

/// Opens connections. The environment is not read.
pub(super) struct Connector {
    route: Route,
    connect_timeout: Duration,
}

enum Route {
    Direct(HttpsConnector<HttpConnector>),
    Proxied(HttpsConnector<Tunnel<HttpConnector>>),
}

impl Connector {
    pub(super) fn new(options: &TransportOptions, longest: Duration) -> Result<Self, BuildError> {
        let tls = tls::client_config(options.extra_roots_pem.as_deref())?;
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        let route = match &options.proxy {
            None => Route::Direct(HttpsConnector::from((tcp, tls))),
            Some(proxy) => Route::Proxied(HttpsConnector::from((tunnel(proxy, tcp)?, tls))),
        };
        Ok(Self { route, connect_timeout: options.connect_timeout.min(longest) })
    }

    /// Opens a connection, within the connect timeout.
    pub(super) async fn connect(&self, origin: &Origin) -> Result<Io, TransportError> {
        let target = origin.uri().clone();
        let connecting = match &self.route {
            Route::Direct(direct) => direct.clone().call(target),
            Route::Proxied(proxied) => proxied.clone().call(target),
        };
        match timeout(self.connect_timeout, connecting).await {
            Ok(connected) => connected.map_err(|error| failure::of_connect(error.as_ref())),
            Err(_) => Err(TransportError::new(TransportErrorKind::Connect, "the connect timeout passed")),
        }
    }
}

/// `CONNECT` for every target, so that the proxy sees no path, no header and no body.
fn tunnel(proxy: &Proxy, tcp: HttpConnector) -> Result<Tunnel<HttpConnector>, BuildError> {
    let address = Origin::of(&proxy.uri).ok_or(BuildError::Proxy)?;
    let tunnel = Tunnel::new(address.uri().clone(), tcp);
    match credentials(&proxy.uri) {
        None => Ok(tunnel),
        Some(credentials) => {
            let basic = HeaderValue::try_from(format!("Basic {}", BASE64_STANDARD.encode(credentials)));
            Ok(tunnel.with_auth(basic.map_err(|_| BuildError::Proxy)?))
        }
    }
}

/// `user:password` out of the URL, percent-decoded. Basic authentication has no way to send a user with a colon.
fn credentials(proxy: &Uri) -> Option<Vec<u8>> {
    let (user_info, _) = proxy.authority()?.as_str().rsplit_once('@')?;
    let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
    Some([&percent_decoded(user)[..], b":", &percent_decoded(password)].concat())
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let mut rest = text.as_bytes();
    let mut decoded = Vec::with_capacity(rest.len());
    while let Some((&byte, after)) = rest.split_first() {
        let digit = |at: usize| after.get(at).and_then(|&digit| char::from(digit).to_digit(16));
        match (byte, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                decoded.extend(u8::try_from(high * 16 + low));
                rest = &after[2..];
            }
            _ => {
                decoded.push(byte);
                rest = after;
            }
        }
    }
    decoded
}
