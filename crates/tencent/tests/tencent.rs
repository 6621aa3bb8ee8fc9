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

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use contact_sink_core::{ContactUpdate, Subject, UserId};
use contact_sink_tencent::{AttributesSink, Config, FriendsSink, Tencent};
use contact_sink_testkit::{Request, Script, block_on, deliver, send, update};
use serde_json::{Value, json};

const APP: u64 = 1400000000;
const ADMIN: &str = "administrator";
const KEY: &str = "k3y-of-the-app";
const OK: &str = r#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}"#;

/// The UserSigs of the requests, in their order.
fn usersigs(script: &Script) -> Vec<String> {
    script.requests().iter().map(usersig_of).collect()
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
    Config::new(APP, ADMIN, KEY.into()).unwrap()
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

fn user(account: &str) -> Subject {
    Subject::User(UserId::new(account).unwrap())
}

fn contact(owner: &str, contact: &str) -> Subject {
    Subject::Friend { owner: UserId::new(owner).unwrap(), friend: UserId::new(contact).unwrap() }
}

fn city(account: &str) -> ContactUpdate {
    update(user(account), &[("city", "Shenzhen")])
}

fn remarked(owner: &str, friend: &str) -> ContactUpdate {
    update(contact(owner, friend), &[("Tag_SNS_IM_Remark", "remark")])
}
