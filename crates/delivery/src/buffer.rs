//! The buffer: how many updates a delivery holds, and how many bytes of text in them.

use std::sync::Arc;

use contact_sink_core::ContactUpdate;
use tokio::sync::{Semaphore, SemaphorePermit};

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
pub(crate) struct Places(Arc<Semaphores>);

#[derive(Debug)]
struct Semaphores {
    updates: Semaphore,
    bytes: Semaphore,
    /// What one update counts for at most.
    most: usize,
}

/// What an update has of the buffer: a place, and places for its text. Dropping it gives them back.
#[derive(Debug)]
pub(crate) struct Part {
    /// `None` once it is given back.
    of: Option<Arc<Semaphores>>,
    bytes: u32,
}

/// Parts that are given back together.
#[derive(Debug, Default)]
pub(crate) struct Freed {
    of: Option<Arc<Semaphores>>,
    updates: usize,
    bytes: usize,
}

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
        Self(Arc::new(Semaphores {
            updates: Semaphore::new(updates.clamp(1, Semaphore::MAX_PERMITS)),
            bytes: Semaphore::new(bytes),
            most: bytes / Self::FEWEST,
        }))
    }

    /// A place for one update, without its text.
    pub(crate) async fn place(self) -> Part {
        // The semaphore is never closed.
        if let Ok(place) = self.0.updates.acquire().await {
            place.forget();
        }
        Part { of: Some(self.0), bytes: 0 }
    }

    /// The same, if one is free now.
    pub(crate) fn place_now(&self) -> Option<Part> {
        self.0.updates.try_acquire().ok()?.forget();
        Some(Part { of: Some(self.0.clone()), bytes: 0 })
    }

    /// A place for this update and its text, if both are free now.
    pub(crate) fn now(&self, update: &ContactUpdate) -> Option<Part> {
        self.place_now()?.with_text_now(update).ok()
    }
}

impl Part {
    /// Adds places for the text of this update. To be asked for after the place, never before: two that wait for each other's
    /// part would wait for ever.
    pub(crate) async fn with_text(mut self, bytes: u32) -> Self {
        if let Some(of) = &self.of
            && let Ok(text) = of.bytes.acquire_many(bytes).await
        {
            text.forget();
            self.bytes = bytes;
        }
        self
    }

    /// The same, if they are free now. Else the part comes back as it was, with how many bytes it needs.
    pub(crate) fn with_text_now(mut self, update: &ContactUpdate) -> Result<Self, (Self, u32)> {
        let Some(of) = &self.of else { return Ok(self) };
        let bytes = u32::try_from(update.text_bytes().min(of.most)).unwrap_or(u32::MAX);
        let is_free = of.bytes.try_acquire_many(bytes).map(SemaphorePermit::forget).is_ok();
        if !is_free {
            return Err((self, bytes));
        }
        self.bytes = bytes;
        Ok(self)
    }

    fn give_back(&mut self, freed: &mut Freed) {
        if let Some(of) = self.of.take() {
            freed.updates += 1;
            freed.bytes += self.bytes as usize;
            freed.of = Some(of);
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.give_back(&mut Freed::default());
    }
}

impl Freed {
    /// So many are given back at once, while more come.
    const MOST: usize = 32;

    /// Takes a part of the same buffer as the others.
    pub(crate) fn add(&mut self, mut part: Part) {
        part.give_back(self);
        if self.updates >= Self::MOST {
            self.flush();
        }
    }

    /// Gives back what it has.
    pub(crate) fn flush(&mut self) {
        if let Some(of) = self.of.take() {
            of.updates.add_permits(std::mem::take(&mut self.updates));
            of.bytes.add_permits(std::mem::take(&mut self.bytes));
        }
    }
}

impl Drop for Freed {
    fn drop(&mut self) {
        self.flush();
    }
}
