//! What outlives a run: where it is kept, who holds it, and which run an input belongs to.

mod recorded;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use contact_sink_delivery::Options;
use contact_sink_journal::{
    Book, Content, Found, Held, Identity, Key, KilledLane, Lock, Lookup, NewRun, OpenError, Record, Resumed, Run,
};

use super::vendor_has::{Use, VendorHas};
use crate::args;
use contact_sink_mapping::Mapping;
use contact_sink_source::{Preflight, display_name};

use crate::config::LimiterKey;
use crate::exit_status::{Failure, Status};
use crate::files;
use crate::reading::Known;
use crate::report::{Replaced, counted, grouped};

use recorded::{command, identity};

/// The state directory, and the locks in it that this process holds.
pub struct States {
    directory: Option<PathBuf>,
    key: Option<Key>,
    who: String,
    locks: Vec<Arc<Lock>>,
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

/// A destination's journal.
pub struct Journal {
    book: Book,
    /// Numbers of rows whose digest tells whether the input begins with the rows of a run.
    rows_known: Vec<u64>,
}

/// A run to send, or one that is done.
pub struct Opened {
    /// Its journal.
    pub run: Run,
    /// What is known of its rows.
    pub known: Known,
    /// Whether every row is settled already.
    pub is_done: bool,
    /// For how long nothing may be sent: an attempt of a run before this one may still be applied.
    pub first_after: Duration,
    /// What is to be said of it.
    pub says: Vec<String>,
    /// A run whose content was at the same path, and was not finished.
    pub replaced: Option<Replaced>,
    /// What to type to resume it.
    pub command: Option<String>,
    /// It is done, and other content was sent since.
    pub other_since: bool,
}

impl Journal {
    /// Numbers of rows of which the pre-flight is to give the digest.
    pub fn rows_known(&self) -> &[u64] {
        &self.rows_known
    }
}

impl States {
    /// Nothing is made before the first destination asks for it.
    pub fn new(args: &args::Sync) -> Self {
        let since = humantime::format_rfc3339_seconds(SystemTime::now());
        let (file, to) = (display_name(&args.file), args.to.join(","));
        let who = format!("process {}, since {since}: sync {file} --to {to}", std::process::id());
        Self { directory: args.state.clone(), key: None, who, locks: Vec::new(), indexes: Vec::new() }
    }

    /// Takes the locks of a destination and of its account, each once.
    pub fn lock(&mut self, target: &Target) -> Result<(), Failure> {
        let directory = self.directory()?;
        let Target { name, account, limiter_key, .. } = target;
        self.take(&directory.join(format!("{name}.lock")), &format!("destination {name}"))?;
        let what = format!("{account} at {} (destination {name})", limiter_key.host());
        self.take(&directory.join(format!("account-{}.lock", limiter_key.hash())), &what)
    }

    /// The key under which journals and indexes hash. It is made with the first destination.
    pub fn key(&mut self) -> Result<Key, Failure> {
        if let Some(key) = &self.key {
            return Ok(key.clone());
        }
        let key = load_key(&self.directory()?)?;
        Ok(self.key.insert(key).clone())
    }

    /// Opens a destination's journal. The destination's lock must be held.
    pub fn look_up(&mut self, target: &Target) -> Result<Journal, Failure> {
        let (path, key) = (self.directory()?.join(format!("{}.sqlite", target.name)), self.key()?);
        let book = Book::open(&path, &key).map_err(cannot_open)?;
        let rows_known = book.rows_known().map_err(cannot_open)?;
        Ok(Journal { book, rows_known })
    }

