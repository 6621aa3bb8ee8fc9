//! The sink: an update in, a verdict out, by way of the typed client.

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use async_trait::async_trait;
use contact_sink_core::{
    BatchKey, ContactSink, ContactUpdate, ErrorCode, Limits, Overlap, Quota, Rejection, SinkError, Subject, Value,
    Verdict,
};
use contact_sink_transport::HttpTransport;
use http::StatusCode;

use crate::wire::{Answer, UserContacts};
use crate::{Config, EngageLab, SET_CONTACTS};

/// The vendor documents no quota of this endpoint: that of its neighbour.
pub(crate) const QUOTA: Quota =
    Quota { requests: const { NonZeroU32::new(1_000).unwrap() }, per: Duration::from_secs(60) };

/// Sets contacts of users: a user's EUID is the subject, `email` or `mobile_phone` a field.
///
/// Limits: one update a request, 1,000 requests a minute by default, requests may overlap. *Accepted* means what the vendor's
/// code 0 means: success or partial success.
#[derive(Debug, Clone)]
pub struct EngageLabSink {
    client: EngageLab,
    quota: Option<Quota>,
}

impl EngageLabSink {
    /// A sink with these credentials over this transport. Its quota is that of the endpoint's neighbour: the vendor documents none.
    pub fn new(config: Config, transport: impl HttpTransport + 'static) -> Self {
        EngageLab::new(config, transport).into()
    }

    /// With this quota, or none. Default 1,000 requests a minute.
    pub fn with_quota(self, quota: impl Into<Option<Quota>>) -> Self {
        Self { quota: quota.into(), ..self }
    }

    /// The client.
    pub fn client(&self) -> &EngageLab {
        &self.client
    }
}

/// A sink over a client that the caller has already, and may share.
impl From<EngageLab> for EngageLabSink {
    fn from(client: EngageLab) -> Self {
        Self { client, quota: Some(QUOTA) }
    }
}

#[async_trait]
impl ContactSink for EngageLabSink {
    fn limits(&self) -> Limits {
        Limits::new(NonZeroUsize::MIN).with_quota(self.quota).with_overlap(Overlap::Free)
    }

    fn batch_key(&self, _: &ContactUpdate) -> BatchKey {
        BatchKey::any()
    }

    fn validate(&self, update: &ContactUpdate) -> Result<(), Rejection> {
        user(update).map(drop)
    }

    async fn send(&self, batch: &[ContactUpdate]) -> Result<Vec<Verdict>, SinkError> {
        let [update] = batch else { return Err(SET_CONTACTS.contract("a request has one update")) };
        let user = user(update).map_err(|_| SET_CONTACTS.contract("an update of the batch is not valid"))?;
        Ok(vec![verdict(&self.client.set_contacts(&user).await?)])
    }
}

/// The update as the vendor has it, if it breaks no rule.
fn user(update: &ContactUpdate) -> Result<UserContacts<'_>, Rejection> {
    let Subject::User(id) = update.subject() else {
        return Err(Rejection::by_rule("the vendor keeps contacts of users, not of address book entries"));
    };
    let Some(euid) = id.as_i64() else {
        return Err(Rejection::by_rule("an EUID is a whole number within 64 bits without leading zeros"));
    };
    if update.fields().is_empty() {
        return Err(Rejection::by_rule("the update sets nothing"));
    }
    update.fields().iter().try_fold(UserContacts::new(euid), |user, (field, value)| match value {
        Value::Text(value) => Ok(user.with(field.as_str(), value)),
        _ => Err(Rejection::by_rule("a contact takes one text, not a list or a number").with_field(field.clone())),
    })
}

/// A code other than 0 means that nothing of the update was set. Without a code that decides it is not known what is to blame.
/// Under a 413 only a code of the table decides: the size is to blame, and field by field the update may be accepted.
fn verdict(answer: &Answer) -> Verdict {
    if answer.is_success() {
        return Verdict::Accepted;
    }
    let rejection =
        SET_CONTACTS.refusal(answer.code.map(ErrorCode::from), answer.status).with_vendor_text(&answer.message);
    let too_large = answer.status == StatusCode::PAYLOAD_TOO_LARGE;
    if answer.code.is_some() && (rejection.is_listed() || !too_large) {
        Verdict::Rejected(rejection)
    } else {
        Verdict::Undecided(rejection)
    }
}
