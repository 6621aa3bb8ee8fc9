//! The EngageLab sink of a case.

use std::sync::Arc;

use contact_sink_core::{ContactSink, Field};
use contact_sink_engagelab::{Config, EngageLabSink, contact};
use contact_sink_transport::HttpTransport;

use crate::case::Case;

pub(crate) fn sink(case: &Case, transport: Arc<dyn HttpTransport>) -> Result<Box<dyn ContactSink>, String> {
    let base_url = case.config.base_url.parse().map_err(|error| format!("base_url: {error}"))?;
    let (api_key, api_secret) = case.config.basic()?;
    let config = Config::new(api_key, api_secret.into()).with_base_url(base_url);
    Ok(Box::new(EngageLabSink::new(config, transport)))
}

pub(crate) fn address(text: &str) -> Result<Field, String> {
    contact(text).map_err(|error| format!("{text}: {error}"))
}
