//! What outlives a run: where it is kept, who holds it, and which run an input belongs to.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use contact_sink_journal::{Book, Held, Key, Lock, Problem, StoreError};
use contact_sink_source::display_name;

use super::vendor_has::{Use, VendorHas};
use crate::args;
use crate::config::Destination;
use crate::exit_status::{Failure, Status};
use crate::files;
use crate::time::to_the_second;

/// The state directory, and the locks in it that this process holds.
pub struct States {
    directory: PathBuf,
    /// Under which journals and indexes hash.
    key: Key,
    who: String,
    locks: Vec<Arc<Lock>>,
    /// What the vendor has, by the account's hash.
    indexes: Vec<(String, VendorHas)>,
}

impl States {
    /// Opens the state directory, or makes it, with its key.
    pub fn open(args: &args::Sync) -> Result<Self, Failure> {
        let directory = directory(args.state.clone())?;
        let name = directory.display();
        contact_sink_journal::make_directory(&directory).map_err(|error| {
            Failure::config(format!(
                "the state directory cannot be made: {name}: {error}: name another one with --state DIR"
            ))
        })?;
        files::check_private(&directory)
            .map_err(|problem| Failure::config(format!("the state directory {problem}")))?;
        let key = load_key(&directory)?;
        let since = to_the_second(SystemTime::now());
        let (file, to) = (display_name(&args.file), args.to.join(","));
        let who = format!("process {}, since {since}: sync {file} --to {to}", std::process::id());
        Ok(Self { directory, key, who, locks: Vec::new(), indexes: Vec::new() })
    }

    /// Takes the locks of a destination and of its account, each once.
    pub fn lock(&mut self, destination: &Destination) -> Result<(), Failure> {
        let Destination { name, account, limiter_key, .. } = destination;
        self.take(&self.directory.join(format!("{name}.lock")), &format!("destination {name}"))?;
        let what = format!("{account} at {} (destination {name})", limiter_key.host());
        self.take(&self.directory.join(format!("account-{}.lock", limiter_key.hash())), &what)
    }

    /// The key of the digests of inputs.
    pub fn digest_key(&self) -> [u8; 32] {
        *self.key.derive("digest").bytes()
    }

    /// Opens a destination's journal. The destination's lock must be held.
    pub fn book(&self, destination: &Destination) -> Result<Book, StoreError> {
        Book::open(&self.directory.join(format!("{}.sqlite", destination.name)), &self.key)
    }

    /// What the vendor has, if the run asks for it, or must keep right what an earlier one has written. The account's lock must be
    /// held. `is_contested`: another destination of this run sets the same fields there.
    pub fn vendor_has(
        &mut self,
        args: &args::Sync,
        destination: &Destination,
        is_contested: bool,
    ) -> Result<Option<VendorHas>, Failure> {
        let (directory, account) = (&self.directory, destination.limiter_key.hash());
        let path = directory.join(format!("index-{account}.sqlite"));
        let use_of = match (args.changed_only, is_contested) {
            (true, true) => {
                return Err(Failure::usage(format!(
                    "--changed-only: another destination sets the same fields of {} as {}: run them one after the other",
                    destination.account, destination.name
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
        let open = VendorHas::open(&self.key, &path, seen, args.refresh, use_of)?;
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

/// The state directory: the one that is named, or the place where the platform keeps what programs must remember.
pub fn directory(named: Option<PathBuf>) -> Result<PathBuf, Failure> {
    use etcetera::BaseStrategy as _;
    if let Some(directory) = named {
        return Ok(directory);
    }
    // It needs no home directory.
    if let Some(directory) = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute()) {
        return Ok(directory.join("contact-sink"));
    }
    let platform = etcetera::choose_base_strategy().map_err(|_| {
        Failure::config("there is no home directory to keep the journal in: name a place with --state DIR")
    })?;
    Ok(platform.state_dir().unwrap_or_else(|| platform.data_dir()).join("contact-sink"))
}

pub fn cannot_open(error: StoreError) -> Failure {
    // In another place nothing would be known of what was sent.
    let advice = match error.problem() {
        Problem::Foreign | Problem::Version { .. } | Problem::OtherKey | Problem::Damaged(_) => {
            "; --state DIR names another place, from where everything is sent again"
        }
        _ => ": make room or end what is in its way, and run the same command again",
    };
    Failure::config(format!("the journal cannot be opened: {error}{advice}"))
}
