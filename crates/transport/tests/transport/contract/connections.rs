//! How many connections there are, and that no request is sent twice.

use std::collections::HashSet;
use std::future::pending;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use bytes::Bytes;
use contact_sink_core::Applied;
use contact_sink_transport::TransportErrorKind as Kind;
use http::Request;
use tokio::io::AsyncWriteExt;
use tokio::sync::{Barrier, mpsc};
use tokio::task::JoinSet;

use crate::server::Server;
use crate::support::{Make, check_error, options, to};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

pub(crate) async fn one_caller_uses_one_connection(make: Make) {
    let server = Server::always(OK).await;
    let transport = make(options());
    for _ in 0..200 {
        to(&*transport, server.address).await.unwrap();
    }
    assert_eq!((server.seen.connections(), server.seen.requests().len()), (1, 200));
}

pub(crate) async fn a_failed_exchange_is_not_sent_again(make: Make) {
    // The first on each connection is answered, the second is read and its connection is cut: the case in which most
    // clients try again without a word.
    let server = Server::start(|mut peer| async move {
        peer.request().await;
        peer.write(OK.as_bytes()).await;
        if peer.request().await.is_some() {
            peer.reset();
        }
    })
    .await;
    let transport = make(options());
    for round in 1..=10 {
        to(&*transport, server.address).await.unwrap();
        check_error(to(&*transport, server.address).await, Kind::Interrupted);
        assert_eq!((server.seen.connections(), server.seen.requests().len()), (round, 2 * round));
    }
}

pub(crate) async fn a_connection_that_was_closed_while_idle_is_not_used(make: Make) {
    let (closed, mut close) = mpsc::unbounded_channel();
    let server = Server::start(move |mut peer| {
        let closed = closed.clone();
        async move {
            peer.request().await;
            peer.write(OK.as_bytes()).await;
            peer.stream.shutdown().await.unwrap();
            // The client has seen it and closed its side.
            assert_eq!(peer.request().await, None);
            closed.send(()).unwrap();
        }
    })
    .await;
    let transport = make(options());
    for round in 1..=3 {
        assert_eq!(to(&*transport, server.address).await.unwrap().body(), "ok");
        close.recv().await.unwrap();
        assert_eq!((server.seen.connections(), server.seen.requests().len()), (round, round));
    }
}

pub(crate) async fn a_connection_that_closes_without_a_word_costs_no_second_request(make: Make) {
    // The client may or may not have seen the close when the next request is about to leave.
    let server = Server::once(OK).await;
    let transport = make(options());
    let mut answered = Vec::new();
    for number in 0..20 {
        let request = Request::get(format!("http://{}/{number}", server.address)).body(Bytes::new()).unwrap();
        match transport.exchange(request).await {
            Ok(_) => answered.push(format!("GET /{number} HTTP/1.1")),
            error => assert_eq!(check_error(error, Kind::Interrupted).applied(), Applied::Maybe),
        }
    }
    let seen = server.seen.requests();
    let seen: Vec<_> = seen.iter().map(|request| request.lines().next().unwrap()).collect();
    assert_eq!(seen.iter().collect::<HashSet<_>>().len(), seen.len(), "none came twice");
    assert!(answered.iter().all(|request| seen.contains(&request.as_str())));
    assert!(!answered.is_empty());
}

pub(crate) async fn a_connection_that_says_that_it_closes_is_not_used(make: Make) {
    for head in ["HTTP/1.1 200 OK\r\nconnection: close", "HTTP/1.1 200 OK\r\nConnection: x, Close", "HTTP/1.0 200 OK"] {
        let server = Server::start(move |mut peer| async move {
            // It goes on listening, and would answer another request.
            while peer.request().await.is_some() {
                peer.write(format!("{head}\r\ncontent-length: 2\r\n\r\nok").as_bytes()).await;
            }
        })
        .await;
        let transport = make(options());
        for connections in 1..=5 {
            assert_eq!(to(&*transport, server.address).await.unwrap().body(), "ok");
            assert_eq!(server.seen.connections(), connections);
        }
    }
}

