//! How the command ends: its exit status, and the failure that keeps it from beginning.

use std::fmt;

/// The exit status, the best first; of several destinations the worst one counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// Done, none rejected.
    Done,
    /// Done, some rejected.
    Rejected,
    /// Rows are left pending: run the same command again.
    Pending,
    /// The input cannot be read on.
    Unreadable,
    /// Stopped: a person must act.
    Stopped,
    /// Interrupted.
    Interrupted,
    /// The command line is wrong.
    Usage,
    /// The input cannot be opened.
    NoInput,
    /// The configuration is wrong.
    Config,
}

impl Status {
    /// The number that the shell sees.
    pub fn number(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Rejected => 2,
            Self::Stopped => 3,
            Self::Usage => 64,
            Self::Unreadable => 65,
            Self::NoInput => 66,
            Self::Pending => 75,
            Self::Config => 78,
            Self::Interrupted => 130,
        }
    }
}

/// Why nothing was begun: what is wrong, where, and what to do.
#[derive(Debug)]
pub struct Failure {
    /// How the command ends.
    pub status: Status,
    message: String,
}

impl Failure {
    /// A failure with this status.
    pub fn new(status: Status, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    /// The command line is wrong.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Status::Usage, message)
    }

    /// The configuration is wrong.
    pub fn config(message: impl Into<String>) -> Self {
        Self::new(Status::Config, message)
    }
}

impl From<contact_sink_mapping::ConfigError> for Failure {
    fn from(error: contact_sink_mapping::ConfigError) -> Self {
        Self::config(error.to_string())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
