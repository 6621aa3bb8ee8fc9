//! What is `ReqwestTransport`'s own: the bound on a head, what it does to a URL, and plain HTTP with a proxy.

use std::sync::Arc;

use contact_sink_transport::{HttpTransport, Proxy, ReqwestTransport, TransportErrorKind as Kind, TransportOptions};

use crate::contract::tls::connect_proxy;
use crate::contract::{SECRET, check_error, post};
use crate::server::Server;

pub(crate) fn make(options: TransportOptions) -> Arc<dyn HttpTransport> {
    let transport = ReqwestTransport::with_options(options).unwrap();
    assert!(!format!("{transport:?}").contains(SECRET));
    Arc::new(transport)
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
