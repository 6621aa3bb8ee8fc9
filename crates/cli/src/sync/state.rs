//! What outlives a run: where it is kept, who holds it, and with which run a command goes on.

mod recorded;

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use contact_sink_delivery::Options;
use contact_sink_journal::{Book, Held, Lock, OpenError, Record, Run, State};

use super::vendor_has::{Use, VendorHas};
use crate::args;
use contact_sink_mapping::Mapping;
use contact_sink_source::{Digest, Preflight, display_name};

use crate::config::LimiterKey;
use crate::reading::Known;
use crate::report::{counted, grouped};
use crate::status::{Failure, Status};

use recorded::{command, identity};

/// The state directory, and the locks in it that this process holds.
pub struct States {
    directory: Option<PathBuf>,
    who: String,
    locks: Vec<Lock>,
    /// What the vendor has, by the account's hash.
    indexes: Vec<(String, VendorHas)>,
}

/// What of a destination a journal knows.
pub struct Target {
    pub name: String,
    pub vendor: &'static str,
    pub account: String,
    pub limiter_key: LimiterKey,
    pub mapping: Mapping,
    pub simulated: bool,
}

/// A destination's journal, and the last run of the input in it.
pub struct LastRun {
    book: Book,
    /// The input's path, links followed.
    input: PathBuf,
    record: Option<Record>,
}

/// A run to go on with.
pub struct Opened {
    /// Its journal.
    pub run: Run,
    /// What is known of its rows.
    pub known: Known,
    /// Whether every row is settled already.
    pub is_done: bool,
    /// For how long nothing may leave: an attempt of a run before this one may still be applied.
    pub first_after: Duration,
    /// What is to be said of it.
    pub says: Vec<String>,
}

/// What an input is, compared with what was read of it before.
#[derive(Debug, PartialEq, Eq)]
enum Same {
    /// These rows, and no more.
    Whole,
    /// It begins with these rows.
    Begins,
    /// It has other rows, or fewer.
    No,
}

/// What came of comparing.
struct Compared {
    same: Same,
    /// How many rows were compared: fewer than were read before if it has no more.
    rows: u64,
    /// The digest of these.
    digest: Digest,
}

impl LastRun {
    /// How many rows were read in it: the pre-flight is to give the digest of as many.
    pub fn rows_read(&self) -> Option<u64> {
        self.record.as_ref().map(|record| record.read)
    }
}

impl States {
    /// Nothing is made before the first destination asks for it.
    pub fn new(args: &args::Sync) -> Self {
        let since = humantime::format_rfc3339_seconds(SystemTime::now());
        let (file, to) = (display_name(&args.file), args.to.join(","));
        let who = format!("process {}, since {since}: sync {file} --to {to}", std::process::id());
        Self { directory: args.state.clone(), who, locks: Vec::new(), indexes: Vec::new() }
    }

    /// Takes the locks of a destination and of its account, each once.
    pub fn lock(&mut self, target: &Target) -> Result<(), Failure> {
        let directory = self.directory()?;
        let Target { name, account, limiter_key, .. } = target;
        self.take(&directory.join(format!("{name}.lock")), &format!("destination {name}"))?;
        let what = format!("{account} at {} (destination {name})", limiter_key.host());
        self.take(&directory.join(format!("account-{}.lock", limiter_key.hash())), &what)
    }

    /// Opens a destination's journal, and looks up the last run of the input. The destination's lock must be held.
    pub fn look_up(&mut self, args: &args::Sync, target: &Target) -> Result<LastRun, Failure> {
        let path = self.directory()?.join(format!("{}.sqlite", target.name));
        let book = Book::open(&path).map_err(cannot_open)?;
        let real = std::fs::canonicalize(&args.file).unwrap_or_else(|_| args.file.clone());
        let record = book.last_run(&real.to_string_lossy()).map_err(cannot_open)?;
        Ok(LastRun { book, input: real, record: record.filter(|_| !args.restart) })
    }

