//! What is done before anything is sent: every input is opened, and all that can be wrong with any destination is found.

use std::collections::HashSet;
use std::time::SystemTime;

use contact_sink_core::ContactSink;
use contact_sink_delivery::Options;
use contact_sink_journal::Lock;

use super::ledger::{Books, Ledger};
use super::limiters::Limiters;
use super::run::{End, Ended, Run};
use super::state::{States, Target};
use crate::args;
use crate::config::Destination;
use crate::console::say;
use crate::dead_letters::DeadLetters;
use crate::input::{self, Input, Known, Plan};
use crate::network;
use crate::progress::{Frame, Screen};
use crate::status::{Failure, Status};

/// A destination that is ready to begin.
pub struct Prepared {
    /// The user's name for it.
    pub name: String,
    /// The vendor.
    pub vendor: &'static str,
    /// The run, or how it has ended already.
    pub run: Result<Run, Box<Ended>>,
}

/// Prepares all destinations, in their order; each reads the input for itself.
pub fn all(args: &args::Sync, destinations: Vec<Destination>) -> Result<(Vec<Prepared>, Vec<Lock>), Failure> {
    let count = destinations.len();
    if args.changed_only && destinations.iter().any(|destination| destination.simulated) {
        return Err(Failure::usage(
            "--changed-only: the simulator in this process knows nothing at its start: leave the option out, or name a destination",
        ));
    }
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
        states: States::new(args),
        contested: HashSet::new(),
        several: count > 1,
    };
    // What is wrong with a configuration is found before anything is locked or written down.
    let checked: Vec<_> =
        destinations.into_iter().map(|destination| common.check(destination)).collect::<Result<_, _>>()?;
    // All locks before the first journal: who is refused for the last one has begun, or ended, no run of the others.
    for Checked { target, .. } in checked.iter().filter(|checked| !checked.target.simulated && checked.input.is_ok()) {
        common.states.lock(target)?;
    }
    common.contested = contested(&checked);
    let mut prepared: Vec<Prepared> = Vec::new();
    for checked in checked {
        match common.prepare(checked) {
            Ok(one) => prepared.push(one),
            Err(failure) => {
                // Else they would count as cut off, with rows in flight.
                prepared.iter().filter_map(|prepared| prepared.run.as_ref().ok()).for_each(|run| run.books.put_back());
                return Err(failure);
            }
        }
    }
    Ok((prepared, common.states.into_locks()))
}

/// What the destinations have in common.
struct Common<'a> {
    args: &'a args::Sync,
    run_id: String,
    screen: Screen,
    limiters: Limiters,
    states: States,
    /// Accounts, by their hash, of which several destinations set the same field.
    contested: HashSet<String>,
    several: bool,
}

/// A destination with which nothing is wrong so far.
struct Checked {
    target: Target,
    doubts: Vec<String>,
    accepted_means: Option<&'static str>,
    first_line: String,
    /// Its input and how it is read; or why it cannot be.
    input: Result<(Input, Plan), String>,
    sink: Box<dyn ContactSink>,
    options: Options,
}

