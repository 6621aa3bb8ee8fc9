//! What a vendor's operator changes while the server runs, at once or from a certain request on: the secret, the clock, and which
//! UserSigs are good.

use std::time::Duration;

use serde::Deserialize;

use crate::choice::millis;
use crate::secret::Secret;

/// One change, as `POST /_sandbox/changes` takes a list of them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    /// How many requests come before it. Default 0: it is made at once.
    #[serde(default)]
    after_requests: u64,
    /// The secret of all vendors from then on.
    pub(crate) secret: Option<Secret>,
    /// How much Tencent's clock is ahead from then on.
    #[serde(default, rename = "clock_ahead_ms", deserialize_with = "millis")]
    pub(crate) clock_ahead: Option<Duration>,
    /// Whether the UserSigs that were used so far are good no more.
    #[serde(default)]
    pub(crate) revoke_signatures: bool,
}

/// The changes to come.
#[derive(Default)]
pub(crate) struct Changes(Vec<Change>);

impl Changes {
    /// Reads a list. The error names the place and quotes no value.
    pub(crate) fn from_json(json: &[u8]) -> Result<Self, String> {
        let read = serde_json::from_slice::<Vec<Change>>(json);
        let changes = read.map_err(|error| {
            format!("line {}, column {}: not a list of changes as they are documented", error.line(), error.column())
        })?;
        if changes.iter().any(|change| change.secret.as_ref().is_some_and(Secret::is_empty)) {
            return Err("a secret is empty".to_owned());
        }
        Ok(Self(changes))
    }

    /// Those whose time has come, in their order.
    pub(crate) fn due(&mut self) -> Vec<Change> {
        let (due, later) = std::mem::take(&mut self.0).into_iter().partition(|change| change.after_requests == 0);
        self.0 = later;
        due
    }

    /// Counts a request.
    pub(crate) fn count_request(&mut self) {
        self.0.iter_mut().for_each(|change| change.after_requests -= 1);
    }
}
