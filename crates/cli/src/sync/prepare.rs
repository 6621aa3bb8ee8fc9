//! What is done before anything is sent: every input is opened, and all that can be wrong with any destination is found.

use std::time::SystemTime;

use contact_sink_core::ContactSink;
use contact_sink_delivery::Options;

use super::limiters::Limiters;
use super::run::Run;
use crate::args;
use crate::config::Destination;
use crate::dead_letters::DeadLetters;
use crate::input::{self, Input, Plan};
use crate::network;
use crate::progress::{Frame, Screen};
use crate::status::{Failure, Status};

/// A destination that is ready to begin.
pub struct Prepared {
    /// The user's name for it.
    pub name: String,
    /// The vendor.
    pub vendor: &'static str,
    /// The run, or why its input cannot be read.
    pub run: Result<Run, String>,
}

/// Prepares all destinations, in their order; each reads the input for itself.
pub fn all(args: &args::Sync, destinations: Vec<Destination>) -> Result<Vec<Prepared>, Failure> {
    let count = destinations.len();
    if count > 1 && input::is_read_once(&args.file) {
        return Err(Failure::usage(format!(
            "{} can be read once only, and there are {count} destinations: save it to a file first",
            input::name(&args.file)
        )));
    }
    let mut common = Common {
        args,
        run_id: run_id(),
        screen: Screen::new(args.quiet, count > 1),
        limiters: Limiters::default(),
        several: count > 1,
    };
    destinations.into_iter().map(|destination| common.prepare(destination)).collect()
}

/// What the destinations have in common.
struct Common<'a> {
    args: &'a args::Sync,
    run_id: String,
    screen: Screen,
    limiters: Limiters,
    several: bool,
}

impl Common<'_> {
    fn prepare(&mut self, destination: Destination) -> Result<Prepared, Failure> {
        let Destination { name, vendor, account, accepted_means, doubts, base_url, simulated, mapping, null, .. } =
            destination;
        let (transport, limiter_key, sink) = (destination.transport, destination.limiter_key, destination.sink);
        let input = match Input::open(&self.args.file, self.args.format) {
            Err(failure) if failure.status == Status::Unreadable => {
                return Ok(Prepared { name, vendor, run: Err(failure.to_string()) });
            }
            opened => opened?,
        };
        let plan = Plan::new(mapping.clone(), null, input.shape())
            .map_err(|problem| Failure::usage(format!("{}: {problem} (destination {name})", input.name)))?;
        let whose = if self.several { format!(" (destination {name})") } else { String::new() };
        let transport = network::transport(transport, &base_url)
            .map_err(|failure| Failure::new(failure.status, format!("{failure}{whose}")))?;
        let sink: Box<dyn ContactSink> = sink(transport);
        let limiter = self
            .limiters
            .get(&name, &account, limiter_key, sink.limits())
            .map_err(|problem| Failure::config(format!("{}: {problem}", self.args.config.display())))?;
        let mut options = Options::default().with_max_rejected(self.args.max_rejected).with_name(name.as_str());
        options.limiter = limiter;
        let kind = if simulated { "SIMULATED" } else { "LIVE" };
        let first_line = format!("{kind}: {} to {vendor} at {}, {account}{whose}", input.name, base_url.authority());
        let dead_letters = DeadLetters::new(&self.args.rejected, &self.run_id, &name, input.shape());
        let progress = self.screen.progress(&name, Frame { size: input.size, quota: sink.limits().quota });
        let run = Run {
            first_line,
            doubts,
            input,
            mapping,
            plan,
            sink,
            options,
            dead_letters,
            progress,
            vendor,
            accepted_means,
        };
        Ok(Prepared { name, vendor, run: Ok(run) })
    }
}

/// A name for this run that sorts by time: `20261122T021530Z-4711`.
fn run_id() -> String {
    let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    format!("{}-{}", now.replace(['-', ':'], ""), std::process::id())
}
