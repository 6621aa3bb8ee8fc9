//! Jiguang Operation Growth, "Set Contact Information": `PUT /smartop/api/v1/user/channel/batch`.
//!
//! Source: Jiguang Operation Growth, "Set Contact Information API", 2023-11-13; Basic credentials as on its overview page.
//! Checked in this order; the first that fails answers:
//!
//! | check | answer |
//! |---|---|
//! | the method is `PUT` | 405 |
//! | `Authorization` is exactly `Basic` and the base64 of `projectId:projectSecret` | 401, or [`Settings::bad_credentials_code`] in a 200 |
//! | there is room in [`Settings::quota`]; from here on the request counts | 429, or [`Settings::over_quota_code`] in a 200 |
//! | `Content-Type` is `application/json` (a charset of UTF-8 is allowed), no `Content-Encoding` | 415 |
//! | the body has at most 8 MiB | 413 |
//! | no query; strict JSON of the documented shape | 40002 |
//! | 1 to 100 users | 40011 |
//! | CUIDs, channel ids, labels and values | 4107 for one error, 4000 with `data` for more |
//!
//! Silent in the document, refused here with 40002, since nobody can say what the vendor makes of it: unknown fields, a
//! field, a label, a channel of a user or a CUID that is named twice, an empty list of channels, empty `channelValues`, an
//! empty value, a query.
//!
//! Silent, decided: one error for an unknown CUID and nothing else of that user is looked at; one for each label under an
//! unknown channel; a label that the request does not name keeps its value; a bad user stores nothing, and
//! [`Settings::good_users`] says whether the good ones of its request do. 40002 and 40011 store nothing at all.

mod rules;
mod settings;
mod store;
mod wire;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use http::{Method, StatusCode, request::Parts};
use serde::{Serialize, Serializer};

pub use crate::choice::{ErrorStatus, Told, UnlistedCode};
pub use settings::{Channel, GoodUsers, Kind, Settings, UNKNOWN_CUIDS, Wording};
pub use store::Counters;

use crate::answer::Answer;
use crate::head::{Basic, is_json};
use crate::quota::Window;
use crate::server::lock;
use crate::vendor::Vendor;
use rules::Rules;
use store::Store;
use wire::{Reply, Unreadable};

/// The path, to be joined to the server's base URL.
pub const PATH: &str = "/smartop/api/v1/user/channel/batch";

/// The endpoint of a running server. `Debug` prints the counters.
pub struct Endpoint {
    settings: Settings,
    rules: Rules,
    credentials: Mutex<Basic>,
    window: Mutex<Option<Window>>,
    store: Mutex<Store>,
}

/// All that is stored, for as long as nobody else needs it.
pub(crate) struct Stored<'a> {
    rules: &'a Rules,
    store: MutexGuard<'a, Store>,
}

impl Endpoint {
    /// What is stored for a user: `210/默认联系` to its value; `None` for a user for whom nothing is.
    pub fn stored(&self, cuid: i64) -> Option<BTreeMap<String, String>> {
        let store = lock(&self.store);
        let values = store.values(cuid)?;
        Some(values.map(|(field, value)| (self.rules.name(field).to_owned(), value.to_owned())).collect())
    }

    /// The users for whom something is stored, in ascending order.
    pub fn cuids(&self) -> Vec<i64> {
        lock(&self.store).cuids().collect()
    }

    /// How many requests came, and how they ended.
    pub fn counters(&self) -> Counters {
        lock(&self.store).counters()
    }

    pub(crate) fn new(settings: Settings, keep: bool) -> Self {
        Self {
            rules: Rules::new(&settings),
            credentials: Mutex::new(Basic::new(&settings.project_id, &settings.project_secret)),
            window: Mutex::new(settings.quota.map(Window::new)),
            store: Mutex::new(Store::new(keep)),
            settings,
        }
    }

