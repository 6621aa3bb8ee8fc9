//! The sink for friends: `friend_update`.

use std::collections::HashSet;
use std::num::{NonZeroU32, NonZeroUsize};

use async_trait::async_trait;
use contact_sink_core::{
    BatchKey, ContactSink, ContactUpdate, Effect, ErrorCode, Field, Limits, Overlap, Quota, Rejection, SinkError,
    Subject, SubjectPart, Value, Verdict,
};
use contact_sink_transport::{HttpTransport, Named, Unnamed, match_named};

use crate::codes::{OK, VENDOR};
use crate::operation::UPDATE_FRIENDS;
use crate::wire::{Answer, Friend, FriendResults, MAX_FRIENDS, TagValue};
use crate::{Config, FriendField, Tencent};

/// As the vendor documents it.
pub(crate) const QUOTA: Quota = Quota::per_second(const { NonZeroU32::new(200).unwrap() });

const MAX_REMARK_BYTES: usize = 96;
const MAX_GROUPS: usize = 32;
const MAX_GROUP_BYTES: usize = 30;
const MAX_CUSTOM_BYTES: usize = 500;
/// So that its rejected row differs from that of a friend who does not exist.
const OWNER_UNKNOWN: &str = "the owner's account does not exist";

/// Sets remark, groups and custom fields of friends: owner and friend are the subject, a tag is a field.
///
/// Limits: 1,000 updates of one owner a request, 200 requests a second by default, one request in flight for each owner. That is
/// kept by the one who drives the sink: two of them for one app do not know of each other, and meet in conflicts.
#[derive(Debug, Clone)]
pub struct FriendsSink {
    client: Tencent,
    quota: Option<Quota>,
}

impl FriendsSink {
    /// A sink with this configuration over this transport. It has the vendor's quota.
    pub fn new(config: Config, transport: impl HttpTransport + 'static) -> Self {
        Tencent::new(config, transport).into()
    }

    /// With this quota, or none. Default 200 requests a second.
    pub fn with_quota(self, quota: impl Into<Option<Quota>>) -> Self {
        Self { quota: quota.into(), ..self }
    }

    /// The client.
    pub fn client(&self) -> &Tencent {
        &self.client
    }
}

/// A sink over a client that the caller has already. Both sinks of an app share one, and so its UserSig.
impl From<Tencent> for FriendsSink {
    fn from(client: Tencent) -> Self {
        Self { client, quota: Some(QUOTA) }
    }
}

#[async_trait]
impl ContactSink for FriendsSink {
    fn limits(&self) -> Limits {
        Limits::new(const { NonZeroUsize::new(MAX_FRIENDS).unwrap() })
            .with_quota(self.quota)
            .with_overlap(Overlap::OnePerKey)
    }

    fn batch_key(&self, update: &ContactUpdate) -> BatchKey {
        match update.subject() {
            Subject::Friend { owner, .. } => BatchKey::of(owner.as_str()),
            _ => BatchKey::any(),
        }
    }

    fn validate(&self, update: &ContactUpdate) -> Result<(), Rejection> {
        friend(update).map(drop)
    }

