//! How one connection comes about: name look-up, TCP, the proxy's tunnel, TLS.

use std::time::Duration;

use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower_service::Service;

use crate::client::origin::Origin;
use crate::client::{NO_CONNECTION, Settings, failure};
use crate::{BuildError, Proxy, TransportError};

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
    pub(super) fn new(settings: &Settings) -> Result<Self, BuildError> {
        let tls = settings.tls.clone();
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        // It is shared out among the addresses of a host: one that swallows packets leaves time for the others.
        tcp.set_connect_timeout(Some(settings.connect_timeout));
        // A closed socket still sends what was not acknowledged: up to 51 s later was seen. An exchange that has failed must not be
        // applied after the wait for it.
        #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
        tcp.set_tcp_user_timeout(Some(settings.exchange_timeout));
        let route = match &settings.proxy {
            None => Route::Direct(HttpsConnector::from((tcp, tls))),
            Some(proxy) => Route::Proxied(HttpsConnector::from((tunnel(proxy, tcp)?, tls))),
        };
        Ok(Self { route, connect_timeout: settings.connect_timeout })
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
            Err(_) => Err(NO_CONNECTION),
        }
    }
}

/// `CONNECT` for every target, so that the proxy sees no path, no header and no body.
fn tunnel(proxy: &Proxy, tcp: HttpConnector) -> Result<Tunnel<HttpConnector>, BuildError> {
    let tunnel = Tunnel::new(proxy.address()?, tcp);
    Ok(match proxy.authorization()? {
        Some(authorization) => tunnel.with_auth(authorization),
        None => tunnel,
    })
}
