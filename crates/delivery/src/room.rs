//! How much a lane holds: so many updates, and so many bytes of text in them.

use std::future::Future;
use std::sync::Arc;

use contact_sink_core::ContactUpdate;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

use crate::Options;

/// The room of a lane. Whoever waits for it is served first come first served, so that a large update is not passed over.
#[derive(Debug)]
pub(crate) struct Room {
    updates: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    /// What one update counts for at most.
    most: usize,
}

/// A part of the room; dropping it gives it back.
pub(crate) type Part = Result<OwnedSemaphorePermit, AcquireError>;

impl Room {
    /// No update counts for more than one part in so many: ten provisional refusals are held at a time, and ten others must
    /// find room beside them to be tried.
    const FEWEST: usize = 32;

    pub(crate) fn new(options: &Options) -> Self {
        // A semaphore hands out at most `u32::MAX` at a time.
        let bytes = options.max_waiting_bytes.get().min(u32::MAX as usize).max(Self::FEWEST);
        Self {
            updates: Arc::new(Semaphore::new(options.max_waiting.get().min(Semaphore::MAX_PERMITS))),
            bytes: Arc::new(Semaphore::new(bytes)),
            most: bytes / Self::FEWEST,
        }
    }

    /// Room for one update; its text comes on top.
    pub(crate) fn for_one(&self) -> impl Future<Output = Part> + Send + use<> {
        self.updates.clone().acquire_owned()
    }

    /// Room for the text of this update. To be asked for after [`Room::for_one`], never before: two that wait for each other's
    /// part would wait for ever.
    pub(crate) fn for_text(&self, update: &ContactUpdate) -> impl Future<Output = Part> + Send + use<> {
        let bytes = u32::try_from(update.text_bytes().min(self.most)).unwrap_or(u32::MAX);
        self.bytes.clone().acquire_many_owned(bytes)
    }
}
