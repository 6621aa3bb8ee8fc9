//! Whose quota a destination uses: what has the same key shares one limiter.

use contact_sink_transport::BaseUrl;
use sha2::{Digest as _, Sha256};

/// A vendor's endpoint, where it is, and the account there. The quota is the account's, whatever is mapped to what, so that two
/// destinations of one account share it; a vendor whose endpoints have a quota each names the endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimiterKey {
    vendor: &'static str,
    endpoint: &'static str,
    /// With its port, and without the path: a gateway's paths lead to the same vendor.
    host: String,
    account: String,
}

impl LimiterKey {
    /// The key of a destination.
    pub fn new(vendor: &'static str, endpoint: &'static str, base_url: &BaseUrl, account: &str) -> Self {
        Self { vendor, endpoint, host: host(base_url), account: account.to_owned() }
    }

    /// The host and its port.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// A name for it that shows nothing: the account may be half of the credentials.
    pub fn hash(&self) -> String {
        let mut hash = Sha256::new();
        for part in [self.vendor, self.endpoint, &self.host, &self.account] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// `Growth.example` and `growth.example:443` are one host.
fn host(base_url: &BaseUrl) -> String {
    let Ok(url) = base_url.join("/") else { return base_url.authority().to_ascii_lowercase() };
    let default_port = if url.scheme_str() == Some("http") { 80 } else { 443 };
    let host = url.host().unwrap_or_default().to_ascii_lowercase();
    format!("{host}:{}", url.port_u16().unwrap_or(default_port))
}
