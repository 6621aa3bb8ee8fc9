//! The buffer: how many updates a delivery holds, and how many bytes of text in them.

use std::future::Future;
use std::sync::Arc;

use contact_sink_core::ContactUpdate;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

use crate::Options;
use crate::options::Rules;

/// The buffer of a delivery. Places are given first come first served, so that a large update is not passed over.
#[derive(Debug)]
pub(crate) struct Buffer {
    /// For updates that a caller waits for. Such an update may have no place: its caller holds it anyway while it waits, and the
    /// newest ones must be sent before those that always fail.
    pub(crate) interactive: Places,
    /// For all others; the same places in a run.
    pub(crate) background: Places,
}

/// Places for updates and for their text.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    updates: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    /// What one update counts for at most.
    most: usize,
}

/// A place or its text; dropping it gives it back.
pub(crate) type Permit = Result<OwnedSemaphorePermit, AcquireError>;

/// What an update has of the buffer. One that its caller holds anyway while it waits may have nothing.
pub(crate) type Part = Option<[OwnedSemaphorePermit; 2]>;

impl Buffer {
    pub(crate) fn new(options: &Options) -> Self {
        let (updates, bytes) = (options.max_waiting.get(), options.max_waiting_bytes.get());
        if options.rules == Rules::Service {
            let background = Places::new(updates / 2, bytes / 2);
            let interactive = Places::new(updates - updates / 2, bytes - bytes / 2);
            Self { interactive, background }
        } else {
            let all = Places::new(updates, bytes);
            Self { interactive: all.clone(), background: all }
        }
    }
}

impl Places {
    /// No update counts for more than one part in so many: ten suspects are held at a time, and ten others must find a place
    /// beside them to be tested.
    const FEWEST: usize = 32;

    fn new(updates: usize, bytes: usize) -> Self {
        // A semaphore gives at most `u32::MAX` at a time.
        let bytes = bytes.clamp(Self::FEWEST, u32::MAX as usize);
        Self {
            updates: Arc::new(Semaphore::new(updates.clamp(1, Semaphore::MAX_PERMITS))),
            bytes: Arc::new(Semaphore::new(bytes)),
            most: bytes / Self::FEWEST,
        }
    }

    /// A place for one update; its text comes on top.
    pub(crate) fn for_one(&self) -> impl Future<Output = Permit> + Send + use<> {
        self.updates.clone().acquire_owned()
    }

    /// Places for the text of this update. To be asked for after [`Places::for_one`], never before: two that wait for each
    /// other's part would wait for ever.
    pub(crate) fn for_text(&self, update: &ContactUpdate) -> impl Future<Output = Permit> + Send + use<> {
        self.bytes.clone().acquire_many_owned(self.bytes_of(update))
    }

    /// Both, if they are free now.
    pub(crate) fn now(&self, update: &ContactUpdate) -> Part {
        let one = self.updates.clone().try_acquire_owned().ok()?;
        Some([one, self.bytes.clone().try_acquire_many_owned(self.bytes_of(update)).ok()?])
    }

    fn bytes_of(&self, update: &ContactUpdate) -> u32 {
        u32::try_from(update.text_bytes().min(self.most)).unwrap_or(u32::MAX)
    }
}