    /// Finds the run to resume, or begins one.
    pub fn open(
        &mut self,
        args: &args::Sync,
        target: &Target,
        options: &Options,
        last: LastRun,
        preflight: &Preflight,
    ) -> Result<Opened, Failure> {
        let LastRun { mut book, input: real, record } = last;
        let (input, identity) = (real.to_string_lossy(), identity(target));
        let command = command(args, &real, &target.name);
        let begin = |mut book: Book| -> Result<Opened, Failure> {
            let first_after = first_after(&mut book, None, options)?;
            let run = book.begin(&input, identity.clone(), &command, SystemTime::now()).map_err(cannot_open)?;
            let says = waits(&target.name, first_after);
            Ok(Opened { run, known: Known::default(), is_done: false, first_after, says })
        };
        let Some(record) = record else { return begin(book) };
        let compared = compare(preflight, &record);
        let differences = record.identity.differences(&identity);
        let is_finished = record.state == State::Finished;
        // What is to be refreshed is found by asking the index again.
        if is_finished && (compared.same != Same::Whole || !differences.is_empty() || args.refresh.is_some()) {
            return begin(book);
        }
        // Of a run that has done nothing there is nothing to keep: what has changed was probably wrong.
        let has_nothing = record.counts.settled() == 0 && record.state != State::Running;
        let has_changed = compared.same == Same::No || !differences.is_empty();
        if has_changed && has_nothing {
            return begin(book);
        }
        if has_changed && !args.go_on {
            return Err(refused(&target.name, args, &record, &compared, &differences));
        }
        if compared.rows < record.read {
            return Err(Failure::usage(format!(
                "{}: it has {}, and {} were read before: it is not known which are left: --restart sends all of them again",
                args.file.display(),
                counted(compared.rows, "row"),
                grouped(record.read)
            )));
        }
        let first_after = if is_finished { Duration::ZERO } else { first_after(&mut book, Some(&record), options)? };
        // Beside those that its lane held, a run that was killed may have given others back before.
        let in_flight = options.max_waiting.get() as u64 + record.read.saturating_sub(record.counts.settled());
        let mut run = book.resume(record, identity, &command, in_flight).map_err(cannot_open)?;
        if compared.same == Same::No {
            run.rebase(compared.rows, compared.digest.as_bytes());
        }
        let known = Known { settled: run.settled().clone(), maybe_applied: run.doubtful().clone() };
        let mut says = vec![says(&target.name, &run, is_finished)];
        says.extend(waits(&target.name, first_after));
        Ok(Opened { run, known, is_done: is_finished, first_after, says })
    }

    /// What the vendor has, if the run asks for it, or must keep right what an earlier one has written. The account's lock must be
    /// held. `is_contested`: another destination of this run sets the same fields there.
    pub fn vendor_has(
        &mut self,
        args: &args::Sync,
        target: &Target,
        is_contested: bool,
    ) -> Result<Option<VendorHas>, Failure> {
        let (directory, account) = (self.directory()?, target.limiter_key.hash());
        let path = directory.join(format!("index-{account}.sqlite"));
        let use_of = match (args.changed_only, is_contested) {
            (true, true) => {
                return Err(Failure::usage(format!(
                    "--changed-only: another destination sets the same fields of {} as {}: run them one after the other",
                    target.account, target.name
                )));
            }
            (true, false) => Use::Ask,
            (false, _) if !path.exists() => return Ok(None),
            (false, true) => Use::Forget,
            (false, false) => Use::Remember,
        };
        if let Some((_, open)) = self.indexes.iter().find(|(known, _)| *known == account) {
            return Ok(Some(open.clone()));
        }
        let open = VendorHas::open(&directory, &path, args.refresh, use_of)?;
        self.indexes.push((account, open.clone()));
        Ok(Some(open))
    }

    /// The locks, to be held to the end.
    pub fn into_locks(self) -> Vec<Lock> {
        self.locks
    }

    fn take(&mut self, path: &Path, what: &str) -> Result<(), Failure> {
        if self.locks.iter().any(|lock| lock.path() == path) {
            return Ok(());
        }
        match Lock::take(path, &self.who) {
            Ok(lock) => self.locks.push(lock),
            Err(Held::Failed(error)) => return Err(cannot_open(error)),
            Err(held) => {
                let problem = format!("{what}: another run holds its lock, {held}: wait until it has ended");
                return Err(Failure::new(Status::Pending, problem));
            }
        }
        Ok(())
    }

