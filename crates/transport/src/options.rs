//! What a transport can be told.

use std::fmt;
use std::time::Duration;

use http::Uri;

/// What a transport can be told. The limits can be changed and not be switched off: more than a day is a day.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TransportOptions {
    /// For one connection to come about, name look-up and TLS included. Default 5 s.
    pub connect_timeout: Duration,
    /// For the whole exchange, from the call to the last byte of the answer. Default 10 s.
    pub exchange_timeout: Duration,
    /// After which an idle connection is closed. Default 30 s.
    pub idle_timeout: Duration,
    /// The most bytes an answer may have. Default 1 MiB.
    pub max_answer_bytes: usize,
    /// The most connections to one host. Default 32.
    pub max_connections: std::num::NonZeroUsize,
    /// The `User-Agent`. Default `contact-sink/` and the version.
    pub user_agent: String,
    /// PEM certificates that are trusted beside the usual roots. Default none.
    pub extra_roots_pem: Option<Vec<u8>>,
    /// The proxy through which every connection is made. Default none: the environment is not read.
    pub proxy: Option<Proxy>,
}

/// An HTTP proxy that understands `CONNECT`. `Debug` prints no user and no password.
#[derive(Clone)]
pub struct Proxy {
    pub(crate) uri: Uri,
}

impl Proxy {
    /// Takes `http://host:port` or `http://user:password@host:port`, the form of the usual environment variables.
    ///
    /// # Errors
    /// [`crate::BuildError::Proxy`] if the text is of another form.
    pub fn new(url: &str) -> Result<Self, crate::BuildError> {
        let uri: Uri = url.parse().map_err(|_| crate::BuildError::Proxy)?;
        let Some(authority) = uri.authority() else { return Err(crate::BuildError::Proxy) };
        let address = authority.as_str().rsplit_once('@').map_or(authority.as_str(), |(_, address)| address);
        // `Uri` takes a port that is no port and then says that there is none.
        let port_is_good = authority.port().is_some() || address == authority.host();
        if uri.scheme_str() == Some("http") && !authority.host().is_empty() && port_is_good {
            Ok(Self { uri })
        } else {
            Err(crate::BuildError::Proxy)
        }
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({})", self.uri.host().unwrap_or_default())
    }
}

impl Default for TransportOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            exchange_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(30),
            max_answer_bytes: 1024 * 1024,
            max_connections: std::num::NonZeroUsize::MIN.saturating_add(31),
            user_agent: concat!("contact-sink/", env!("CARGO_PKG_VERSION")).to_owned(),
            extra_roots_pem: None,
            proxy: None,
        }
    }
}

impl TransportOptions {
    /// With this time for a connection to come about.
    pub fn with_connect_timeout(self, connect_timeout: Duration) -> Self {
        Self { connect_timeout, ..self }
    }

    /// With this time for a whole exchange.
    pub fn with_exchange_timeout(self, exchange_timeout: Duration) -> Self {
        Self { exchange_timeout, ..self }
    }

    /// With this time after which an idle connection is closed.
    pub fn with_idle_timeout(self, idle_timeout: Duration) -> Self {
        Self { idle_timeout, ..self }
    }

    /// With at most this many connections to one host.
    pub fn with_max_connections(self, max_connections: std::num::NonZeroUsize) -> Self {
        Self { max_connections, ..self }
    }

    /// With these PEM certificates trusted beside the usual roots.
    pub fn with_extra_roots_pem(self, pem: impl Into<Vec<u8>>) -> Self {
        Self { extra_roots_pem: Some(pem.into()), ..self }
    }

    /// Through this proxy.
    pub fn with_proxy(self, proxy: Proxy) -> Self {
        Self { proxy: Some(proxy), ..self }
    }

    /// With this `User-Agent`.
    pub fn with_user_agent(self, user_agent: impl Into<String>) -> Self {
        Self { user_agent: user_agent.into(), ..self }
    }

    /// With this cap on an answer.
    pub fn with_max_answer_bytes(self, max_answer_bytes: usize) -> Self {
        Self { max_answer_bytes, ..self }
    }
}
