//! One limiter for each quota: destinations that use the same one share it.

use contact_sink_core::{Limits, Overlap, Quota};
use contact_sink_delivery::Limiter;

use crate::config::LimiterKey;

/// The quotas that are in use, and by whom.
#[derive(Default)]
pub struct Limiters(Vec<Entry>);

struct Entry {
    key: LimiterKey,
    destination: String,
    quota: Option<Quota>,
    limiter: Option<Limiter>,
}

impl Limiters {
    /// The limiter of a destination, or none if its vendor has no quota.
    ///
    /// Two destinations of one account that name different quotas are refused: the quota is the account's, and which of the
    /// two it is cannot be known. To take the smaller one would be safe, and a mistake would stay unseen. So are two at an
    /// endpoint that takes one request for each batch key at a time: a lane keeps that for itself alone.
    pub fn get(
        &mut self,
        destination: &str,
        account: &str,
        key: LimiterKey,
        limits: Limits,
    ) -> Result<Option<Limiter>, String> {
        let quota = limits.quota;
        if let Some(known) = self.0.iter().find(|entry| entry.key == key) {
            if limits.overlap == Overlap::OnePerKey {
                return Err(format!(
                    "{:?} and {destination:?} are one account ({account}) at an endpoint that takes one request at a time for each \
                     owner, and would be in each other's way: write the fields of both into one, or run them one after the other",
                    known.destination,
                ));
            }
            if known.quota == quota {
                return Ok(known.limiter.clone());
            }
            let word = |quota: Option<Quota>| quota.map_or_else(|| "none".to_owned(), |quota| quota.to_string());
            return Err(format!(
                "{:?} and {destination:?} are one account ({account}) and share its quota, which is {} for the one and {} for the \
                 other: write the same \"quota\" in both",
                known.destination,
                word(known.quota),
                word(quota)
            ));
        }
        let limiter = quota.map(Limiter::new);
        self.0.push(Entry { key, destination: destination.to_owned(), quota, limiter: limiter.clone() });
        Ok(limiter)
    }
}
