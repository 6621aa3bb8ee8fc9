//! The runs of a case one after another, each in a runtime of its own that is dropped when the run is killed.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use contact_sink_core::{Applied, ContactUpdate};
use contact_sink_delivery::{
    Admission, Delivery, Departing, Journal, JournalError, MaxRejected, Numbered, Options, Settled,
};
use contact_sink_journal::{
    Book, Content, Ending, Found, Identity, Input, Key, KilledLane, Opened, Run, RunJournal, State, Wanted,
};
use futures_util::stream::poll_fn;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::case::{Case, INPUTS, Mood, Step};
use crate::vendor::{Vendor, row_of};

/// Longer than anything that a lane waits for.
const FOR_EVER: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// A case under way.
pub(crate) struct Session {
    vendor: Arc<Vendor>,
    directory: tempfile::TempDir,
    /// The input of the next run.
    chosen: usize,
    /// How many rows each input has by now.
    lengths: [usize; INPUTS],
    /// So many rows of each input can be read by now.
    given: [usize; INPUTS],
    runs: u64,
    run: Option<Running>,
    /// When a run was last opened.
    opened: SystemTime,
}

/// The run under way.
struct Running {
    input: usize,
    /// How many rows it had when the run began.
    length: usize,
    runtime: Runtime,
    began: Instant,
    delivery: Delivery,
    journal: RunJournal,
    fault: Fault,
    rows: UnboundedSender<Numbered>,
    reads: Arc<AtomicBool>,
    taking: JoinHandle<()>,
}

/// What goes wrong at the next commit.
#[derive(Clone, Default)]
struct Fault {
    next: Arc<Mutex<Option<Step>>>,
    has_struck: Arc<AtomicBool>,
}

struct Hook {
    journal: RunJournal,
    vendor: Arc<Vendor>,
    fault: Fault,
}

impl Journal for Hook {
    fn admit(&mut self, number: Option<u64>, update: &ContactUpdate) -> Result<Admission, JournalError> {
        self.journal.admit(number, update)
    }

