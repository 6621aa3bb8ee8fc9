//! The port to a vendor's endpoint.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

use async_trait::async_trait;

use crate::{ContactUpdate, Quota, Rejection, SinkError, Verdict};

/// One endpoint of one vendor.
///
/// A sink sends; it does not retry, pace, reorder or split. The contract of each method is listed with it, a line a rule.
///
/// A sink of one's own, here over a client that answers with a status and the numbers of the entries that it refused:
///
/// ```
/// use std::num::NonZeroUsize;
///
/// use contact_sink_core::{
///     BatchKey, ContactSink, ContactUpdate, Limits, Rejection, SinkError, SinkErrorKind, Subject, Value, Verdict,
///     async_trait,
/// };
/// # struct Client { status: u16, refused: Vec<usize> }
/// # impl Client { async fn put(&self, _: &[(&str, &str)]) -> (u16, Vec<usize>) { (self.status, self.refused.clone()) } }
///
/// struct Directory {
///     client: Client,
/// }
///
/// impl Directory {
///     /// The entry as the vendor has it, or the documented rule that the update breaks.
///     fn entry<'a>(&self, update: &'a ContactUpdate) -> Result<(&'a str, &'a str), Rejection> {
///         let Subject::User(user) = update.subject() else { return Err(Rejection::by_rule("an entry is a user's")) };
///         match update.fields() {
///             [(field, Value::Text(email))] if field.as_str() == "email" => Ok((user.as_str(), email)),
///             _ => Err(Rejection::by_rule("an entry has one text, its email")),
///         }
///     }
/// }
///
/// #[async_trait]
/// impl ContactSink for Directory {
///     fn limits(&self) -> Limits {
///         Limits::new(NonZeroUsize::MIN.saturating_add(99)).with_quota("100/s".parse().ok())
///     }
///
///     fn batch_key(&self, _: &ContactUpdate) -> BatchKey {
///         BatchKey::any()
///     }
///
///     fn validate(&self, update: &ContactUpdate) -> Result<(), Rejection> {
///         self.entry(update).map(drop)
///     }
///
///     async fn send(&self, batch: &[ContactUpdate]) -> Result<Vec<Verdict>, SinkError> {
///         let entries: Vec<_> = batch.iter().filter_map(|update| self.entry(update).ok()).collect();
///         let failed = |kind, status| Err(SinkError::new("directory", "put", kind).with_status(status));
///         match self.client.put(&entries).await {
///             (200, refused) => Ok((0..batch.len())
///                 .map(|nth| {
///                     let refused = refused.contains(&nth).then(|| Rejection::listed(17, "no such user"));
///                     refused.map_or(Verdict::Accepted, Verdict::Rejected)
///                 })
///                 .collect()),
///             // Refused as a whole, and nobody is named: whoever drives the sink finds out who is to blame.
///             (422, _) => Ok(vec![Verdict::Undecided(Rejection::unlisted(None, "the request was refused")); batch.len()]),
///             // The kind says whether another try can help and whether this one may have been applied.
///             (401, _) => failed(SinkErrorKind::Credentials, 401),
///             (status, _) => failed(SinkErrorKind::Unavailable, status),
///         }
///     }
/// }
/// # fn at_once<T>(future: impl Future<Output = T>) -> T {
/// #     match std::pin::pin!(future).poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
/// #         std::task::Poll::Ready(output) => output,
/// #         std::task::Poll::Pending => unreachable!(),
/// #     }
/// # }
/// # at_once(async {
/// # let update = |id: i64| -> Result<ContactUpdate, Box<dyn std::error::Error>> {
/// #     Ok(ContactUpdate::user(id).with("email".parse()?, "a@b.example")?)
/// # };
/// # let batch = [update(7)?, update(8)?];
/// # let client = Client { status: 200, refused: vec![1] };
///
/// let sink = Directory { client };
/// assert!(sink.validate(&batch[0]).is_ok());
/// let verdicts = sink.send(&batch).await?;
/// assert!(matches!(&verdicts[..], [Verdict::Accepted, Verdict::Rejected(_)]));
/// # let sink = |status| Directory { client: Client { status, refused: vec![] } };
/// # assert!(sink(200).validate(&ContactUpdate::user(7)).is_err());
/// # assert!(matches!(&sink(422).send(&batch).await?[..], [Verdict::Undecided(_), Verdict::Undecided(_)]));
/// # for (status, kind) in [(401, SinkErrorKind::Credentials), (503, SinkErrorKind::Unavailable)] {
/// #     assert_eq!(sink(status).send(&batch).await.unwrap_err().kind(), kind);
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait ContactSink: Send + Sync {
    /// What the endpoint takes.
    ///
    /// - The same answer at every call.
    fn limits(&self) -> Limits;

    /// Which updates may share a request: those with the same key.
    ///
    /// - The same answer for the same subject, whatever the fields.
    fn batch_key(&self, update: &ContactUpdate) -> BatchKey;

    /// Checks the rules that the vendor documents.
    ///
    /// - No I/O, and the same answer at every call.
    /// - A refused update is never given to [`ContactSink::send`].
    ///
    /// # Errors
    /// The rule that the update breaks, with the field if it is one field's.
    fn validate(&self, update: &ContactUpdate) -> Result<(), Rejection>;

    /// Sends a batch in one request.
    ///
    /// - The batch has 1 to `limits().max_updates` updates, each subject once, all valid and of one key.
    /// - One request, no retry, no redirect.
    /// - One verdict for each update, in their order.
    /// - A batch that the vendor refuses is `Ok` with [`Verdict::Undecided`], not `Err`.
    /// - Dropping the future may leave the batch applied.
    ///
    /// # Errors
    /// [`SinkError`] if there are no verdicts at all; it says whether to try again and whether the batch may have been applied.
    async fn send(&self, batch: &[ContactUpdate]) -> Result<Vec<Verdict>, SinkError>;
}

