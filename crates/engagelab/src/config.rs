//! Where the API is and who calls it.

use contact_sink_transport::{BaseUrl, Credentials, InvalidCredentials, Region, SecretString};

/// Where the vendor keeps a project.
pub mod region {
    use contact_sink_transport::Region;

    /// All of them; the first is the default.
    pub const ALL: &[Region] = &[SINGAPORE, VIRGINIA];
    /// `ma-api.engagelab.com`
    pub const SINGAPORE: Region = Region { name: "singapore", url: "https://ma-api.engagelab.com" };
    /// `ma-api-usva.engagelab.com`
    pub const VIRGINIA: Region = Region { name: "virginia", url: "https://ma-api-usva.engagelab.com" };
}

/// Where the API is and who calls it. `Debug` prints the API key and no secret.
#[derive(Clone)]
#[non_exhaustive]
pub struct Config {
    /// The API key and the API secret, as they are sent.
    pub credentials: Credentials,
    /// Where the API is.
    pub base_url: BaseUrl,
}

impl Config {
    /// The key and the secret of a data source of type API, as the vendor's console shows them. In [`region::SINGAPORE`].
    ///
    /// # Errors
    /// [`InvalidCredentials`] if HTTP Basic cannot carry them: the key or the secret is empty or has a control character, or the
    /// key has a colon.
    pub fn new(api_key: impl Into<String>, api_secret: SecretString) -> Result<Self, InvalidCredentials> {
        let credentials = Credentials::basic(api_key, &api_secret)?;
        Ok(Self { credentials, base_url: region::SINGAPORE.base_url() })
    }

    /// In another region.
    pub fn with_region(self, region: Region) -> Self {
        Self { base_url: region.base_url(), ..self }
    }

    /// With another base URL: a sandbox, a gateway.
    pub fn with_base_url(self, base_url: BaseUrl) -> Self {
        Self { base_url, ..self }
    }
}

contact_sink_transport::debug_shows!(Config: credentials, base_url);
