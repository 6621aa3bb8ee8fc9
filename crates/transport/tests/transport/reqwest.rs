//! What is `ReqwestTransport`'s own.

use std::sync::Arc;

use contact_sink_transport::{HttpTransport, ReqwestTransport, TransportOptions};

use crate::contract::SECRET;

pub(crate) fn make(options: TransportOptions) -> Arc<dyn HttpTransport> {
    let transport = ReqwestTransport::new(options).unwrap();
    assert!(!format!("{transport:?}").contains(SECRET));
    Arc::new(transport)
}
