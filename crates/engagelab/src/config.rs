//! Where the API is and who calls it.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use contact_sink_transport::{BaseUrl, Credentials, InvalidCredentials, SecretString};

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
        self.entry().0
    }

    /// Where its API is.
    pub fn base_url(self) -> BaseUrl {
        let Ok(base_url) = self.entry().1.parse() else { unreachable!("a constant, and a test parses each") };
        base_url
    }

    fn entry(self) -> (&'static str, &'static str) {
        REGIONS[self as usize]
    }
}

/// Name and base URL of each [`Region`], in the same order.
pub(crate) const REGIONS: &[(&str, &str)] =
    &[("singapore", "https://ma-api.engagelab.com"), ("virginia", "https://ma-api-usva.engagelab.com")];

impl FromStr for Region {
    type Err = InvalidRegion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|region| region.name() == text).ok_or(InvalidRegion)
    }
}

/// Where the API is and who calls it. `Debug` prints the API key and no secret.
#[derive(Clone)]
#[non_exhaustive]
pub struct Config {
    credentials: Credentials,
    base_url: BaseUrl,
}

impl Config {
    /// The key and the secret of a data source of type API, as the vendor's console shows them. In [`Region::Singapore`].
    ///
    /// # Errors
    /// [`InvalidCredentials`] if HTTP Basic cannot carry them: the key or the secret is empty or has a control character, or the
    /// key has a colon.
    pub fn new(api_key: impl Into<String>, api_secret: SecretString) -> Result<Self, InvalidCredentials> {
        let credentials = Credentials::basic(api_key, &api_secret)?;
        Ok(Self { credentials, base_url: Region::default().base_url() })
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
}

impl Borrow<Credentials> for Config {
    fn borrow(&self) -> &Credentials {
        &self.credentials
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
