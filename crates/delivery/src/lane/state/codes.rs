//! Error codes that the vendor's table lacks, and what was learned of them.

use std::collections::HashSet;
use std::time::Duration;

use contact_sink_core::{ErrorCode, Quota};

/// The longest that the lane is kept quiet to confirm one refusal; a quota by the minute would stop it for too long.
const LONGEST_QUIET: Duration = Duration::from_secs(1);
/// For so many codes the lane is kept quiet, and so many are remembered.
const MOST: (usize, usize) = (10, 100);

/// A code that the table lacks may mean that the quota is used up. One that was confirmed after a quiet window does not.
#[derive(Debug, Default)]
pub(crate) struct Codes {
    asked: HashSet<Option<ErrorCode>>,
    learned: HashSet<Option<ErrorCode>>,
}

impl Codes {
    /// How long the confirmation of a refusal with this code waits, and whether nothing else is sent meanwhile.
    ///
    /// A service is never kept quiet: its callers wait. After some codes no more windows are spent: this vendor has a code for each update, and none for its quota. A code that was
    /// learned may mean the quota all the same if most requests fail.
    pub(crate) fn window(
        &mut self,
        code: Option<&ErrorCode>,
        quota: Option<Quota>,
        is_quiet: bool,
        succeed: bool,
        is_service: bool,
    ) -> (Duration, bool) {
        let window = quota.map_or(Duration::ZERO, |quota| quota.per.min(LONGEST_QUIET));
        let code = code.cloned();
        if self.learned.contains(&code) {
            return (if succeed { Duration::ZERO } else { window }, false);
        }
        if is_service {
            return (Duration::ZERO, false);
        }
        let is_asked = self.asked.contains(&code);
        if if is_asked { is_quiet } else { self.asked.len() >= MOST.0 } {
            return (Duration::ZERO, false);
        }
        self.asked.insert(code);
        (window, true)
    }

    /// A refusal with this code was confirmed.
    pub(crate) fn confirmed(&mut self, code: Option<&ErrorCode>) {
        if self.learned.len() < MOST.1 {
            self.learned.insert(code.cloned());
        }
    }

    /// Whether a refusal with this code needs no confirmation.
    pub(crate) fn is_known(&self, code: Option<&ErrorCode>) -> bool {
        self.learned.contains(&code.cloned())
    }
}
