//! The wire format of "Set Contact Information": the request as the vendor documents it; the answer is in `answer`.

mod answer;

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
    channels: Channels<'a>,
}

/// What is set of the channels of a user: channel id, label, value. What is set of one channel is together.
#[derive(Clone)]
struct Channels<'a>(Vec<(i64, &'a str, &'a str)>);

/// What is set of one channel.
#[derive(Serialize)]
struct Channel<'c, 'a> {
    id: i64,
    #[serde(rename = "channelValues", serialize_with = "as_object")]
    values: &'c [(i64, &'a str, &'a str)],
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
        Self { cuid, channels: Channels(Vec::new()) }
    }

    /// Sets a contact label of a channel. Channels and labels keep the order in which they are first named.
    pub fn with(mut self, channel_id: i64, label: &'a str, value: &'a str) -> Self {
        self.set(channel_id, label, value);
        self
    }

    pub(crate) fn set(&mut self, channel_id: i64, label: &'a str, value: &'a str) {
        let fields = &mut self.channels.0;
        let place = fields.iter().rposition(|(id, ..)| *id == channel_id).map_or(fields.len(), |last| last + 1);
        fields.insert(place, (channel_id, label, value));
    }

    /// The user's id.
    pub fn cuid(&self) -> i64 {
        self.cuid
    }

    /// What is set: channel id, label, value.
    pub fn fields(&self) -> impl Iterator<Item = (i64, &'a str, &'a str)> {
        self.channels.0.iter().copied()
    }

    fn check(&self) -> Result<(), BuildError> {
        let fields = &self.channels.0;
        if fields.is_empty() {
            return Err(BuildError::NothingSet);
        }
        for (index, (id, label, value)) in fields.iter().enumerate() {
            if label.is_empty() || value.is_empty() {
                return Err(BuildError::Empty);
            }
            if fields[..index].iter().any(|(other, earlier, _)| other == id && earlier == label) {
                return Err(BuildError::NamedTwice);
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
    let mut cuids: Vec<i64> = users.iter().map(UserChannels::cuid).collect();
    cuids.sort_unstable();
    if cuids.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(BuildError::UserTwice);
    }
    users.iter().try_for_each(UserChannels::check)?;
    let uri = base.join(PATH).map_err(|_| BuildError::BaseUrl)?;
    json::request(Method::PUT, uri, &users).ok_or(BuildError::Body)
}

impl Serialize for Channels<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let channels = self.0.chunk_by(|(id, ..), (next, ..)| id == next);
        serializer.collect_seq(channels.map(|values| Channel { id: values[0].0, values }))
    }
}

fn as_object<S: Serializer>(values: &[(i64, &str, &str)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(values.iter().map(|(_, label, value)| (label, value)))
}

impl fmt::Debug for UserChannels<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserChannels").field("fields", &self.fields().count()).finish_non_exhaustive()
    }
}
