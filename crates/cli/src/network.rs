//! The transport of a destination: the library's, with the proxies that the environment names.

use std::net::IpAddr;
use std::sync::Arc;

use contact_sink_transport::{BaseUrl, HttpTransport, HyperTransport, Proxy, TransportOptions};
use hyper_util::client::proxy::matcher::Matcher;

use crate::exit_status::Failure;

/// Builds the transport to a vendor.
pub fn transport(options: TransportOptions, base_url: &BaseUrl) -> Result<Arc<dyn HttpTransport>, Failure> {
    let options = match proxy(base_url)? {
        Some(proxy) => options.with_proxy(proxy),
        None => options,
    };
    match HyperTransport::with_options(options) {
        Ok(transport) => Ok(Arc::new(transport)),
        Err(error) => {
            Err(Failure::config(format!("the connection to {} cannot be set up: {error}", base_url.authority())))
        }
    }
}

/// The proxy that `HTTPS_PROXY` or `ALL_PROXY` names, unless `NO_PROXY` excludes the host. This machine is never proxied.
fn proxy(base_url: &BaseUrl) -> Result<Option<Proxy>, Failure> {
    let Ok(url) = base_url.join("/") else { return Ok(None) };
    let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
    let is_this_machine =
        host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    let names: &[&str] = match url.scheme_str() {
        Some("https") => &["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"],
        _ => &["ALL_PROXY", "all_proxy"],
    };
    let named = names.iter().find_map(|name| Some((name, variable(name)?)));
    let Some((name, text)) = named.filter(|_| !is_this_machine) else { return Ok(None) };
    let text = if text.contains("://") { text } else { format!("http://{text}") };
    // Whatever is wrong with it: without a proxy values would take another way than was meant.
    let proxy =
        Proxy::new(&text).map_err(|error| Failure::config(format!("the environment variable {name}: {error}")))?;
    let excluded = variable("NO_PROXY").or_else(|| variable("no_proxy")).unwrap_or_default();
    let port = url.port_u16().unwrap_or(if url.scheme_str() == Some("https") { 443 } else { 80 });
    let excluded: Vec<String> = excluded.split(',').filter_map(|entry| excluded_host(entry.trim(), port)).collect();
    // The proxy's own address does not matter here.
    let matcher = Matcher::builder().all("http://proxy.invalid").no(excluded.join(",")).build();
    Ok(matcher.intercept(&url).map(|_| proxy))
}

fn variable(name: &str) -> Option<String> {
    std::env::var_os(name).map(|text| text.to_string_lossy().trim().to_owned()).filter(|text| !text.is_empty())
}

/// An entry of `NO_PROXY` as the library knows it: without the `*` of `*.host`, and without a port, if it is this one.
fn excluded_host(entry: &str, port: u16) -> Option<String> {
    let (host, of_port) = match entry.rsplit_once(':') {
        Some((host, number))
            if host.starts_with('[') == host.ends_with(']') && !host.trim_matches(['[', ']']).is_empty() =>
        {
            match number.parse::<u16>() {
                // An address of version 6 without brackets has no port.
                Ok(number) if host.starts_with('[') || !host.contains(':') => (host, Some(number)),
                _ => (entry, None),
            }
        }
        _ => (entry, None),
    };
    let host = host.trim_matches(['[', ']']);
    of_port
        .is_none_or(|number| number == port)
        .then(|| host.strip_prefix("*.").map_or(host.to_owned(), |domain| format!(".{domain}")))
}
