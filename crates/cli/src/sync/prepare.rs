//! What is done before anything is sent: all that can be wrong with any destination is found.

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::SystemTime;

use contact_sink_core::ContactSink;
use contact_sink_delivery::Options;
use contact_sink_journal::{Book, Found, Lock, Opened};
use contact_sink_mapping::Mapper;
use contact_sink_source::{Input, Preflight, ReadControl, display_name};

use super::books::Books;
use super::ended::Ended;
use super::ledger::Ledger;
use super::limiters::Limiters;
use super::opening;
use super::run::Run;
use super::state::{States, cannot_open};
use super::vendor_has::VendorHas;
use crate::args;
use crate::config::{Destination, Ready};
use crate::console::say;
use crate::dead_letters::DeadLetters;
use crate::exit_status::Failure;
use crate::files;
use crate::network;
use crate::outcomes_file::OutcomesFile;
use crate::process;
use crate::progress::Screen;
use crate::reading::Known;
use crate::report::counted;
use crate::run_progress::RunProgress;
use crate::time::to_the_second;

/// A run that is ready to begin, or how it has ended already.
pub type Prepared = Result<Run, Box<Ended>>;

/// All destinations, with which nothing is wrong so far, and whose locks are held.
pub struct Preparation<'a> {
    args: &'a args::Sync,
    run_id: String,
    limiters: Limiters,
    /// `None` for the simulator in this process, of which nothing outlives the command.
    states: Option<States>,
    /// Accounts, by their hash, of which several destinations set the same field.
    contested: HashSet<String>,
    several: bool,
    /// How many connections each destination may have at most.
    connections: NonZeroUsize,
    outcomes: Option<OutcomesFile>,
    /// Each with its journal.
    checked: Vec<(Checked, Book)>,
    /// Numbers of rows by whose digest the runs of the input are found.
    rows_known: Vec<u64>,
}

/// A destination with which nothing is wrong so far.
struct Checked {
    destination: Arc<Destination>,
    says: Vec<String>,
    doubts: Vec<String>,
    mapper: Mapper,
    sink: Box<dyn ContactSink>,
    options: Options,
}

impl<'a> Preparation<'a> {
    /// Checks all destinations, in their order, takes their locks, and looks up their last runs.
    pub fn new(args: &'a args::Sync, destinations: Vec<Ready>, input: &Input) -> Result<Self, Failure> {
        let (count, simulated) = (destinations.len(), destinations.iter().any(|ready| ready.destination.simulated));
        if args.changed_only && simulated {
            return Err(Failure::usage(
                "--changed-only: the simulator in this process knows nothing at its start: leave the option out, or name a destination",
            ));
        }
        let connections = process::connections(count, simulated)?;
        let mut preparation = Self {
            args,
            run_id: run_id(),
            limiters: Limiters::default(),
            states: None,
            contested: HashSet::new(),
            several: count > 1,
            connections,
            outcomes: None,
            checked: Vec::new(),
            rows_known: Vec::new(),
        };
        // What is wrong with a configuration is found before anything is locked or written down.
        let check = |ready| preparation.check(ready, input);
        let checked = destinations.into_iter().map(check).collect::<Result<Vec<Checked>, Failure>>()?;
        files::check_private(&args.rejected)
            .map_err(|problem| Failure::config(format!("--rejected: the directory {problem}")))?;
        files::can_be_made_in(&args.rejected).map_err(|error| {
            let problem =
                format!("--rejected {}: no file of rejected rows can be written there", args.rejected.display());
            Failure::config(format!("{problem}: {error}: name another place"))
        })?;
        // All locks before the first journal: a command that is refused the last one has begun, or ended, no run of the others.
        if !simulated {
            let states = preparation.states.insert(States::open(args)?);
            checked.iter().try_for_each(|checked| states.lock(&checked.destination))?;
        }
        preparation.contested = contested(&checked);
        for checked in checked {
            let states = preparation.states.as_ref();
            let book = states.map_or_else(Book::in_memory, |states| states.book(&checked.destination));
            let book = book.map_err(cannot_open)?;
            preparation.rows_known.extend(book.rows_known().map_err(cannot_open)?);
            preparation.checked.push((checked, book));
        }
        preparation.outcomes = args.outcomes.as_deref().map(OutcomesFile::open).transpose()?;
        Ok(preparation)
    }

