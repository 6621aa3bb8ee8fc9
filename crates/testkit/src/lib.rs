//! What the tests of every vendor's crate need. For tests only: it panics where a test should fail.
#![allow(clippy::unwrap_used, clippy::panic, clippy::missing_panics_doc)]

mod odd;
mod script;
mod shown;

use std::collections::BTreeMap;

use contact_sink_core::{ContactSink, ContactUpdate, SinkError, Subject, Verdict};
use contact_sink_delivery::{Delivery, Options, Outcome, Summary};
use futures_util::stream;

pub use odd::{bodies, odd_json, parsed, statuses, text};
pub use script::{Request, Script};
pub use shown::Shown;

/// An update of this subject that sets these fields.
pub fn update(subject: Subject, fields: &[(&str, &str)]) -> ContactUpdate {
    fields.iter().fold(ContactUpdate::new(subject), |update, (field, value)| {
        update.with(field.parse().unwrap(), *value).unwrap()
    })
}

/// Runs a future on paused time.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(future)
}

/// Sends a batch.
pub fn send(sink: &impl ContactSink, batch: &[ContactUpdate]) -> Result<Vec<Verdict>, SinkError> {
    block_on(sink.send(batch))
}

/// Delivers all of it; the outcomes are in the order of the updates.
pub async fn deliver(sink: impl ContactSink + 'static, updates: Vec<ContactUpdate>) -> (Vec<Outcome>, Summary) {
    let delivery = Delivery::new(sink, Options::for_run().with_seed(7));
    let mut outcomes = delivery.deliver_all(stream::iter(updates.into_iter().enumerate()));
    let mut all = BTreeMap::new();
    while let Some((row, outcome)) = outcomes.next().await {
        assert_eq!(all.insert(row, outcome), None, "one outcome for each");
    }
    (all.into_values().collect(), outcomes.summary())
}
