//! The runs of a case one after another, each in a runtime of its own that is dropped when the run is killed.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use contact_sink_core::{Applied, ContactUpdate};
use contact_sink_delivery::{Delivery, Journal, JournalError, MaxRejected, Numbered, Options, Settled};
use contact_sink_journal::{Book, Identity, RunJournal, State};
use futures_util::stream::poll_fn;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::case::{Case, Mood, Step};
use crate::vendor::{Vendor, row_of};

/// Longer than anything that a lane waits for.
const FOR_EVER: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// A case under way.
pub(crate) struct Session {
    vendor: Arc<Vendor>,
    directory: tempfile::TempDir,
    /// So many rows of the input can be read by now.
    given: usize,
    runs: u64,
    run: Option<Running>,
}

/// The run under way.
struct Running {
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
    fn has(&mut self, update: &ContactUpdate) -> Result<bool, JournalError> {
        self.journal.has(update)
    }

    fn departs(&mut self, batch: &[ContactUpdate]) -> Result<(), JournalError> {
        self.vendor.oracle().announce(batch.iter().map(row_of).collect());
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
        for Settled { number, outcome, .. } in outcomes {
            oracle.committed(usize::try_from(number.unwrap()).unwrap(), outcome);
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
        let (vendor, directory) = (Vendor::new(case), tempfile::tempdir().unwrap());
        let mut session = Self { vendor, directory, given: 0, runs: 0, run: None };
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
        match *step {
            Step::Give(count) => {
                let from = self.given;
                self.given = self.case().rows.len().min(self.given + count);
                for row in from..self.given {
                    self.give(row, Applied::No);
                }
            }
            Step::Pass(millis) => self.running().runtime.block_on(async { sleep(Duration::from_millis(millis)).await }),
            Step::Is(mood) => self.vendor.oracle().mood = mood,
            Step::Kill => self.kill(),
            Step::DieAtCommit { .. } | Step::JournalFails => {
                *self.running().fault.next.lock().unwrap() = Some(*step);
            }
            Step::Halt { reads_on } => self.end(reads_on, None),
            Step::Close(millis) => self.end(false, Some(Duration::from_millis(millis))),
        }
        // A process that died at a commit is not there any more.
        if self.run.as_ref().is_some_and(Running::has_died) {
            self.kill();
        }
        if self.run.is_none() {
            self.begin(MaxRejected::Share(0.5));
        }
    }

    /// The vendor is well, and the rest of the input is read.
    pub(crate) fn run_to_the_end(&mut self) {
        self.kill();
        self.vendor.oracle().mood = Mood::Fine;
        self.given = self.case().rows.len();
        self.begin(MaxRejected::Any);
        self.end(true, Some(FOR_EVER));
        let (run, _) = self.open();
        let mut oracle = self.vendor.oracle();
        oracle.check_journal(&run);
        oracle.check_fates(self.case());
        oracle.check_end(self.case());
        if run.was_killed() {
            oracle.breach("the last run ended in order");
        }
    }

    fn running(&self) -> &Running {
        self.run.as_ref().unwrap()
    }

    fn give(&self, row: usize, earlier: Applied) {
        let update = Numbered::new(row as u64, self.vendor.update(row)).with_earlier(earlier);
        // A run that has ended reads nothing more.
        let _ = self.running().rows.send(update);
    }

    /// The run to go on with, and for how long nothing may leave at first.
    fn open(&self) -> (contact_sink_journal::Run, Duration) {
        let book = Book::open(&self.directory.path().join("growth.sqlite")).unwrap();
        let last = book.last_run("users.csv").unwrap();
        let part = |text: &str| text.to_owned();
        let identity = Identity {
            host: part("model"),
            account: part("1"),
            account_hash: part("1"),
            subject: part("id"),
            mapping: part("phone, email"),
        };
        let in_flight = self.case().max_waiting + self.vendor.oracle().given_back;
        let first_after = book.unsure_until().unwrap().duration_since(SystemTime::now()).unwrap_or_default();
        let run = match last {
            Some(record) => book.resume(record, identity, "again", in_flight as u64),
            None => book.begin("users.csv", identity, "again", SystemTime::now()),
        };
        (run.unwrap(), first_after)
    }

    fn begin(&mut self, max_rejected: MaxRejected) {
        self.runs += 1;
        let (run, first_after) = self.open();
        {
            let mut oracle = self.vendor.oracle();
            oracle.check_journal(&run);
            oracle.check_fates(&self.vendor.case);
        }
        let (settled, doubtful) = (run.settled().clone(), run.doubtful().clone());
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let guard = runtime.enter();
        self.vendor.oracle().run_begins();
        let began = Instant::now();
        let Case { concurrency, max_waiting, max_attempts, seed, .. } = *self.case();
        let options = Options::default()
            .with_concurrency(concurrency.try_into().unwrap())
            .with_max_waiting(max_waiting.try_into().unwrap())
            .with_max_attempts(max_attempts.try_into().unwrap())
            .with_max_rejected(max_rejected)
            .with_first_after(first_after)
            .with_seed(seed ^ self.runs);
        let (journal, fault, vendor) = (RunJournal::new(run), Fault::default(), self.vendor.clone());
        let hook = Hook { journal: journal.clone(), vendor: vendor.clone(), fault: fault.clone() };
        let delivery = Delivery::with_journal(vendor.clone(), options, hook);
        let (rows, mut input) = unbounded_channel();
        let reads = Arc::new(AtomicBool::new(true));
        let is_read = reads.clone();
        let updates =
            poll_fn(
                move |cx| {
                    if is_read.load(Ordering::Relaxed) { input.poll_recv(cx) } else { std::task::Poll::Ready(None) }
                },
            );
        let mut outcomes = delivery.deliver_numbered(updates);
        let has_struck = fault.has_struck.clone();
        let taking = runtime.spawn(async move {
            while let Some((row, outcome)) = outcomes.next().await {
                let is_well = !has_struck.load(Ordering::Relaxed);
                vendor.oracle().told(usize::try_from(row).unwrap(), &outcome, is_well);
            }
        });
        drop(guard);
        self.run = Some(Running { runtime, began, delivery, journal, fault, rows, reads, taking });
        let left = (0..self.given).filter(|row| !settled.contains(*row as u64));
        for row in left {
            self.give(row, if doubtful.contains(row as u64) { Applied::Perhaps } else { Applied::No });
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
        let Running { runtime, began, delivery, journal, fault, rows, reads, taking } = self.run.take().unwrap();
        let total = self.case().rows.len() as u64;
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
            let is_done = journal.look(|run| run.settled().len()) == Some(total);
            journal.finish(if is_done { State::Finished } else { State::Unfinished }).unwrap();
        }
        drop(runtime);
        self.pause(took);
    }

    /// Between two runs.
    fn pause(&mut self, took: Duration) {
        let mut oracle = self.vendor.oracle();
        let pause = Duration::from_millis(oracle.rng.u64(..3_000));
        oracle.run_ended(took, pause);
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
