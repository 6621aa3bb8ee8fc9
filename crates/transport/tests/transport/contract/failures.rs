//! What is no answer: which kind it is, and that only a failed connect is certain not to have been applied.

use std::error::Error;
use std::future::pending;

use contact_sink_transport::{Proxy, TransportErrorKind as Kind};
use tokio::sync::mpsc;

use super::tls::Root;
use crate::server::Server;
use crate::support::connect_proxy;
use crate::support::{Make, check_error, impossible_host, options, post, short, to, unused_address};

pub(crate) async fn a_refused_connection_is_not_applied(make: Make) {
    check_error(make(options()).exchange(post("http", unused_address().await)).await, Kind::Connect);
}

pub(crate) async fn an_unknown_host_is_not_applied(make: Make) {
    check_error(make(options()).exchange(post("http", impossible_host())).await, Kind::Connect);
}

pub(crate) async fn a_handshake_that_hangs_is_not_applied(make: Make) {
    let server = Server::start(|peer| async move {
        pending::<()>().await;
        drop(peer);
    })
    .await;
    for options in [options().with_connect_timeout(short().connect_timeout), short()] {
        check_error(make(options).exchange(post("https", server.address.to_string())).await, Kind::Connect);
    }
}

pub(crate) async fn a_handshake_that_is_cut_is_not_applied(make: Make) {
    for reset in [false, true] {
        let server = Server::start(move |peer| async move {
            // The client's first words are here.
            peer.stream.peek(&mut [0]).await.unwrap();
            if reset {
                peer.reset();
            }
        })
        .await;
        check_error(make(options()).exchange(post("https", server.address.to_string())).await, Kind::Connect);
        assert_eq!(server.seen.connections(), 1);
    }
}

pub(crate) async fn a_reset_before_the_request_was_read_is_perhaps_applied(make: Make) {
    let server = Server::start(|peer| async move {
        // The request is here, and nobody has read it. (`readable` may say so before anything is.)
        peer.stream.peek(&mut [0]).await.unwrap();
        peer.reset();
    })
    .await;
    check_error(to(&*make(options()), server.address).await, Kind::Interrupted);
    assert_eq!(server.seen.connections(), 1);
}

pub(crate) async fn a_reset_after_the_request_was_read_is_perhaps_applied(make: Make) {
    let server = Server::start(|mut peer| async move {
        peer.request().await;
        peer.reset();
    })
    .await;
    check_error(to(&*make(options()), server.address).await, Kind::Interrupted);
    assert_eq!((server.seen.connections(), server.seen.requests().len()), (1, 1));
}

