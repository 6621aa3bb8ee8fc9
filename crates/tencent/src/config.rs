//! Where the API is, which app calls it, and as whom.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use contact_sink_transport::BaseUrl;
use secrecy::{ExposeSecret as _, SecretString};

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

/// Tells the time, see [`Config::with_clock`].
type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// Where the API is, which app calls it, and as whom. `Debug` prints no secret.
///
/// `Config::new` takes anything; what cannot be signed is found by [`Config::check`], and a client with such a configuration
/// refuses to send.
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
    #[error("the secret key has white space at an end, or a control character in it, perhaps a line break at its end")]
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
        match self {
            Self::China => "china",
            Self::Singapore => "singapore",
            Self::Seoul => "seoul",
            Self::Tokyo => "tokyo",
            Self::Frankfurt => "frankfurt",
            Self::SiliconValley => "silicon-valley",
            Self::Jakarta => "jakarta",
        }
    }

    /// Where its API is.
    pub fn base_url(self) -> BaseUrl {
        let url = match self {
            Self::China => "https://console.tim.qq.com",
            Self::Singapore => "https://adminapisgp.im.qcloud.com",
            Self::Seoul => "https://adminapikr.im.qcloud.com",
            Self::Tokyo => "https://adminapijpn.im.qcloud.com",
            Self::Frankfurt => "https://adminapiger.im.qcloud.com",
            Self::SiliconValley => "https://adminapiusa.im.qcloud.com",
            Self::Jakarta => "https://adminapiidn.im.qcloud.com",
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
    pub fn new(sdk_app_id: u64, identifier: impl Into<String>, secret_key: SecretString) -> Self {
        Self {
            sdk_app_id,
            identifier: identifier.into(),
            secret_key,
            base_url: Region::default().base_url(),
            lifetime: Self::DEFAULT_LIFETIME,
            clock: Arc::new(SystemTime::now),
        }
    }

    /// In another region. The wrong one shows as code 70016 or 70020.
    pub fn with_region(self, region: Region) -> Self {
        Self { base_url: region.base_url(), ..self }
    }

    /// With another base URL: a sandbox, a gateway.
    pub fn with_base_url(self, base_url: BaseUrl) -> Self {
        Self { base_url, ..self }
    }

    /// With a UserSig that lives for so long, in whole seconds; it is made anew at 80 % of that. Default a day, at least five minutes.
    pub fn with_lifetime(self, lifetime: Duration) -> Self {
        Self { lifetime, ..self }
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

    /// Whether a UserSig can be made; says nothing on whether the vendor takes it.
    ///
    /// # Errors
    /// [`InvalidConfig`] for what is empty, has control characters, or is out of range.
    pub fn check(&self) -> Result<(), InvalidConfig> {
        const HUNDRED_YEARS: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
        let key = self.secret_key.expose_secret();
        if self.sdk_app_id == 0 {
            Err(InvalidConfig::NoApp)
        } else if self.identifier.is_empty() {
            Err(InvalidConfig::EmptyIdentifier)
        } else if self.identifier.contains(char::is_control) {
            Err(InvalidConfig::ControlCharacterInIdentifier)
        } else if key.is_empty() {
            Err(InvalidConfig::EmptyKey)
        } else if key.trim() != key || key.contains(char::is_control) {
            Err(InvalidConfig::SpaceInKey)
        } else if !(Duration::from_secs(5 * 60)..=HUNDRED_YEARS).contains(&self.lifetime) {
            Err(InvalidConfig::Lifetime)
        } else {
            Ok(())
        }
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
