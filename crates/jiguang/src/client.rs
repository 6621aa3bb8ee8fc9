//! The typed client: the vendor's own call and its own answer.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use contact_sink_core::{Applied, SinkError, SinkErrorKind};
use contact_sink_transport::HttpTransport;
use http::{Request, header};

use crate::wire::{Answer, BuildError, UserChannels, build_set_channels, read_set_channels};
use crate::{Config, SET_CHANNELS, VENDOR};

/// A client of one Jiguang project. Clones share the transport. `Debug` prints no secret.
///
/// It sends one request a call: it does not pace, retry or split.
#[derive(Clone)]
pub struct Jiguang {
    config: Arc<Config>,
    transport: Arc<dyn HttpTransport>,
}

impl Jiguang {
    /// A client with these credentials over this transport.
    pub fn new(config: Config, transport: Arc<dyn HttpTransport>) -> Self {
        Self { config: Arc::new(config), transport }
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Sets contact labels of 1 to 100 users.
    ///
    /// Shape: `PUT /smartop/api/v1/user/channel/batch`, at most 100 requests a second. Each user once: what the vendor does
    /// with a user named twice in a request is not documented.
    ///
    /// The answer may hold errors: whether the other users of such a request were saved is not documented.
    ///
    /// # Errors
    /// [`SinkError`] if there is no answer, if nothing was sent because the request cannot be built, or if the vendor refuses
    /// the credentials, the project or the size of the request.
    ///
    /// Source: Jiguang, "Set Contact Information".
    pub async fn set_channels(&self, users: &[UserChannels<'_>]) -> Result<Answer, SinkError> {
        let request = build_set_channels(self.config.base_url(), users).map_err(unbuildable)?;
        let request = self.with_credentials(request)?;
        let answer =
            self.transport.exchange(request).await.map_err(|error| error.into_sink_error(VENDOR, SET_CHANNELS))?;
        read_set_channels(&answer)
    }

    /// The one place where credentials are put on a request.
    fn with_credentials(&self, mut request: Request<Bytes>) -> Result<Request<Bytes>, SinkError> {
        let value = self.config.authorization().ok_or_else(|| {
            SinkError::new(VENDOR, SET_CHANNELS, SinkErrorKind::Credentials)
                .with_detail("nothing sent: http basic cannot carry this project id or secret")
        })?;
        request.headers_mut().insert(header::AUTHORIZATION, value);
        Ok(request)
    }
}

/// What cannot be built was asked for by a caller that broke the contract; nothing was sent.
fn unbuildable(error: BuildError) -> SinkError {
    let detail = match error {
        BuildError::NumberOfUsers => "a request holds 1 to 100 users",
        BuildError::NothingSet => "nothing is set for a user",
        BuildError::Empty => "a label or a value is empty",
        BuildError::NamedTwice => "a label is named twice",
        BuildError::BaseUrl => "the base url cannot be extended",
        BuildError::Body => "the body could not be written",
    };
    contract(detail)
}

/// A batch that [`crate::JiguangSink`] or its client must never be given; nothing was sent.
pub(crate) fn contract(detail: &'static str) -> SinkError {
    SinkError::new(VENDOR, SET_CHANNELS, SinkErrorKind::Contract).with_applied(Applied::No).with_detail(detail)
}

impl fmt::Debug for Jiguang {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jiguang").field("config", &self.config).finish_non_exhaustive()
    }
}
