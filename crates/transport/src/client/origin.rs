//! Where a request goes: scheme, host and port.

use http::Uri;
use http::uri::PathAndQuery;

/// Writes the origin of a URL out: lower case, with its port, without user and password. Returns the URL of the origin alone: what a
/// connection is made to and may be used for. `None` if it cannot be reached over HTTP.
pub(super) fn write_out(url: &mut Uri) -> Option<Uri> {
    let default_port = match url.scheme_str()? {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    let host = url.host().filter(|host| !host.is_empty())?.to_ascii_lowercase();
    let authority = format!("{host}:{}", url.port_u16().unwrap_or(default_port));
    let mut parts = std::mem::take(url).into_parts();
    parts.authority = authority.parse().ok();
    let root = parts.path_and_query.get_or_insert(PathAndQuery::from_static("/"));
    let path_and_query = std::mem::replace(root, PathAndQuery::from_static("/"));
    let origin = Uri::from_parts(parts).ok()?;
    let mut parts = origin.clone().into_parts();
    parts.path_and_query = Some(path_and_query);
    *url = Uri::from_parts(parts).ok()?;
    Some(origin)
}
