//! The endpoints of a running server: who may call, which command answers, and what was counted.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use http::{Method, header, request::Parts};
use serde::Serialize;

use super::attributes::Attributes;
use super::codes::{self, Refusal};
use super::command::Command;
use super::counters::Counters;
use super::friends::Friends;
use super::query;
use super::settings::Settings;
use super::signatures::{Clock, Signatures};
use super::usersig::UserSig;
use super::value::FriendValue;
use super::wire::{FriendUpdate, Reply};
use crate::answer::Answer;
use crate::head::is_json;
use crate::hold::Holds;
use crate::quota::Window;
use crate::server::lock;
use crate::strict::Object;
use crate::vendor::Vendor;

/// The endpoints of a running server. `Debug` prints the counters.
pub struct Endpoint {
    settings: Settings,
    keep: bool,
    /// By which UserSigs are signed: the settings', until it is changed.
    secret_key: Mutex<String>,
    signatures: Mutex<Signatures>,
    /// One for each command.
    windows: Mutex<[Option<Window>; 6]>,
    counters: Mutex<Counters>,
    attributes: Mutex<Attributes>,
    friends: Mutex<Friends>,
    /// Each `From_Account` with a request in flight.
    in_flight: Holds,
}

/// All that is stored, for as long as nobody else needs it.
#[derive(Serialize)]
pub(crate) struct Stored<'a> {
    #[serde(serialize_with = "through")]
    attributes: MutexGuard<'a, Attributes>,
    #[serde(serialize_with = "through")]
    friends: MutexGuard<'a, Friends>,
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
        *lock(&self.counters)
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
            secret_key: Mutex::new(settings.secret_key.clone()),
            signatures: Mutex::new(Signatures::new(Clock::Ahead(settings.clock_ahead))),
            windows: Mutex::new(windows(&settings)),
            counters: Mutex::default(),
            attributes: Mutex::new(Attributes::new(&settings, keep)),
            friends: Mutex::new(Friends::new(keep)),
            in_flight: Holds::default(),
            settings,
        }
    }

    pub(crate) fn all_stored(&self) -> Stored<'_> {
        Stored { attributes: lock(&self.attributes), friends: lock(&self.friends) }
    }

    /// Verifies who calls.
    fn verify(&self, command: Command, head: &Parts) -> Result<(), Refusal> {
        if head.method != Method::POST {
            return Err(Refusal::new(codes::BAD_RESOURCE, "the method is not POST"));
        }
        let settings = &self.settings;
        let query = query::read(head.uri.query(), settings.sdk_app_id)?;
        let signature = UserSig::read(&query.usersig)?;
        let mut signatures = lock(&self.signatures);
        signature.verify(settings.sdk_app_id, &query.identifier, &lock(&self.secret_key), signatures.now())?;
        signatures.take(&signature)?;
        if settings.admins.contains(&query.identifier) {
            return Ok(());
        }
        let code = match command {
            Command::FriendUpdate => codes::FRIENDS_NEED_ADMIN,
            _ => codes::ATTRIBUTES_NEED_ADMIN,
        };
        Err(Refusal::new(code, "identifier is no admin of the app"))
    }

    fn refuse(&self, command: Command, refusal: Refusal) -> Answer {
        let mut counters = lock(&self.counters);
        let tally = counters.of(command);
        match refusal.code {
            codes::UNDECODABLE | codes::OTHER_SDK_APP_ID | codes::OTHER_IDENTIFIER | codes::EXPIRED => {
                tally.bad_signature += 1;
            }
            codes::FORGED | codes::REVOKED => tally.bad_signature += 1,
            codes::WRITE_CONFLICT => tally.conflicts += 1,
            _ => tally.refused += 1,
        }
        Reply::fail(command, refusal).answer()
    }

    fn tell(&self, command: Command, judged: Result<Reply, Refusal>) -> Answer {
        match judged {
            Ok(reply) => {
                let mut counters = lock(&self.counters);
                let tally = counters.of(command);
                tally.accepted += 1;
                tally.failed_items += (reply.fail_account.len() + reply.error_list.len()) as u64;
                reply.answer()
            }
            Err(refusal) => self.refuse(command, refusal),
        }
    }

    fn update_friends(&self, body: &[u8]) -> Answer {
        let command = Command::FriendUpdate;
        let request: FriendUpdate = match serde_json::from_slice(body) {
            Ok(Object(request)) => request,
            Err(error) => {
                let code = if error.is_data() { codes::BAD_FRIEND_REQUEST } else { codes::BAD_JSON };
                return self.refuse(command, Refusal::new(code, "the body is not JSON of the documented shape"));
            }
        };
        let subjects = request.update_item.iter().map(|Object(item)| item.to_account.clone()).collect();
        let owner = Some(request.from_account.clone());
        let hold = self.in_flight.take(&request.from_account);
        let answer = match hold {
            Some(_) => self.tell(command, lock(&self.friends).update(request, &self.settings)),
            None => {
                let info = "another request for this From_Account is in flight";
                self.refuse(command, Refusal::new(codes::WRITE_CONFLICT, info))
            }
        };
        Answer { subjects, owner, hold, ..answer }
    }
}

