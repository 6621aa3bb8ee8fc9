//! Takes connections, plain or by TLS, each with reins by which a fault can end it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// A handshake that takes longer is not waited for.
const LONGEST_HANDSHAKE: Duration = Duration::from_secs(30);

/// Before the next connection is taken, if one could not be.
const PAUSE: Duration = Duration::from_millis(50);

/// What makes a stream of a connection before it is served: TLS.
pub(crate) type Handshake = Box<dyn Fn(TcpStream) -> Shaking + Send + Sync>;
pub(crate) type Shaking = Pin<Box<dyn Future<Output = io::Result<Box<dyn Stream>>> + Send>>;

/// The stream of a connection.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {
    /// The connection under it.
    fn connection(&self) -> &TcpStream;
}

impl Stream for TcpStream {
    fn connection(&self) -> &TcpStream {
        self
    }
}

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
    handshake: Option<Handshake>,
    /// Each is a task of its own: a caller that is slow holds up no other.
    handshakes: JoinSet<io::Result<Link>>,
}

impl Door {
    /// Takes connections, each after the handshake if there is one.
    pub(crate) fn new(listener: TcpListener, handshake: Option<Handshake>) -> Self {
        Self { listener, handshake, handshakes: JoinSet::new() }
    }

    /// The next connection.
    pub(crate) async fn accept(&mut self) -> Link {
        loop {
            tokio::select! {
                accepted = self.listener.accept() => {
                    let Ok((stream, _)) = accepted else {
                        // Without a free descriptor it fails again at once.
                        sleep(PAUSE).await;
                        continue;
                    };
                    // An answer is one small write; Nagle's algorithm would only hold it back.
                    let _ = stream.set_nodelay(true);
                    let Some(handshake) = &self.handshake else { return Link::new(Box::new(stream)) };
                    let shaking = timeout(LONGEST_HANDSHAKE, handshake(stream));
                    self.handshakes.spawn(async move { Ok(Link::new(shaking.await??)) });
                }
                Some(shaken) = self.handshakes.join_next() => {
                    // A caller that does not trust the certificate, or speaks no TLS, goes away.
                    if let Ok(Ok(link)) = shaken {
                        return link;
                    }
                }
            }
        }
    }
}

/// One connection.
pub(crate) struct Link {
    stream: Box<dyn Stream>,
    reins: Reins,
}

impl Link {
    fn new(stream: Box<dyn Stream>) -> Self {
        Self { stream, reins: Reins::default() }
    }

    pub(crate) fn reins(&self) -> &Reins {
        &self.reins
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
            // If it cannot be set, the other side sees the end instead.
            let _ = self.stream.connection().set_zero_linger();
        }
    }
}

impl AsyncRead for Link {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Link {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
