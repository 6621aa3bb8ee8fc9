//! What is `HyperTransport`'s own: its options, the words of its errors, and plain HTTP through a proxy.

use std::sync::Arc;
use std::time::Duration;

use contact_sink_transport::{
    BuildError, HttpTransport, HyperTransport, Proxy, TransportErrorKind as Kind, TransportOptions,
};

use crate::contract::tls::{Root, connect_proxy};
use crate::contract::{SECRET, check_error, impossible_host, post, unused_address};
use crate::server::Server;

pub(crate) fn make(options: TransportOptions) -> Arc<dyn HttpTransport> {
    let transport = HyperTransport::new(options).unwrap();
    assert!(!format!("{transport:?}").contains(SECRET));
    Arc::new(transport)
}

#[test]
fn options_that_cannot_be_used() {
    let options = TransportOptions::default;
    let root = Root::new().pem();
    let half = &root[..root.len() / 2];
    let no_certificate = "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n";
    let table = [
        (options(), None),
        (options().with_connect_timeout(Duration::MAX).with_exchange_timeout(Duration::MAX), None),
        (options().with_idle_timeout(Duration::ZERO), None),
        (options().with_idle_timeout(Duration::MAX), None),
        (options().with_max_connections(usize::MAX.try_into().unwrap()), None),
        (options().with_connect_timeout(Duration::ZERO), Some(BuildError::ZeroTimeout)),
        (options().with_exchange_timeout(Duration::ZERO), Some(BuildError::ZeroTimeout)),
        (options().with_user_agent("a\r\nb"), Some(BuildError::UserAgent)),
        (options().with_extra_roots_pem(root.as_str()), None),
        (options().with_extra_roots_pem(""), Some(BuildError::ExtraRoot)),
        (options().with_extra_roots_pem("no pem"), Some(BuildError::ExtraRoot)),
        (options().with_extra_roots_pem(half), Some(BuildError::ExtraRoot)),
        (options().with_extra_roots_pem(no_certificate), Some(BuildError::ExtraRoot)),
        (options().with_extra_roots_pem(root.clone() + no_certificate), Some(BuildError::ExtraRoot)),
    ];
    for (at, (options, expected)) in table.into_iter().enumerate() {
        assert_eq!(HyperTransport::new(options).err(), expected, "row {at}");
    }
}

#[tokio::test]
async fn what_an_error_says() {
    let refusing = |user: &str, proxy: &Server| {
        let proxy = Proxy::new(&format!("http://{user}{}", proxy.address)).unwrap();
        TransportOptions::default().with_proxy(proxy)
    };
    let (root, plain) = (Root::new(), TransportOptions::default);
    let (asks, refuses) =
        (connect_proxy("HTTP/1.1 407 Who\r\n\r\n").await, connect_proxy("HTTP/1.1 503 No\r\n\r\n").await);
    let trusting = || plain().with_extra_roots_pem(root.pem());
    let named = |server: &Server| server.address.to_string();
    let (good, other, old) = (
        root.server("127.0.0.1", 4000).await,
        root.server("a.example", 4000).await,
        root.server("127.0.0.1", 2021).await,
    );
    let clear = Server::start(|mut peer| async move {
        peer.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
        peer.request().await;
    })
    .await;
    let table = [
        (plain(), "http", impossible_host(), Kind::Connect, "the host name is unknown"),
        (plain(), "http", unused_address().await, Kind::Connect, "connection refused"),
        (plain(), "ftp", unused_address().await, Kind::Connect, "the request has no http or https url"),
        (refusing("", &asks), "http", named(&clear), Kind::Connect, "the proxy asks for a user and a password"),
        (refusing("", &refuses), "http", named(&clear), Kind::Connect, "the proxy made no connection"),
        (plain(), "https", named(&good), Kind::Certificate, "its issuer is unknown"),
        (trusting(), "https", named(&other), Kind::Certificate, "it is for another host name"),
        (trusting(), "https", named(&old), Kind::Certificate, "it has expired"),
        (plain(), "https", named(&clear), Kind::Connect, "the tls handshake broke off"),
    ];
    for (options, scheme, address, kind, detail) in table {
        let error = check_error(make(options).exchange(post(scheme, address)).await, kind);
        assert_eq!(error.detail(), detail);
    }
}

#[tokio::test]
async fn plain_http_goes_through_a_tunnel_too() {
    let server = Server::always("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    let proxy = connect_proxy("HTTP/1.1 200 OK\r\n\r\n").await;
    let through = Proxy::new(&format!("http://{}", proxy.address)).unwrap();
    let transport = make(TransportOptions::default().with_proxy(through));
    assert_eq!(transport.exchange(post("http", server.address.to_string())).await.unwrap().body(), "ok");
    assert!(proxy.seen.requests()[0].starts_with(&format!("CONNECT {} HTTP/1.1\r\n", server.address)));
    assert!(server.seen.requests()[0].starts_with("POST /path?usersig="));
}

#[tokio::test]
async fn without_idle_time_every_exchange_has_its_own_connection() {
    let server = Server::always("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    let transport = make(TransportOptions::default().with_idle_timeout(Duration::ZERO));
    for connections in 1..=3 {
        transport.exchange(post("http", server.address.to_string())).await.unwrap();
        assert_eq!(server.seen.connections(), connections);
    }
}

#[tokio::test]
async fn the_default_port_is_the_schemes() {
    let proxy = connect_proxy("HTTP/1.1 502 No\r\n\r\n").await;
    for scheme in ["http", "https"] {
        let through = Proxy::new(&format!("http://{}", proxy.address)).unwrap();
        let transport = make(TransportOptions::default().with_proxy(through));
        check_error(transport.exchange(post(scheme, "a.example")).await, Kind::Connect);
    }
    let seen: Vec<_> = proxy.seen.requests().iter().map(|seen| seen.lines().next().unwrap().to_owned()).collect();
    assert_eq!(seen, ["CONNECT a.example:80 HTTP/1.1", "CONNECT a.example:443 HTTP/1.1"]);
}
