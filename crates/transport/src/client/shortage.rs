//! What an exchange does when this machine has no file descriptor, port or memory left for a new connection.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::{TransportError, TransportErrorKind};

/// How long a place for a connection stays empty after the machine had nothing left for it.
const FEWER_FOR: Duration = Duration::from_secs(10);
/// The wait before the next attempt if no connection is open.
const PAUSE: Duration = Duration::from_millis(100);

/// The attempts of one exchange to open a connection while the machine has nothing left for it.
pub(crate) struct Shortage {
    connect_timeout: Duration,
    /// From the first attempt that failed while no other connection was open. What is waited for a turn does not count.
    ends_at: Option<Instant>,
}

impl Shortage {
    /// An exchange tries for this long if no other connection to the host is open.
    pub(crate) fn new(connect_timeout: Duration) -> Self {
        Self { connect_timeout, ends_at: None }
    }

    /// Decides what follows a failed connect. `Ok`: the exchange waits for its turn again.
    ///
    /// If another connection to the host is open, the exchange waits for that one: `places`, its turn and its permit to
    /// open a socket, are kept from everyone for a while. So there are fewer connections, and no storm of attempts.
    pub(crate) async fn wait<P: Send + 'static>(
        &mut self,
        error: TransportError,
        another_is_open: bool,
        places: P,
    ) -> Result<(), TransportError> {
        if error.kind() != TransportErrorKind::Exhausted {
            return Err(error);
        }
        if another_is_open {
            tokio::spawn(async move {
                sleep(FEWER_FOR).await;
                drop(places);
            });
            return Ok(());
        }
        let now = Instant::now();
        if now >= *self.ends_at.get_or_insert(now + self.connect_timeout) {
            return Err(error);
        }
        sleep(PAUSE).await;
        Ok(())
    }
}