    pub(crate) fn all_stored(&self) -> Stored<'_> {
        Stored { rules: &self.rules, store: lock(&self.store) }
    }

    fn judge(&self, head: &Parts, body: Option<&[u8]>) -> Answer {
        if !is_json(&head.headers) {
            return Answer::not_json();
        }
        let Some(body) = body else {
            return Answer::too_large();
        };
        if head.uri.query().is_some() {
            return self.refuse(Reply::bad_parameter("the URL has a query"));
        }
        let users = match wire::read(body) {
            Ok(users) => users,
            Err(Unreadable::Shape(problem)) => return self.refuse(Reply::bad_parameter(&problem)),
            Err(Unreadable::Count { cuids }) => {
                let subjects = cuids.iter().map(i64::to_string).collect();
                return Answer { subjects, ..self.refuse(Reply::bad_count()) };
            }
        };
        let subjects = users.iter().map(|user| user.cuid.to_string()).collect();
        let mut good = Vec::with_capacity(users.len());
        let mut errors = Vec::new();
        for user in &users {
            match self.rules.judge(user) {
                Ok(values) => good.push((user.cuid, values)),
                Err(texts) => errors.extend(texts),
            }
        }
        let ok = errors.is_empty();
        let mut store = lock(&self.store);
        if ok || self.settings.good_users == GoodUsers::Saved {
            for (cuid, values) in &good {
                store.set(*cuid, values);
            }
        }
        if ok {
            store.counters_mut().accepted += 1;
        }
        drop(store);
        let answer = if ok { Reply::ok().answer(StatusCode::OK) } else { self.refuse(Reply::not_saved(errors)) };
        Answer { subjects, ..answer }
    }

    fn refuse(&self, reply: Reply) -> Answer {
        reply.answer(self.settings.error_status.status())
    }

    fn bad_credentials(&self) -> Answer {
        match self.settings.bad_credentials {
            Told::Code => Reply::new(self.settings.bad_credentials_code.get(), "认证失败").answer(StatusCode::OK),
            Told::Status => Answer::unauthorized(),
        }
    }
}

impl Vendor for Endpoint {
    fn arrive(&self, head: &Parts, arrival: Duration) -> Option<Answer> {
        let mut store = lock(&self.store);
        let counters = store.counters_mut();
        counters.requests += 1;
        if head.method != Method::PUT {
            counters.refused += 1;
            return Some(Answer::only("PUT"));
        }
        if !lock(&self.credentials).is_in(&head.headers) {
            counters.bad_credentials += 1;
            return Some(self.bad_credentials());
        }
        if lock(&self.window).as_mut().is_some_and(|window| !window.take(arrival)) {
            counters.over_quota += 1;
            return Some(self.over_quota(head));
        }
        None
    }

    fn answer(&self, head: &Parts, body: Option<&[u8]>) -> Answer {
        let answer = self.judge(head, body);
        if answer.code != Some(wire::OK) {
            lock(&self.store).counters_mut().refused += 1;
        }
        answer
    }

    fn over_quota(&self, _head: &Parts) -> Answer {
        match self.settings.over_quota {
            Told::Code => Reply::new(self.settings.over_quota_code.get(), "请求过于频繁").answer(StatusCode::OK),
            Told::Status => Answer::too_many_requests(),
        }
    }

    fn change_secret(&self, secret: &str) {
        *lock(&self.credentials) = Basic::new(&self.settings.project_id, secret);
    }

    fn forget(&self) {
        *lock(&self.window) = self.settings.quota.map(Window::new);
        lock(&self.store).forget();
    }
}

impl Serialize for Stored<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        /// The fields of one user.
        struct Values<'a>(&'a Rules, &'a Store, i64);
        impl Serialize for Values<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let values = self.1.values(self.2).into_iter().flatten();
                serializer.collect_map(values.map(|(field, value)| (self.0.name(field), value)))
            }
        }
        serializer.collect_map(self.store.cuids().map(|cuid| (cuid, Values(self.rules, &self.store, cuid))))
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("counters", &self.counters()).finish_non_exhaustive()
    }
}