    fn directory(&mut self) -> Result<PathBuf, Failure> {
        let directory = match &self.directory {
            Some(directory) => directory.clone(),
            None => default_directory()?,
        };
        contact_sink_journal::make_directory(&directory).map_err(cannot_open)?;
        Ok(self.directory.insert(directory).clone())
    }
}

/// Compares an input with what was read of it in a run.
fn compare(preflight: &Preflight, record: &Record) -> Compared {
    let rows = record.read.min(preflight.rows());
    // Of a file with fewer rows than were read before, all of them are compared.
    let digest = preflight.digest_of(rows).unwrap_or(preflight.digest());
    let same = match rows == record.read && (rows == 0 || digest == *record.digest) {
        false => Same::No,
        true if rows == preflight.rows() => Same::Whole,
        true => Same::Begins,
    };
    Compared { same, rows, digest }
}

/// Where the platform keeps what programs must remember.
pub fn default_directory() -> Result<PathBuf, Failure> {
    use etcetera::BaseStrategy as _;
    let platform = etcetera::choose_base_strategy().map_err(|_| {
        Failure::config("there is no home directory to keep the journal in: name a place with --state DIR")
    })?;
    Ok(platform.state_dir().unwrap_or_else(|| platform.data_dir()).join("contact-sink"))
}

fn cannot_open(error: OpenError) -> Failure {
    Failure::config(format!("the journal cannot be opened: {error}; --state DIR names another place"))
}

/// For how long nothing may leave, since an attempt of a run before may still be applied. Rows that this run goes on with are
/// held one by one.
fn first_after(book: &mut Book, goes_on: Option<&Record>, options: &Options) -> Result<Duration, Failure> {
    if book.close_killed(goes_on, options.max_waiting.get() as u64).map_err(cannot_open)? {
        return Ok(options.unknown_hold);
    }
    let until = book.unsure_until().map_err(cannot_open)?;
    // A clock that was set back is not waited for.
    Ok(until.duration_since(SystemTime::now()).unwrap_or_default().min(options.unknown_hold))
}

fn waits(name: &str, first_after: Duration) -> Vec<String> {
    let seconds = first_after.as_secs() + 1;
    let says = format!(
        "{name}: waits {seconds} s first: an answer was lost just before the last run ended, and what it asked for may still be on its way"
    );
    if first_after.is_zero() { Vec::new() } else { vec![says] }
}

/// What the run says when it is gone on with.
fn says(name: &str, run: &Run, is_finished: bool) -> String {
    let (record, settled) = (run.record(), run.counts().settled());
    let began = humantime::format_rfc3339_seconds(record.began);
    if is_finished {
        let all =
            if settled == 1 { "the only row is".to_owned() } else { format!("all {} rows are", grouped(settled)) };
        return format!("{name}: nothing to send: {all} done since the run of {began}; --restart sends them again");
    }
    let killed = if run.was_killed() { ", which was cut off" } else { "" };
    let done = counted(settled, "row");
    let are = if settled == 1 { "is" } else { "are" };
    let at = grouped(record.checkpoint + 1);
    format!("{name}: goes on at row {at} with the run of {began}{killed}: {done} {are} done")
}

fn refused(
    name: &str,
    args: &args::Sync,
    record: &Record,
    compared: &Compared,
    differences: &[(&str, &str, &str)],
) -> Failure {
    let mut changed: Vec<String> =
        differences.iter().map(|(part, was, is)| format!("the {part} was {was} and is {is}")).collect();
    if compared.same == Same::No {
        changed.insert(
            0,
            format!(
                "the part of {} that was read before has changed, or quote and escape under [input] have",
                args.file.display()
            ),
        );
    }
    Failure::usage(format!(
        "{name}: the run of {} is not finished, and since then something has changed: {}: --continue goes on at row {} as it is now, \
         --restart sends all rows again",
        humantime::format_rfc3339_seconds(record.began),
        changed.join("; "),
        grouped(record.checkpoint + 1)
    ))
}
