//! What the tests of the transports share: a request, limits, a proxy, and the check of an error.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use contact_sink_core::Applied;
use contact_sink_transport::{HttpTransport, TransportError, TransportErrorKind, TransportOptions};
use http::{Request, Response};
use tokio::io::{AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use crate::server::Server;

/// How a transport is made. The suite knows no more of it.
pub(crate) type Make = fn(TransportOptions) -> Arc<dyn HttpTransport>;

/// What no error may show: it is in the query, a header and the body of every request here.
pub(crate) const SECRET: &str = "s3cret-marker";

/// Limits that end a test soon. Nothing here asserts that they end soon enough.
pub(crate) fn options() -> TransportOptions {
    TransportOptions::default().with_exchange_timeout(Duration::from_secs(20))
}

pub(crate) fn short() -> TransportOptions {
    options().with_connect_timeout(Duration::from_millis(300)).with_exchange_timeout(Duration::from_millis(300))
}

pub(crate) fn post(scheme: &str, address: impl Into<String>) -> Request<Bytes> {
    Request::post(format!("{scheme}://{}/path?usersig={SECRET}", address.into()))
        .header("authorization", SECRET)
        .body(Bytes::from(format!("{{\"value\":\"{SECRET}\"}}")))
        .unwrap()
}

/// An address at which no server listens any more.
pub(crate) async fn unused_address() -> String {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string()
}

/// A host that no resolver needs to ask the network about: its name is too long for one.
pub(crate) fn impossible_host() -> String {
    format!("{}.invalid", "a".repeat(64))
}

pub(crate) async fn to(transport: &dyn HttpTransport, address: SocketAddr) -> Result<Response<Bytes>, TransportError> {
    let answer = transport.exchange(post("http", address.to_string())).await;
    assert!(answer.iter().all(|answer| answer.extensions().is_empty()), "the client's notes hold the url");
    answer
}

/// Checks the kind, that it says of the request what the kind implies, and that no text of its own shows the request. Its source may
/// show a host, and never the URL.
pub(crate) fn check_error(result: Result<Response<Bytes>, TransportError>, kind: TransportErrorKind) -> TransportError {
    let error = result.expect_err("there is no whole answer");
    use TransportErrorKind::{Certificate, Connect, Exhausted};
    let before = matches!(kind, Connect | Exhausted | Certificate);
    assert_eq!(error.kind(), kind, "{error}");
    assert_eq!(error.applied(), if before { Applied::No } else { Applied::Maybe });
    let shows = |text: String, never: &[&str]| {
        assert!(never.iter().all(|never| !text.to_lowercase().contains(never)), "{text}");
    };
    for text in [error.to_string(), format!("{error:?}"), format!("{error:#?}")] {
        shows(text, &[SECRET, "127.0.0.1", "localhost", "example", "://", "usersig", "authorization"]);
    }
    let mut cause = error.source();
    while let Some(source) = cause {
        for text in [source.to_string(), format!("{source:?}")] {
            shows(text, &[SECRET, "://", "usersig"]);
        }
        cause = source.source();
    }
    error
}

/// A proxy that understands `CONNECT` and nothing else.
pub(crate) async fn connect_proxy(answer: &'static str) -> Server {
    Server::start(move |mut peer| async move {
        let request = peer.request().await.unwrap();
        let target = request.strip_prefix("CONNECT ").unwrap().split(' ').next().unwrap().to_owned();
        peer.write(answer.as_bytes()).await;
        if answer.starts_with("HTTP/1.1 200") {
            let mut target = TcpStream::connect(target).await.unwrap();
            // Whichever side ends first, the test has its answer by then.
            let _ = copy_bidirectional(&mut peer.stream, &mut target).await;
        }
        let _ = peer.stream.shutdown().await;
    })
    .await
}
