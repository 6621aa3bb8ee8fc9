//! EngageLab Marketing Automation, "Set Contact Information": `POST /v1/user/contact`.
//!
//! Source: EngageLab Marketing Automation, "Set Contact Information", 2025-03-18; 40007 and the wording "Contact exists" as
//! on its other pages. Checked in this order; the first that fails answers:
//!
//! | check | answer |
//! |---|---|
//! | the method is `POST` | 405 |
//! | `Authorization` is exactly `Basic` and the base64 of `api_key:api_secret` | 40050 in a 200, or 401: [`Settings::bad_credentials`] |
//! | there is room in [`Settings::quota`]; from here on the request counts | 429, or [`Settings::over_quota_code`] in a 200 |
//! | `Content-Type` is `application/json` (a charset of UTF-8 is allowed), no `Content-Encoding` | 415 |
//! | the body has at most 8 MiB | 413 |
//! | no query; strict JSON of the documented shape | [`Settings::invalid_request_code`] |
//! | there is an EUID | 40007 |
//! | the EUID exists | [`Settings::unknown_euid_code`] |
//! | the project has the contacts' names, if [`Settings::contact_names`] lists them | [`Settings::invalid_request_code`] |
//! | a contact that is in [`Settings::unique_contacts`] is nobody else's | see below |
//!
//! Silent in the document, refused here with [`Settings::invalid_request_code`], since nobody can say what the vendor makes
//! of it: unknown fields, a field or a contact that is named twice, empty `contacts`, an empty name or value, a query.
//! `euid` missing or null is what the vendor calls empty.
//!
//! Silent, decided: what "success or partial success" leaves out. A unique contact that another user has with the same value
//! is left out, and the others are stored. If that leaves nothing to store, the answer is 55014, and else 0: no field says
//! what was left out. Once a user has another value, or is forgotten, the former value is free. Whether a user's own value,
//! set again, is left out as well, [`Settings::own_value_again`] says. A contact that the request does not name keeps its
//! value. A refused request stores nothing.

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
pub use settings::{OwnValueAgain, Settings, UNKNOWN_EUIDS};
pub use store::Counters;

use crate::answer::Answer;
use crate::head::{Basic, is_json};
use crate::quota::Window;
use crate::server::lock;
use crate::strict::Texts;
use crate::vendor::Vendor;
use store::Store;
use wire::Reply;

/// The path, to be joined to the server's base URL.
pub const PATH: &str = "/v1/user/contact";

/// The endpoint of a running server. `Debug` prints the counters.
pub struct Endpoint {
    settings: Settings,
    credentials: Mutex<Basic>,
    window: Mutex<Option<Window>>,
    store: Mutex<Store>,
}

/// All that is stored, for as long as nobody else needs it.
pub(crate) struct Stored<'a>(MutexGuard<'a, Store>);

impl Endpoint {
    /// What is stored for a user: `email` to its value; `None` for a user for whom nothing is.
    pub fn stored(&self, euid: i64) -> Option<BTreeMap<String, String>> {
        let store = lock(&self.store);
        let contacts = store.contacts(euid)?;
        Some(contacts.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// The users for whom something is stored, in ascending order.
    pub fn euids(&self) -> Vec<i64> {
        lock(&self.store).euids().collect()
    }

    /// How many requests came, and how they ended.
    pub fn counters(&self) -> Counters {
        lock(&self.store).counters()
    }

    pub(crate) fn new(settings: Settings, keep: bool) -> Self {
        Self {
            credentials: Mutex::new(Basic::new(&settings.api_key, &settings.api_secret)),
            window: Mutex::new(settings.quota.map(Window::new)),
            store: Mutex::new(Store::new(keep)),
            settings,
        }
    }

    pub(crate) fn all_stored(&self) -> Stored<'_> {
        Stored(lock(&self.store))
    }

    fn judge(&self, head: &Parts, body: Option<&[u8]>) -> Answer {
        if !is_json(&head.headers) {
            return Answer::not_json();
        }
        let Some(body) = body else {
            return Answer::too_large();
        };
        if head.uri.query().is_some() {
            return self.invalid("the URL has a query");
        }
        let (euid, contacts) = match wire::read(body) {
            Ok(user) => user,
            Err(problem) => return self.invalid(&problem),
        };
        let Some(euid) = euid else {
            return self.refuse(Reply::euid_is_empty());
        };
        Answer { subjects: vec![euid.to_string()], ..self.set(euid, &contacts) }
    }

    fn set(&self, euid: i64, contacts: &Texts<'_>) -> Answer {
        if !self.settings.knows(euid) {
            return self.refuse(Reply::new(self.settings.unknown_euid_code.get(), "euid does not exist"));
        }
        if !contacts.0.iter().all(|(name, _)| self.settings.has(name)) {
            return self.invalid("the project has no contact of this name");
        }
        let mut store = lock(&self.store);
        let set = contacts.0.iter().filter(|(name, value)| store.set(euid, name, value, &self.settings)).count();
        if set == 0 {
            drop(store);
            return self.refuse(Reply::exists());
        }
        store.counters_mut().accepted += 1;
        store.counters_mut().partly += u64::from(set < contacts.0.len());
        Reply::success().answer(StatusCode::OK)
    }

    fn invalid(&self, problem: &str) -> Answer {
        let message = format!("invalid request: {problem}");
        self.refuse(Reply::new(self.settings.invalid_request_code.get(), message))
    }

    fn refuse(&self, reply: Reply) -> Answer {
        reply.answer(self.settings.error_status.status())
    }
}

impl Vendor for Endpoint {
    fn arrive(&self, head: &Parts, arrival: Duration) -> Option<Answer> {
        let mut store = lock(&self.store);
        let counters = store.counters_mut();
        counters.requests += 1;
        if head.method != Method::POST {
            counters.refused += 1;
            return Some(Answer::only("POST"));
        }
        if !lock(&self.credentials).is_in(&head.headers) {
            counters.bad_credentials += 1;
            return Some(match self.settings.bad_credentials {
                Told::Code => Reply::bad_credentials().answer(StatusCode::OK),
                Told::Status => Answer::unauthorized(),
            });
        }
        if lock(&self.window).as_mut().is_some_and(|window| !window.take(arrival)) {
            counters.over_quota += 1;
            return Some(self.over_quota(head));
        }
        None
    }

    fn answer(&self, head: &Parts, body: Option<&[u8]>) -> Answer {
        let answer = self.judge(head, body);
        if answer.code != Some(wire::SUCCESS) {
            lock(&self.store).counters_mut().refused += 1;
        }
        answer
    }

    fn over_quota(&self, _head: &Parts) -> Answer {
        match self.settings.over_quota {
            Told::Code => Reply::new(self.settings.over_quota_code.get(), "too many requests").answer(StatusCode::OK),
            Told::Status => Answer::too_many_requests(),
        }
    }

    fn change_secret(&self, secret: &str) {
        *lock(&self.credentials) = Basic::new(&self.settings.api_key, secret);
    }

    fn forget(&self) {
        *lock(&self.window) = self.settings.quota.map(Window::new);
        lock(&self.store).forget();
    }
}

impl Serialize for Stored<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        /// The contacts of one user.
        struct Contacts<'a>(&'a Store, i64);
        impl Serialize for Contacts<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_map(self.0.contacts(self.1).into_iter().flatten())
            }
        }
        serializer.collect_map(self.0.euids().map(|euid| (euid, Contacts(&self.0, euid))))
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("counters", &self.counters()).finish_non_exhaustive()
    }
}
