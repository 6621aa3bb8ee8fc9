//! The wire format of "Set Contact Information": the request as the vendor documents it; the answer is in `answer`.

mod answer;

use std::collections::HashSet;
use std::fmt;

use bytes::Bytes;
use contact_sink_transport::{BaseUrl, json};
use http::{Method, Request};
use serde::{Serialize, Serializer};

pub use answer::{Answer, AnswerError, read_set_channels};

/// The most users in one request.
pub const MAX_USERS: usize = 100;

const PATH: &str = "/smartop/api/v1/user/channel/batch";

/// What is set for one user. `Debug` prints no id and no value.
///
/// Shape: `{"cuid":10362819,"channels":[{"id":210,"channelValues":{"默认联系":"15088888888"}}]}`; ids are 64-bit integers.
///
/// Source: Jiguang, "Set Contact Information".
#[derive(Clone, Serialize)]
pub struct UserChannels<'a> {
    cuid: i64,
    channels: Vec<Channel<'a>>,
}

#[derive(Clone, Serialize)]
struct Channel<'a> {
    id: i64,
    #[serde(rename = "channelValues", serialize_with = "as_object")]
    values: Vec<(&'a str, &'a str)>,
}

/// Why a request cannot be built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// No user, or more than [`MAX_USERS`].
    #[error("a request holds 1 to 100 users")]
    NumberOfUsers,
    /// A user is named twice. What the vendor makes of that is not documented.
    #[error("a user is named twice")]
    UserTwice,
    /// A user for whom nothing is set.
    #[error("nothing is set for a user")]
    NothingSet,
    /// A label or a value is empty. The vendor documents no delete.
    #[error("a label or a value is empty: there is no delete")]
    Empty,
    /// A label of a channel is named twice for one user.
    #[error("a label of a channel is named twice for one user")]
    NamedTwice,
    /// The path does not fit the base URL.
    #[error("the base url cannot be extended")]
    BaseUrl,
    /// The body could not be written.
    #[error("the body could not be written")]
    Body,
}

impl<'a> UserChannels<'a> {
    /// The user with this CUID; nothing is set yet.
    pub fn new(cuid: i64) -> Self {
        Self { cuid, channels: Vec::new() }
    }

    /// Sets a contact label of a channel. Channels and labels keep the order in which they are first named.
    pub fn with(mut self, channel_id: i64, label: &'a str, value: &'a str) -> Self {
        match self.channels.iter_mut().find(|channel| channel.id == channel_id) {
            Some(channel) => channel.values.push((label, value)),
            None => self.channels.push(Channel { id: channel_id, values: vec![(label, value)] }),
        }
        self
    }

    /// The user's id.
    pub fn cuid(&self) -> i64 {
        self.cuid
    }

    /// What is set: channel id, label, value.
    pub fn fields(&self) -> impl Iterator<Item = (i64, &'a str, &'a str)> {
        self.channels.iter().flat_map(|channel| channel.values.iter().map(|&(label, value)| (channel.id, label, value)))
    }

    fn check(&self) -> Result<(), BuildError> {
        if self.channels.is_empty() {
            return Err(BuildError::NothingSet);
        }
        for Channel { values, .. } in &self.channels {
            for (index, (label, value)) in values.iter().enumerate() {
                if label.is_empty() || value.is_empty() {
                    return Err(BuildError::Empty);
                }
                if values[..index].iter().any(|(earlier, _)| earlier == label) {
                    return Err(BuildError::NamedTwice);
                }
            }
        }
        Ok(())
    }
}

/// Builds the request that sets contact labels of 1 to [`MAX_USERS`] users, without credentials.
///
/// Shape: `PUT /smartop/api/v1/user/channel/batch` with a bare JSON array of users.
///
/// # Errors
/// [`BuildError`] if the number of users is wrong, one is named twice, a user has nothing to set, or a label or value is empty or named twice.
///
/// Source: Jiguang, "Set Contact Information".
pub fn build_set_channels(base: &BaseUrl, users: &[UserChannels<'_>]) -> Result<Request<Bytes>, BuildError> {
    if !(1..=MAX_USERS).contains(&users.len()) {
        return Err(BuildError::NumberOfUsers);
    }
    let mut cuids = HashSet::with_capacity(users.len());
    if !users.iter().all(|user| cuids.insert(user.cuid)) {
        return Err(BuildError::UserTwice);
    }
    users.iter().try_for_each(UserChannels::check)?;
    let uri = base.join(PATH).map_err(|_| BuildError::BaseUrl)?;
    json::request(Method::PUT, uri, &users).ok_or(BuildError::Body)
}

fn as_object<S: Serializer>(values: &[(&str, &str)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(values.iter().copied())
}

impl fmt::Debug for UserChannels<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserChannels").field("fields", &self.fields().count()).finish_non_exhaustive()
    }
}
