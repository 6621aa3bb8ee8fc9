//! Whatever is HTTP is an answer, as it came.

use http::{StatusCode, header};

use crate::server::Server;
use crate::support::{Make, options, to};

pub(crate) async fn no_content_is_an_answer(make: Make) {
    let server = Server::always("HTTP/1.1 204 No Content\r\n\r\n").await;
    let transport = make(options());
    for _ in 0..2 {
        let answer = to(&*transport, server.address).await.unwrap();
        assert_eq!((answer.status(), answer.body().len()), (StatusCode::NO_CONTENT, 0));
    }
}

pub(crate) async fn a_gateways_html_is_an_answer(make: Make) {
    let html = "<html>bad gateway</html>";
    let head = "HTTP/1.1 502 Bad Gateway\r\ncontent-type: text/html\r\nx-by: gateway";
    for server in [
        Server::once(format!("{head}\r\ncontent-length: {}\r\n\r\n{html}", html.len())).await,
        Server::once(format!("{head}\r\ntransfer-encoding: chunked\r\n\r\n18\r\n{html}\r\n0\r\n\r\n")).await,
        Server::once(format!("{head}\r\n\r\n{html}")).await,
    ] {
        let answer = to(&*make(options()), server.address).await.unwrap();
        assert_eq!((answer.status(), &answer.body()[..]), (StatusCode::BAD_GATEWAY, html.as_bytes()));
        assert_eq!(
            (&answer.headers()["content-type"], &answer.headers()["x-by"]),
            (&"text/html".parse().unwrap(), &"gateway".parse().unwrap())
        );
    }
}

pub(crate) async fn a_redirect_is_an_answer_and_is_not_followed(make: Make) {
    for status in [301, 302, 303, 307, 308] {
        let target = Server::always("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
        for location in
            [format!("location: http://{}/\r\n", target.address), "location: http://[\r\n".into(), "".into()]
        {
            let head = format!("HTTP/1.1 {status} Elsewhere\r\n{location}content-length: 0\r\n\r\n");
            let server = Server::once(head).await;
            let answer = to(&*make(options()), server.address).await.unwrap();
            assert_eq!(answer.status().as_u16(), status);
            assert_eq!(answer.headers().contains_key(header::LOCATION), !location.is_empty());
            assert_eq!((server.seen.requests().len(), target.seen.connections()), (1, 0));
        }
    }
}

pub(crate) async fn an_answer_as_large_as_the_cap_is_whole(make: Make) {
    let transport = make(options().with_max_answer_bytes(5));
    for server in [
        Server::once("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello").await,
        Server::once("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n").await,
    ] {
        assert_eq!(to(&*transport, server.address).await.unwrap().body(), "hello");
    }
}

pub(crate) async fn an_informational_answer_is_not_the_answer(make: Make) {
    let before = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n";
    let server = Server::once(format!("{before}HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")).await;
    let answer = to(&*make(options()), server.address).await.unwrap();
    assert_eq!((answer.status(), &answer.body()[..]), (StatusCode::OK, &b"ok"[..]));
    assert!(!answer.headers().contains_key("link"));

    // A change of protocols that nobody asked for is an answer, and the connection is lost for HTTP.
    let server = Server::always("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n").await;
    let transport = make(options());
    for connections in 1..=2 {
        assert_eq!(to(&*transport, server.address).await.unwrap().status(), StatusCode::SWITCHING_PROTOCOLS);
        assert_eq!(server.seen.connections(), connections);
    }
}

pub(crate) async fn a_compressed_answer_stays_compressed(make: Make) {
    // It is not what its header says, and nobody asked for it (`the_request_leaves_as_it_was_made`).
    for encoding in ["gzip", "deflate", "br", "zstd", "unknown"] {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: {encoding}\r\ncontent-length: 10\r\n\r\n");
        let server = Server::once(head + "{\"code\":0}").await;
        let answer = to(&*make(options()), server.address).await.unwrap();
        assert_eq!(answer.body(), "{\"code\":0}");
        assert_eq!(
            (&answer.headers()["content-encoding"], &answer.headers()["content-length"]),
            (&encoding.parse().unwrap(), &"10".parse().unwrap())
        );
    }
}
