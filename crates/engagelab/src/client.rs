//! The typed client: the vendor's own call and its own answer.

use contact_sink_core::SinkError;
use contact_sink_transport::{ApiClient, HttpTransport};

use crate::wire::{Answer, UserContacts, build_set_contacts, read_set_contacts};
use crate::{Config, SET_CONTACTS};

/// A client of one EngageLab data source. Clones share the transport. `Debug` prints no secret.
///
/// It sends one request a call: it does not pace or retry.
#[derive(Debug, Clone)]
pub struct EngageLab(ApiClient<Config>);

impl EngageLab {
    /// A client with these credentials over this transport, which several clients may share in an `Arc`.
    pub fn new(config: Config, transport: impl HttpTransport + 'static) -> Self {
        Self(ApiClient::new(config, transport))
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        self.0.config()
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
    /// use contact_sink_engagelab::{Config, EngageLab, UserContacts, VENDOR};
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
    /// let client = EngageLab::new(Config::new("the API key", "from the environment".into())?, transport);
    /// // The vendor answers as its page shows for a contact that is taken.
    /// let answer = client.set_contacts(&UserContacts::new(10362473).with("email", "12@gmail.com")).await?;
    /// assert!(!answer.is_success());
    /// assert!(answer.code.and_then(|code| VENDOR.find(code)).is_some_and(|line| line.meaning.starts_with("the contact is set already")));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Source: EngageLab MA, "Set Contact Information".
    pub async fn set_contacts(&self, user: &UserContacts<'_>) -> Result<Answer, SinkError> {
        let Config { credentials, base_url } = self.config();
        read_set_contacts(&self.0.call(&SET_CONTACTS, credentials, build_set_contacts(base_url, user)).await?)
    }
}
