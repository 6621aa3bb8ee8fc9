//! Where the API is, which app calls it, and as whom.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use contact_sink_transport::{BaseUrl, Clock, Region, SecretString};
use secrecy::ExposeSecret as _;

/// Where the vendor keeps an app.
pub mod region {
    use contact_sink_transport::Region;

    /// All of them; the first is the default.
    pub const ALL: &[Region] = &[CHINA, SINGAPORE, SEOUL, TOKYO, FRANKFURT, SILICON_VALLEY, JAKARTA];
    /// `console.tim.qq.com`
    pub const CHINA: Region = Region { name: "china", url: "https://console.tim.qq.com" };
    /// `adminapisgp.im.qcloud.com`
    pub const SINGAPORE: Region = Region { name: "singapore", url: "https://adminapisgp.im.qcloud.com" };
    /// `adminapikr.im.qcloud.com`
    pub const SEOUL: Region = Region { name: "seoul", url: "https://adminapikr.im.qcloud.com" };
    /// `adminapijpn.im.qcloud.com`
    pub const TOKYO: Region = Region { name: "tokyo", url: "https://adminapijpn.im.qcloud.com" };
    /// `adminapiger.im.qcloud.com`
    pub const FRANKFURT: Region = Region { name: "frankfurt", url: "https://adminapiger.im.qcloud.com" };
    /// `adminapiusa.im.qcloud.com`
    pub const SILICON_VALLEY: Region = Region { name: "silicon-valley", url: "https://adminapiusa.im.qcloud.com" };
    /// `adminapiidn.im.qcloud.com`
    pub const JAKARTA: Region = Region { name: "jakarta", url: "https://adminapiidn.im.qcloud.com" };
}

/// Where the API is, which app calls it, and as whom. `Debug` prints no secret.
#[derive(Clone)]
#[non_exhaustive]
pub struct Config {
    sdk_app_id: u64,
    identifier: String,
    pub(crate) secret_key: SecretString,
    base_url: BaseUrl,
    pub(crate) lifetime: Duration,
    clock: Clock,
}

/// Why a [`Config`] cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidConfig {
    /// The SDKAppID is 0.
    #[error("the SDKAppID is 0")]
    NoApp,
    /// The identifier is empty.
    #[error("the identifier is empty")]
    EmptyIdentifier,
    /// The identifier has a control character: it would begin another line of what is signed.
    #[error("the identifier has a control character in it")]
    ControlCharacterInIdentifier,
    /// The secret key is empty.
    #[error("the secret key is empty")]
    EmptyKey,
    /// The secret key has white space at an end, or a control character; often a line break at the end of a file.
    #[error("the secret key has white space at an end, or a control character in it, often a line break at its end")]
    SpaceInKey,
    /// A UserSig is to live for less than five minutes, or for longer than 100 years.
    #[error("a UserSig lives for 5 minutes at least, and 100 years at most")]
    Lifetime,
}

impl InvalidConfig {
    /// Whether it is the secret key that is wrong.
    pub fn is_about_key(self) -> bool {
        matches!(self, Self::EmptyKey | Self::SpaceInKey)
    }
}

impl Config {
    /// How long a UserSig lives if nothing else is said: a day.
    pub const DEFAULT_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

    /// An app and its secret key, as the vendor's console shows them, and an app admin who calls. In [`region::CHINA`].
    ///
    /// # Errors
    /// [`InvalidConfig`] if no UserSig can be made: the SDKAppID is 0, or the identifier or the key is empty or has control
    /// characters. It says nothing on whether the vendor accepts them.
    pub fn new(
        sdk_app_id: u64,
        identifier: impl Into<String>,
        secret_key: SecretString,
    ) -> Result<Self, InvalidConfig> {
        let (identifier, key) = (identifier.into(), secret_key.expose_secret());
        if sdk_app_id == 0 {
            return Err(InvalidConfig::NoApp);
        } else if identifier.is_empty() {
            return Err(InvalidConfig::EmptyIdentifier);
        } else if identifier.contains(char::is_control) {
            return Err(InvalidConfig::ControlCharacterInIdentifier);
        } else if key.is_empty() {
            return Err(InvalidConfig::EmptyKey);
        } else if key.trim() != key || key.contains(char::is_control) {
            return Err(InvalidConfig::SpaceInKey);
        }
        Ok(Self {
            sdk_app_id,
            identifier,
            secret_key,
            base_url: region::CHINA.base_url(),
            lifetime: Self::DEFAULT_LIFETIME,
            clock: Arc::new(SystemTime::now),
        })
    }

    /// In another region. The wrong one shows as code 70016 or 70020.
    pub fn with_region(self, region: Region) -> Self {
        Self { base_url: region.base_url(), ..self }
    }

    /// With another base URL: a sandbox, a gateway.
    pub fn with_base_url(self, base_url: BaseUrl) -> Self {
        Self { base_url, ..self }
    }

    /// With a UserSig that lives for so long, in whole seconds; it is made anew at 80 % of that. Default: a day.
    ///
    /// # Errors
    /// [`InvalidConfig::Lifetime`] for less than five minutes, or more than 100 years.
    pub fn with_lifetime(self, lifetime: Duration) -> Result<Self, InvalidConfig> {
        const HUNDRED_YEARS: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
        let is_valid = (Duration::from_secs(5 * 60)..=HUNDRED_YEARS).contains(&lifetime);
        if is_valid { Ok(Self { lifetime, ..self }) } else { Err(InvalidConfig::Lifetime) }
    }

    /// With another clock by which UserSigs are dated, for tests. Default: the system's.
    pub fn with_clock(self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self { clock: Arc::new(clock), ..self }
    }

    /// The app.
    pub fn sdk_app_id(&self) -> u64 {
        self.sdk_app_id
    }

    /// Who calls.
    pub fn identifier(&self) -> &str {
        &self.identifier
    }

    /// Where the API is.
    pub fn base_url(&self) -> &BaseUrl {
        &self.base_url
    }

    /// Since 1970; a clock that stands before that counts as 1970.
    pub(crate) fn now(&self) -> Duration {
        (self.clock)().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
    }
}

contact_sink_transport::debug_shows!(Config: sdk_app_id, identifier, base_url, lifetime);
