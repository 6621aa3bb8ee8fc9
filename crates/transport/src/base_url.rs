//! Where a vendor's API is.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use http::Uri;

use crate::InvalidRequest;

/// The base URL of a vendor's API: `https://growth.jiguang.cn`, `http://127.0.0.1:8080/jiguang`.
///
/// Shape: `https://`, or `http://` to a loopback address or `localhost` only; a host, an optional port and path; no user,
/// query or fragment. A slash at the end makes no difference.
///
/// ```
/// use contact_sink_transport::BaseUrl;
///
/// let base: BaseUrl = "https://gateway.example/jiguang/".parse()?;
/// assert_eq!(base.join("/smartop/api")?.to_string(), "https://gateway.example/jiguang/smartop/api");
/// assert!("http://gateway.example".parse::<BaseUrl>().is_err(), "in the clear");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct BaseUrl {
    text: String,
    authority: String,
}

/// Why a text is not a [`BaseUrl`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidBaseUrl {
    /// It is not a URL with a scheme and a host.
    #[error("a base url has the form https://host or https://host:port/path")]
    NotAUrl,
    /// `http://` to another host than this one: secrets and contacts would travel in the clear.
    #[error("http:// is allowed to this machine only (127.0.0.1, [::1], localhost): use https://")]
    PlainHttp,
    /// It has a user or a password.
    #[error("a base url holds no user and no password")]
    UserInfo,
    /// It has a query or a fragment.
    #[error("a base url holds no query and no fragment")]
    Query,
}

impl BaseUrl {
    /// The URL of a path below this base. The path begins with a slash.
    ///
    /// # Errors
    /// [`InvalidRequest::BaseUrl`] if the path and query cannot be in a URL.
    pub fn join(&self, path_and_query: &str) -> Result<Uri, InvalidRequest> {
        format!("{}{path_and_query}", self.text).parse().map_err(|_| InvalidRequest::BaseUrl)
    }

    /// Host and port, as they may be shown.
    pub fn authority(&self) -> &str {
        &self.authority
    }
}

impl FromStr for BaseUrl {
    type Err = InvalidBaseUrl;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.contains('#') {
            return Err(InvalidBaseUrl::Query);
        }
        let uri: Uri = text.parse().map_err(|_| InvalidBaseUrl::NotAUrl)?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(InvalidBaseUrl::NotAUrl);
        };
        if authority.as_str().contains('@') {
            return Err(InvalidBaseUrl::UserInfo);
        }
        if uri.query().is_some() {
            return Err(InvalidBaseUrl::Query);
        }
        match scheme {
            "https" => {}
            "http" if is_loopback(authority.host()) => {}
            "http" => return Err(InvalidBaseUrl::PlainHttp),
            _ => return Err(InvalidBaseUrl::NotAUrl),
        }
        if authority.host().is_empty() || (authority.port().is_none() && authority.as_str() != authority.host()) {
            return Err(InvalidBaseUrl::NotAUrl);
        }
        Ok(Self {
            text: format!("{scheme}://{authority}{}", uri.path().trim_end_matches('/')),
            authority: authority.to_string(),
        })
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BaseUrl({})", self.text)
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
