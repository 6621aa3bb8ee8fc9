//! Whatever is HTTP is an answer, as it came; the request leaves as it was made.

use http::{Request, StatusCode};

use super::{Make, options, to};
use crate::server::Server;

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
        let head = format!("HTTP/1.1 {status} Elsewhere\r\nlocation: http://{}/\r\ncontent-length: 0", target.address);
        let server = Server::once(format!("{head}\r\n\r\n")).await;
        let answer = to(&*make(options()), server.address).await.unwrap();
        assert_eq!(answer.status().as_u16(), status);
        assert_eq!((server.seen.requests().len(), target.seen.connections()), (1, 0));
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

pub(crate) async fn the_request_leaves_as_it_was_made(make: Make) {
    let server = Server::always("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let url = format!("http://{}/v4/im%20set?usersig=a*b-c&random=1", server.address);
    let body = r#"{"name":"默认联系"}"#;
    let request = Request::put(url).header("content-type", "application/json").header("x-own", "1").body(body.into());
    make(options()).exchange(request.unwrap()).await.unwrap();
    let seen = server.seen.requests().concat();
    let (head, seen_body) = seen.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    assert_eq!(lines.next(), Some("PUT /v4/im%20set?usersig=a*b-c&random=1 HTTP/1.1"));
    let mut headers: Vec<_> = lines.map(str::to_lowercase).filter(|line| !line.starts_with("user-agent: ")).collect();
    headers.retain(|line| line != "accept: */*");
    headers.sort();
    let length = format!("content-length: {}", body.len());
    let host = format!("host: {}", server.address);
    assert_eq!(headers, [&length, "content-type: application/json", &host, "x-own: 1"]);
    assert_eq!(seen_body, body);
}

pub(crate) async fn the_user_agent_is_the_requests_else_the_options(make: Make) {
    let version = format!("user-agent: contact-sink/{}", env!("CARGO_PKG_VERSION"));
    for (named, given, expected) in [
        (None, None, version.as_str()),
        (Some("own/1"), None, "user-agent: own/1"),
        (Some("own/1"), Some("given/2"), "user-agent: given/2"),
    ] {
        let server = Server::always("HTTP/1.1 204 No Content\r\n\r\n").await;
        let options = named.into_iter().fold(options(), |options, name| options.with_user_agent(name));
        let request = Request::get(format!("http://{}", server.address));
        let request = given.into_iter().fold(request, |request, name| request.header("user-agent", name));
        make(options).exchange(request.body("".into()).unwrap()).await.unwrap();
        let seen = server.seen.requests().concat().to_lowercase();
        assert_eq!(seen.lines().filter(|line| line.starts_with("user-agent:")).collect::<Vec<_>>(), [expected]);
    }
}
