//! The sink: updates in, verdicts out, by way of the typed client.

mod verdicts;

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroUsize};

use async_trait::async_trait;
use contact_sink_core::{
    BatchKey, ContactSink, ContactUpdate, FieldKind, Limits, Overlap, Quota, Rejection, SinkError, Subject, Value,
    Verdict,
};
use contact_sink_transport::HttpTransport;

use crate::field::split;
use crate::wire::{MAX_USERS, UsersChannels};
use crate::{Config, Jiguang, SET_CHANNELS};

/// As the vendor documents it.
pub(crate) const QUOTA: Quota = Quota::per_second(const { NonZeroU32::new(100).unwrap() });

/// Sets contact labels of users: a user's CUID is the subject, `210/默认联系` a field.
///
/// Limits: 100 updates a request, 100 requests a second by default, requests may overlap.
#[derive(Debug, Clone)]
pub struct JiguangSink {
    client: Jiguang,
    kinds: BTreeMap<i64, ChannelKind>,
    quota: Option<Quota>,
}

/// What a channel carries. It cannot be read from the channel's id, so that the caller says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChannelKind {
    /// SMS: a value is exactly 11 ASCII digits, and that is checked before anything is sent.
    Sms,
    /// App notifications: a value is a Registration ID, whose form is not documented and not checked.
    App,
    /// E-mail: nothing is documented, nothing is checked.
    Mail,
    /// Any other: nothing is documented, nothing is checked.
    Other,
}

impl ChannelKind {
    /// What a value of such a channel is.
    pub fn field_kind(self) -> FieldKind {
        match self {
            Self::Sms => FieldKind::Phone,
            Self::Mail => FieldKind::Email,
            Self::App | Self::Other => FieldKind::Text,
        }
    }
}

impl JiguangSink {
    /// A sink with these credentials over this transport. It has the vendor's quota, and no channel is declared.
    pub fn new(config: Config, transport: impl HttpTransport + 'static) -> Self {
        Jiguang::new(config, transport).into()
    }

    /// Declares what a channel carries; a channel that is not declared counts as [`ChannelKind::Other`].
    pub fn with_channel(mut self, id: i64, kind: ChannelKind) -> Self {
        self.kinds.insert(id, kind);
        self
    }

    /// With this quota, or none. Default 100 requests a second.
    pub fn with_quota(self, quota: impl Into<Option<Quota>>) -> Self {
        Self { quota: quota.into(), ..self }
    }

    /// The client.
    pub fn client(&self) -> &Jiguang {
        &self.client
    }

    /// The updates as the vendor has them, if they break no rule.
    fn users<'a>(&self, batch: &'a [ContactUpdate]) -> Result<UsersChannels<'a>, Rejection> {
        let fields = batch.iter().map(|update| update.fields().len()).sum();
        let mut users = UsersChannels::with_room(batch.len(), fields);
        for update in batch {
            users.add(cuid(update)?);
            self.each_field(update, |channel, label, value| users.set(channel, label, value))?;
        }
        Ok(users)
    }

    /// Gives channel id, label and value of each field, up to the first that breaks a rule.
    fn each_field<'a>(
        &self,
        update: &'a ContactUpdate,
        mut give: impl FnMut(i64, &'a str, &'a str),
    ) -> Result<(), Rejection> {
        for (field, value) in update.fields() {
            let refuse = |reason: &'static str| Rejection::by_rule(reason).with_field(field.clone());
            let (channel, label) = split(field.as_str())
                .map_err(|error| Rejection::by_rule(error.to_string()).with_field(field.clone()))?;
            let Value::Text(value) = value else {
                return Err(refuse("a contact label takes one text, not a list or a number"));
            };
            if self.kinds.get(&channel) == Some(&ChannelKind::Sms) && !is_sms_number(value) {
                return Err(refuse("an SMS number is 11 digits and nothing else"));
            }
            give(channel, label, value);
        }
        Ok(())
    }
}

/// A sink over a client that the caller has already, and may share.
impl From<Jiguang> for JiguangSink {
    fn from(client: Jiguang) -> Self {
        Self { client, kinds: BTreeMap::new(), quota: Some(QUOTA) }
    }
}

#[async_trait]
impl ContactSink for JiguangSink {
    fn limits(&self) -> Limits {
        Limits::new(const { NonZeroUsize::new(MAX_USERS).unwrap() }).with_quota(self.quota).with_overlap(Overlap::Free)
    }

    fn batch_key(&self, _: &ContactUpdate) -> BatchKey {
        BatchKey::any()
    }

    fn validate(&self, update: &ContactUpdate) -> Result<(), Rejection> {
        cuid(update)?;
        self.each_field(update, |_, _, _| {})
    }

    async fn send(&self, batch: &[ContactUpdate]) -> Result<Vec<Verdict>, SinkError> {
        let users = self.users(batch).map_err(|_| SET_CHANNELS.contract("an update of the batch is not valid"))?;
        let users = users.users();
        let answer = self.client.set_channels(&users).await?;
        verdicts::of(&answer, &users)
    }
}

/// The CUID of an update that sets something.
fn cuid(update: &ContactUpdate) -> Result<i64, Rejection> {
    let Subject::User(id) = update.subject() else {
        return Err(Rejection::by_rule("the vendor keeps contact labels of users, not of address book entries"));
    };
    let Some(cuid) = id.as_i64() else {
        return Err(Rejection::by_rule("a CUID is a whole number within 64 bits without leading zeros"));
    };
    if update.fields().is_empty() {
        return Err(Rejection::by_rule("the update sets nothing"));
    }
    Ok(cuid)
}

fn is_sms_number(value: &str) -> bool {
    value.len() == 11 && value.bytes().all(|byte| byte.is_ascii_digit())
}
