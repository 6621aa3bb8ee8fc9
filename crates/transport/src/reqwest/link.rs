//! A connection of reqwest: a client of its own, that connects once.
//!
//! reqwest has hyper-util's pool: a connect that lost against a returned connection goes on in the background, so it
//! bounds nothing and opens more than it needs; and a request that was about to leave over a closed connection is sent
//! over another one without a word. A client that connects once can do neither, and is dropped with its connection.

use std::sync::{Arc, Weak};
use std::time::Duration;

use ::reqwest::{Client, Proxy, redirect, retry};
use bytes::Bytes;
use http::{Response, StatusCode, Version, header};
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;
use tokio::time::sleep;

use super::connect::{ConnectOnce, Once};
use crate::BuildError;
use crate::client::Settings;
use crate::client::idle::Idle;

/// What is kept for each host.
pub(super) struct Host {
    /// One for each exchange.
    pub(super) turns: Arc<Semaphore>,
    /// One clone for each connection that is made.
    pub(super) open: Arc<()>,
    pub(super) idle: Idle<Link>,
}

/// A client and its one connection. Dropped, it closes the connection.
pub(super) struct Link {
    pub(super) client: Client,
    pub(super) once: Arc<Once>,
    closer: AbortHandle,
}

impl Link {
    pub(super) fn new(settings: &Settings, host: &Arc<Host>) -> Result<Self, BuildError> {
        let once = Arc::new(Once::new(&host.open));
        let client = client(settings, Arc::clone(&once))?;
        let closer = tokio::spawn(close_when_idle(Arc::downgrade(host), Arc::downgrade(&once), settings.idle_timeout));
        Ok(Self { client, once, closer: closer.abort_handle() })
    }

    pub(super) fn give_back(self, host: &Host) {
        self.once.give_back();
        host.idle.put(self);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.closer.abort();
    }
}

/// A client that makes one connection. All that reqwest does by itself is switched off, and so is what it would do if the
/// service turned on more of its features.
pub(super) fn client(settings: &Settings, once: Arc<Once>) -> Result<Client, BuildError> {
    let builder = Client::builder()
        .tls_backend_preconfigured(settings.tls.clone())
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
        // Idle connections are closed by `close_when_idle`.
        .pool_idle_timeout(None)
        .pool_max_idle_per_host(1)
        // reqwest has its connector share it out among the addresses of a host.
        .connect_timeout(settings.connect_timeout)
        .connector_layer(ConnectOnce { once, connect_timeout: settings.connect_timeout });
    // A closed socket still sends what was not acknowledged, see `hyper/connect.rs`.
    #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
    let builder = builder.tcp_user_timeout(settings.exchange_timeout);
    let builder = match &settings.proxy {
        Some(proxy) => builder.proxy(tunnel(proxy)?),
        None => builder,
    };
    builder.build().map_err(|_| BuildError::Tls)
}

/// `CONNECT` for every target over HTTPS, so that the proxy sees no path, no header and no body.
fn tunnel(proxy: &crate::Proxy) -> Result<Proxy, BuildError> {
    let tunnel = Proxy::https(proxy.address()?.to_string()).map_err(|_| BuildError::Proxy)?;
    Ok(match proxy.authorization()? {
        Some(authorization) => tunnel.custom_http_auth(authorization),
        None => tunnel,
    })
}

/// Whether the connection can carry another request after this answer.
pub(super) fn goes_on(answer: &Response<Bytes>) -> bool {
    let mut closing = answer.headers().get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    answer.version() == Version::HTTP_11
        && answer.status() != StatusCode::SWITCHING_PROTOCOLS
        && !closing.any(|list| list.split(',').any(|word| word.trim().eq_ignore_ascii_case("close")))
}

/// Drops a link that has been idle for too long.
async fn close_when_idle(host: Weak<Host>, once: Weak<Once>, idle_timeout: Duration) {
    let mut check_after = idle_timeout;
    loop {
        sleep(check_after).await;
        let (Some(host), Some(once)) = (host.upgrade(), once.upgrade()) else { return };
        match host.idle.expire(|link| Arc::ptr_eq(&link.once, &once)) {
            Some(again_after) => check_after = again_after,
            None => return,
        }
    }
}
