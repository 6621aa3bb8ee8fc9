//! The typed client: the vendor's own call and its own answer.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use contact_sink_core::{Applied, SinkError, SinkErrorKind};
use contact_sink_transport::HttpTransport;
use http::{Request, header};

use crate::wire::{Answer, BuildError, UserContacts, build_set_contacts, read_set_contacts};
use crate::{Config, SET_CONTACTS, VENDOR};

/// A client of one EngageLab data source. Clones share the transport. `Debug` prints no secret.
///
/// It sends one request a call: it does not pace or retry.
#[derive(Clone)]
pub struct EngageLab {
    config: Arc<Config>,
    transport: Arc<dyn HttpTransport>,
}

impl EngageLab {
    /// A client with these credentials over this transport, which several clients may share in an `Arc`.
    pub fn new(config: Config, transport: impl HttpTransport + 'static) -> Self {
        Self { config: Arc::new(config), transport: Arc::new(transport) }
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Sets contacts of one user.
    ///
    /// Shape: `POST /v1/user/contact`; the limit of calls is not documented. An answer of success may be one of partial
    /// success: [`Answer::is_success`].
    ///
    /// # Errors
    /// [`SinkError`] if there is no answer, if nothing was sent because the request cannot be built, or if the vendor refuses
    /// the credentials or the project.
    ///
    /// ```
    /// use contact_sink_engagelab::{Config, EngageLab, UserContacts, find_code};
    /// # use bytes::Bytes;
    /// # use contact_sink_transport::{HttpTransport, TransportError};
    /// # use http::{Request, Response};
    /// # struct Documented;
    /// # #[async_trait::async_trait] impl HttpTransport for Documented {
    /// #     async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
    /// #         assert_eq!(request.body(), r#"{"euid":10362473,"contacts":{"email":"12@gmail.com"}}"#);
    /// #         Ok(Response::new(Bytes::from_static(br#"{"code":55014,"message":"Contact exists"}"#)))
    /// #     }
    /// # }
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// # let transport = Documented;
    ///
    /// let client = EngageLab::new(Config::new("the API key", "from the environment".into()), transport);
    /// // The vendor answers as its page shows for a contact that is taken.
    /// let answer = client.set_contacts(&UserContacts::new(10362473).with("email", "12@gmail.com")).await?;
    /// assert!(!answer.is_success());
    /// assert!(answer.code().and_then(find_code).is_some_and(|line| line.meaning.starts_with("the contact is set already")));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Source: EngageLab MA, "Set Contact Information".
    pub async fn set_contacts(&self, user: &UserContacts<'_>) -> Result<Answer, SinkError> {
        let request = build_set_contacts(self.config.base_url(), user).map_err(unbuildable)?;
        let request = self.with_credentials(request)?;
        let answer =
            self.transport.exchange(request).await.map_err(|error| error.into_sink_error(VENDOR, SET_CONTACTS))?;
        read_set_contacts(&self.config.masked(answer))
    }

    /// The one place where credentials are put on a request.
    fn with_credentials(&self, mut request: Request<Bytes>) -> Result<Request<Bytes>, SinkError> {
        let value = self.config.authorization().ok_or_else(|| {
            SinkError::new(VENDOR, SET_CONTACTS, SinkErrorKind::Credentials)
                .with_detail("nothing sent: http basic cannot carry this API key or secret")
        })?;
        request.headers_mut().insert(header::AUTHORIZATION, value);
        Ok(request)
    }
}

/// What cannot be built was asked for by a caller that broke the contract; nothing was sent.
fn unbuildable(error: BuildError) -> SinkError {
    let detail = match error {
        BuildError::NothingSet => "nothing is set for the user",
        BuildError::Empty => "a name or a value is empty",
        BuildError::NamedTwice => "a contact is named twice",
        BuildError::BaseUrl => "the base url cannot be extended",
        BuildError::Body => "the body could not be written",
    };
    contract(detail)
}

/// A batch that [`crate::EngageLabSink`] or its client must never be given; nothing was sent.
pub(crate) fn contract(detail: &'static str) -> SinkError {
    SinkError::new(VENDOR, SET_CONTACTS, SinkErrorKind::Contract).with_applied(Applied::No).with_detail(detail)
}

impl fmt::Debug for EngageLab {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngageLab").field("config", &self.config).finish_non_exhaustive()
    }
}
