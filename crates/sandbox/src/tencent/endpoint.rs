//! The endpoints of a running server: who may call, which command answers, and what was counted.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use http::{Method, header, request::Parts};
use serde::ser::{Serialize, SerializeMap as _, Serializer};

use super::attributes::Attributes;
use super::codes::{self, Refusal};
use super::counters::{Counters, Tally};
use super::friends::Friends;
use super::query;
use super::settings::Settings;
use super::signatures::{Clock, Signatures};
use super::usersig::UserSig;
use super::value::FriendValue;
use super::wire::{FriendUpdate, Reply};
use super::{FRIEND_UPDATE_PATH, PATHS};
use crate::answer::Answer;
use crate::head::is_json;
use crate::hold::Holds;
use crate::lock::lock;
use crate::secret::Secret;
use crate::strict::Object;
use crate::vendor::{Route, Vendor};

/// The endpoints of a running server. `Debug` prints the counters.
pub struct Endpoint {
    settings: Settings,
    keep: bool,
    /// One for each command.
    routes: [Route; 6],
    /// By which UserSigs are signed: the settings', until it is changed.
    secret_key: Mutex<Secret>,
    signatures: Mutex<Signatures>,
    attributes: Mutex<Attributes>,
    friends: Mutex<Friends>,
    /// Each `From_Account` with a request in flight.
    in_flight: Holds,
}

impl Endpoint {
    /// The attributes of an account: the name to the value; `None` for an account that has none.
    pub fn attributes(&self, account: &str) -> Option<BTreeMap<String, String>> {
        lock(&self.attributes).of(account)
    }

    /// The accounts that have attributes, in order.
    pub fn attribute_accounts(&self) -> Vec<String> {
        lock(&self.attributes).accounts().cloned().collect()
    }

    /// What is stored for a friend of an account: `Tag_SNS_IM_Remark` to its value; `None` if nothing is.
    pub fn friend(&self, from: &str, to: &str) -> Option<BTreeMap<String, FriendValue>> {
        lock(&self.friends).friend(from, to).cloned()
    }

    /// The friends of an account for whom something is stored, in order.
    pub fn friends(&self, from: &str) -> Vec<String> {
        lock(&self.friends).of(from)
    }

    /// The accounts that have such friends, in order.
    pub fn friend_owners(&self) -> Vec<String> {
        lock(&self.friends).owners().cloned().collect()
    }

    /// How many requests came, and how they ended.
    pub fn counters(&self) -> Counters {
        let [im_set_attr, im_get_attr, im_remove_attr, im_set_attr_name, im_get_attr_name, friend_update] =
            self.routes.each_ref().map(|route| Tally::from(route.counters()));
        Counters { im_set_attr, im_get_attr, im_remove_attr, im_set_attr_name, im_get_attr_name, friend_update }
    }

    /// Moves the vendor's clock: from now on it is this much ahead of the system's. UserSigs expire by it.
    pub fn set_clock_ahead(&self, ahead: Duration) {
        lock(&self.signatures).set_clock(Clock::Ahead(ahead));
    }

    /// Stops the vendor's clock at this time, until [`set_clock_ahead`](Self::set_clock_ahead) lets it go on.
    pub fn stop_clock_at(&self, time: SystemTime) {
        lock(&self.signatures).set_clock(Clock::StoppedAt(time));
    }

    /// Revokes all UserSigs that were made before this second of the vendor's clock, and those that have been used so far:
    /// 70052. A new one is good at once.
    ///
    /// One that was made and used in this very second is refused once and not again: made anew within the second, it would
    /// be the same text.
    pub fn revoke_signatures(&self) {
        lock(&self.signatures).revoke();
    }

    pub(crate) fn new(settings: Settings, keep: bool) -> Self {
        Self {
            keep,
            routes: PATHS.map(|path| {
                let is_of_friends = path == FRIEND_UPDATE_PATH;
                Route::new(path, if is_of_friends { settings.friend_quota } else { settings.attribute_quota })
            }),
            secret_key: Mutex::new(settings.secret_key.clone()),
            signatures: Mutex::new(Signatures::new(Clock::Ahead(settings.clock_ahead))),
            attributes: Mutex::new(Attributes::new(&settings, keep)),
            friends: Mutex::new(Friends::new(keep)),
            in_flight: Holds::default(),
            settings,
        }
    }

