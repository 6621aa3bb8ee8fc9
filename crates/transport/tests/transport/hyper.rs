//! What is `HyperTransport`'s own: the bound on a head, and plain HTTP through a proxy.

use std::sync::Arc;

use contact_sink_transport::{HttpTransport, HyperTransport, Proxy, TransportErrorKind as Kind, TransportOptions};

use crate::server::Server;
use crate::support::connect_proxy;
use crate::support::{SECRET, check_error, post};

pub(crate) fn make(options: TransportOptions) -> Arc<dyn HttpTransport> {
    let transport = HyperTransport::with_options(options).unwrap();
    assert!(!format!("{transport:?}").contains(SECRET));
    Arc::new(transport)
}

#[tokio::test]
async fn a_head_has_a_bound() {
    for (bytes, fits) in [(60 * 1024, true), (200 * 1024, false)] {
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
async fn the_default_port_of_plain_http_is_80() {
    let proxy = connect_proxy("HTTP/1.1 502 No\r\n\r\n").await;
    let through = Proxy::new(&format!("http://{}", proxy.address)).unwrap();
    let transport = make(TransportOptions::default().with_proxy(through));
    check_error(transport.exchange(post("http", "a.example")).await, Kind::Connect);
    assert!(proxy.seen.requests()[0].starts_with("CONNECT a.example:80 HTTP/1.1\r\n"));
}
