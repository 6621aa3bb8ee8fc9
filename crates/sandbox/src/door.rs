//! Takes connections, plain or by TLS, each with reins by which a fault can end it.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Ends a connection in the middle of things.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reins(Arc<AtomicU8>);

const CLOSED: u8 = 1;
const RESET: u8 = 2;

impl Reins {
    /// Nothing more is written, and the other side sees the end.
    pub(crate) fn close(&self) {
        self.0.store(CLOSED, Ordering::Relaxed);
    }

    /// Nothing more is written, and the other side sees a reset.
    pub(crate) fn reset(&self) {
        self.0.store(RESET, Ordering::Relaxed);
    }
}

/// Where connections come in.
pub(crate) struct Door {
    address: SocketAddr,
    connections: mpsc::Receiver<(Link, SocketAddr)>,
}

/// How many connections may wait for the server to take them.
const WAITING: usize = 64;

impl Door {
    /// Takes connections; by TLS if there is an acceptor.
    pub(crate) fn new(listener: TcpListener, tls: Option<TlsAcceptor>) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (to, connections) = mpsc::channel(WAITING);
        tokio::spawn(take(listener, tls, to));
        Ok(Self { address, connections })
    }
}

/// Until the server is gone. A handshake is a task of its own: a caller that is slow holds up no other.
async fn take(mut listener: TcpListener, tls: Option<TlsAcceptor>, to: mpsc::Sender<(Link, SocketAddr)>) {
    loop {
        let (stream, peer) = tokio::select! {
            taken = Listener::accept(&mut listener) => taken,
            () = to.closed() => return,
        };
        // An answer is one small write; Nagle's algorithm would only hold it back.
        let _ = stream.set_nodelay(true);
        match &tls {
            None => {
                // The server is gone: nobody is left to tell.
                let _ = to.send((Link::new(Stream::Plain(stream)), peer)).await;
            }
            Some(tls) => {
                let (handshake, to) = (tls.accept(stream), to.clone());
                tokio::spawn(async move {
                    // A caller that does not trust the certificate, or speaks no TLS, goes away.
                    if let Ok(stream) = handshake.await {
                        let _ = to.send((Link::new(Stream::Tls(Box::new(stream))), peer)).await;
                    }
                });
            }
        }
    }
}

impl Listener for Door {
    type Io = Link;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Link, SocketAddr) {
        match self.connections.recv().await {
            Some(connection) => connection,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

impl Connected<IncomingStream<'_, Door>> for Reins {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        stream.io().reins.clone()
    }
}

/// One connection.
pub(crate) struct Link {
    stream: Stream,
    reins: Reins,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Link {
    fn new(stream: Stream) -> Self {
        Self { stream, reins: Reins::default() }
    }

    /// An error if the reins are pulled: the server then drops the connection.
    fn check(&self) -> io::Result<()> {
        match self.reins.0.load(Ordering::Relaxed) {
            0 => Ok(()),
            _ => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if self.reins.0.load(Ordering::Relaxed) == RESET {
            let stream = match &self.stream {
                Stream::Plain(stream) => stream,
                Stream::Tls(stream) => stream.get_ref().0,
            };
            // If it cannot be set, the other side sees the end instead.
            let _ = stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Link {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Stream::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Link {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.check()?;
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Stream::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
