//! A simulator, a delivery to it, and updates of users at it.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use contact_sink_core::{ContactSink, ContactUpdate};
use contact_sink_delivery::{Delivery, Options, Outcome, Summary};
use contact_sink_jiguang::{Config, JiguangSink, channel};
use contact_sink_sandbox::{Sandbox, World};
use contact_sink_transport::{HttpTransport, HyperTransport, ReqwestTransport, TransportOptions};
use futures_util::stream;

/// What an update sets: label fields and values.
pub type Fields = Vec<(&'static str, String)>;

pub const SMS: &str = "210/默认联系";
pub const MAIL: &str = "219/默认联系";
pub const APP: &str = "2210/默认联系";

pub struct Run {
    pub outcomes: BTreeMap<i64, Outcome>,
    pub summary: Summary,
    pub sandbox: Sandbox,
}

/// How a transport is made.
pub type Make = fn(TransportOptions) -> Arc<dyn HttpTransport>;

pub fn hyper(options: TransportOptions) -> Arc<dyn HttpTransport> {
    Arc::new(HyperTransport::with_options(options).unwrap())
}

pub fn reqwest(options: TransportOptions) -> Arc<dyn HttpTransport> {
    Arc::new(ReqwestTransport::with_options(options).unwrap())
}

/// Delivers updates to a simulator without a quota, so that a test takes no longer than the machine needs.
pub async fn deliver(world: World, users: Vec<(i64, Fields)>) -> Run {
    deliver_over(hyper(TransportOptions::default()), world, users).await
}

/// The same over another transport.
pub async fn deliver_over(transport: Arc<dyn HttpTransport>, mut world: World, users: Vec<(i64, Fields)>) -> Run {
    world.jiguang.quota = None;
    let sandbox = Sandbox::start(world).unwrap();
    let config = Config::new("sandbox", "sandbox".into()).unwrap().with_base_url(sandbox.base_url().parse().unwrap());
    let sink = JiguangSink::new(config, transport).with_quota(None);
    let updates = users.iter().map(|(cuid, fields)| (*cuid, update(*cuid, fields))).collect();
    let (outcomes, summary) = send(sink, updates).await;
    Run { outcomes, summary, sandbox }
}

/// Delivers updates over a sink: the outcome of each, by its key.
pub async fn send<K: Ord + Clone + Unpin + Send + 'static>(
    sink: impl ContactSink + 'static,
    updates: Vec<(K, ContactUpdate)>,
) -> (BTreeMap<K, Outcome>, Summary) {
    let count = updates.len();
    let mut delivered = Delivery::new(sink, Options::for_run()).deliver_all(stream::iter(updates));
    let mut outcomes = BTreeMap::new();
    while let Some((key, outcome)) = delivered.next().await {
        assert!(outcomes.insert(key, outcome).is_none(), "one outcome for each update");
    }
    assert_eq!(outcomes.len(), count, "an outcome for each update");
    (outcomes, delivered.summary())
}

fn update(cuid: i64, fields: &Fields) -> ContactUpdate {
    let empty = ContactUpdate::user(cuid);
    fields.iter().fold(empty, |update, (field, value)| {
        let (id, label) = field.split_once('/').unwrap();
        update.with(channel(id.parse().unwrap(), label).unwrap(), value.as_str()).unwrap()
    })
}

impl Run {
    pub fn stored(&self, cuid: i64) -> BTreeMap<String, String> {
        self.sandbox.jiguang().stored(cuid).unwrap_or_default()
    }

    /// Every request of the lane is in the simulator's log, and counted, and none breaks the vendor's limit or names a user twice.
    pub fn check_requests(&self) {
        for request in self.sandbox.requests().iter().filter(|request| request.applied) {
            assert!((1..=100).contains(&request.subjects.len()), "{request:?}");
            assert_eq!(request.subjects.iter().collect::<HashSet<_>>().len(), request.subjects.len(), "{request:?}");
        }
        assert_eq!(self.summary.requests, self.sandbox.jiguang().counters().requests);
    }
}
