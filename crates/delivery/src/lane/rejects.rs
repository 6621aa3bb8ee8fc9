//! How many updates were rejected, and whether that is too many.

use crate::MaxRejected;

/// Counts of what was given to the lane and refused.
///
/// What a rule refuses has its outcome at once, what is sent has it up to `max_waiting` updates later; and of what is sent,
/// an update that is named has its outcome before the good ones beside it, which are sent again. Shares of the outcomes
/// would be too high. So each kind has a share of its own: of what was given, and of what has left.
#[derive(Debug, Default)]
pub(super) struct Rejects {
    /// All that was given.
    pub(super) given: u64,
    /// Of these, refused by a rule, without being sent.
    pub(super) unsent: u64,
    /// Of these, sent at least once.
    pub(super) sent: u64,
    /// Of these, taken by the vendor.
    pub(super) accepted: u64,
    /// Of these, refused by the vendor.
    pub(super) refused: u64,
}

impl Rejects {
    pub(super) fn rejected(&self) -> u64 {
        self.unsent + self.refused
    }

    pub(super) fn outcomes(&self) -> u64 {
        self.rejected() + self.accepted
    }

    pub(super) fn are_too_many(&self, most: MaxRejected) -> bool {
        match most {
            MaxRejected::Count(most) => self.rejected() > most,
            MaxRejected::Share(most) => {
                let unsent = share(self.unsent, self.given);
                let refused = share(self.refused, self.sent);
                self.outcomes() >= MaxRejected::SHARE_AFTER && unsent + (1.0 - unsent) * refused > most
            }
            MaxRejected::Any => false,
        }
    }
}

/// Counts stay far below 2^52, where f64 is exact.
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
