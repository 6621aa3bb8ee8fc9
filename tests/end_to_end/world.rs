//! A simulator, a delivery to it, and updates of users at it.

use std::collections::BTreeMap;
use std::sync::Arc;

use contact_sink_core::{ContactUpdate, Subject, UserId};
use contact_sink_delivery::{Delivery, Options, Outcome, Summary};
use contact_sink_jiguang::{Config, Jiguang, JiguangSink, channel};
use contact_sink_sandbox::{Sandbox, World};
use contact_sink_transport::{HyperTransport, TransportOptions};

/// What an update sets: label addresses and values.
pub type Fields = Vec<(&'static str, String)>;

pub const SMS: &str = "210/默认联系";
pub const MAIL: &str = "219/默认联系";
pub const APP: &str = "2210/默认联系";

pub struct Run {
    pub outcomes: BTreeMap<i64, Outcome>,
    pub summary: Summary,
    pub sandbox: Sandbox,
}

/// Delivers updates to a simulator without a quota, so that a test takes no longer than the machine needs.
pub async fn deliver(mut world: World, users: Vec<(i64, Fields)>) -> Run {
    world.jiguang.quota = None;
    let sandbox = Sandbox::start(world).unwrap();
    let transport = HyperTransport::new(TransportOptions::default()).unwrap();
    let config = Config::new("sandbox", "sandbox".into()).with_base_url(sandbox.base_url().parse().unwrap());
    let sink = JiguangSink::new(Jiguang::new(config, Arc::new(transport))).with_quota(None);
    let delivery = Delivery::new(sink, Options::default());
    let updates: Vec<(i64, ContactUpdate)> =
        users.iter().map(|(cuid, fields)| (*cuid, update(*cuid, fields))).collect();
    let mut delivered = delivery.deliver_all(Given(updates.into_iter()));
    let mut outcomes = BTreeMap::new();
    while let Some((cuid, outcome)) = delivered.next().await {
        assert!(outcomes.insert(cuid, outcome).is_none(), "one outcome for each update");
    }
    assert_eq!(outcomes.len(), users.len(), "an outcome for each update");
    Run { outcomes, summary: delivered.summary(), sandbox }
}

fn update(cuid: i64, fields: &Fields) -> ContactUpdate {
    let empty = ContactUpdate::new(Subject::User(UserId::from(cuid)));
    fields.iter().fold(empty, |update, (address, value)| {
        let (id, label) = address.split_once('/').unwrap();
        update.with(channel(id.parse().unwrap(), label).unwrap(), value.as_str()).unwrap()
    })
}

impl Run {
    pub fn stored(&self, cuid: i64) -> BTreeMap<String, String> {
        self.sandbox.jiguang().stored(cuid).unwrap_or_default()
    }

    /// Every request of the lane is in the simulator's log, and counted.
    pub fn check_requests(&self) {
        assert_eq!(self.summary.requests, self.sandbox.jiguang().counters().requests);
    }
}

/// A vector as a stream that is always ready.
struct Given<T>(std::vec::IntoIter<T>);

impl<T> futures_core::Stream for Given<T>
where
    T: Unpin,
{
    type Item = T;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        std::task::Poll::Ready(self.0.next())
    }
}
