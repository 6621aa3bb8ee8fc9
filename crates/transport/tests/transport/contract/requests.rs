//! The request leaves as it was made.

use bytes::Bytes;
use http::Request;

use crate::server::Server;
use crate::support::{Make, options};

const NO_CONTENT: &str = "HTTP/1.1 204 No Content\r\n\r\n";

/// What the server saw: the request line, the headers sorted and without those that name the client, and the body.
async fn seen(make: Make, build: impl FnOnce(&str) -> Request<Bytes>) -> (String, Vec<String>, String) {
    let server = Server::always(NO_CONTENT).await;
    let host = server.address.to_string();
    make(options()).exchange(build(&host)).await.unwrap();
    let [seen] = &server.seen.requests()[..] else { panic!("one request") };
    let (head, body) = seen.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    let line = lines.next().unwrap().to_owned();
    let mut headers: Vec<_> = lines.map(|line| line.to_lowercase().replace(&host, "<server>")).collect();
    headers.retain(|line| line != "accept: */*" && !line.starts_with("user-agent: "));
    headers.sort();
    (line, headers, body.to_owned())
}

pub(crate) async fn the_request_leaves_as_it_was_made(make: Make) {
    let body = r#"{"name":"默认联系"}"#;
    let (line, headers, seen_body) = seen(make, |host| {
        let request = Request::put(format!("http://user:password@{host}/v4/im%20set?usersig=a*b-c&random=1"));
        request.header("content-type", "application/json").header("x-own", "1").body(body.into()).unwrap()
    })
    .await;
    assert_eq!(line, "PUT /v4/im%20set?usersig=a*b-c&random=1 HTTP/1.1");
    let length = format!("content-length: {}", body.len());
    assert_eq!(headers, [&length, "content-type: application/json", "host: <server>", "x-own: 1"]);
    assert_eq!(seen_body, body);
}

pub(crate) async fn every_character_of_a_url_leaves_as_it_was_written(make: Make) {
    for target in
        ["/azAZ09-._~!$&()*+,;=:@%2F%e9//x;y=1/?azAZ09-._~!$&()*+,;=:@/?%2F%e9&a=&b", "/path/'quoted'", "/?", "/"]
    {
        let (line, _, _) =
            seen(make, |host| Request::get(format!("http://{host}{target}")).body(Bytes::new()).unwrap()).await;
        assert_eq!(line, format!("GET {target} HTTP/1.1"));
    }
    for (url, expected) in [("", "GET / HTTP/1.1"), ("?a=1", "GET /?a=1 HTTP/1.1")] {
        let (line, _, _) =
            seen(make, |host| Request::get(format!("http://{host}{url}")).body(Bytes::new()).unwrap()).await;
        assert_eq!(line, expected);
    }
}

pub(crate) async fn a_request_does_not_wait_for_leave_to_send_its_body(make: Make) {
    // The server reads all of it before it says a word.
    let (_, headers, body) = seen(make, |host| {
        Request::post(format!("http://{host}")).header("expect", "100-continue").body("body".into()).unwrap()
    })
    .await;
    assert_eq!(
        (headers.as_slice(), body.as_str()),
        (&["content-length: 4", "expect: 100-continue", "host: <server>"].map(str::to_owned)[..], "body")
    );
}

pub(crate) async fn the_user_agent_is_the_requests_else_the_options(make: Make) {
    let version = format!("user-agent: contact-sink/{}", env!("CARGO_PKG_VERSION"));
    for (named, given, expected) in [
        (None, None, version.as_str()),
        (Some("own/1"), None, "user-agent: own/1"),
        (Some("own/1"), Some("given/2"), "user-agent: given/2"),
    ] {
        let server = Server::always(NO_CONTENT).await;
        let options = named.into_iter().fold(options(), |options, name| options.with_user_agent(name));
        let request = Request::get(format!("http://{}", server.address));
        let request = given.into_iter().fold(request, |request, name| request.header("user-agent", name));
        make(options).exchange(request.body("".into()).unwrap()).await.unwrap();
        let seen = server.seen.requests().concat().to_lowercase();
        assert_eq!(seen.lines().filter(|line| line.starts_with("user-agent:")).collect::<Vec<_>>(), [expected]);
    }
}
