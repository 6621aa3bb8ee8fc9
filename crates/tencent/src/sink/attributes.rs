//! The sink for user attributes: `im_set_attr`.

use std::num::{NonZeroU32, NonZeroUsize};

use async_trait::async_trait;
use contact_sink_core::{
    BatchKey, ContactSink, ContactUpdate, ErrorCode, Limits, Overlap, Quota, Rejection, SinkError, Subject, Value,
    Verdict,
};
use contact_sink_transport::{HttpTransport, Named, Unnamed, match_named};

use crate::codes::OK;
use crate::field::MAX_ATTRIBUTE_NAME_BYTES;
use crate::operation::SET_ATTRIBUTES;
use crate::wire::{AccountError, Answer, MAX_ACCOUNTS, MAX_ATTRIBUTES, UserAttributes};
use crate::{Config, Tencent};

/// As the vendor documents it.
pub(crate) const QUOTA: Quota = Quota::per_second(const { NonZeroU32::new(100).unwrap() });

/// The most bytes of a value, in UTF-8: a Chinese character is 3.
const MAX_VALUE_BYTES: usize = 50;

/// Sets attributes of users: an account is the subject, an attribute's name a field.
///
/// Limits: 100 updates a request, 100 requests a second by default, requests may overlap.
#[derive(Debug, Clone)]
pub struct AttributesSink {
    client: Tencent,
    quota: Option<Quota>,
}

impl AttributesSink {
    /// A sink with this configuration over this transport. It has the vendor's quota.
    pub fn new(config: Config, transport: impl HttpTransport + 'static) -> Self {
        Tencent::new(config, transport).into()
    }

    /// With this quota, or none. Default 100 requests a second.
    pub fn with_quota(self, quota: impl Into<Option<Quota>>) -> Self {
        Self { quota: quota.into(), ..self }
    }

    /// The client.
    pub fn client(&self) -> &Tencent {
        &self.client
    }
}

/// A sink over a client that the caller has already. Both sinks of an app share one, and so its UserSig.
impl From<Tencent> for AttributesSink {
    fn from(client: Tencent) -> Self {
        Self { client, quota: Some(QUOTA) }
    }
}

#[async_trait]
impl ContactSink for AttributesSink {
    fn limits(&self) -> Limits {
        Limits::new(const { NonZeroUsize::new(MAX_ACCOUNTS).unwrap() })
            .with_quota(self.quota)
            .with_overlap(Overlap::Free)
    }

    fn batch_key(&self, _: &ContactUpdate) -> BatchKey {
        BatchKey::any()
    }

    fn validate(&self, update: &ContactUpdate) -> Result<(), Rejection> {
        user(update).map(drop)
    }

    async fn send(&self, batch: &[ContactUpdate]) -> Result<Vec<Verdict>, SinkError> {
        let invalid = |_| SET_ATTRIBUTES.contract("an update of the batch is not valid");
        let users: Vec<UserAttributes<'_>> =
            batch.iter().map(|update| user(update).map_err(invalid)).collect::<Result<_, _>>()?;
        let answer = self.client.set_attributes(&users).await?;
        SET_ATTRIBUTES.unless_throttled(answer.status, verdicts(&answer, &users)?)
    }
}

/// The update as the vendor has it, if it breaks no rule.
fn user(update: &ContactUpdate) -> Result<UserAttributes<'_>, Rejection> {
    let Subject::User(account) = update.subject() else {
        return Err(Rejection::by_rule("the vendor keeps attributes of users, not of address book entries"));
    };
    if update.fields().is_empty() {
        return Err(Rejection::by_rule("the update sets nothing"));
    }
    if update.fields().len() > MAX_ATTRIBUTES {
        return Err(Rejection::by_rule("an app has at most 10 attributes"));
    }
    update.fields().iter().try_fold(UserAttributes::new(account.as_str()), |user, (field, value)| {
        let refuse = |reason: &'static str| Err(Rejection::by_rule(reason).with_field(field.clone()));
        let name = field.as_str();
        match value {
            _ if name.len() > MAX_ATTRIBUTE_NAME_BYTES => refuse("an attribute's name has at most 50 bytes"),
            Value::Text(value) if value.len() > MAX_VALUE_BYTES => {
                refuse("an attribute has at most 50 bytes of UTF-8: 50 letters, 16 Chinese characters")
            }
            Value::Text(value) => Ok(user.with(name, value)),
            _ => refuse("an attribute takes one text, not a list or a number"),
        }
    })
}

/// A request that was refused names no account: whether its other accounts were stored is not documented. One that succeeded
/// may list accounts that failed. Of an account that is listed with the code of success nothing is known.
fn verdicts(answer: &Answer<Vec<AccountError>>, users: &[UserAttributes<'_>]) -> Result<Vec<Verdict>, SinkError> {
    let Some(failed) = &answer.content else {
        let rejection = SET_ATTRIBUTES.refusal(answer.code.map(ErrorCode::from), answer.status);
        return Ok(vec![Verdict::Undecided(rejection.with_vendor_text(&answer.info)); users.len()]);
    };
    let failed = failed.iter().map(|entry| Named {
        item: entry.account.as_str(),
        code: entry.code.map(ErrorCode::from),
        text: &answer.info,
    });
    match_named(users.iter().map(UserAttributes::account), failed, Unnamed::Accepted, |all| match &all[0].code {
        Some(ErrorCode::Number(OK)) => Ok(Verdict::Retry { code: None }),
        code => SET_ATTRIBUTES.item_verdict(answer.status, code.clone(), &answer.info),
    })
}
