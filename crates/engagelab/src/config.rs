//! Where the API is and who calls it.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use contact_sink_transport::{BaseUrl, BasicCredentials, InvalidCredentials};
use http::{HeaderValue, Response};
use secrecy::SecretString;

/// Where the vendor keeps a project. As text: `singapore`, `virginia`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Region {
    /// `https://ma-api.engagelab.com`
    #[default]
    Singapore,
    /// `https://ma-api-usva.engagelab.com`
    Virginia,
}

/// The text names no [`Region`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a region is singapore or virginia")]
pub struct InvalidRegion;

impl Region {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Singapore, Self::Virginia];

    /// As it is written in a configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Singapore => "singapore",
            Self::Virginia => "virginia",
        }
    }

    /// Where its API is.
    pub fn base_url(self) -> BaseUrl {
        let url = match self {
            Self::Singapore => "https://ma-api.engagelab.com",
            Self::Virginia => "https://ma-api-usva.engagelab.com",
        };
        let Ok(base_url) = url.parse() else { unreachable!("a constant, and a test parses each") };
        base_url
    }
}

impl FromStr for Region {
    type Err = InvalidRegion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|region| region.name() == text).ok_or(InvalidRegion)
    }
}

/// Where the API is and who calls it. `Debug` prints the API key and no secret.
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
    /// The key and the secret of a data source of type API, as the vendor's console shows them. In [`Region::Singapore`].
    pub fn new(api_key: impl Into<String>, api_secret: SecretString) -> Self {
        let base_url = Region::default().base_url();
        Self { credentials: BasicCredentials::new(api_key, api_secret), base_url }
    }

    /// In another region.
    pub fn with_region(self, region: Region) -> Self {
        Self { base_url: region.base_url(), ..self }
    }

    /// With another base URL: a sandbox, a gateway.
    pub fn with_base_url(self, base_url: BaseUrl) -> Self {
        Self { base_url, ..self }
    }

    /// The API key.
    pub fn api_key(&self) -> &str {
        self.credentials.id()
    }

    /// Where the API is.
    pub fn base_url(&self) -> &BaseUrl {
        &self.base_url
    }

    /// Whether HTTP Basic can carry the credentials; says nothing on whether they are right.
    ///
    /// # Errors
    /// [`InvalidCredentials`] if the key or the secret is empty or has a control character, or the key has a colon.
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
            .field("api_key", &self.api_key())
            .field("base_url", &self.base_url)
            .finish_non_exhaustive()
    }
}
