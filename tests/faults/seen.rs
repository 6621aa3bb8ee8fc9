//! What the simulator saw: what it has stored, and every request.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::vendor::{Subject, Vendor};

/// Two simulators that followed each other are one, see [`then`](Self::then).
pub struct Seen {
    state: Value,
    pub requests: Vec<Request>,
}

/// A request.
pub struct Request {
    pub arrival_us: u64,
    pub fault: Option<String>,
    pub applied: bool,
    pub status: Option<u64>,
    pub accepted: bool,
    pub owner: Option<String>,
    pub subjects: Vec<String>,
}

/// How often something was applied to each subject.
pub type Times = BTreeMap<Subject, u64>;

impl Seen {
    /// Of the two pages.
    pub fn new(state: Value, log: &Value) -> Self {
        let records = log["requests"].as_array().unwrap();
        assert_eq!(log["seen"], records.len(), "the simulator remembers all requests");
        let request = |record: &Value| Request {
            arrival_us: record["arrival_us"].as_u64().unwrap(),
            fault: record["fault"].as_str().map(str::to_owned),
            applied: record["applied"].as_bool().unwrap(),
            status: record["status"].as_u64(),
            accepted: record["accepted"].as_bool().unwrap(),
            owner: record["owner"].as_str().map(str::to_owned),
            subjects: record["subjects"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect(),
        };
        Self { state, requests: records.iter().map(request).collect() }
    }

    /// With what another simulator saw after this one had ended.
    pub fn then(mut self, later: Self) -> Self {
        lay_over(&mut self.state, later.state);
        let end = self.requests.last().map_or(0, |request| request.arrival_us);
        // Another clock: it came later, by how much is unknown.
        let moved = |request: Request| Request { arrival_us: end + request.arrival_us + 60_000_000, ..request };
        self.requests.extend(later.requests.into_iter().map(moved));
        self
    }

    /// What is stored of a subject, by field.
    pub fn stored(&self, vendor: &Vendor, subject: &Subject) -> BTreeMap<String, String> {
        let at = vendor.state.iter().fold(&self.state, |state, key| &state[*key]);
        let at = subject.owner.iter().chain([&subject.id]).fold(at, |state, key| &state[key.as_str()]);
        let fields = at.as_object().into_iter().flatten();
        fields.map(|(field, value)| (field.clone(), value.as_str().unwrap().to_owned())).collect()
    }

    /// How often the vendor took something whole for each subject; only such requests as these.
    pub fn taken(&self, which: impl Fn(&Request) -> bool) -> Times {
        let mut times = Times::new();
        for request in self.requests.iter().filter(|request| request.applied && request.accepted) {
            if which(request) {
                for id in &request.subjects {
                    *times.entry(Subject { owner: request.owner.clone(), id: id.clone() }).or_default() += 1;
                }
            }
        }
        times
    }
}

/// Numbers stay those of the first: nobody looks at the counters.
fn lay_over(below: &mut Value, above: Value) {
    match (below, above) {
        (Value::Object(below), Value::Object(above)) => {
            for (key, value) in above {
                lay_over(below.entry(key).or_insert(Value::Null), value);
            }
        }
        (below, above) => *below = above,
    }
}
