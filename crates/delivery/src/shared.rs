//! What the handles on one delivery share: the way to its lane, and what the lane tells.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc::error::SendError;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::buffer::Buffer;
use crate::lane::Command;
use crate::lane::item::{Item, Post};
use crate::lane::ledger::Told;
use crate::{Health, Stop, Summary, Undelivered};

/// When it is dropped, no handle is left.
pub(crate) struct Shared {
    pub(crate) commands: mpsc::UnboundedSender<Command>,
    pub(crate) buffer: Buffer,
    pub(crate) told: Arc<Mutex<Told>>,
    pub(crate) health: watch::Receiver<Health>,
}

impl Shared {
    /// What the delivery has done so far, over all its handles.
    pub(crate) fn summary(&self) -> Summary {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let wait = told.waits_until.map(|until| until.saturating_duration_since(now));
        Summary {
            waits: wait.filter(|wait| *wait >= Summary::SHORTEST_WAIT),
            unreachable_for: told.unreachable_since.map(|since| now.saturating_duration_since(since)),
            ..told.summary.clone()
        }
    }

    pub(crate) fn submit(&self, items: Vec<Item>) {
        let Err(SendError(Command::Submit(items))) = self.commands.send(Command::Submit(items)) else { return };
        let mut post = Post::default();
        for mut item in items {
            // The task is gone: this update was never sent.
            let stop = match &*self.health.borrow() {
                Health::Stopped(stop) if **stop != Stop::Broken => Undelivered::by(stop),
                _ => Undelivered::Broken,
            };
            let outcome = item.undelivered(stop);
            item.tell(outcome, &mut post);
        }
    }

    pub(crate) fn command(&self, command: Command) {
        // If the task is gone, nothing is left to command.
        let _ = self.commands.send(command);
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.command(Command::HandlesGone);
    }
}
