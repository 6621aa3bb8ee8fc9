//! The transport that the cases go through.

use std::sync::Arc;

use contact_sink_transport::{HttpTransport, HyperTransport, ReqwestTransport, TransportOptions};

/// Names the transport; without it nothing leaves the memory.
const TRANSPORT: &str = "CONTACT_SINK_CONFORMANCE_TRANSPORT";

/// A transport over sockets.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Transport {
    Hyper,
    Reqwest,
}

impl Transport {
    pub(crate) const ALL: &[Self] = &[Self::Hyper, Self::Reqwest];

    /// The one that the environment names.
    pub(crate) fn chosen() -> Result<Option<Self>, String> {
        let Some(chosen) = std::env::var_os(TRANSPORT) else { return Ok(None) };
        let found = Self::ALL.iter().find(|transport| chosen == transport.name());
        found.map(|transport| Some(*transport)).ok_or_else(|| format!("{TRANSPORT}: there is no transport {chosen:?}"))
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Hyper => "hyper",
            Self::Reqwest => "reqwest",
        }
    }

    pub(crate) fn build(self) -> Result<Arc<dyn HttpTransport>, String> {
        let options = TransportOptions::default();
        let built: Result<Arc<dyn HttpTransport>, _> = match self {
            Self::Hyper => HyperTransport::with_options(options).map(|transport| Arc::new(transport) as _),
            Self::Reqwest => ReqwestTransport::with_options(options).map(|transport| Arc::new(transport) as _),
        };
        built.map_err(|error| error.to_string())
    }
}
