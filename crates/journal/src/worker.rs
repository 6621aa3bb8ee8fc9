//! A thread of a journal or an index: it does what it is sent, and ends with its owner.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

/// A thread that takes messages. Dropping it waits until all that was sent is done.
#[derive(Debug)]
pub(crate) struct Worker<M> {
    /// `None` at the end.
    messages: Option<Sender<M>>,
    thread: Option<JoinHandle<()>>,
}

impl<M: Send + 'static> Worker<M> {
    pub(crate) fn start(name: &str, body: impl FnOnce(&Receiver<M>) + Send + 'static) -> io::Result<Self> {
        let (messages, received) = channel();
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || body(&received))?;
        Ok(Self { messages: Some(messages), thread: Some(thread) })
    }
}

impl<M> Worker<M> {
    /// False if the thread broke.
    pub(crate) fn send(&self, message: M) -> bool {
        self.messages.as_ref().is_some_and(|messages| messages.send(message).is_ok())
    }

    /// Waits until all is done: false if the thread broke. A panic there has said so itself.
    pub(crate) fn finish(&mut self) -> bool {
        self.messages = None;
        self.thread.take().is_none_or(|thread| thread.join().is_ok())
    }
}

impl<M> Drop for Worker<M> {
    fn drop(&mut self) {
        self.finish();
    }
}
