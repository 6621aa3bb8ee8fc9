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
use tokio::task::JoinSet;
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

/// Where connections come in. With it the port is given back and handshakes end.
pub(crate) struct Door {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    /// Each is a task of its own: a caller that is slow holds up no other.
    handshakes: JoinSet<io::Result<(Link, SocketAddr)>>,
}

impl Door {
    /// Takes connections; by TLS if there is an acceptor.
    pub(crate) fn new(listener: TcpListener, tls: Option<TlsAcceptor>) -> Self {
        Self { listener, tls, handshakes: JoinSet::new() }
    }
}

impl Listener for Door {
    type Io = Link;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Link, SocketAddr) {
        loop {
            tokio::select! {
                (stream, peer) = Listener::accept(&mut self.listener) => {
                    // An answer is one small write; Nagle's algorithm would only hold it back.
                    let _ = stream.set_nodelay(true);
                    let Some(tls) = &self.tls else { return (Link::new(Stream::Plain(stream)), peer) };
                    let handshake = tls.accept(stream);
                    self.handshakes.spawn(async move { Ok((Link::new(Stream::Tls(Box::new(handshake.await?))), peer)) });
                }
                Some(shaken) = self.handshakes.join_next() => {
                    // A caller that does not trust the certificate, or speaks no TLS, goes away.
                    if let Ok(Ok(connection)) = shaken {
                        return connection;
                    }
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
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
