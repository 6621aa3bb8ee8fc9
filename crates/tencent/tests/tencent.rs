//! The Tencent client and its two sinks over a scripted transport, alone and driven by a lane.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "tencent/calls.rs"]
mod calls;
#[path = "tencent/hidden.rs"]
mod hidden;
#[path = "tencent/properties.rs"]
mod properties;
#[path = "tencent/renewal.rs"]
mod renewal;
#[path = "tencent/rules.rs"]
mod rules;
#[path = "tencent/signer.rs"]
mod signer;
#[path = "tencent/splitting.rs"]
mod splitting;
#[path = "tencent/usersig.rs"]
mod usersig;
#[path = "tencent/verdicts.rs"]
mod verdicts;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use contact_sink_core::{ContactSink, ContactUpdate, SinkError, Subject, UserId, Verdict};
use contact_sink_delivery::{Delivery, Options, Outcome, Summary};
use contact_sink_tencent::{AttributesSink, Config, FriendsSink, Tencent};
use contact_sink_transport::{HttpTransport, TransportError};
use futures_util::stream;
use serde_json::{Value, json};

type Request = http::Request<Bytes>;
type Answering = dyn Fn(&Request) -> Result<(u16, Bytes), TransportError> + Send + Sync;

const APP: u64 = 1400000000;
const ADMIN: &str = "administrator";
const KEY: &str = "k3y-of-the-app";
const OK: &str = r#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}"#;

/// A vendor that answers each request by a function of it, after a while, and keeps the requests.
struct Script {
    answer: Box<Answering>,
    takes: Duration,
    requests: Mutex<Vec<Request>>,
}

impl Script {
    fn by(answer: impl Fn(&Request) -> (u16, String) + Send + Sync + 'static) -> Arc<Self> {
        Self::slow(Duration::ZERO, move |request| {
            let (status, body) = answer(request);
            Ok((status, body.into()))
        })
    }

    fn new(status: u16, body: impl Into<Bytes>) -> Arc<Self> {
        let body = body.into();
        Self::slow(Duration::ZERO, move |_| Ok((status, body.clone())))
    }

    fn slow(
        takes: Duration,
        answer: impl Fn(&Request) -> Result<(u16, Bytes), TransportError> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { answer: Box::new(answer), takes, requests: Mutex::default() })
    }

    fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// The UserSigs of the requests, in their order.
    fn usersigs(&self) -> Vec<String> {
        self.requests().iter().map(usersig_of).collect()
    }
}

#[async_trait]
impl HttpTransport for Script {
    async fn exchange(&self, request: Request) -> Result<http::Response<Bytes>, TransportError> {
        self.requests.lock().unwrap().push(request.clone());
        if !self.takes.is_zero() {
            tokio::time::sleep(self.takes).await;
        }
        let (status, body) = (self.answer)(&request)?;
        Ok(http::Response::builder().status(status).body(body).unwrap())
    }
}

/// The parameters of a URL as the vendor's server reads them.
fn query(request: &Request) -> Vec<(String, String)> {
    let decode = |text: &str| {
        let mut bytes = Vec::new();
        let mut rest = text.as_bytes();
        while let [first, after @ ..] = rest {
            let (byte, left) = match first {
                b'%' => (u8::from_str_radix(std::str::from_utf8(&after[..2]).unwrap(), 16).unwrap(), &after[2..]),
                // A form's space: many servers read it so, also in a URL.
                b'+' => (b' ', after),
                plain => (*plain, after),
            };
            bytes.push(byte);
            rest = left;
        }
        String::from_utf8(bytes).unwrap()
    };
    let pairs = request.uri().query().unwrap().split('&').map(|pair| pair.split_once('=').unwrap());
    pairs.map(|(name, value)| (decode(name), decode(value))).collect()
}

fn usersig_of(request: &Request) -> String {
    query(request).into_iter().find(|(name, _)| name == "usersig").unwrap().1
}