    async fn send(&self, batch: &[ContactUpdate]) -> Result<Vec<Verdict>, SinkError> {
        let friends: Vec<(&str, Friend<'_>)> = batch
            .iter()
            .map(|update| friend(update).map_err(|_| UPDATE_FRIENDS.contract("an update of the batch is not valid")))
            .collect::<Result<_, _>>()?;
        let owner = friends.first().map_or("", |(owner, _)| *owner);
        if friends.iter().any(|(other, _)| *other != owner) {
            return Err(UPDATE_FRIENDS.contract("the updates of a batch have one owner"));
        }
        let friends: Vec<Friend<'_>> = friends.into_iter().map(|(_, friend)| friend).collect();
        let answer = self.client.update_friends(owner, &friends).await?;
        UPDATE_FRIENDS.unless_throttled(answer.status, verdicts(&answer, &friends)?)
    }
}

/// The update as the vendor has it, if it breaks no rule: the owner and the friend.
fn friend(update: &ContactUpdate) -> Result<(&str, Friend<'_>), Rejection> {
    let Subject::Friend { owner, friend } = update.subject() else {
        return Err(Rejection::by_rule("a friend is an entry of a user's address book: an owner and a friend"));
    };
    if update.fields().is_empty() {
        return Err(Rejection::by_rule("the update sets nothing"));
    }
    let friend = update.fields().iter().try_fold(Friend::new(friend.as_str()), |friend, (field, value)| {
        let value = tag_value(field, value).map_err(|reason| Rejection::by_rule(reason).with_field(field.clone()))?;
        Ok(friend.with(field.as_str(), value))
    })?;
    Ok((owner.as_str(), friend))
}

fn tag_value<'a>(field: &Field, value: &'a Value) -> Result<TagValue<'a>, &'static str> {
    let field: FriendField = field.as_str().parse().map_err(
        |_| "a field of a friend is Tag_SNS_IM_Remark, Tag_SNS_IM_Group or Tag_SNS_Custom_ and 1 to 8 letters",
    )?;
    match (field, value) {
        (FriendField::Remark, Value::Text(text)) if text.len() > MAX_REMARK_BYTES => {
            Err("a remark has at most 96 bytes of UTF-8: 96 letters, 32 Chinese characters")
        }
        (FriendField::Custom(_), Value::Text(text)) if text.len() > MAX_CUSTOM_BYTES => {
            Err("a custom field has at most 500 bytes of UTF-8")
        }
        (FriendField::Remark | FriendField::Custom(_), Value::Text(text)) => Ok(TagValue::Text(text)),
        (FriendField::Custom(_), Value::Integer(number)) => Ok(TagValue::Integer(*number)),
        (FriendField::Group, Value::List(names)) if names.len() > MAX_GROUPS => Err("a friend is in at most 32 groups"),
        (FriendField::Group, Value::List(names)) if names.iter().any(|name| name.len() > MAX_GROUP_BYTES) => {
            Err("a group's name has at most 30 bytes of UTF-8: 30 letters, 10 Chinese characters")
        }
        (FriendField::Group, Value::List(names)) => Ok(TagValue::List(names.iter().map(String::as_str).collect())),
        (FriendField::Group, _) => Err("the groups are a list of names"),
        (FriendField::Remark, _) => Err("a remark is one text"),
        _ => Err("a custom field takes one text or one number, not a list"),
    }
}

/// A result counts if `Fail_Account` agrees. A friend without such a result is sent again: nothing is known of it.
fn verdicts(answer: &Answer<FriendResults>, friends: &[Friend<'_>]) -> Result<Vec<Verdict>, SinkError> {
    let Some(results) = &answer.content else {
        let verdict = match answer.code.and_then(|code| VENDOR.find(code)) {
            // None of the friends of an owner who does not exist can be updated.
            Some(line) if line.effect == Effect::Rejects => {
                let rejection = Rejection::listed(line.code, OWNER_UNKNOWN).with_subject(SubjectPart::Owner);
                Verdict::Rejected(rejection.with_vendor_text(&answer.info))
            }
            _ => {
                let rejection = UPDATE_FRIENDS.refusal(answer.code.map(ErrorCode::from), answer.status);
                Verdict::Undecided(rejection.with_vendor_text(&answer.info))
            }
        };
        return Ok(vec![verdict; friends.len()]);
    };
    let failed: HashSet<&str> = results.failed.iter().map(String::as_str).collect();
    let named = results.items.iter().map(|result| {
        // A success that `Fail_Account` denies is none, and nothing is known.
        let code = result.code.filter(|&code| code != OK || !failed.contains(result.account.as_str()));
        Named { item: result.account.as_str(), code: code.map(ErrorCode::from), text: &result.info }
    });
    match_named(friends.iter().map(Friend::account), named, Unnamed::Unknown, |all| match &all[0].code {
        None => Ok(Verdict::Retry { code: None }),
        code => UPDATE_FRIENDS.item_verdict(answer.status, code.clone(), all[0].text),
    })
}
