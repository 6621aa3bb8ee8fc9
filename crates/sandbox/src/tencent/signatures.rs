//! Which signatures are no longer good, and the clock by which they expire.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::codes::{self, Refusal};
use super::usersig::UserSig;

/// The clock and what was revoked by it.
pub(super) struct Signatures {
    clock: Clock,
    /// Those that were used in the second in which they were made, or before it, with that second. The others are older
    /// than any revocation to come.
    fresh: BTreeMap<String, u64>,
    /// The second of the latest revocation.
    revoked_at: Option<u64>,
    /// Fresh at the latest revocation, and not refused since.
    to_refuse_once: BTreeSet<String>,
}

/// The vendor's clock.
pub(super) enum Clock {
    /// It goes on, ahead of the system's.
    Ahead(Duration),
    /// It stands still.
    StoppedAt(SystemTime),
}

impl Signatures {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, fresh: BTreeMap::new(), revoked_at: None, to_refuse_once: BTreeSet::new() }
    }

    pub(super) fn set_clock(&mut self, clock: Clock) {
        self.clock = clock;
    }

    /// In seconds of Unix time.
    pub(super) fn now(&self) -> u64 {
        let (time, ahead) = match self.clock {
            Clock::Ahead(ahead) => (SystemTime::now(), ahead),
            Clock::StoppedAt(time) => (time, Duration::ZERO),
        };
        time.duration_since(UNIX_EPOCH).unwrap_or_default().saturating_add(ahead).as_secs()
    }

    pub(super) fn revoke(&mut self) {
        let now = self.now();
        self.revoked_at = Some(now);
        self.fresh.retain(|_, time| *time >= now);
        self.to_refuse_once = std::mem::take(&mut self.fresh).into_keys().collect();
    }

    /// Takes note of a signature that is verified, and refuses it if it is revoked.
    pub(super) fn take(&mut self, signature: &UserSig) -> Result<(), Refusal> {
        let old = self.revoked_at.is_some_and(|revoked_at| signature.time < revoked_at);
        if old || self.to_refuse_once.remove(&signature.sig) {
            return Err(Refusal(codes::REVOKED, "usersig is revoked"));
        }
        let now = self.now();
        self.fresh.retain(|_, time| *time >= now);
        if signature.time >= now {
            self.fresh.insert(signature.sig.clone(), signature.time);
        }
        Ok(())
    }
}
