//! A transport over hyper and rustls. Its pool is our own: see `pool.rs` for what that buys.

mod connect;
mod pool;

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tokio::time::{Instant, timeout_at};

use self::pool::Pool;
use crate::client::{NO_ANSWER, NO_TURN, Settings, failure};
use crate::{BuildError, HttpTransport, TransportError, TransportOptions};

/// A transport over hyper and rustls: HTTP/1.1, ring, roots compiled in.
///
/// At most [`TransportOptions::max_connections`] connections to one host are open at any time, whatever fails; further
/// exchanges wait for their turn, first come first served. A connection whose exchange ended well is used again.
/// The head of an answer may have 100 headers and about 64 KiB.
///
/// It runs on tokio. Its connections belong to the runtime that opened them: give each runtime its own transport.
///
/// ```
/// use std::time::Duration;
///
/// use contact_sink_transport::{HyperTransport, Proxy, TransportOptions};
///
/// let transport = HyperTransport::new()?;
///
/// let options = TransportOptions::default()
///     .with_exchange_timeout(Duration::from_secs(20))
///     .with_proxy(Proxy::new("http://user:password@proxy.example:3128")?);
/// let through_a_proxy = HyperTransport::with_options(options)?;
/// # Ok::<(), contact_sink_transport::BuildError>(())
/// ```
pub struct HyperTransport {
    settings: Settings,
    pool: Pool,
}

impl HyperTransport {
    /// A transport with the default options. It connects to nothing yet.
    ///
    /// # Errors
    /// [`BuildError`] if TLS cannot be set up, or the platform's certificates cannot be read where they are trusted.
    pub fn new() -> Result<Self, BuildError> {
        Self::with_options(TransportOptions::default())
    }

    /// A transport with these options. It connects to nothing yet.
    ///
    /// # Errors
    /// As [`new`](Self::new), and if a timeout is zero, or the extra roots, the proxy or the user agent cannot be used.
    pub fn with_options(options: TransportOptions) -> Result<Self, BuildError> {
        let settings = Settings::new(options)?;
        Ok(Self { pool: Pool::new(&settings)?, settings })
    }
}

#[async_trait]
impl HttpTransport for HyperTransport {
    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let deadline = Instant::now() + self.settings.exchange_timeout;
        let (origin, request) = self.settings.prepare(request)?;
        // Until here nothing has left: what goes wrong in this line is certain not to have been applied.
        let mut lease = timeout_at(deadline, self.pool.lease(&origin)).await.unwrap_or(Err(NO_TURN))?;
        let answer = timeout_at(deadline, async {
            let answer = lease.send(request.map(Full::new)).await.map_err(|error| failure::of_exchange(&error))?;
            self.settings.read(answer).await
        });
        let answer = answer.await.unwrap_or(Err(NO_ANSWER))?;
        lease.give_back(deadline).await;
        Ok(answer)
    }
}

impl fmt::Debug for HyperTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.settings.debug("HyperTransport", f)
    }
}
