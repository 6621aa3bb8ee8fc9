//! The wire format of "Set Contact Information": the request as the vendor documents it; the answer is in `answer`.

mod answer;

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use contact_sink_transport::{BaseUrl, InvalidRequest, check_fields, check_items, json};
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
struct Channels<'a>(Cow<'a, [ChannelValue<'a>]>);

/// Channel id, label, value.
type ChannelValue<'a> = (i64, &'a str, &'a str);

/// What is set for several users, in one piece of memory.
#[derive(Default)]
pub(crate) struct UsersChannels<'a> {
    fields: Vec<ChannelValue<'a>>,
    /// Each user, and where the fields of the user end.
    users: Vec<(i64, usize)>,
}

/// What is set of one channel.
#[derive(Serialize)]
struct Channel<'c, 'a> {
    id: i64,
    #[serde(rename = "channelValues", serialize_with = "as_object")]
    values: &'c [ChannelValue<'a>],
}

impl<'a> UserChannels<'a> {
    /// The user with this CUID; nothing is set yet.
    pub fn new(cuid: i64) -> Self {
        Self { cuid, channels: Channels(Cow::default()) }
    }

    /// Sets a contact label of a channel. Channels and labels keep the order in which they are first named.
    pub fn with(mut self, channel_id: i64, label: &'a str, value: &'a str) -> Self {
        set(self.channels.0.to_mut(), 0, (channel_id, label, value));
        self
    }

    /// The user's id.
    pub fn cuid(&self) -> i64 {
        self.cuid
    }

    /// What is set: channel id, label, value.
    pub fn fields(&self) -> impl Iterator<Item = (i64, &'a str, &'a str)> + Clone {
        self.channels.0.iter().copied()
    }

    /// About how many bytes it has as JSON.
    fn room(&self) -> usize {
        let field = |(_, label, value): (i64, &str, &str)| 56 + label.len() + value.len();
        40 + self.fields().map(field).sum::<usize>()
    }
}

impl<'a> UsersChannels<'a> {
    pub(crate) fn with_room(users: usize, fields: usize) -> Self {
        Self { fields: Vec::with_capacity(fields), users: Vec::with_capacity(users) }
    }

    /// Adds a user; what is set comes after that.
    pub(crate) fn add(&mut self, cuid: i64) {
        self.users.push((cuid, self.fields.len()));
    }

    /// Sets a contact label of a channel for the user who was added last.
    pub(crate) fn set(&mut self, channel_id: i64, label: &'a str, value: &'a str) {
        let start = self.users.iter().rev().nth(1).map_or(0, |(_, end)| *end);
        set(&mut self.fields, start, (channel_id, label, value));
        if let Some((_, end)) = self.users.last_mut() {
            *end = self.fields.len();
        }
    }

    pub(crate) fn users(&self) -> Vec<UserChannels<'_>> {
        let mut start = 0;
        let user = |(cuid, end): &(i64, usize)| {
            let fields = &self.fields[std::mem::replace(&mut start, *end)..*end];
            UserChannels { cuid: *cuid, channels: Channels(fields.into()) }
        };
        self.users.iter().map(user).collect()
    }
}

/// Sets a label for the user whose fields begin here: behind what is set of the same channel.
fn set<'a>(fields: &mut Vec<ChannelValue<'a>>, start: usize, field: ChannelValue<'a>) {
    let last = fields[start..].iter().rposition(|(id, ..)| *id == field.0);
    fields.insert(last.map_or(fields.len(), |last| start + last + 1), field);
}

/// Builds the request that sets contact labels of 1 to [`MAX_USERS`] users, without credentials.
///
/// Shape: `PUT /smartop/api/v1/user/channel/batch` with a bare JSON array of users.
///
/// # Errors
/// [`InvalidRequest`] if the number of users is wrong, one is named twice, a user has nothing to set, or a label or value is empty or named twice.
///
/// Source: Jiguang, "Set Contact Information".
pub fn build_set_channels(base: &BaseUrl, users: &[UserChannels<'_>]) -> Result<Request<Bytes>, InvalidRequest> {
    check_items(users.iter().map(UserChannels::cuid), MAX_USERS, "users")?;
    for user in users {
        check_fields(user.fields().map(|(id, label, value)| ((id, label), label.is_empty() || value.is_empty())))?;
    }
    let room = users.iter().map(UserChannels::room).sum();
    json::request(Method::PUT, base.join(PATH)?, &users, room)
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
