//! The UserSig that requests carry: made once, shared by concurrent requests, renewed before it ends and when it is refused.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use contact_sink_core::{Applied, Effect, ErrorCode, Retry, SinkError};

use crate::Config;
use crate::codes::{EXPIRED, VENDOR};
use crate::usersig::{Claims, Unwritable, UserSig, sign};

/// One that is said to have expired when it is younger was so from the start: another one would be as well.
const YOUNG: Duration = Duration::from_secs(60);

/// UserSigs are dated by the second: one that is made in the second of another is the same text, and as invalid.
const A_SECOND: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(crate) struct Signer {
    current: Mutex<Current>,
}

#[derive(Default)]
struct Current {
    signature: Option<Arc<Signature>>,
    /// When the last one was made, if it was dropped because the vendor refused it.
    refused: Option<Duration>,
}

/// A UserSig, when it was made, and in place of which one, if that was refused.
pub(crate) struct Signature {
    usersig: UserSig,
    made: Duration,
    /// When that was made.
    replaces: Option<Duration>,
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
        let is_fresh =
            |signature: &&Arc<Signature>| now >= signature.made && now - signature.made < config.lifetime.mul_f64(0.8);
        if let Some(signature) = current.signature.as_ref().filter(is_fresh) {
            return Ok(signature.clone());
        }
        let claims = Claims {
            identifier: config.identifier().to_owned(),
            sdk_app_id: config.sdk_app_id(),
            time: now.as_secs(),
            expire: config.lifetime.as_secs(),
        };
        let usersig = sign(&claims, &config.secret_key)?;
        let signature = Arc::new(Signature { usersig, made: now, replaces: current.refused.take() });
        current.signature = Some(signature.clone());
        Ok(signature)
    }

    /// Takes in that a request failed that carried this signature. One that has run out, or was made invalid, is dropped, and
    /// the request may go again with another one. But one that expired when it was young was so from the start, and where the
    /// one that came in its place is refused soon, too, a further one would be as well: then the error stops the run.
    pub(crate) fn failed(&self, used: &Arc<Signature>, error: SinkError, config: &Config) -> SinkError {
        let renews =
            error.code().and_then(|code| VENDOR.find(code.clone())).is_some_and(|line| line.effect == Effect::Renews);
        if !renews {
            return error;
        }
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.signature.as_ref().is_some_and(|current| Arc::ptr_eq(current, used)) {
            *current = Current { signature: None, refused: Some(used.made) };
        }
        // By a clock that was set back nothing is young.
        let young = config.now().checked_sub(used.made).is_some_and(|age| age < YOUNG);
        let is_another = used.replaces.is_some_and(|replaced| replaced.as_secs() != used.made.as_secs());
        let hopeless = young && (is_another || error.code() == Some(&ErrorCode::Number(EXPIRED)));
        if hopeless { error } else { error.with_retry(Retry::After(A_SECOND)).with_applied(Applied::No) }
    }
}
