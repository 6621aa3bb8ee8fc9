//! The wire format of `friend_update`: friends of one account, and a result for each.

use std::fmt;

use bytes::Bytes;
use contact_sink_core::SinkError;
use contact_sink_transport::json::{self, RawValue};
use contact_sink_transport::{BaseUrl, InvalidRequest, check_fields, check_items};
use http::{Request, Response};
use serde::{Deserialize, Serialize};

use super::{Answer, Caller, build, read};
use crate::operation;

/// The most friends in one request.
pub const MAX_FRIENDS: usize = 1_000;

/// What is set for one friend. `Debug` prints no account and no value.
///
/// Shape: `{"To_Account":"id1","SnsItem":[{"Tag":"Tag_SNS_IM_Remark","Value":"remark1"}]}`.
///
/// Source: Tencent Chat, "friend_update".
#[derive(Clone, Serialize)]
pub struct Friend<'a> {
    #[serde(rename = "To_Account")]
    account: &'a str,
    #[serde(rename = "SnsItem")]
    items: Vec<Item<'a>>,
}

#[derive(Clone, Serialize)]
struct Item<'a> {
    #[serde(rename = "Tag")]
    tag: &'a str,
    #[serde(rename = "Value")]
    value: TagValue<'a>,
}

/// What a tag is set to. `Debug` prints no part of it.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum TagValue<'a> {
    /// A text.
    Text(&'a str),
    /// Several texts.
    List(Vec<&'a str>),
    /// A number, for a custom field that is configured as one.
    Integer(i64),
}

/// The result of one friend. `Debug` prints no account and no text.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FriendResult {
    /// The friend.
    pub account: String,
    /// `ResultCode`; `None` if the entry has no integer there.
    pub code: Option<i64>,
    /// `ResultInfo`, which is personal data; empty if there is none.
    pub info: String,
}

/// What the vendor says of the friends of a request. `Debug` prints no account.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FriendResults {
    /// The results, in the vendor's order, which is not that of the request. A friend may have none.
    pub items: Vec<FriendResult>,
    /// `Fail_Account`: the friends that failed.
    pub failed: Vec<String>,
}

impl<'a> Friend<'a> {
    /// The friend; nothing is set yet.
    pub fn new(account: &'a str) -> Self {
        Self { account, items: Vec::new() }
    }

    /// Sets a field by its tag.
    pub fn with(mut self, tag: &'a str, value: TagValue<'a>) -> Self {
        self.items.push(Item { tag, value });
        self
    }

    /// The friend.
    pub fn account(&self) -> &'a str {
        self.account
    }
}

impl TagValue<'_> {
    fn is_empty(&self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::List(texts) => texts.is_empty() || texts.iter().any(|text| text.is_empty()),
            Self::Integer(_) => false,
        }
    }
}

/// Builds the request that updates 1 to [`MAX_FRIENDS`] friends of one account, without a UserSig.
///
/// Shape: `POST /v4/sns/friend_update`.
///
/// # Errors
/// [`InvalidRequest`] if the number of friends is wrong, or anything is empty or named twice.
///
/// Source: Tencent Chat, "friend_update".
pub fn build_update_friends(
    base: &BaseUrl,
    caller: Caller<'_>,
    owner: &str,
    friends: &[Friend<'_>],
) -> Result<Request<Bytes>, InvalidRequest> {
    #[derive(Serialize)]
    struct Body<'a> {
        #[serde(rename = "From_Account")]
        owner: &'a str,
        #[serde(rename = "UpdateItem")]
        friends: &'a [Friend<'a>],
    }
    check_items(friends.iter().map(Friend::account), MAX_FRIENDS, "friends")?;
    if owner.is_empty() || friends.iter().any(|friend| friend.account.is_empty()) {
        return Err(InvalidRequest::Empty);
    }
    for Friend { items, .. } in friends {
        check_fields(items.iter().map(|item| (item.tag, item.tag.is_empty() || item.value.is_empty())))?;
    }
    build(base, "/v4/sns/friend_update", caller, &Body { owner, friends })
}

/// Reads the answer: the results of a request that went through, though single friends may have failed.
///
/// An entry without a `To_Account` is passed over: the friend whom it means has no result.
///
/// # Errors
/// [`SinkError`] if there is no answer of the vendor's in it, or one that concerns the run as a whole.
///
/// Source: Tencent Chat, "friend_update".
pub fn read_update_friends(answer: &Response<Bytes>) -> Result<Answer<FriendResults>, SinkError> {
    read(&operation::UPDATE_FRIENDS, answer, &["ResultItem", "Fail_Account"], results)
}

#[derive(Deserialize)]
struct Content<'a> {
    #[serde(borrow, rename = "ResultItem")]
    items: Option<&'a RawValue>,
    #[serde(borrow, rename = "Fail_Account")]
    failed: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct ResultItem<'a> {
    #[serde(borrow, rename = "To_Account")]
    account: Option<&'a RawValue>,
    #[serde(borrow, rename = "ResultCode")]
    code: Option<&'a RawValue>,
    #[serde(borrow, rename = "ResultInfo")]
    info: Option<&'a RawValue>,
}

fn results(body: &str) -> Option<FriendResults> {
    let content: Content<'_> = json::object(body)?;
    let entries = |list| if json::says_nothing(list) { Some(Vec::new()) } else { json::list(list?) };
    let items = entries(content.items)?.into_iter().filter_map(|item| {
        let item: ResultItem<'_> = json::object(item.get())?;
        let info = json::message(item.info);
        Some(FriendResult { account: json::text(item.account)?, code: json::integer(item.code), info })
    });
    let items = items.collect();
    let failed = entries(content.failed)?.into_iter().map(|account| json::text(Some(account)));
    Some(FriendResults { items, failed: failed.collect::<Option<_>>()? })
}

contact_sink_transport::debug_shows!(Friend<'_>: items.len());

impl fmt::Debug for TagValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text(_) => "Text(..)",
            Self::List(_) => "List(..)",
            Self::Integer(_) => "Integer(..)",
        })
    }
}

contact_sink_transport::debug_shows!(FriendResult: code);

contact_sink_transport::debug_shows!(FriendResults: items, failed.len());
