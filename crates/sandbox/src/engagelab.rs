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
use std::sync::Mutex;

use http::{StatusCode, request::Parts};
use serde::{Serialize, Serializer};

pub use crate::choice::{ErrorStatus, Told, UnlistedCode};
pub use crate::counters::Counters;
pub use settings::{OwnValueAgain, Settings, UNKNOWN_EUIDS};

use crate::answer::Answer;
use crate::counters::End;
use crate::head::Authorization;
use crate::lock::lock;
use crate::secret::Secret;
use crate::strict::Texts;
use crate::vendor::{Route, Vendor};
use store::Store;
use wire::Reply;

/// The path, to be joined to the server's base URL.
pub const PATH: &str = "/v1/user/contact";

/// The endpoint of a running server. `Debug` prints the counters.
pub struct Endpoint {
    settings: Settings,
    routes: [Route; 1],
    authorization: Authorization,
    store: Mutex<Store>,
}

impl Endpoint {
    /// What is stored for a user: `email` to its value; `None` for a user for whom nothing is.
    pub fn stored(&self, euid: i64) -> Option<BTreeMap<String, String>> {
        lock(&self.store).users.fields(&euid)
    }

    /// The users for whom something is stored, in ascending order.
    pub fn euids(&self) -> Vec<i64> {
        lock(&self.store).users.ids()
    }

    /// How many requests came, and how they ended.
    pub fn counters(&self) -> Counters {
        let [route] = &self.routes;
        Counters { users: lock(&self.store).users.count(), ..route.counters() }
    }

    pub(crate) fn new(settings: Settings, keep: bool) -> Self {
        Self {
            routes: [Route::new(PATH, settings.quota)],
            authorization: Authorization::new(Some(&settings.api_key), &settings.api_secret),
            store: Mutex::new(Store::new(keep)),
            settings,
        }
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
            return self.refuse(Reply::exists());
        }
        let end = End::Accepted { failed: (contacts.0.len() - set) as u64 };
        Answer { end, ..Reply::success().answer(StatusCode::OK) }
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
    fn routes(&self) -> &[Route] {
        &self.routes
    }

    fn admit(&self, head: &Parts) -> Option<Answer> {
        let reply = Reply::bad_credentials();
        let tell = |unauthorized| self.settings.bad_credentials.tell(unauthorized, reply.answer(StatusCode::OK));
        self.authorization.admit(head, "POST", tell)
    }

    fn judge(&self, head: &Parts, body: &[u8]) -> Answer {
        if head.uri.query().is_some() {
            return self.invalid("the URL has a query");
        }
        match wire::read(body) {
            Err(problem) => self.invalid(&problem),
            Ok((None, _)) => self.refuse(Reply::euid_is_empty()),
            Ok((Some(euid), contacts)) => Answer { subjects: vec![euid.to_string()], ..self.set(euid, &contacts) },
        }
    }

    fn over_quota(&self, _: &Parts) -> Answer {
        let reply = Reply::new(self.settings.over_quota_code.get(), "too many requests");
        self.settings.over_quota.tell(Answer::too_many_requests(), reply.answer(StatusCode::OK))
    }

    fn change_secret(&self, secret: &Secret) {
        self.authorization.change_secret(secret);
    }

    fn clear(&self) {
        lock(&self.store).clear();
    }
}

impl Serialize for Endpoint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        lock(&self.store).users.serialize(serializer)
    }
}
