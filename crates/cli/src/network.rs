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
    match HyperTransport::new(options) {
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
    if is_this_machine || Matcher::from_env().intercept(&url).is_none() {
        return Ok(None);
    }
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        if let Ok(text) = std::env::var(name)
            && !text.is_empty()
        {
            let url = if text.contains("://") { text } else { format!("http://{text}") };
            return match Proxy::new(&url) {
                Ok(proxy) => Ok(Some(proxy)),
                Err(error) => Err(Failure::config(format!("the environment variable {name}: {error}"))),
            };
        }
    }
    Ok(None)
}