impl Vendor for Endpoint {
    fn arrive(&self, head: &Parts, arrival: Duration) -> Option<Answer> {
        let command = Command::at(head.uri.path())?;
        lock(&self.counters).of(command).requests += 1;
        if let Err(refusal) = self.verify(command, head) {
            return Some(self.refuse(command, refusal));
        }
        let mut windows = lock(&self.windows);
        let window = windows.get_mut(command as usize).and_then(Option::as_mut);
        if window.is_some_and(|window| !window.take(arrival)) {
            lock(&self.counters).of(command).over_quota += 1;
            return Some(self.over_quota(head));
        }
        None
    }

    fn answer(&self, head: &Parts, body: Option<&[u8]>) -> Answer {
        let command = Command::at(head.uri.path()).unwrap_or(Command::GetAttrName);
        let is_said = head.headers.contains_key(header::CONTENT_TYPE);
        if head.headers.contains_key(header::CONTENT_ENCODING) || is_said && !is_json(&head.headers) {
            return self.refuse(command, Refusal::new(codes::BAD_HTTP, "the body is not said to be JSON as it stands"));
        }
        let Some(body) = body else {
            lock(&self.counters).of(command).refused += 1;
            return Answer::too_large();
        };
        if command == Command::FriendUpdate {
            return self.update_friends(body);
        }
        let (judged, subjects) = lock(&self.attributes).judge(command, body, &self.settings);
        Answer { subjects, ..self.tell(command, judged) }
    }

    fn over_quota(&self, head: &Parts) -> Answer {
        let command = Command::at(head.uri.path()).unwrap_or(Command::GetAttrName);
        let code = self.settings.over_quota_code.get();
        Reply::fail(command, Refusal::new(code, "the command is called too often")).answer()
    }

    fn change_secret(&self, secret: &str) {
        *lock(&self.secret_key) = secret.to_owned();
    }

    fn forget(&self) {
        *lock(&self.windows) = windows(&self.settings);
        *lock(&self.counters) = Counters::default();
        *lock(&self.attributes) = Attributes::new(&self.settings, self.keep);
        *lock(&self.friends) = Friends::new(self.keep);
    }
}

fn windows(settings: &Settings) -> [Option<Window>; 6] {
    Command::ALL.map(|command| {
        let quota = match command {
            Command::FriendUpdate => settings.friend_quota,
            _ => settings.attribute_quota,
        };
        quota.map(Window::new)
    })
}

fn through<T: Serialize, S: serde::Serializer>(held: &MutexGuard<'_, T>, serializer: S) -> Result<S::Ok, S::Error> {
    held.serialize(serializer)
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("counters", &self.counters()).finish_non_exhaustive()
    }
}
