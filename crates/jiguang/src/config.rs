//! Where the API is and who calls it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contact_sink_transport::BaseUrl;
use http::HeaderValue;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};

/// The vendor's base URL; no page of the vendor names another region.
pub const DEFAULT_BASE_URL: &str = "https://growth.jiguang.cn";

/// Where the API is and who calls it. `Debug` prints the project id and no secret.
///
/// `Config::new` takes anything; what HTTP Basic cannot carry is found by [`Config::check`], and a client with such a
/// configuration refuses to send.
#[derive(Clone)]
#[non_exhaustive]
pub struct Config {
    project_id: String,
    project_secret: SecretString,
    base_url: BaseUrl,
}

/// Why a [`Config`] cannot be used: HTTP Basic carries `id:secret` (RFC 7617).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidConfig {
    /// The project id is empty.
    #[error("the project id is empty")]
    EmptyProjectId,
    /// The project id has a colon: the vendor would read what follows as the secret.
    #[error("the project id has a colon in it")]
    Colon,
    /// The secret is empty.
    #[error("the project secret is empty")]
    EmptySecret,
    /// The id or the secret has a control character; often a line break at the end of a file.
    #[error("the project id or the project secret has a control character in it, perhaps a line break at its end")]
    ControlCharacter,
}

impl Config {
    /// The credentials of a project, as the vendor's console shows them. The base URL is [`DEFAULT_BASE_URL`].
    ///
    /// A project id with a colon is taken here and refused by [`Config::check`].
    pub fn new(project_id: impl Into<String>, project_secret: SecretString) -> Self {
        let Ok(base_url) = DEFAULT_BASE_URL.parse() else { unreachable!("a constant, and every test parses it") };
        Self { project_id: project_id.into(), project_secret, base_url }
    }

    /// With another base URL: a sandbox, a gateway.
    pub fn with_base_url(self, base_url: BaseUrl) -> Self {
        Self { base_url, ..self }
    }

    /// The id of the project.
    pub fn project_id(&self) -> &str {
        &self.project_id
    }

    /// Where the API is.
    pub fn base_url(&self) -> &BaseUrl {
        &self.base_url
    }

    /// Whether HTTP Basic can carry the credentials; says nothing on whether they are right.
    ///
    /// # Errors
    /// [`InvalidConfig`] if the id or the secret is empty or has a control character, or the id has a colon.
    pub fn check(&self) -> Result<(), InvalidConfig> {
        let secret = self.project_secret.expose_secret();
        if self.project_id.is_empty() {
            Err(InvalidConfig::EmptyProjectId)
        } else if secret.is_empty() {
            Err(InvalidConfig::EmptySecret)
        } else if self.project_id.contains(':') {
            Err(InvalidConfig::Colon)
        } else if self.project_id.chars().chain(secret.chars()).any(char::is_control) {
            Err(InvalidConfig::ControlCharacter)
        } else {
            Ok(())
        }
    }

    /// The `Authorization` header, marked sensitive; `None` if the credentials cannot stand in one.
    pub(crate) fn authorization(&self) -> Option<HeaderValue> {
        self.check().ok()?;
        let pair = Zeroizing::new(format!("{}:{}", self.project_id, self.project_secret.expose_secret()));
        let header = Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())));
        let mut value = HeaderValue::from_str(&header).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("project_id", &self.project_id)
            .field("base_url", &self.base_url)
            .finish_non_exhaustive()
    }
}
