//! Where a request goes: scheme, host and port.

use http::uri::{PathAndQuery, Scheme};
use http::{HeaderValue, Uri};

/// Scheme, host and port, the port always written out: what a connection is made to and may be used for.
#[derive(Clone)]
pub(crate) struct Origin {
    uri: Uri,
    host_header: HeaderValue,
}

impl Origin {
    /// The origin of a URL, or `None` if it has none that can be reached over HTTP.
    pub(crate) fn of(url: &Uri) -> Option<Self> {
        let scheme = url.scheme()?;
        let default_port = match scheme.as_str() {
            "http" => 80,
            "https" => 443,
            _ => return None,
        };
        let host = url.host().filter(|host| !host.is_empty())?;
        let port = url.port_u16().unwrap_or(default_port);
        let host_header =
            if port == default_port { HeaderValue::from_str(host) } else { format!("{host}:{port}").try_into() };
        Some(Self { uri: uri(scheme, host, port)?, host_header: host_header.ok()? })
    }

    /// As a URL without a path. Two of one origin are equal, whatever case the host was written in.
    pub(crate) fn uri(&self) -> &Uri {
        &self.uri
    }

    /// The value of the `Host` header: without the port if it is the scheme's own.
    pub(crate) fn host_header(&self) -> &HeaderValue {
        &self.host_header
    }
}

fn uri(scheme: &Scheme, host: &str, port: u16) -> Option<Uri> {
    Uri::builder()
        .scheme(scheme.clone())
        .authority(format!("{host}:{port}"))
        .path_and_query(PathAndQuery::from_static("/"))
        .build()
        .ok()
}