    /// The places of the columns that identify a record for one of the destinations.
    pub fn id_places(&self) -> Vec<usize> {
        let mut places: Vec<usize> = self.checked.iter().flat_map(|(checked, _)| checked.mapper.id_places()).collect();
        places.sort_unstable();
        places.dedup();
        places
    }

    /// Numbers of rows by whose digest the runs of the input are found.
    pub fn rows_known(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.rows_known)
    }

    /// The key of digests that are kept; none are for the simulator.
    pub fn digest_key(&self) -> Option<[u8; 32]> {
        self.states.as_ref().map(States::digest_key)
    }

    /// Begins a run for each destination, or finds that it is done. Without a pre-flight the input is a pipe.
    pub fn begin(
        mut self,
        mut input: Input,
        preflight: Option<&Preflight>,
        screen: &Screen,
    ) -> Result<(Vec<Prepared>, Vec<Arc<Lock>>), Failure> {
        let mut prepared: Vec<Prepared> = Vec::new();
        for (checked, book) in std::mem::take(&mut self.checked) {
            match self.prepare(checked, book, &mut input, preflight, screen) {
                Ok(one) => prepared.push(one),
                Err(failure) => {
                    // Else they would count as cut off, with rows in flight.
                    prepared.iter().flatten().for_each(|run| run.books.with(Ledger::put_back));
                    return Err(failure);
                }
            }
        }
        Ok((prepared, self.locks()))
    }

    /// The locks, to be held to the end.
    fn locks(&self) -> Vec<Arc<Lock>> {
        self.states.as_ref().map_or(Vec::new(), States::locks)
    }

    fn check(&mut self, ready: Ready, input: &Input) -> Result<Checked, Failure> {
        let Ready { destination, base_url, mut transport, batch, in_flight, mut doubts, sink } = ready;
        let Destination { name, account, limiter_key, .. } = &destination;
        let connections = transport.max_connections.min(self.connections);
        if connections < transport.max_connections {
            doubts.push(format!(
                "destination {name}: only {} to the vendor, for want of open files: raise the limit (ulimit -n)",
                counted(connections.get() as u64, "connection")
            ));
            transport.max_connections = connections;
        }
        let timeout = transport.exchange_timeout;
        let mapper = Mapper::new(destination.mapping.clone(), input.layout())
            .map_err(|problem| Failure::usage(format!("{}: {problem} (destination {name})", input.name())))?;
        let whose = if self.several { format!(" (destination {name})") } else { String::new() };
        let transport = network::transport(transport, &base_url)
            .map_err(|failure| Failure::new(failure.status, format!("{failure}{whose}")))?;
        let sink: Box<dyn ContactSink> = sink(transport);
        let limiter = self
            .limiters
            .get(name, account, limiter_key.clone(), sink.limits())
            .map_err(|problem| Failure::config(format!("{}: {problem}", self.args.config.display())))?;
        let mut options = Options::for_run().with_max_rejected(self.args.max_rejected).with_name(name.as_str());
        options.limiter = limiter;
        options.batch = batch;
        options.concurrency = connections.min(in_flight.unwrap_or(options.concurrency));
        // A vendor that is slow may apply a request until its exchange ends, and is not down before that.
        options.maybe_applied_hold = options.maybe_applied_hold.max(timeout);
        options = options.with_unreachable_after(Options::UNREACHABLE_AFTER.max(timeout));
        if let Some(patience) = self.args.patience {
            // It holds from the start of the run too.
            options = options.with_patience(patience).with_unreachable_after(patience);
        }
        let kind = if destination.simulated { "SIMULATED" } else { "LIVE" };
        let file = display_name(&self.args.file);
        let first_line =
            format!("{kind}: {file} to {} at {}, {account}{whose}", destination.vendor, base_url.authority());
        let (destination, says) = (Arc::new(destination), vec![first_line]);
        Ok(Checked { destination, says, doubts, mapper, sink, options })
    }

    fn prepare(
        &mut self,
        checked: Checked,
        book: Book,
        input: &mut Input,
        preflight: Option<&Preflight>,
        screen: &Screen,
    ) -> Result<Prepared, Failure> {
        let Checked { destination, mut says, doubts, mapper, sink, mut options } = checked;
        let (name, simulated) = (destination.name.as_str(), destination.simulated);
        let mut vendor_has = None;
        if let Some(states) = &mut self.states {
            let is_contested = self.contested.contains(&destination.limiter_key.hash());
            vendor_has = states.vendor_has(self.args, &destination, is_contested)?;
            says.extend(vendor_has.iter().filter_map(VendorHas::says).map(|said| format!("{name}: {said}")));
        }
        let look_ahead = vendor_has.as_ref().map_or(Ok(None), VendorHas::look_ahead)?;
        let opened = opening::open(self.args, &destination, book, &options, &self.run_id, preflight)?;
        let (Opened { run, found, first_after, .. }, about, more) = opened;
        options.first_after = Some(first_after);
        says.extend(more);
        let fed_back = (!simulated).then(|| run.parts_known().map_err(cannot_open)).transpose()?;
        let (settled, maybe_applied, ids) =
            (run.settled().clone(), run.maybe_applied().clone(), self.outcomes.is_some());
        let known = Known { settled, maybe_applied, ids, fed_back, look_ahead };
        let is_done = matches!(found, Found::Finished { .. });
        let dead_letters = DeadLetters::new(&self.args.rejected, &self.run_id, name, input.layout());
        let mut ledger = Ledger::new(
            destination.clone(),
            about.report.run.as_deref().unwrap_or_default(),
            dead_letters,
            self.outcomes.clone(),
            run,
            vendor_has,
            self.locks(),
        );
        says.extend(ledger.recover(is_done).map_err(|error| {
            ledger.put_back();
            let problem = format!("{name}: the file of rejected rows cannot be written: {error}");
            let advice = "make room there, or name another place with --rejected, and run the same command again";
            Failure::config(format!("{problem}: {advice}"))
        })?);
        let books = Books::new(ledger);
        if is_done {
            says.iter().filter(|_| !self.args.quiet).for_each(|line| say!("{line}"));
            return Ok(Err(Box::new(Ended::done_before(about, &books))));
        }
        let (rows, quota, done) = (about.rows, sink.limits().quota, books.with(|ledger| ledger.counts()).done());
        let reading = Arc::new(ReadControl::default());
        Ok(Ok(Run {
            about,
            says,
            doubts,
            input: input.name().to_owned(),
            is_file: input.is_file(),
            rows: input.rows(reading.clone()),
            reading,
            mapper,
            known,
            books,
            sink,
            options,
            progress: RunProgress::new(screen.run(name, rows), rows, quota, done),
        }))
    }
}

/// The accounts of which several destinations set the same field.
fn contested(all: &[Checked]) -> HashSet<String> {
    let (mut seen, mut contested) = (HashSet::new(), HashSet::new());
    for Checked { destination, .. } in all {
        let account = destination.limiter_key.hash();
        for field in destination.mapping.fields() {
            if !seen.insert((account.clone(), field.field())) {
                contested.insert(account.clone());
            }
        }
    }
    contested
}

/// A name for this run that sorts by time: `20261122T021530Z-4711`.
fn run_id() -> String {
    format!("{}-{}", to_the_second(SystemTime::now()).replace(['-', ':'], ""), std::process::id())
}
