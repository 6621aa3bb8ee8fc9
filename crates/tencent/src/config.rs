//! Where the API is, which app calls it, and as whom.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use contact_sink_transport::{BaseUrl, Clock, SecretString};
use secrecy::ExposeSecret as _;

/// Where the vendor keeps an app. As text: `china`, `singapore`, `seoul`, `tokyo`, `frankfurt`, `silicon-valley`, `jakarta`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Region {
    /// `console.tim.qq.com`
    #[default]
    China,
    /// `adminapisgp.im.qcloud.com`
    Singapore,
    /// `adminapikr.im.qcloud.com`
    Seoul,
    /// `adminapijpn.im.qcloud.com`
    Tokyo,
    /// `adminapiger.im.qcloud.com`
    Frankfurt,
    /// `adminapiusa.im.qcloud.com`
    SiliconValley,
    /// `adminapiidn.im.qcloud.com`
    Jakarta,
}

/// The text names no [`Region`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a region is china, singapore, seoul, tokyo, frankfurt, silicon-valley or jakarta")]
pub struct InvalidRegion;

/// Where the API is, which app calls it, and as whom. `Debug` prints no secret.
#[derive(Clone)]
#[non_exhaustive]
pub struct Config {
    sdk_app_id: u64,
    identifier: String,
    secret_key: SecretString,
    base_url: BaseUrl,
    lifetime: Duration,
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

impl Region {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::China, Self::Singapore, Self::Seoul, Self::Tokyo, Self::Frankfurt, Self::SiliconValley, Self::Jakarta];

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
pub(crate) const REGIONS: &[(&str, &str)] = &[
    ("china", "https://console.tim.qq.com"),
    ("singapore", "https://adminapisgp.im.qcloud.com"),
    ("seoul", "https://adminapikr.im.qcloud.com"),
    ("tokyo", "https://adminapijpn.im.qcloud.com"),
    ("frankfurt", "https://adminapiger.im.qcloud.com"),
    ("silicon-valley", "https://adminapiusa.im.qcloud.com"),
    ("jakarta", "https://adminapiidn.im.qcloud.com"),
];

impl FromStr for Region {
    type Err = InvalidRegion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|region| region.name() == text).ok_or(InvalidRegion)
    }
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

    /// An app and its secret key, as the vendor's console shows them, and an app admin who calls. In [`Region::China`].
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
            base_url: Region::default().base_url(),
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

    pub(crate) fn secret_key(&self) -> &SecretString {
        &self.secret_key
    }

    pub(crate) fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// Since 1970; a clock that stands before that counts as 1970.
    pub(crate) fn now(&self) -> Duration {
        (self.clock)().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("sdk_app_id", &self.sdk_app_id)
            .field("identifier", &self.identifier)
            .field("base_url", &self.base_url)
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}
