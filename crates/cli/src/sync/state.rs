//! What outlives a run: where it is kept, who holds it, and with which run a command goes on.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use contact_sink_journal::{Book, Held, Identity, Lock, OpenError, Record, Run, State};

use super::vendor_has::{Use, VendorHas};
use crate::args::{self, Format};
use crate::config::{EmptySubject, FieldKind, LimiterKey, Mapping, SubjectColumns};
use crate::input::{self, Compared, Known, Same};
use crate::report::grouped;
use crate::status::{Failure, Status};

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
    pub null: Vec<String>,
    pub simulated: bool,
}

/// A run to go on with.
pub struct Opened {
    /// Its journal.
    pub run: Run,
    /// What is known of its rows.
    pub known: Known,
    /// Whether every row is settled already.
    pub is_done: bool,
    /// What is to be said of it.
    pub says: Option<String>,
}

impl States {
    /// Nothing is made before the first destination asks for it.
    pub fn new(args: &args::Sync) -> Self {
        let since = humantime::format_rfc3339_seconds(SystemTime::now());
        let (file, to) = (input::name(&args.file), args.to.join(","));
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

    /// Finds the run to go on with, or begins one. The destination's lock must be held.
    pub fn open(&mut self, args: &args::Sync, target: &Target, in_flight: usize) -> Result<Opened, Failure> {
        let path = self.directory()?.join(format!("{}.sqlite", target.name));
        let book = Book::open(&path).map_err(cannot_open)?;
        let real = std::fs::canonicalize(&args.file).unwrap_or_else(|_| args.file.clone());
        let (input, identity) = (real.to_string_lossy(), identity(target));
        let command = command(args, &real, &target.name);
        let last = book.last_run(&input).map_err(cannot_open)?;
        let begin = |book: Book| -> Result<Opened, Failure> {
            let run = book.begin(&input, identity.clone(), &command, SystemTime::now()).map_err(cannot_open)?;
            Ok(Opened { run, known: Known::default(), is_done: false, says: None })
        };
        let Some(record) = last.filter(|_| !args.restart) else { return begin(book) };
        let compared = input::compare(&args.file, args.format, record.read, &record.digest)?;
        let differences = record.identity.differences(&identity);
        let is_finished = record.state == State::Finished;
        // What is to be refreshed is found by asking the index again.
        if is_finished && (compared.same != Same::Whole || !differences.is_empty() || args.refresh.is_some()) {
            return begin(book);
        }
        let has_changed = compared.same == Same::No || !differences.is_empty();
        if has_changed && !args.go_on {
            return Err(refused(&target.name, args, &record, &compared, &differences));
        }
        if compared.rows < record.read {
            return Err(Failure::usage(format!(
                "{}: it has {} rows, and {} were read before: nobody can tell which are left: --restart sends all of them again",
                args.file.display(),
                grouped(compared.rows),
                grouped(record.read)
            )));
        }
        let mut run = book.resume(record, identity, &command).map_err(cannot_open)?;
        if compared.same == Same::No {
            run.rebase(compared.rows, compared.digest.as_bytes());
        }
        let known = Known {
            settled: run.settled().clone(),
            doubtful: run.doubtful().clone(),
            in_flight: if run.was_killed() { in_flight } else { 0 },
        };
        let says = Some(says(&target.name, &run, is_finished));
        Ok(Opened { run, known, is_done: is_finished, says })
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

/// What a person types to go on with this run, in any directory.
fn command(args: &args::Sync, file: &Path, name: &str) -> String {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut words =
        vec!["contact-sink".to_owned(), "sync".to_owned(), quoted(file), "--to".to_owned(), name.to_owned()];
    let mut option = |name: &str, path: &Path| words.extend([name.to_owned(), quoted(&absolute(path))]);
    option("--config", &args.config);
    option("--rejected", &args.rejected);
    if let Some(state) = &args.state {
        option("--state", state);
    }
    // Without these it would be another run, or not be read at all.
    if let Some(format) = args.format {
        let name = if matches!(format, Format::Csv) { "csv" } else { "ndjson" };
        words.extend(["--format".to_owned(), name.to_owned()]);
    }
    if args.changed_only {
        words.push("--changed-only".to_owned());
    }
    if let Some(refresh) = args.refresh {
        words.extend(["--refresh".to_owned(), format!("{}s", refresh.as_secs())]);
    }
    words.join(" ")
}

/// As a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    let plain = |c: char| c.is_alphanumeric() || "/._-+:@%".contains(c);
    if text.chars().all(plain) { text.into_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

/// What the run says when it is gone on with.
fn says(name: &str, run: &Run, is_finished: bool) -> String {
    let (record, settled) = (run.record(), run.counts().settled());
    let began = humantime::format_rfc3339_seconds(record.began);
    if is_finished {
        return format!(
            "{name}: nothing to send: all {} rows are done since the run of {began}; --restart sends them again",
            grouped(settled)
        );
    }
    let killed = if run.was_killed() { ", which was cut off" } else { "" };
    let done = grouped(settled);
    let at = grouped(record.checkpoint + 1);
    format!("{name}: goes on at row {at} with the run of {began}{killed}: {done} rows are done")
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
        changed.insert(0, format!("the part of {} that was read already is another", args.file.display()));
    }
    Failure::usage(format!(
        "{name}: the run of {} is not finished, and since then something has changed: {}: --continue goes on at row {} as it is now, \
         --restart sends all rows again",
        humantime::format_rfc3339_seconds(record.began),
        changed.join("; "),
        grouped(record.checkpoint + 1)
    ))
}

/// What must be the same for a run to be gone on with.
fn identity(target: &Target) -> Identity {
    let Target { vendor, account, limiter_key, mapping, null, .. } = target;
    let Mapping { subject, empty_subject, set } = mapping;
    let subject = match subject {
        SubjectColumns::User(column) => column.clone(),
        SubjectColumns::Contact { owner, contact } => format!("owner {owner}, contact {contact}"),
    };
    let skip = if *empty_subject == EmptySubject::Skip { ", skipped if empty" } else { "" };
    let mut fields: Vec<String> = set
        .iter()
        .map(|field| match &field.kind {
            FieldKind::Text => format!("{} = {:?}", field.address, field.column),
            FieldKind::List(separator) => {
                format!("{} = {:?} with {:?} between entries", field.address, field.column, separator.as_str())
            }
        })
        .collect();
    fields.sort();
    Identity {
        host: format!("{vendor} at {}", limiter_key.host()),
        account: account.clone(),
        account_hash: limiter_key.hash(),
        subject: subject + skip,
        mapping: format!("{}, nothing is {null:?}", fields.join(", ")),
    }
}
