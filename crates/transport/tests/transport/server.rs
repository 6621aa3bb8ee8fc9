//! A server on 127.0.0.1 that a test scripts byte by byte, and that counts what reaches it. It is no HTTP library: it can
//! do what those refuse to.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What has reached the server.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) connections: AtomicUsize,
    pub(crate) open: AtomicUsize,
    pub(crate) most_open: AtomicUsize,
    pub(crate) requests: Mutex<Vec<String>>,
}

impl Seen {
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(SeqCst)
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) seen: Arc<Seen>,
}

/// One connection, as the server sees it.
pub(crate) struct Peer<S = TcpStream> {
    pub(crate) stream: S,
    pub(crate) seen: Arc<Seen>,
    buffer: Vec<u8>,
}

impl Server {
    /// Runs the script on every connection.
    pub(crate) async fn start<F>(script: impl Fn(Peer) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, seen) = (listener.local_addr().unwrap(), Arc::new(Seen::default()));
        let counted = Arc::clone(&seen);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                counted.connections.fetch_add(1, SeqCst);
                let open = counted.open.fetch_add(1, SeqCst) + 1;
                counted.most_open.fetch_max(open, SeqCst);
                tokio::spawn(script(Peer::new(stream, Arc::clone(&counted))));
            }
        });
        Self { address, seen }
    }

    /// Answers the first request on each connection with these bytes, then closes.
    pub(crate) async fn once(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::start(move |mut peer| {
            let answer = answer.clone();
            async move {
                peer.request().await;
                peer.write(&answer).await;
            }
        })
        .await
    }

    /// Answers every request with these bytes.
    pub(crate) async fn always(answer: &'static str) -> Self {
        Self::start(move |mut peer| async move {
            while peer.request().await.is_some() {
                peer.write(answer.as_bytes()).await;
            }
        })
        .await
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Peer<S> {
    pub(crate) fn new(stream: S, seen: Arc<Seen>) -> Self {
        Self { stream, seen, buffer: Vec::new() }
    }

    /// The next request, head and body, or `None` when the client has closed.
    pub(crate) async fn request(&mut self) -> Option<String> {
        let end = loop {
            if let Some(at) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&self.buffer[..at]).to_lowercase();
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                let end = at + 4 + length.map_or(0, |length| length.parse::<usize>().unwrap());
                if self.buffer.len() >= end {
                    break end;
                }
            }
            if self.stream.read_buf(&mut self.buffer).await.unwrap_or(0) == 0 {
                return None;
            }
        };
        let request = String::from_utf8(self.buffer.drain(..end).collect()).unwrap();
        self.seen.requests.lock().unwrap().push(request.clone());
        Some(request)
    }

    /// Writes the bytes; whether the client still listens is the test's matter.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok() && self.stream.flush().await.is_ok()
    }

    /// Counts the connection as closed. To be called before the last answer is written: a client that has it may open the
    /// next connection at once.
    pub(crate) fn leave(&self) {
        self.seen.open.fetch_sub(1, SeqCst);
    }
}

impl Peer {
    /// Ends the connection with a reset.
    pub(crate) fn reset(self) {
        self.stream.set_zero_linger().unwrap();
    }
}
