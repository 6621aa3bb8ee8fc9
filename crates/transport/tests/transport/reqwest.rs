//! What is `ReqwestTransport`'s own: the bound on a head, what it does to a URL, plain HTTP with a proxy, and a service's own client.

use std::sync::Arc;

use ::reqwest::{Client, ClientBuilder, redirect, retry};
use contact_sink_core::Applied;
use contact_sink_transport::{
    BuildError, HttpTransport, Proxy, ReqwestTransport, TransportErrorKind as Kind, TransportOptions,
};
use rustls::{ClientConfig, RootCertStore, crypto::ring};

use crate::server::Server;
use crate::support::connect_proxy;
use crate::support::{SECRET, check_error, post, unused_address};

pub(crate) fn make(options: TransportOptions) -> Arc<dyn HttpTransport> {
    let transport = ReqwestTransport::with_options(options).unwrap();
    assert!(!format!("{transport:?}").contains(SECRET));
    Arc::new(transport)
}

pub(crate) fn make_with_own_client(options: TransportOptions) -> Arc<dyn HttpTransport> {
    let client = own_client().redirect(redirect::Policy::none()).retry(retry::never());
    let client = client.connect_timeout(options.connect_timeout).pool_idle_timeout(options.idle_timeout);
    let transport = ReqwestTransport::with_client(client.build().unwrap(), options).unwrap();
    assert!(!format!("{transport:?}").contains(SECRET));
    Arc::new(transport)
}

fn own_client() -> ClientBuilder {
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let tls = tls.with_safe_default_protocol_versions().unwrap().with_root_certificates(RootCertStore::empty());
    Client::builder().tls_backend_preconfigured(tls.with_no_client_auth()).no_proxy().no_gzip()
}

#[tokio::test]
async fn a_client_that_follows_a_redirect_may_have_been_applied() {
    for status in [302, 307] {
        let head = format!("HTTP/1.1 {status} Elsewhere\r\nlocation: http://{}\r\n", unused_address().await);
        let server = Server::once(head + "content-length: 0\r\n\r\n").await;
        let follows = own_client().build().unwrap();
        let transport = ReqwestTransport::with_client(follows, TransportOptions::default()).unwrap();
        let answer = transport.exchange(post("http", server.address.to_string())).await;
        if status == 302 {
            assert_eq!(check_error(answer, Kind::Interrupted).applied(), Applied::Maybe);
        } else {
            // The body is not sent twice.
            assert_eq!(answer.unwrap().status(), status);
        }
        assert_eq!(server.seen.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_clients_own_time_limit_is_one() {
    let server = Server::start(|mut peer| async move {
        peer.request().await;
        std::future::pending::<()>().await;
    })
    .await;
    let limited = own_client().timeout(std::time::Duration::from_millis(100)).build().unwrap();
    let transport = ReqwestTransport::with_client(limited, TransportOptions::default()).unwrap();
    check_error(transport.exchange(post("http", server.address.to_string())).await, Kind::Timeout);
}

#[tokio::test]
async fn the_proxy_and_the_roots_are_the_clients() {
    let proxied = TransportOptions::default().with_proxy(Proxy::new("http://proxy.example:3128").unwrap());
    for options in [proxied, TransportOptions::default().with_extra_roots_pem("pem")] {
        let refused = ReqwestTransport::with_client(own_client().build().unwrap(), options).err();
        assert_eq!(refused, Some(BuildError::OwnClient));
    }
}

#[tokio::test]
async fn a_head_has_a_bound() {
    for (bytes, fits) in [(390 * 1024, true), (1024 * 1024, false)] {
        let head = format!("HTTP/1.1 204 No Content\r\nx-long: {}\r\n\r\n", "x".repeat(bytes));
        let server = Server::once(head).await;
        let answer = make(TransportOptions::default()).exchange(post("http", server.address.to_string())).await;
        if fits {
            assert_eq!(answer.unwrap().headers()["x-long"].len(), bytes);
        } else {
            check_error(answer, Kind::NotHttp);
        }
    }
}

#[tokio::test]
async fn a_url_is_written_as_browsers_write_it() {
    let server = Server::always("HTTP/1.1 204 No Content\r\n\r\n").await;
    let url = format!("http://{}/a/../b?c='d'", server.address);
    let request = http::Request::get(url).body(bytes::Bytes::new()).unwrap();
    make(TransportOptions::default()).exchange(request).await.unwrap();
    assert!(server.seen.requests()[0].starts_with("GET /b?c=%27d%27 HTTP/1.1\r\n"));
}

#[tokio::test]
async fn plain_http_is_shown_to_no_proxy() {
    let server = Server::always("HTTP/1.1 204 No Content\r\n\r\n").await;
    let proxy = connect_proxy("HTTP/1.1 200 OK\r\n\r\n").await;
    let through = Proxy::new(&format!("http://{}", proxy.address)).unwrap();
    let transport = make(TransportOptions::default().with_proxy(through));
    let error = check_error(transport.exchange(post("http", server.address.to_string())).await, Kind::Connect);
    assert_eq!(error.detail(), "a request over plain http does not go through a proxy");
    assert_eq!((proxy.seen.connections(), server.seen.connections()), (0, 0));
}