    /// Finds the run of the input, or begins one. Without a pre-flight the input is a pipe, which has no run before.
    pub fn open(
        &mut self,
        args: &args::Sync,
        target: &Target,
        options: &Options,
        journal: Journal,
        run_id: &str,
        preflight: Option<&Preflight>,
    ) -> Result<Opened, Failure> {
        let (identity, now, name) = (identity(target), SystemTime::now(), &target.name);
        let Some(preflight) = preflight else {
            let input = display_name(&args.file);
            let new = NewRun { identity, name: run_id, input: &input, command: None, first: 0, content: None };
            return begin(name, journal.book, new, options, now);
        };
        let real = std::fs::canonicalize(&args.file).unwrap_or_else(|_| args.file.clone());
        let (input, command) = (real.to_string_lossy(), command(args, &real, name));
        let digest = preflight.digest();
        let content = (preflight.rows(), digest.as_bytes());
        let new = |first| NewRun {
            identity: identity.clone(),
            name: run_id,
            input: &input,
            command: Some(&command),
            first,
            content: Some(content),
        };
        if args.restart {
            let opened = begin(name, journal.book, new(0), options, now)?;
            return Ok(Opened { command: Some(command.clone()), ..opened });
        }
        let digest_of = |rows| preflight.digest_of(rows).map(|digest| digest.as_bytes().to_vec());
        let wanted = Content { path: &input, rows: content.0, digest: content.1, digest_of: &digest_of };
        let Lookup { found, replaced } = journal.book.find(&wanted, &identity, now).map_err(cannot_open)?;
        let replaced = replaced.filter(|replaced| replaced.pending() > 0);
        let maybe_sent = |run: Record| journal.book.maybe_sent(&run, KilledLane::of(options)).map(|rows| (run, rows));
        let replaced = replaced.map(maybe_sent).transpose().map_err(cannot_open)?;
        // Under another mapping a row may have another value than the attempt that may still be applied.
        let is_other_mapping = matches!(found, Found::OtherMapping { .. });
        let mut opened = match found {
            Found::Grown(before) => {
                let mut opened = begin(name, journal.book, new(before.rows), options, now)?;
                opened.says.insert(0, says_grown(name, &before, content.0));
                opened
            }
            Found::TooOld(record) => return Err(too_old(name, &record)),
            Found::OtherMapping { record, .. } if !args.go_on => {
                return Err(other_mapping(name, &record, &identity));
            }
            // What is to be refreshed is found by asking the index again.
            Found::Finished { record, other_since } if args.refresh.is_none() => {
                let says = says_done(name, &record, other_since);
                let resumed =
                    Resumed { identity, name: run_id, input: &input, command: &command, new_from: None, content };
                let run = journal.book.resume(record, resumed, KilledLane::of(options), now).map_err(cannot_open)?;
                let known = known(&run);
                let (says, first_after) = (vec![says], Duration::ZERO);
                Opened { run, known, is_done: true, first_after, says, replaced: None, command: None, other_since }
            }
            Found::Unfinished { record, new_from } | Found::OtherMapping { record, new_from } => {
                let mut book = journal.book;
                let first_after = first_after(&mut book, (!is_other_mapping).then_some(&record), options)?;
                let was = record.input.clone();
                let resumed = Resumed { identity, name: run_id, input: &input, command: &command, new_from, content };
                let run = book.resume(record, resumed, KilledLane::of(options), now).map_err(cannot_open)?;
                let mut says = vec![says_resumed(name, &run, &was, new_from)];
                says.extend(waits(name, first_after));
                let (known, other_since) = (known(&run), false);
                Opened { run, known, is_done: false, first_after, says, replaced: None, command: None, other_since }
            }
            _ => begin(name, journal.book, new(0), options, now)?,
        };
        if let Some((record, rows_maybe_sent)) = replaced {
            let rows_never_sent = record.pending().saturating_sub(rows_maybe_sent);
            let replaced = Replaced { run: record.name().to_owned(), rows_never_sent, rows_maybe_sent };
            opened.says.insert(0, says_replaced(name, &display_name(&args.file), &record, &replaced));
            opened.replaced = Some(replaced);
        }
        opened.command = Some(command);
        Ok(opened)
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
        // Its name does not begin as that of the index: a copy of `index-*` that is put back does not replace it.
        let seen = directory.join(format!("account-{account}.seen"));
        let open = VendorHas::open(&self.key()?, &path, seen, args.refresh, use_of)?;
        self.indexes.push((account, open.clone()));
        Ok(Some(open))
    }

    /// The locks, to be held to the end.
    pub fn locks(&self) -> Vec<Arc<Lock>> {
        self.locks.clone()
    }

    fn take(&mut self, path: &Path, what: &str) -> Result<(), Failure> {
        if self.locks.iter().any(|lock| lock.path() == path) {
            return Ok(());
        }
        match Lock::take(path, &self.who) {
            Ok(lock) => self.locks.push(Arc::new(lock)),
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
        contact_sink_journal::make_directory(&directory).map_err(|error| {
            let name = directory.display();
            Failure::config(format!(
                "the state directory cannot be made: {name}: {error}: name another one with --state DIR"
            ))
        })?;
        files::check_private(&directory)
            .map_err(|problem| Failure::config(format!("the state directory {problem}")))?;
        Ok(self.directory.insert(directory).clone())
    }
}

/// The key of a state directory. Journals without their key are not opened under another one.
pub fn load_key(directory: &Path) -> Result<Key, Failure> {
    let path = directory.join("index.key");
    let is_missing = std::fs::metadata(&path).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound);
    let has_journals = || {
        let mut entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
        entries.any(|entry| entry.path().extension().is_some_and(|extension| extension == "sqlite"))
    };
    if is_missing && has_journals() {
        return Err(Failure::config(format!(
            "{} is missing, and the journals beside it cannot be read without it: put it back; if it is lost, move all files of {} \
             away: then everything is sent once more",
            path.display(),
            directory.display()
        )));
    }
    Key::load_or_create(&path).map_err(|error| Failure::config(format!("{error}; --state DIR names another place")))
}

/// Begins a run.
fn begin(name: &str, mut book: Book, new: NewRun<'_>, options: &Options, now: SystemTime) -> Result<Opened, Failure> {
    let first_after = first_after(&mut book, None, options)?;
    let run = book.begin(new, now).map_err(cannot_open)?;
    let (known, says) = (known(&run), waits(name, first_after));
    Ok(Opened { run, known, is_done: false, first_after, says, replaced: None, command: None, other_since: false })
}

fn known(run: &Run) -> Known {
    Known { settled: run.settled().clone(), maybe_applied: run.maybe_applied().clone() }
}

/// Where the platform keeps what programs must remember.
pub fn default_directory() -> Result<PathBuf, Failure> {
    use etcetera::BaseStrategy as _;
    // It needs no home directory.
    if let Some(directory) = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute()) {
        return Ok(directory.join("contact-sink"));
    }
    let platform = etcetera::choose_base_strategy().map_err(|_| {
        Failure::config("there is no home directory to keep the journal in: name a place with --state DIR")
    })?;
    Ok(platform.state_dir().unwrap_or_else(|| platform.data_dir()).join("contact-sink"))
}

