//! The UserSig that requests carry: made once, shared by concurrent requests, renewed before it ends and when it is refused.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use contact_sink_core::{Applied, Effect, Retry, SinkError};

use crate::Config;
use crate::codes::find_code;
use crate::usersig::{Claims, Unwritable, UserSig, sign};

/// A signature that is refused when it is younger was wrong from the start: another one would be refused as well.
const YOUNG: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(crate) struct Signer {
    current: Mutex<Option<Arc<Signature>>>,
}

/// A UserSig, and when it was made.
pub(crate) struct Signature {
    usersig: UserSig,
    made: Duration,
}

impl Signature {
    pub(crate) fn expose(&self) -> &str {
        self.usersig.expose()
    }
}

impl Signer {
    /// The signature for a request that leaves now. It is made under the lock, so that concurrent requests share one; that
    /// takes some ten microseconds.
    pub(crate) fn signature(&self, config: &Config) -> Result<Arc<Signature>, Unwritable> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let now = config.now();
        // A clock that was set back does not keep an old signature alive.
        let is_fresh = |signature: &&Arc<Signature>| {
            now >= signature.made && now - signature.made < config.lifetime().mul_f64(0.8)
        };
        if let Some(signature) = current.as_ref().filter(is_fresh) {
            return Ok(signature.clone());
        }
        let claims = Claims {
            identifier: config.identifier().to_owned(),
            sdk_app_id: config.sdk_app_id(),
            time: now.as_secs(),
            expire: config.lifetime().as_secs(),
        };
        let signature = Arc::new(Signature { usersig: sign(&claims, config.secret_key())?, made: now });
        *current = Some(signature.clone());
        Ok(signature)
    }

    /// Takes in that a request failed that carried this signature. One that has run out is dropped, and the request may go
    /// again with another one; but a young one was wrong from the start, and the error stops the run.
    pub(crate) fn failed(&self, used: &Arc<Signature>, error: SinkError, config: &Config) -> SinkError {
        let renews = error.code().and_then(find_code).is_some_and(|line| line.effect == Effect::Renews);
        if !renews {
            return error;
        }
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, used)) {
            *current = None;
        }
        // By a clock that was set back nothing is young.
        let young = config.now().checked_sub(used.made).is_some_and(|age| age < YOUNG);
        if young { error } else { error.with_retry(Retry::After(Duration::ZERO)).with_applied(Applied::No) }
    }
}