/// What an endpoint takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The most updates in one request.
    pub max_updates: NonZeroUsize,
    /// The vendor's quota; `None` if the endpoint has none.
    pub quota: Option<Quota>,
    /// Whether requests of one batch key may be in flight together.
    pub overlap: Overlap,
}

impl Limits {
    /// Up to `max_updates` in one request, no quota, free overlap.
    pub fn new(max_updates: NonZeroUsize) -> Self {
        Self { max_updates, quota: None, overlap: Overlap::Free }
    }

    /// With this quota, or none.
    pub fn with_quota(self, quota: impl Into<Option<Quota>>) -> Self {
        Self { quota: quota.into(), ..self }
    }

    /// With this overlap.
    pub fn with_overlap(self, overlap: Overlap) -> Self {
        Self { overlap, ..self }
    }
}

/// Whether requests of one batch key may be in flight together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Overlap {
    /// They may.
    Free,
    /// One request for each batch key: the vendor answers concurrent ones with a conflict.
    OnePerKey,
}

/// Updates with different keys never share a request. `Debug` prints no part of it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchKey(Option<Arc<str>>);

impl BatchKey {
    /// The key of a sink whose updates may all share requests.
    pub const fn any() -> Self {
        Self(None)
    }

    /// A key of its own for each text.
    pub fn of(text: impl AsRef<str>) -> Self {
        Self(Some(text.as_ref().into()))
    }
}

impl fmt::Debug for BatchKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "BatchKey(..)" } else { "BatchKey(any)" })
    }
}

macro_rules! forward {
    ($pointer:ident) => {
        #[async_trait]
        impl<T: ContactSink + ?Sized> ContactSink for $pointer<T> {
            fn limits(&self) -> Limits {
                (**self).limits()
            }

            fn batch_key(&self, update: &ContactUpdate) -> BatchKey {
                (**self).batch_key(update)
            }

            fn validate(&self, update: &ContactUpdate) -> Result<(), Rejection> {
                (**self).validate(update)
            }

            async fn send(&self, batch: &[ContactUpdate]) -> Result<Vec<Verdict>, SinkError> {
                (**self).send(batch).await
            }
        }
    };
}

forward!(Arc);
forward!(Box);
