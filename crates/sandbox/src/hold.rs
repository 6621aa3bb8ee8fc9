//! Who is being written for: a name is held by one request at a time.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use crate::lock::lock;

/// The names that are held.
#[derive(Clone, Default)]
pub(crate) struct Holds(Arc<Mutex<BTreeSet<String>>>);

/// One name, for as long as this lives: also a request whose caller goes away lets go of it.
pub(crate) struct Hold {
    names: Holds,
    name: String,
}

impl Holds {
    /// Holds a name, unless another request does.
    pub(crate) fn take(&self, name: &str) -> Option<Hold> {
        let free = lock(&self.0).insert(name.to_owned());
        free.then(|| Hold { names: self.clone(), name: name.to_owned() })
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        lock(&self.names.0).remove(&self.name);
    }
}