fn body_of(request: &Request) -> Value {
    serde_json::from_slice(request.body()).unwrap()
}

/// The accounts that a request is about.
fn accounts_of(request: &Request) -> Vec<String> {
    let body = body_of(request);
    let entries = body.get("UserAttrs").or_else(|| body.get("UpdateItem")).unwrap().as_array().unwrap();
    entries.iter().map(|entry| entry["To_Account"].as_str().unwrap().to_owned()).collect()
}

/// A success, with a result for each friend if the request is about friends.
fn success(request: &Request) -> (u16, String) {
    if body_of(request).get("UpdateItem").is_none() {
        return (200, OK.to_owned());
    }
    let items = accounts_of(request).into_iter().map(|to| json!({"To_Account": to, "ResultCode": 0, "ResultInfo": ""}));
    let items: Vec<Value> = items.collect();
    (200, json!({"ResultItem": items, "ActionStatus": "OK", "ErrorCode": 0, "ErrorInfo": ""}).to_string())
}

fn failure(code: i64) -> (u16, String) {
    (200, json!({"ActionStatus": "FAIL", "ErrorCode": code, "ErrorInfo": "text"}).to_string())
}

/// Seconds since 1970, set by hand.
#[derive(Clone)]
struct Clock(Arc<AtomicU64>);

impl Clock {
    const START: u64 = 1_700_000_000;

    fn new() -> Self {
        Self(Arc::new(AtomicU64::new(Self::START)))
    }

    fn set(&self, seconds_after_start: i64) {
        self.0.store(Self::START.checked_add_signed(seconds_after_start).unwrap(), Ordering::SeqCst);
    }

    fn config(&self) -> Config {
        let clock = self.0.clone();
        config().with_clock(move || SystemTime::UNIX_EPOCH + Duration::from_secs(clock.load(Ordering::SeqCst)))
    }
}

fn config() -> Config {
    Config::new(APP, ADMIN, KEY.into())
}

fn client(script: &Arc<Script>) -> Tencent {
    Tencent::new(config(), script.clone())
}

fn attributes(script: &Arc<Script>) -> AttributesSink {
    AttributesSink::from(client(script))
}

fn friends(script: &Arc<Script>) -> FriendsSink {
    FriendsSink::from(client(script))
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(future)
}

fn send(sink: &impl ContactSink, batch: &[ContactUpdate]) -> Result<Vec<Verdict>, SinkError> {
    block_on(sink.send(batch))
}

fn user(account: &str) -> Subject {
    Subject::User(UserId::new(account).unwrap())
}

fn contact(owner: &str, contact: &str) -> Subject {
    Subject::Friend { owner: UserId::new(owner).unwrap(), friend: UserId::new(contact).unwrap() }
}

fn update(subject: Subject, fields: &[(&str, &str)]) -> ContactUpdate {
    fields.iter().fold(ContactUpdate::new(subject), |update, (field, value)| {
        update.with(field.parse().unwrap(), *value).unwrap()
    })
}

fn city(account: &str) -> ContactUpdate {
    update(user(account), &[("city", "Shenzhen")])
}

fn remarked(owner: &str, friend: &str) -> ContactUpdate {
    update(contact(owner, friend), &[("Tag_SNS_IM_Remark", "remark")])
}

/// Delivers all of it; the outcomes in the order of the updates.
async fn deliver(sink: impl ContactSink + 'static, updates: Vec<ContactUpdate>) -> (Vec<Outcome>, Summary) {
    let delivery = Delivery::new(sink, Options::for_run().with_seed(7));
    let mut outcomes = delivery.deliver_all(stream::iter(updates.into_iter().enumerate()));
    let mut all = BTreeMap::new();
    while let Some((row, outcome)) = outcomes.next().await {
        assert_eq!(all.insert(row, outcome), None, "one outcome for each");
    }
    (all.into_values().collect(), outcomes.summary())
}
