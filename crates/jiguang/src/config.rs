//! Where the API is and who calls it.

use contact_sink_transport::{BaseUrl, Credentials, InvalidCredentials, SecretString};

/// The vendor's base URL; no page of the vendor names another region.
pub const DEFAULT_BASE_URL: &str = "https://growth.jiguang.cn";

/// Where the API is and who calls it. `Debug` prints the project id and no secret.
#[derive(Clone)]
#[non_exhaustive]
pub struct Config {
    /// The project id and the project secret, as they are sent.
    pub credentials: Credentials,
    /// Where the API is.
    pub base_url: BaseUrl,
}

impl Config {
    /// The credentials of a project, as the vendor's console shows them. The base URL is [`DEFAULT_BASE_URL`].
    ///
    /// # Errors
    /// [`InvalidCredentials`] if HTTP Basic cannot carry them: the id or the secret is empty or has a control character, or the id
    /// has a colon.
    pub fn new(project_id: impl Into<String>, project_secret: SecretString) -> Result<Self, InvalidCredentials> {
        let Ok(base_url) = DEFAULT_BASE_URL.parse() else { unreachable!("a constant, and every test parses it") };
        Ok(Self { credentials: Credentials::basic(project_id, &project_secret)?, base_url })
    }

    /// With another base URL: a sandbox, a gateway.
    pub fn with_base_url(self, base_url: BaseUrl) -> Self {
        Self { base_url, ..self }
    }
}

contact_sink_transport::debug_shows!(Config: credentials, base_url);
