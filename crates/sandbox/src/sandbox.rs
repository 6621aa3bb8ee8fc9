//! The running server, as a test or a command holds it.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::door::{Door, Handshake};
use crate::faults::{FaultKind, Faults, InvalidFaults};
use crate::log::RequestRecord;
use crate::server::Server;
use crate::state::State;
use crate::world::World;

/// A running server. It stops when this is dropped: it takes no more connections and closes those at rest, and requests
/// that it has begun get their answer.
///
/// `Debug` prints the address and the counters.
pub struct Sandbox {
    address: SocketAddr,
    /// Of HTTPS.
    root_pem: Option<String>,
    state: Arc<State>,
    stop: watch::Sender<()>,
    task: JoinHandle<()>,
}

/// How long [`Sandbox::shutdown`] waits, beside the latency, for callers that began a request and do not finish it.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(2);
const BACKLOG: u32 = 1024;

impl Sandbox {
    /// Starts a server on a free port of 127.0.0.1. It runs on the tokio runtime of the caller.
    ///
    /// # Errors
    /// `InvalidInput` for an impossible world; else what the system says, or that there is no tokio runtime.
    pub fn start(world: World) -> io::Result<Self> {
        Self::start_at(world, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
    }

    /// Starts a server on a given loopback address; port 0 is any free one.
    ///
    /// # Errors
    /// As [`start`](Self::start), and `InvalidInput` for an address that other machines can reach.
    pub fn start_at(world: World, address: SocketAddr) -> io::Result<Self> {
        Self::serve(world, address, None)
    }

    /// Starts a server that speaks HTTPS only, by a certificate for `localhost`, `127.0.0.1` and `::1` that is made now.
    ///
    /// # Errors
    /// As [`start_at`](Self::start_at).
    #[cfg(feature = "tls")]
    pub fn start_tls(world: World, address: SocketAddr) -> io::Result<Self> {
        Self::serve(world, address, Some(crate::tls::handshake()?))
    }

    /// `tls`: a handshake, and the root certificate for callers.
    fn serve(world: World, address: SocketAddr, tls: Option<(Handshake, String)>) -> io::Result<Self> {
        if !address.ip().is_loopback() {
            let text = format!("the sandbox listens on loopback only, and {} is not a loopback address", address.ip());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        world.check().map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let runtime = Handle::try_current().map_err(io::Error::other)?;
        let (handshake, root_pem) = tls.unzip();
        let listener = listen(address)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = watch::channel(());
        let state = Arc::new(State::new(world, stopped));
        let task = runtime.spawn(Server::new(state.clone()).serve(Door::new(listener, handshake)));
        Ok(Self { address, root_pem, state, stop, task })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT`, or `https://..`, without a slash at the end.
    pub fn base_url(&self) -> String {
        let scheme = if self.root_pem.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// The root certificate that a caller of a server with HTTPS has to trust, as PEM.
    pub fn root_pem(&self) -> Option<&str> {
        self.root_pem.as_deref()
    }

    /// Has the next requests meet these faults, instead of what is left of others.
    ///
    /// # Errors
    /// [`InvalidFaults`], and nothing is changed.
    pub fn set_faults(&self, faults: Faults) -> Result<(), InvalidFaults> {
        faults.checked().map(|faults| self.state.replace_faults(faults))
    }

    /// How many requests met each kind of fault.
    pub fn faults_met(&self) -> BTreeMap<FaultKind, u64> {
        self.state.faults_met()
    }

    /// The requests that are remembered, in order of arrival.
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.state.log().records()
    }

    /// How many requests have come, remembered or not.
    pub fn seen(&self) -> u64 {
        self.state.log().seen()
    }

    /// Forgets what is stored, counted and remembered, the quota's window, and what silent requests would still have applied.
    /// The clock goes on, and so do the faults; what Tencent has revoked stays so.
    pub fn reset(&self) {
        self.state.forget();
    }

    /// Stops it, and waits until the requests that it has begun are answered, at most for the latency and two seconds more.
    pub async fn shutdown(self) {
        let Self { state, stop, mut task, .. } = self;
        drop(stop);
        if tokio::time::timeout(state.latency.saturating_add(SHUTDOWN_GRACE), &mut task).await.is_err() {
            task.abort();
        }
    }
}

macro_rules! accessors {
    ($($vendor:ident)*) => {
        use crate::{$($vendor),*};

        impl Sandbox {
            $(
                #[doc = concat!("What is stored and what was counted at [`", stringify!($vendor), "`].")]
                pub fn $vendor(&self) -> &$vendor::Endpoint {
                    &self.state.vendors.$vendor
                }
            )*
        }
    };
}
each_vendor!(accessors);

debug_shows!(Sandbox: address, state);

/// Binds without awaiting, so that starting is not an async call, and takes a port again that a former run has just left.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
