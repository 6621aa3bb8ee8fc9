//! Ctrl-C, told to all destinations alike.

use tokio::signal::ctrl_c;
use tokio::sync::watch;

use crate::status::Status;

/// Whether the run was interrupted. Clones hear of the same signal.
#[derive(Debug, Clone)]
pub struct Interrupt(watch::Receiver<bool>);

impl Interrupt {
    /// Listens for Ctrl-C from now on: the first is told, the second ends the command at once.
    pub fn listen() -> Self {
        let (to, told) = watch::channel(false);
        tokio::spawn(async move {
            if ctrl_c().await.is_ok() {
                to.send_replace(true);
                if ctrl_c().await.is_ok() {
                    // Asked twice: not even what is in flight is waited for.
                    std::process::exit(Status::Interrupted.number().into());
                }
            }
        });
        Self(told)
    }

    /// Waits until the run is interrupted: for ever where signals cannot be received.
    pub async fn told(&mut self) {
        if self.0.wait_for(|told| *told).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