pub(crate) async fn a_reset_within_the_answer_is_perhaps_applied(make: Make) {
    for beginning in ["HTTP/1.1 200 OK\r\ncontent-le", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{\"code"] {
        let server = Server::start(move |mut peer| async move {
            peer.request().await;
            peer.write(beginning.as_bytes()).await;
            peer.reset();
        })
        .await;
        check_error(to(&*make(options()), server.address).await, Kind::Interrupted);
        assert_eq!((server.seen.connections(), server.seen.requests().len()), (1, 1));
    }
}

pub(crate) async fn a_close_without_an_answer_is_perhaps_applied(make: Make) {
    for partial in ["", "HTTP/1.1 20", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n"] {
        let server = Server::once(partial).await;
        check_error(to(&*make(options()), server.address).await, Kind::Interrupted);
        assert_eq!(server.seen.requests().len(), 1, "`{partial}`");
    }
}

pub(crate) async fn a_truncated_body_is_no_answer(make: Make) {
    for answer in [
        "content-length: 100\r\n\r\n{\"code\":0}",
        "content-length: 100\r\n\r\n",
        "transfer-encoding: chunked\r\n\r\na\r\n{\"code\":0}\r\n",
        "transfer-encoding: chunked\r\n\r\nff\r\n{\"code\":0}",
    ] {
        let server = Server::once(format!("HTTP/1.1 200 OK\r\n{answer}")).await;
        check_error(to(&*make(options()), server.address).await, Kind::Interrupted);
    }
}

pub(crate) async fn an_oversize_body_that_is_declared_is_not_read(make: Make) {
    // No byte of the body ever comes.
    let server = Server::start(|mut peer| async move {
        peer.request().await;
        peer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1025\r\n\r\n").await;
        pending::<()>().await;
    })
    .await;
    check_error(to(&*make(options().with_max_answer_bytes(1024)), server.address).await, Kind::AnswerTooLarge);
}

pub(crate) async fn an_oversize_body_that_is_not_declared_is_not_read_to_its_end(make: Make) {
    for (framing, piece) in [("transfer-encoding: chunked\r\n", "10\r\n0123456789abcdef\r\n"), ("", "0123456789abcdef")]
    {
        let (ended, mut end) = mpsc::unbounded_channel();
        let server = Server::start(move |mut peer| {
            let ended = ended.clone();
            async move {
                peer.request().await;
                peer.write(format!("HTTP/1.1 200 OK\r\n{framing}\r\n").as_bytes()).await;
                // Endless, until the client closes.
                while peer.write(piece.as_bytes()).await {}
                ended.send(()).unwrap();
            }
        })
        .await;
        check_error(to(&*make(options().with_max_answer_bytes(1024)), server.address).await, Kind::AnswerTooLarge);
        end.recv().await.unwrap();
    }
}

pub(crate) async fn headers_that_never_end_are_refused(make: Make) {
    endless_head(make, "x-more: and more\r\n").await;
}

pub(crate) async fn a_header_that_never_ends_is_refused(make: Make) {
    endless_head(make, "and more ").await;
}

async fn endless_head(make: Make, piece: &'static str) {
    let (ended, mut end) = mpsc::unbounded_channel();
    let server = Server::start(move |mut peer| {
        let ended = ended.clone();
        async move {
            peer.request().await;
            peer.write(b"HTTP/1.1 200 OK\r\nx-more: ").await;
            while peer.write(piece.as_bytes()).await {}
            ended.send(()).unwrap();
        }
    })
    .await;
    check_error(to(&*make(options()), server.address).await, Kind::NotHttp);
    end.recv().await.unwrap();
}

pub(crate) async fn a_head_that_hangs_times_out(make: Make) {
    hangs_after(make, "").await;
    hangs_after(make, "HTTP/1.1 200 OK\r\ncontent-le").await;
    hangs_after(make, "HTTP/1.1 100 Continue\r\n\r\n").await;
}

pub(crate) async fn a_body_that_hangs_times_out(make: Make) {
    hangs_after(make, "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n01234").await;
    hangs_after(make, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n01234\r\n").await;
}

async fn hangs_after(make: Make, beginning: &'static str) {
    let server = Server::start(move |mut peer| async move {
        peer.request().await;
        peer.write(beginning.as_bytes()).await;
        pending::<()>().await;
    })
    .await;
    check_error(to(&*make(short()), server.address).await, Kind::Timeout);
    assert_eq!(server.seen.requests().len(), 1);
}

pub(crate) async fn what_is_not_http_is_refused(make: Make) {
    for garbage in [
        "SSH-2.0-OpenSSH_9.6\r\n",
        "HTTP/1.1 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno header\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nmany\r\n",
    ] {
        let server = Server::once(garbage).await;
        check_error(to(&*make(options()), server.address).await, Kind::NotHttp);
        assert_eq!(server.seen.requests().len(), 1, "`{garbage}`");
    }
}

pub(crate) async fn each_failure_is_named(make: Make) {
    let (root, plain) = (Root::new(), options);
    let refusing = |proxy: &Server| options().with_proxy(Proxy::new(&format!("http://{}", proxy.address)).unwrap());
    let asks = connect_proxy("HTTP/1.1 407 Who\r\n\r\n").await;
    let refuses = connect_proxy("HTTP/1.1 503 No\r\n\r\n").await;
    let trusting = || plain().with_extra_roots_pem(root.pem());
    let slow = || options().with_connect_timeout(short().connect_timeout);
    let named = |server: &Server| server.address.to_string();
    let good = root.server("127.0.0.1", 4000).await;
    let other = root.server("a.example", 4000).await;
    let old = root.server("127.0.0.1", 2021).await;
    let clear = Server::start(|mut peer| async move {
        peer.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
        peer.request().await;
    })
    .await;
    let hangs = Server::start(|peer| async move {
        pending::<()>().await;
        drop(peer);
    })
    .await;
    let table = [
        (plain(), "http", impossible_host(), Kind::Connect, "the host name is unknown"),
        (plain(), "http", unused_address().await, Kind::Connect, "connection refused"),
        (plain(), "ftp", unused_address().await, Kind::Connect, "the request has no http or https url"),
        (slow(), "https", named(&hangs), Kind::Connect, "the connect timeout passed"),
        (refusing(&asks), "https", named(&good), Kind::Connect, "the proxy asks for a user and a password"),
        (refusing(&refuses), "https", named(&good), Kind::Connect, "the proxy made no connection"),
        (plain(), "https", named(&good), Kind::Certificate, "its issuer is unknown"),
        (trusting(), "https", named(&other), Kind::Certificate, "it is for another host name"),
        (trusting(), "https", named(&old), Kind::Certificate, "it has expired"),
        (plain(), "https", named(&clear), Kind::Connect, "the tls handshake broke off"),
        (short(), "http", named(&hangs), Kind::Timeout, "the exchange timeout passed"),
    ];
    for (options, scheme, address, kind, detail) in table {
        let error = check_error(make(options).exchange(post(scheme, address)).await, kind);
        assert_eq!(error.detail(), detail);
        // The client's own error, unless it was we who ended the exchange.
        let is_ours = scheme == "ftp" || kind == Kind::Timeout;
        assert_eq!(error.source().is_none(), is_ours, "{error}");
    }
}
