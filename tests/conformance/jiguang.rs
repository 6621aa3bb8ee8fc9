//! The Jiguang sink of a case.

use std::sync::Arc;

use contact_sink_core::{ContactSink, Field};
use contact_sink_jiguang::{ChannelField, ChannelKind, Config, JiguangSink};
use contact_sink_transport::HttpTransport;

use crate::case::Case;

pub(crate) fn sink(case: &Case, transport: Arc<dyn HttpTransport>) -> Result<Box<dyn ContactSink>, String> {
    let base_url = case.config.base_url.parse().map_err(|error| format!("base_url: {error}"))?;
    let (id, secret) = case.config.basic()?;
    let config = Config::new(id, secret.into()).with_base_url(base_url);
    let mut sink = JiguangSink::new(config, transport);
    for (id, kind) in &case.channels {
        let id = id.parse().map_err(|_| format!("channels: {id} is no channel id"))?;
        let kind = match kind.as_str() {
            "sms" => ChannelKind::Sms,
            "app" => ChannelKind::App,
            "mail" => ChannelKind::Mail,
            "other" => ChannelKind::Other,
            _ => return Err(format!("channels: {kind} is no kind")),
        };
        sink = sink.with_channel(id, kind);
    }
    Ok(Box::new(sink))
}

pub(crate) fn address(text: &str) -> Result<Field, String> {
    text.parse::<ChannelField>().map(Field::from).map_err(|error| format!("{text}: {error}"))
}