impl Common<'_> {
    fn check(&mut self, destination: Destination) -> Result<Checked, Failure> {
        let Destination { name, vendor, account, accepted_means, doubts, base_url, simulated, mapping, null, .. } =
            destination;
        let (transport, limiter_key, sink) = (destination.transport, destination.limiter_key, destination.sink);
        let input = match Input::open(&self.args.file, self.args.format) {
            Err(failure) if failure.status == Status::Unreadable => Err(failure.to_string()),
            Err(failure) => return Err(failure),
            Ok(input) => {
                let plan = Plan::new(mapping.clone(), null.clone(), input.shape())
                    .map_err(|problem| Failure::usage(format!("{}: {problem} (destination {name})", input.name)))?;
                Ok((input, plan))
            }
        };
        let whose = if self.several { format!(" (destination {name})") } else { String::new() };
        let transport = network::transport(transport, &base_url)
            .map_err(|failure| Failure::new(failure.status, format!("{failure}{whose}")))?;
        let sink: Box<dyn ContactSink> = sink(transport);
        let limiter = self
            .limiters
            .get(&name, &account, limiter_key.clone(), sink.limits())
            .map_err(|problem| Failure::config(format!("{}: {problem}", self.args.config.display())))?;
        let mut options = Options::default().with_max_rejected(self.args.max_rejected).with_name(name.as_str());
        options.limiter = limiter;
        if let Some(patience) = self.args.patience {
            options = options.with_patience(patience);
        }
        let kind = if simulated { "SIMULATED" } else { "LIVE" };
        let file = input::name(&self.args.file);
        let first_line = format!("{kind}: {file} to {vendor} at {}, {account}{whose}", base_url.authority());
        let target = Target { name, vendor, account, limiter_key, mapping, null, simulated };
        Ok(Checked { target, doubts, accepted_means, first_line, input, sink, options })
    }

    fn prepare(&mut self, checked: Checked) -> Result<Prepared, Failure> {
        let Checked { target, doubts, accepted_means, first_line, input, sink, mut options } = checked;
        let vendor = target.vendor;
        let (input, plan) = match input {
            Ok(read) => read,
            Err(problem) => {
                let ended = Box::new(Ended::at_once(vendor, End::Unreadable(problem)));
                return Ok(Prepared { name: target.name, vendor, run: Err(ended) });
            }
        };
        let dead_letters = DeadLetters::new(&self.args.rejected, &self.run_id, &target.name, input.shape());
        let mut says = Vec::from([first_line]);
        let (mut run, mut vendor_has, mut known, mut is_done) = (None, None, Known::default(), false);
        // A pipe cannot be read again, and the simulator in this process ends with it.
        if !target.simulated {
            let is_contested = self.contested.contains(&target.limiter_key.hash());
            vendor_has = self.states.vendor_has(self.args, &target, is_contested)?;
            if !input::is_read_once(&self.args.file) {
                let opened = self.states.open(self.args, &target, &options)?;
                options.first_after = opened.first_after;
                says.extend(opened.says);
                (run, known, is_done) = (Some(opened.run), opened.known, opened.is_done);
            }
        }
        let mut ledger = Ledger::new(&target.name, target.mapping, dead_letters, run, vendor_has);
        says.extend(ledger.recover(is_done).map_err(|error| {
            ledger.put_back();
            let problem = format!("{}: the file of rejected rows cannot be gone on with: {error}", target.name);
            Failure::config(format!("{problem}; make room, or move it away and run the same command again"))
        })?);
        let books = Books::new(ledger);
        if is_done {
            says.iter().filter(|_| !self.args.quiet).for_each(|line| say!("{line}"));
            let ended = Ended::done_before(vendor, accepted_means, &books);
            return Ok(Prepared { name: target.name, vendor, run: Err(Box::new(ended)) });
        }
        let (size, quota, done) = (input.size, sink.limits().quota, books.counts().done());
        let progress = self.screen.progress(&target.name, Frame { size, quota, done });
        let run = Run { says, doubts, input, plan, known, books, sink, options, progress, vendor, accepted_means };
        Ok(Prepared { name: target.name, vendor, run: Ok(run) })
    }
}

/// The accounts of which several destinations set the same field.
fn contested(all: &[Checked]) -> HashSet<String> {
    let (mut seen, mut contested) = (HashSet::new(), HashSet::new());
    for Checked { target, .. } in all {
        let account = target.limiter_key.hash();
        for field in &target.mapping.set {
            if !seen.insert((account.clone(), &field.address)) {
                contested.insert(account.clone());
            }
        }
    }
    contested
}

/// A name for this run that sorts by time: `20261122T021530Z-4711`.
fn run_id() -> String {
    let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    format!("{}-{}", now.replace(['-', ':'], ""), std::process::id())
}
