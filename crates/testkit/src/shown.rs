//! What a log or a screen may show, and what it must not.

use std::fmt::{Debug, Display};

use contact_sink_core::{SinkError, Verdict};

/// All that was shown.
#[derive(Default)]
pub struct Shown(pub String);

impl Shown {
    /// Shows something as `{:?}` and `{:#?}`.
    pub fn debug(&mut self, what: &(impl Debug + ?Sized)) {
        self.0 += &format!("{what:?}\n{what:#?}\n");
    }

    /// Shows something as `{}` too.
    pub fn both(&mut self, what: &(impl Debug + Display + ?Sized)) {
        self.0 += &format!("{what}\n");
        self.debug(what);
    }

    /// Shows all that `send` gave, with the advice of an error.
    pub fn outcome(&mut self, outcome: &Result<Vec<Verdict>, SinkError>) {
        self.debug(outcome);
        match outcome {
            Err(error) => {
                self.both(error);
                self.0 += error.advice();
            }
            Ok(verdicts) => {
                for verdict in verdicts {
                    if let Verdict::Rejected(rejection) | Verdict::Undecided(rejection) = verdict {
                        self.both(rejection);
                    }
                }
            }
        }
    }

    /// Checks that none of these is shown, nor the first twelve bytes of it.
    pub fn hides<'a>(&self, hidden: impl IntoIterator<Item = &'a str>) -> Result<(), String> {
        for hidden in hidden {
            let start = hidden.get(..12).unwrap_or(hidden);
            if self.0.contains(start) {
                return Err(format!("{hidden} is shown: {}", self.0));
            }
        }
        Ok(())
    }
}
