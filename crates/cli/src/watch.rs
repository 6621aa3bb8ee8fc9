//! What a run tells beside its output, if it is asked to: a log on standard error, and a file of metrics.

mod log;
mod metrics;

pub use log::{Filter, LogFormat};
pub use metrics::Metrics;

use crate::args;
use crate::exit_status::Failure;

/// Starts the log, and the file of metrics.
///
/// # Errors
/// If the file cannot be written.
pub fn start(args: &args::Sync) -> Result<Option<Metrics>, Failure> {
    if let Some(filter) = &args.log {
        log::start(filter, args.log_format);
    }
    args.metrics.as_ref().map(|path| Metrics::start(path, &args.to)).transpose()
}