    fn departs(&mut self, batch: &[Departing<'_>]) -> Result<(), JournalError> {
        self.vendor.oracle().announce(batch.iter().map(|departing| row_of(departing.update)).collect());
        self.journal.departs(batch)
    }

    fn settled(&mut self, outcomes: &[Settled<'_>]) -> Result<(), JournalError> {
        let fault = self.fault.next.lock().unwrap().take();
        self.fault.has_struck.fetch_or(fault.is_some(), Ordering::Relaxed);
        match fault {
            Some(Step::JournalFails) => return Err(JournalError::new("the disk is full")),
            Some(Step::DieAtCommit { committed: false }) => resume_unwind(Box::new("killed")),
            _ => self.journal.settled(outcomes)?,
        }
        let mut oracle = self.vendor.oracle();
        for Settled { update, outcome, .. } in outcomes {
            oracle.committed(row_of(update), outcome);
        }
        drop(oracle);
        if fault.is_some() {
            resume_unwind(Box::new("killed"));
        }
        Ok(())
    }
}

impl Session {
    pub(crate) fn new(case: Case) -> Self {
        let lengths = std::array::from_fn(|input| case.lengths[input].min(case.rows_of(input).len()));
        let (vendor, directory) = (Vendor::new(case), tempfile::tempdir().unwrap());
        let (given, opened) = ([0; INPUTS], SystemTime::now());
        let mut session = Self { vendor, directory, chosen: 0, lengths, given, runs: 0, run: None, opened };
        session.begin(MaxRejected::Share(0.5));
        session
    }

    pub(crate) fn breaches(&self) -> Vec<String> {
        self.vendor.oracle().breaches.clone()
    }

    fn case(&self) -> &Case {
        &self.vendor.case
    }

    pub(crate) fn step(&mut self, step: &Step) {
        match (*step, &self.run) {
            (Step::Is(mood), _) => self.vendor.oracle().mood = mood,
            (Step::Choose(input), _) => self.chosen = input,
            (Step::Grow(input, rows), _) => {
                self.lengths[input] = self.case().rows_of(input).len().min(self.lengths[input] + rows);
            }
            // There is nothing left to send of what was chosen.
            (_, None) => {}
            (Step::Give(count), Some(run)) => {
                let (input, from) = (run.input, self.given[run.input]);
                self.given[input] = run.length.min(from + count);
                for number in from..self.given[input] {
                    self.give(number, Applied::No);
                }
            }
            (Step::Pass(millis), Some(run)) => {
                run.runtime.block_on(async { sleep(Duration::from_millis(millis)).await });
            }
            (Step::DieAtCommit { .. } | Step::JournalFails, Some(run)) => *run.fault.next.lock().unwrap() = Some(*step),
            (Step::Kill, Some(_)) => self.kill(),
            (Step::Halt { reads_on }, Some(_)) => self.end(reads_on, None),
            (Step::Close(millis), Some(_)) => self.end(false, Some(Duration::from_millis(millis))),
        }
        // A process that died at a commit is not there any more.
        if self.run.as_ref().is_some_and(Running::has_died) {
            self.kill();
        }
        if self.run.is_none() {
            self.begin(MaxRejected::Share(0.5));
        }
    }

    /// The vendor is well, and the rest of all inputs is read.
    pub(crate) fn run_to_the_end(&mut self) {
        self.kill();
        self.vendor.oracle().mood = Mood::Fine;
        for input in 0..INPUTS {
            let length = self.case().rows_of(input).len();
            (self.chosen, self.lengths[input], self.given[input]) = (input, length, length);
            self.begin(MaxRejected::Any);
            if self.run.is_some() {
                self.end(true, Some(FOR_EVER));
            }
            if self.open().is_some() {
                self.vendor.oracle().breach(format!("input {input} is not finished"));
            }
        }
        let mut oracle = self.vendor.oracle();
        oracle.check_fates(self.case());
        oracle.check_end(self.case());
    }

    fn running(&self) -> &Running {
        self.run.as_ref().unwrap()
    }

    /// Gives a row of the input of the run under way.
    fn give(&self, number: usize, earlier: Applied) {
        let row = self.case().rows_of(self.running().input)[number];
        let update = Numbered::new(number as u64, self.vendor.update(row)).with_earlier(earlier);
        // A run that has ended reads nothing more.
        let _ = self.running().rows.send(update);
    }

    /// The run of the input that is chosen, and for how long nothing may leave at first; nothing if that is finished.
    fn open(&mut self) -> Option<(Run, Duration)> {
        let key = Key::load_or_create(&self.directory.path().join("index.key")).unwrap();
        let book = Book::open(&self.directory.path().join("growth.sqlite"), &key).unwrap();
        let (path, rows) = (format!("users-{}.csv", self.chosen), self.lengths[self.chosen] as u64);
        // Rows of an input never change.
        let digest = |rows: u64| [self.chosen as u64, rows].map(u64::to_le_bytes).concat();
        let (digest_of, digest) = (|count| (count <= rows).then(|| digest(count)), digest(rows));
        let content = Content { rows, digest: &digest, digest_of: &digest_of };
        let part = |text: &str| text.to_owned();
        let identity = Identity {
            host: part("model"),
            account: part("1"),
            account_hash: part("1"),
            subject: part("id"),
            mapping: part("phone, email"),
        };
        // The journal reads the machine's clock, and the vendor the paused one: what passed on the first passes on the second.
        let now = SystemTime::now();
        self.vendor.oracle().time_passes(now.duration_since(self.opened).unwrap_or_default());
        self.opened = now;
        let lane = KilledLane {
            waiting: self.case().max_waiting as u64,
            maybe_applied_hold: Options::for_run().maybe_applied_hold,
        };
        if rows == 0 {
            return None;
        }
        let input = Input { identity, name: "run", path: &path, command: "again", content: Some(content) };
        let opened = book.resume_or_begin(input, Wanted::default(), lane, now).unwrap();
        let Opened { run, found, first_after, .. } = opened.unwrap();
        match found {
            Found::Finished { .. } => {
                run.put_back().unwrap();
                None
            }
            _ => Some((run, first_after)),
        }
    }

    fn begin(&mut self, max_rejected: MaxRejected) {
        let Some((run, first_after)) = self.open() else { return };
        self.runs += 1;
        let (input, length) = (self.chosen, self.lengths[self.chosen]);
        {
            let mut oracle = self.vendor.oracle();
            oracle.check_journal(self.case(), input, &run);
            oracle.check_fates(&self.vendor.case);
            for row in self.case().rows_of(input).into_iter().take(length) {
                oracle.first_seen[row].get_or_insert(self.runs);
            }
        }
        let (settled, maybe_applied) = (run.settled().clone(), run.maybe_applied().clone());
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let guard = runtime.enter();
        self.vendor.oracle().run_begins();
        let began = Instant::now();
        let Case { concurrency, max_waiting, max_attempts, seed, .. } = *self.case();
        let options = Options::for_run()
            .with_concurrency(concurrency.try_into().unwrap())
            .with_max_waiting(max_waiting.try_into().unwrap())
            .with_max_attempts(max_attempts.try_into().unwrap())
            .with_max_rejected(max_rejected)
            .with_first_after(first_after)
            .with_seed(seed ^ self.runs);
        let (journal, fault, vendor) = (RunJournal::new(run), Fault::default(), self.vendor.clone());
        let hook = Hook { journal: journal.clone(), vendor: vendor.clone(), fault: fault.clone() };
        let delivery = Delivery::with_journal(vendor.clone(), options, hook);
        let (rows, mut read) = unbounded_channel();
        let reads = Arc::new(AtomicBool::new(true));
        let is_read = reads.clone();
        let updates =
            poll_fn(
                move |cx| {
                    if is_read.load(Ordering::Relaxed) { read.poll_recv(cx) } else { std::task::Poll::Ready(None) }
                },
            );
        let mut outcomes = delivery.deliver_numbered(updates);
        let has_struck = fault.has_struck.clone();
        let rows_of_input = self.case().rows_of(input);
        let taking = runtime.spawn(async move {
            while let Some((row, outcome)) = outcomes.next().await {
                let is_well = !has_struck.load(Ordering::Relaxed);
                vendor.oracle().told(rows_of_input[usize::try_from(row).unwrap()], &outcome, is_well);
            }
        });
        drop(guard);
        self.run = Some(Running { input, length, runtime, began, delivery, journal, fault, rows, reads, taking });
        let left = (0..self.given[input]).filter(|number| !settled.contains(*number as u64));
        for number in left {
            let is_sure = !maybe_applied.contains(number as u64);
            self.give(number, if is_sure { Applied::No } else { Applied::Maybe });
        }
    }

    fn kill(&mut self) {
        let Some(run) = self.run.take() else { return };
        self.vendor.oracle().killed(&self.vendor.case);
        let guard = run.runtime.enter();
        let took = run.began.elapsed();
        drop(guard);
        // Requests in flight end here, while their clock is still there.
        run.shutdown();
        self.pause(took);
    }

    /// Ends the run in order: at once, or as soon as all is settled and within a time.
    fn end(&mut self, reads_on: bool, within: Option<Duration>) {
        let Running { length, runtime, began, delivery, journal, fault, rows, reads, taking, .. } =
            self.run.take().unwrap();
        let took = runtime.block_on(async {
            let ended = async {
                drop(rows);
                reads.store(reads_on, Ordering::Relaxed);
                match within {
                    None => delivery.halt(),
                    Some(FOR_EVER) => {}
                    Some(within) => drop(delivery.clone().close(within).await),
                }
                taking.await.unwrap();
                delivery.close(FOR_EVER).await
            };
            if timeout(FOR_EVER, ended).await.is_err() {
                self.vendor.oracle().breach("the lane hangs");
            }
            began.elapsed()
        });
        let died = fault.has_struck.load(Ordering::Relaxed);
        if !died {
            let is_done = journal.look(|run| run.settled().len()) == Some(length as u64);
            journal.finish(Ending::new(if is_done { State::Finished } else { State::Unfinished })).unwrap();
        }
        drop(runtime);
        self.pause(took);
    }

    /// Between two runs.
    fn pause(&mut self, took: Duration) {
        let mut oracle = self.vendor.oracle();
        let pause = Duration::from_millis(oracle.rng.u64(..3_000));
        oracle.run_ended(took);
        oracle.time_passes(pause);
    }
}

impl Running {
    fn has_died(&self) -> bool {
        self.fault.has_struck.load(Ordering::Relaxed)
    }

    fn shutdown(self) {
        let Self { runtime, delivery, journal, rows, taking, .. } = self;
        let guard = runtime.enter();
        taking.abort();
        drop((delivery, journal, rows));
        drop(guard);
        drop(runtime);
    }
}