    /// Verifies who calls.
    fn verify(&self, head: &Parts) -> Result<(), Refusal> {
        if head.method != Method::POST {
            return Err(Refusal(codes::BAD_RESOURCE, "the method is not POST"));
        }
        let settings = &self.settings;
        let query = query::read(head.uri.query(), settings.sdk_app_id)?;
        let signature = UserSig::read(&query.usersig)?;
        let mut signatures = lock(&self.signatures);
        signature.verify(settings.sdk_app_id, &query.identifier, lock(&self.secret_key).expose(), signatures.now())?;
        signatures.take(&signature)?;
        if settings.admins.contains(&query.identifier) {
            return Ok(());
        }
        let code = if is_of_friends(head) { codes::FRIENDS_NEED_ADMIN } else { codes::ATTRIBUTES_NEED_ADMIN };
        Err(Refusal(code, "identifier is no admin of the app"))
    }

    /// Sets friends' fields, for an owner who is held until the answer is handed out.
    fn update_friends(&self, body: &[u8]) -> Answer {
        let request: FriendUpdate = match serde_json::from_slice(body) {
            Ok(Object(request)) => request,
            Err(error) => {
                let code = if error.is_data() { codes::BAD_FRIEND_REQUEST } else { codes::BAD_JSON };
                return of_friends(Err(Refusal(code, "the body is not JSON of the documented shape")));
            }
        };
        let subjects = request.update_item.iter().map(|Object(item)| item.to_account.clone()).collect();
        let owner = Some(request.from_account.clone());
        let hold = self.in_flight.take(&request.from_account);
        let judged = match hold {
            Some(_) => lock(&self.friends).update(request, &self.settings),
            None => Err(Refusal(codes::WRITE_CONFLICT, "another request for this From_Account is in flight")),
        };
        Answer { subjects, owner, hold, ..of_friends(judged) }
    }
}

impl Vendor for Endpoint {
    fn routes(&self) -> &[Route] {
        &self.routes
    }

    fn admit(&self, head: &Parts) -> Option<Answer> {
        self.verify(head).err().map(|refusal| refuse(head, refusal))
    }

    fn check_type(&self, head: &Parts) -> Option<Answer> {
        let is_said = head.headers.contains_key(header::CONTENT_TYPE);
        let is_other = head.headers.contains_key(header::CONTENT_ENCODING) || is_said && !is_json(&head.headers);
        is_other.then(|| refuse(head, Refusal(codes::BAD_HTTP, "the body is not said to be JSON as it stands")))
    }

    fn judge(&self, head: &Parts, body: &[u8]) -> Answer {
        if is_of_friends(head) {
            return self.update_friends(body);
        }
        let (judged, subjects) = lock(&self.attributes).judge(head.uri.path(), body, &self.settings);
        Answer { subjects, ..judged.unwrap_or_else(Reply::fail).answer() }
    }

    fn over_quota(&self, head: &Parts) -> Answer {
        refuse(head, Refusal(self.settings.over_quota_code.get(), "the command is called too often"))
    }

    fn change_secret(&self, secret: &Secret) {
        *lock(&self.secret_key) = secret.clone();
    }

    fn set_clock_ahead(&self, ahead: Duration) {
        Self::set_clock_ahead(self, ahead);
    }

    fn revoke_signatures(&self) {
        Self::revoke_signatures(self);
    }

    fn clear(&self) {
        *lock(&self.attributes) = Attributes::new(&self.settings, self.keep);
        *lock(&self.friends) = Friends::new(self.keep);
    }
}

impl Serialize for Endpoint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("attributes", &*lock(&self.attributes))?;
        map.serialize_entry("friends", &*lock(&self.friends))?;
        map.end()
    }
}

fn is_of_friends(head: &Parts) -> bool {
    head.uri.path() == FRIEND_UPDATE_PATH
}

/// An answer to `friend_update`, which has a field more.
fn of_friends(judged: Result<Reply, Refusal>) -> Answer {
    Reply { error_display: Some(""), ..judged.unwrap_or_else(Reply::fail) }.answer()
}

fn refuse(head: &Parts, refusal: Refusal) -> Answer {
    if is_of_friends(head) { of_friends(Err(refusal)) } else { Reply::fail(refusal).answer() }
}
