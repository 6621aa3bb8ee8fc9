//! What the server remembers of the requests that reached it: a ring, in order of arrival.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::faults::FaultKind;

/// One request that reached the server on any path but its own `/_sandbox/..`.
///
/// In JSON: `{"arrival_us":5120,"answered_us":5342,"method":"PUT","path":"/smartop/..","counted":true,"fault":null,
/// "applied":true,"accepted":true,"status":200,"code":0,"users":1,"owner":null,"subjects":["10362819"]}`; times are microseconds since the server started, by a clock that never goes back.
/// Headers, query and body are not kept. `Debug` prints no user id.
#[derive(Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct RequestRecord {
    /// When its head had been read, since the server started. Records stand in this order.
    #[serde(rename = "arrival_us", serialize_with = "micros")]
    pub arrival: Duration,
    /// When its answer was handed out, latency included, or `None` if it has not been, or the caller went away before.
    #[serde(rename = "answered_us", serialize_with = "micros")]
    pub answered: Option<Duration>,
    /// The method.
    pub method: String,
    /// The path without the query; the first 200 characters.
    pub path: String,
    /// Whether it counts in the quota's window: credentials were right and there was room.
    pub counted: bool,
    /// The fault that it met, by its name in JSON.
    pub fault: Option<FaultKind>,
    /// Whether the endpoint has judged it and given it its effect. After `silence` that may come later.
    pub applied: bool,
    /// Whether the endpoint's answer is one of success; single items of it may have failed.
    pub accepted: bool,
    /// The status of the answer, or `None` if it is not decided, the caller went away before, or a fault lets it have none.
    pub status: Option<u16>,
    /// The code at the top of the vendor's answer, if it has one: also where a fault kept it from the caller.
    pub code: Option<i64>,
    /// How many users the request names; 0 if it was refused before they could be read.
    pub users: usize,
    /// The user on whose behalf it names them: Tencent's `From_Account`.
    pub owner: Option<String>,
    /// The users as text, ids and names alike, in the order of the request.
    pub subjects: Vec<String>,
}

debug_shows!(RequestRecord: arrival, answered, method, path, counted, fault, applied, accepted, status, code, users);

/// The ring.
pub(crate) struct Log {
    capacity: usize,
    /// The number of the oldest record that is left; numbers are never used twice.
    first: u64,
    /// The number of the first record since the last reset.
    since: u64,
    /// How many requests came since the last reset.
    seen: u64,
    records: VecDeque<RequestRecord>,
}

const MAX_PATH_CHARS: usize = 200;

impl Log {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity, first: 0, since: 0, seen: 0, records: VecDeque::new() }
    }

    /// Adds a request that has no answer yet, and gives the number by which to find it again.
    pub(crate) fn arrive(&mut self, arrival: Duration, method: &str, path: &str, counted: bool) -> u64 {
        self.seen += 1;
        self.records.push_back(RequestRecord {
            arrival,
            method: method.to_owned(),
            path: path.chars().take(MAX_PATH_CHARS).collect(),
            counted,
            ..RequestRecord::default()
        });
        if self.records.len() > self.capacity {
            self.records.pop_front();
            self.first += 1;
        }
        self.first + self.records.len() as u64 - 1
    }

    /// The record with this number, unless the ring has let go of it.
    pub(crate) fn find(&mut self, number: u64) -> Option<&mut RequestRecord> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.records.get_mut(index)
    }

    /// Whether the request with this number came before the last reset.
    pub(crate) fn has_forgotten(&self, number: u64) -> bool {
        number < self.since
    }

    pub(crate) fn forget(&mut self) {
        self.first += self.records.len() as u64;
        self.since = self.first;
        self.seen = 0;
        self.records.clear();
    }

    pub(crate) fn records(&self) -> Vec<RequestRecord> {
        self.records.iter().cloned().collect()
    }

    pub(crate) fn seen(&self) -> u64 {
        self.seen
    }

    /// What the page shows.
    pub(crate) fn view(&self) -> impl Serialize {
        #[derive(Serialize)]
        struct View<'a> {
            seen: u64,
            requests: &'a VecDeque<RequestRecord>,
        }
        View { seen: self.seen, requests: &self.records }
    }
}

fn micros<T: Copy + Into<Option<Duration>>, S: Serializer>(time: &T, serializer: S) -> Result<S::Ok, S::Error> {
    let time: Option<Duration> = (*time).into();
    time.map(|time| time.as_micros()).serialize(serializer)
}
