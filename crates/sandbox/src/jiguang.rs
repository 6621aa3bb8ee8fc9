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
mod wire;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use http::{StatusCode, request::Parts};
use serde::{Serialize, Serializer};

pub use crate::choice::{ErrorStatus, GoodUsers, Told, UnlistedCode};
pub use crate::counters::Counters;
pub use settings::{Channel, Kind, Settings, UNKNOWN_CUIDS, Wording};

use crate::answer::Answer;
use crate::counters::End;
use crate::head::Authorization;
use crate::lock::lock;
use crate::secret::Secret;
use crate::users::Users;
use crate::vendor::{Route, Vendor};
use rules::Rules;
use wire::{Reply, Unreadable};

/// The path, to be joined to the server's base URL.
pub const PATH: &str = "/smartop/api/v1/user/channel/batch";

/// The endpoint of a running server. `Debug` prints the counters.
pub struct Endpoint {
    settings: Settings,
    rules: Rules,
    routes: [Route; 1],
    authorization: Authorization,
    users: Mutex<Users<i64, Arc<str>>>,
}

impl Endpoint {
    /// What is stored for a user: `210/默认联系` to its value; `None` for a user for whom nothing is.
    pub fn stored(&self, cuid: i64) -> Option<BTreeMap<String, String>> {
        lock(&self.users).fields(&cuid)
    }

    /// The users for whom something is stored, in ascending order.
    pub fn cuids(&self) -> Vec<i64> {
        lock(&self.users).ids()
    }

    /// How many requests came, and how they ended.
    pub fn counters(&self) -> Counters {
        let [route] = &self.routes;
        Counters { users: lock(&self.users).count(), ..route.counters() }
    }

    pub(crate) fn new(settings: Settings, keep: bool) -> Self {
        Self {
            rules: Rules::new(&settings),
            routes: [Route::new(PATH, settings.quota)],
            authorization: Authorization::new(Some(&settings.project_id), &settings.project_secret),
            users: Mutex::new(Users::new(keep)),
            settings,
        }
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
        let reply = Reply::new(self.settings.bad_credentials_code.get(), "认证失败");
        let tell = |unauthorized| self.settings.bad_credentials.tell(unauthorized, reply.answer(StatusCode::OK));
        self.authorization.admit(head, "PUT", tell)
    }

    fn judge(&self, head: &Parts, body: &[u8]) -> Answer {
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
        if errors.is_empty() || self.settings.good_users == GoodUsers::Saved {
            let mut users = lock(&self.users);
            for (cuid, values) in good {
                for (field, value) in values {
                    users.set(cuid, field, value);
                }
            }
        }
        let answer = if errors.is_empty() {
            Answer { end: End::ACCEPTED, ..Reply::ok().answer(StatusCode::OK) }
        } else {
            self.refuse(Reply::not_saved(errors))
        };
        Answer { subjects, ..answer }
    }

    fn over_quota(&self, _: &Parts) -> Answer {
        let reply = Reply::new(self.settings.over_quota_code.get(), "请求过于频繁");
        self.settings.over_quota.tell(Answer::too_many_requests(), reply.answer(StatusCode::OK))
    }

    fn change_secret(&self, secret: &Secret) {
        self.authorization.change_secret(secret);
    }

    fn clear(&self) {
        lock(&self.users).clear();
    }
}

impl Serialize for Endpoint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        lock(&self.users).serialize(serializer)
    }
}