pub(crate) async fn an_exchange_without_a_turn_is_not_applied(make: Make) {
    let (arrived, mut arrival) = mpsc::unbounded_channel();
    let server = Server::start(move |mut peer| {
        let arrived = arrived.clone();
        async move {
            peer.request().await;
            arrived.send(()).unwrap();
            pending::<()>().await;
        }
    })
    .await;
    let options = options().with_max_connections(NonZeroUsize::MIN).with_exchange_timeout(Duration::from_secs(1));
    let transport = make(options);
    // What is no longer polled keeps its turn and cannot time out.
    let mut first = pin!(to(&*transport, server.address));
    tokio::select! {
        answer = first.as_mut() => panic!("{answer:?}"),
        arrived = arrival.recv() => arrived.unwrap(),
    }
    let error = check_error(to(&*transport, server.address).await, Kind::Connect);
    assert_eq!(error.detail(), "no connection was free in time");
    assert_eq!((server.seen.connections(), server.seen.requests().len()), (1, 1));
}

pub(crate) async fn concurrent_exchanges_share_a_bounded_number_of_connections(make: Make) {
    let all_there = Arc::new(Barrier::new(32));
    let server = Server::start(move |mut peer| {
        let all_there = Arc::clone(&all_there);
        async move {
            let first_round = peer.seen.connections() <= 32;
            let mut served = 0;
            while peer.request().await.is_some() {
                if first_round && served == 0 {
                    // No answer before 32 requests are here on 32 connections: the bound is reached, too.
                    all_there.wait().await;
                }
                served += 1;
                if served == 20 {
                    peer.leave();
                    peer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok").await;
                    return;
                }
                peer.write(OK.as_bytes()).await;
            }
        }
    })
    .await;
    let transport = make(options());
    let mut callers = JoinSet::new();
    for _ in 0..96 {
        let (transport, address) = (Arc::clone(&transport), server.address);
        callers.spawn(async move {
            for _ in 0..50 {
                assert_eq!(to(&*transport, address).await.unwrap().body(), "ok");
            }
        });
    }
    while let Some(caller) = callers.join_next().await {
        caller.unwrap();
    }
    assert_eq!((server.seen.most_open.load(SeqCst), server.seen.requests().len()), (32, 96 * 50));
}

pub(crate) async fn a_given_up_exchange_makes_room(make: Make) {
    // Every odd connection is silent.
    let (told, mut tells) = mpsc::unbounded_channel();
    let server = Server::start(move |mut peer| {
        let told = told.clone();
        async move {
            let silent = peer.seen.connections() % 2 == 1;
            while peer.request().await.is_some() {
                if silent {
                    told.send("arrived").unwrap();
                    continue;
                }
                peer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
            }
            if silent {
                told.send("closed").unwrap();
            }
        }
    })
    .await;
    let transport = make(options().with_max_connections(NonZeroUsize::MIN));
    for _ in 0..3 {
        tokio::select! {
            answer = to(&*transport, server.address) => panic!("{answer:?}"),
            told = tells.recv() => assert_eq!(told, Some("arrived")),
        }
        to(&*transport, server.address).await.unwrap();
        assert_eq!(tells.recv().await, Some("closed"));
    }
    assert_eq!(server.seen.requests().len(), 6);
}

pub(crate) async fn an_idle_connection_is_closed(make: Make) {
    let (closed, mut close) = mpsc::unbounded_channel();
    let server = Server::start(move |mut peer| {
        let closed = closed.clone();
        async move {
            while peer.request().await.is_some() {
                peer.write(OK.as_bytes()).await;
            }
            closed.send(()).unwrap();
        }
    })
    .await;
    let transport = make(options().with_idle_timeout(Duration::from_millis(100)));
    for connections in 1..=2 {
        to(&*transport, server.address).await.unwrap();
        close.recv().await.unwrap();
        assert_eq!(server.seen.connections(), connections);
    }
}

pub(crate) async fn without_idle_time_every_exchange_has_its_own_connection(make: Make) {
    let server = Server::always(OK).await;
    let transport = make(options().with_idle_timeout(Duration::ZERO));
    for connections in 1..=3 {
        to(&*transport, server.address).await.unwrap();
        assert_eq!(server.seen.connections(), connections);
    }
}
