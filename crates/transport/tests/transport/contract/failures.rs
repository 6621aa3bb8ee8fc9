//! What is no answer: which kind it is, and that only a failed connect is certain not to have been applied.

use std::future::pending;

use contact_sink_transport::TransportErrorKind as Kind;
use tokio::sync::mpsc;

use super::{Make, check_error, impossible_host, options, post, short, to, unused_address};
use crate::server::Server;

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
    let (ended, mut end) = mpsc::unbounded_channel();
    let server = Server::start(move |mut peer| {
        let ended = ended.clone();
        async move {
            peer.request().await;
            peer.write(b"HTTP/1.1 200 OK\r\n").await;
            while peer.write(b"x-more: and more\r\n").await {}
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