pub fn cannot_open(error: OpenError) -> Failure {
    // In another place nothing would be known of what was sent.
    let advice = match &error {
        OpenError::Io { .. } | OpenError::Broken { .. } => {
            ": make room or end what is in its way, and run the same command again"
        }
        _ => "; --state DIR names another place, from where everything is sent again",
    };
    Failure::config(format!("the journal cannot be opened: {error}{advice}"))
}

/// For how long nothing may be sent, since an attempt of a run before may still be applied. Rows of the run that is resumed are
/// held one by one.
fn first_after(book: &mut Book, resumed: Option<&Record>, options: &Options) -> Result<Duration, Failure> {
    let now = SystemTime::now();
    book.close_killed(resumed, KilledLane::of(options), now).map_err(cannot_open)?;
    let until = book.hold_until().map_err(cannot_open)?;
    // A clock that was set back is not waited for.
    Ok(until.duration_since(now).unwrap_or_default().min(options.maybe_applied_hold))
}

fn waits(name: &str, first_after: Duration) -> Vec<String> {
    let seconds = first_after.as_secs() + 1;
    let says = format!(
        "{name}: waits {seconds} s first: an answer was lost just before the last run ended, and what it asked for may still be on its way"
    );
    if first_after.is_zero() { Vec::new() } else { vec![says] }
}

fn says_resumed(name: &str, run: &Run, was: &str, new_from: Option<u64>) -> String {
    let (record, settled) = (run.record(), run.counts().settled());
    let killed = if run.was_killed() { ", which was cut off" } else { "" };
    let named = if was == record.input { String::new() } else { format!(", when the input was {was}") };
    let are = if settled == 1 { "is" } else { "are" };
    let new = match new_from {
        Some(row) if row < record.rows => format!("; from row {} on the rows are new to it", grouped(row + 1)),
        _ => String::new(),
    };
    format!(
        "{name}: resumes at row {} the run of {}{killed}{named}: {} {are} done{new}",
        grouped(record.checkpoint + 1),
        began(record),
        counted(settled, "row")
    )
}

fn says_done(name: &str, record: &Record, other_since: bool) -> String {
    let all = match record.rows {
        1 => "the only row is".to_owned(),
        rows => format!("all {} rows are", grouped(rows)),
    };
    let began = began(record);
    match other_since {
        false => format!("{name}: nothing to send: {all} done since the run of {began}; --restart sends them again"),
        true => format!(
            "{name}: nothing to send: {all} done since the run of {began}, but other content, or this one under another \
             mapping, was sent since then: if it is wanted at the vendor now, send it again with --restart"
        ),
    }
}

fn says_grown(name: &str, before: &Record, rows: u64) -> String {
    let new = counted(rows - before.rows, "new row");
    let first = match before.rows {
        1 => "the first row is that".to_owned(),
        rows => format!("the first {} rows are those", grouped(rows)),
    };
    let are = if rows - before.rows == 1 { "is" } else { "are" };
    format!("{name}: {first} of the run of {}: {new} {are} sent; --restart sends all", began(before))
}

fn says_replaced(name: &str, file: &str, record: &Record, replaced: &Replaced) -> String {
    let rows = counted(replaced.rows_never_sent, "row");
    let were = if replaced.rows_never_sent == 1 { "was" } else { "were" };
    let maybe = match replaced.rows_maybe_sent {
        0 => String::new(),
        rows => format!(", and of {} it is not known", counted(rows, "row")),
    };
    format!(
        "{name}: {file} has other content than in the run of {}, which is not finished: {rows} of that content {were} never sent{maybe}",
        began(record)
    )
}

fn too_old(name: &str, record: &Record) -> Failure {
    Failure::usage(format!(
        "{name}: the run of {} with this content is not finished ({} left) and was last under way more than 30 days ago, and other \
         content was sent since: it is not known any more which values are newer: --restart sends all rows, as the newest",
        began(record),
        counted(record.pending(), "row")
    ))
}

fn other_mapping(name: &str, record: &Record, identity: &Identity) -> Failure {
    let differences = record.identity.differences(identity);
    let changed: Vec<String> =
        differences.iter().map(|(part, was, is)| format!("the {part} was {was} and is {is}")).collect();
    Failure::usage(format!(
        "{name}: the run of {} is not finished, and since then something has changed: {}: --continue resumes at row {} as it is now, \
         --restart sends all rows again",
        began(record),
        changed.join("; "),
        grouped(record.checkpoint + 1)
    ))
}

fn began(record: &Record) -> humantime::Rfc3339Timestamp {
    humantime::format_rfc3339_seconds(record.began)
}
