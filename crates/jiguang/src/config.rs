//! Where the API is and who calls it.

use std::fmt;

use bytes::Bytes;
use contact_sink_transport::{BaseUrl, BasicCredentials, InvalidCredentials};
use http::{HeaderValue, Response};
use secrecy::SecretString;

/// The vendor's base URL; no page of the vendor names another region.
pub const DEFAULT_BASE_URL: &str = "https://growth.jiguang.cn";

/// Where the API is and who calls it. `Debug` prints the project id and no secret.
///
/// `Config::new` takes anything; what HTTP Basic cannot carry is found by [`Config::check`], and a client with such a
/// configuration refuses to send.
#[derive(Clone)]
#[non_exhaustive]
pub struct Config {
    credentials: BasicCredentials,
    base_url: BaseUrl,
}

impl Config {
    /// The credentials of a project, as the vendor's console shows them. The base URL is [`DEFAULT_BASE_URL`].
    ///
    /// A project id with a colon is taken here and refused by [`Config::check`].
    pub fn new(project_id: impl Into<String>, project_secret: SecretString) -> Self {
        let Ok(base_url) = DEFAULT_BASE_URL.parse() else { unreachable!("a constant, and every test parses it") };
        Self { credentials: BasicCredentials::new(project_id, project_secret), base_url }
    }

    /// With another base URL: a sandbox, a gateway.
    pub fn with_base_url(self, base_url: BaseUrl) -> Self {
        Self { base_url, ..self }
    }

    /// The id of the project.
    pub fn project_id(&self) -> &str {
        self.credentials.id()
    }

    /// Where the API is.
    pub fn base_url(&self) -> &BaseUrl {
        &self.base_url
    }

    /// Whether HTTP Basic can carry the credentials; says nothing on whether they are right.
    ///
    /// # Errors
    /// [`InvalidCredentials`] if the id or the secret is empty or has a control character, or the id has a colon.
    pub fn check(&self) -> Result<(), InvalidCredentials> {
        self.credentials.check()
    }

    /// The `Authorization` header; `None` if the credentials cannot stand in one.
    pub(crate) fn authorization(&self) -> Option<HeaderValue> {
        self.credentials.header()
    }

    /// The answer without the credentials, should the vendor repeat them.
    pub(crate) fn masked(&self, answer: Response<Bytes>) -> Response<Bytes> {
        self.credentials.masked(answer)
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("project_id", &self.project_id())
            .field("base_url", &self.base_url)
            .finish_non_exhaustive()
    }
}
