//! One destination's journal: the runs in it.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, Transaction, params};

use crate::error::{Problem, StoreError};
use crate::format::{JOURNAL, OF_A_RUN};
use crate::hash::Hasher;
use crate::key::Key;
use crate::lookup::{Content, Found, Input, Lookup, Refused, ReplacedRun, Wanted, find};
use crate::newest::{self, Newest};
use crate::record::{OPEN_FOR, Record, State, Stopped};
use crate::run::Run;
use crate::saved::{KilledLane, Saved, record_of, records, seconds};
use crate::stop_note::{self, StopNote};
use crate::{base, owner_only};

/// So many finished runs are kept, so that their content is known again.
const KEPT: i64 = 1_000;

/// A run of which nothing is known yet.
const BEGIN: &str = "
    INSERT INTO run (is_resumable, state, began, changed, first, checkpoint, read, input, host, account, account_hash, subject,
        mapping, command, rows, content, accepted, rejected, skipped, unchanged, hold_until, rejected_bytes, rejected_crc)
    VALUES (?1, 'unfinished', ?2, ?2, ?3, ?3, ?3, '', '', '', '', '', '', '', 0, x'', 0, 0, 0, 0, 0, 0, 0)";

/// One destination's journal. Take its [`Lock`](crate::Lock) before it is opened.
#[derive(Debug)]
pub struct Book {
    path: PathBuf,
    connection: Connection,
    /// `None` in memory.
    key: Option<Key>,
}

/// What [`Book::resume_or_begin`] has opened.
#[derive(Debug)]
#[non_exhaustive]
pub struct Opened {
    /// The run.
    pub run: Run,
    /// What was known of the input.
    pub found: Found,
    /// For how long nothing may be sent: an attempt of a run before this one may still be applied. To be given to
    /// [`Options::with_first_after`](contact_sink_delivery::Options::with_first_after).
    pub first_after: Duration,
    /// A run of other content at the same path, which will not be finished by sending this input.
    pub replaced: Option<ReplacedRun>,
}

impl Book {
    /// Opens a journal, or makes it, readable by its owner only.
    ///
    /// # Errors
    /// A file of another program, of a version that is not known, or made under another key is refused and stays as it is.
    pub fn open(path: &Path, key: &Key) -> Result<Self, StoreError> {
        at(path, || {
            if let Some(directory) = path.parent() {
                owner_only::make_directory(directory)?;
            }
            let key = key.derive("journal");
            let connection = base::open(path, &JOURNAL, Hasher::new(key.bytes()).check())?;
            base::fold_when_closed(&connection)?;
            let book = Self { path: path.to_owned(), connection, key: Some(key) };
            if let Some(note) = stop_note::read(path)? {
                book.take_over_note(note)?;
            }
            stop_note::remove(path)?;
            Ok(book)
        })
    }

    /// A journal that ends with the process. It keeps no note of what is sent: no run in it is resumed or follows another.
    ///
    /// # Errors
    /// There is no memory for it.
    pub fn in_memory() -> Result<Self, StoreError> {
        let path = PathBuf::from("in memory");
        let connection = base::open_in_memory(&JOURNAL).map_err(StoreError::journal(&path))?;
        Ok(Self { path, connection, key: None })
    }

    /// All runs, the newest first.
    pub fn runs(&self) -> Result<Vec<Record>, StoreError> {
        at(&self.path, || Ok(records(&self.connection)?))
    }

    /// The numbers of rows whose digest tells whether an input begins with the rows of a run, see
    /// [`Content::digest_of`](crate::Content::digest_of).
    pub fn rows_known(&self) -> Result<Vec<u64>, StoreError> {
        Ok(self.runs()?.iter().map(|run| run.rows).collect())
    }

    /// Finds the run of an input and opens it, or begins one: what was found is in [`Opened::found`].
    ///
    /// Of a run that was killed, every row without an outcome may have been sent that had been read by the last commit, and as many
    /// behind them as its lane held at most: they count as maybe applied from now on, however the runs after it end. `lane` says how
    /// many that are.
    ///
    /// # Errors
    /// `Ok(Err(refused))`: the run must not be resumed as it is.
    pub fn resume_or_begin(
        self,
        input: Input<'_>,
        wanted: Wanted,
        lane: KilledLane,
        now: SystemTime,
    ) -> Result<Result<Opened, Refused>, StoreError> {
        let path = self.path.clone();
        at(&path, || self.try_resume_or_begin(input, wanted, lane, now))
    }

    /// Forgets runs by the name of one of their parts: their content is new from then on, and their rejected rows are not taken
    /// back any more. What they sent still counts as sent, and is not overwritten by an older run.
    ///
    /// # Errors
    /// `Ok(Err(run))`: some rejected rows of this run are not in their file and cannot be written there, so it was not forgotten.
    pub fn forget(&mut self, name: &str) -> Result<Result<Vec<Record>, Record>, StoreError> {
        at(&self.path, || {
            let is_named = |run: &Record| !run.is_forgotten && run.parts.iter().any(|part| part.name == name);
            let runs: Vec<Record> = records(&self.connection)?.into_iter().filter(is_named).collect();
            for run in &runs {
                if Saved::load(&self.connection, run.clone())?.letters.complete().is_err() {
                    return Ok(Err(run.clone()));
                }
            }
            let transaction = self.connection.unchecked_transaction()?;
            for run in &runs {
                transaction.execute("UPDATE run SET is_forgotten = 1, command = '' WHERE id = ?1", [run.id])?;
                for table in ["reason", "rejected_line", "rejected_file"] {
                    transaction.execute(&format!("DELETE FROM {table} WHERE run = ?1"), [run.id])?;
                }
            }
            transaction.commit()?;
            Ok(Ok(runs))
        })
    }

    fn try_resume_or_begin(
        self,
        input: Input<'_>,
        wanted: Wanted,
        lane: KilledLane,
        now: SystemTime,
    ) -> Result<Result<Opened, Refused>, Problem> {
        let Lookup { found, run, replaced } = match find(&records(&self.connection)?, &input, wanted, now) {
            Ok(found) => found,
            Err(refused) => return Ok(Err(*refused)),
        };
        let maybe_sent = |record: Record| -> rusqlite::Result<ReplacedRun> {
            let mut saved = Saved::load(&self.connection, record.clone())?;
            if record.state == State::Running {
                saved.was_killed(lane, now);
            }
            Ok(ReplacedRun { record, rows_maybe_sent: saved.maybe_sent() })
        };
        let replaced = replaced.map(maybe_sent).transpose()?;
        let is_finished = matches!(found, Found::Finished { .. });
        let first_after = match (&run, is_finished) {
            (_, true) => Duration::ZERO,
            // Its rows are held one by one, unless they may have other values under another mapping.
            (Some(run), _) if run.identity.differences(&input.identity).is_empty() => {
                self.first_after(Some(run.id), lane, now)?
            }
            _ => self.first_after(None, lane, now)?,
        };
        let (was, saved) = self.under_way(run.as_ref(), &found, input, lane, now)?;
        let newest = self.key.as_ref().map(|key| self.newest(key, &saved.record, now)).transpose()?;
        // The file itself says which runs there were, should its log be lost when it is copied.
        base::fold(&self.connection, "PASSIVE")?;
        let run = Run::new(self.path, self.connection, saved, was, newest)?;
        Ok(Ok(Opened { run, found, first_after, replaced }))
    }

    /// Closes the runs that were killed and are not resumed now. Gives for how long an attempt of any run may still be applied.
    fn first_after(&self, resumed: Option<i64>, lane: KilledLane, now: SystemTime) -> rusqlite::Result<Duration> {
        let is_killed = |run: &Record| run.state == State::Running && Some(run.id) != resumed;
        for record in records(&self.connection)?.into_iter().filter(is_killed) {
            let mut saved = Saved::load(&self.connection, record)?;
            saved.was_killed(lane, now);
            (saved.record.state, saved.record.exit_status) = (State::Unfinished, None);
            saved.record.stop = Some(Stopped::cut_off());
            saved.commit(&self.connection, |_, _| Ok(()))?;
        }
        let until = records(&self.connection)?.iter().map(|run| run.hold_until).max().unwrap_or(UNIX_EPOCH);
        // A clock that was set back is not waited for.
        Ok(until.duration_since(now).unwrap_or_default().min(lane.maybe_applied_hold))
    }

    /// Writes down that a run is under way with an input: this one, or a new one. Gives its state before, too.
    fn under_way(
        &self,
        run: Option<&Record>,
        found: &Found,
        input: Input<'_>,
        lane: KilledLane,
        now: SystemTime,
    ) -> rusqlite::Result<(State, Saved)> {
        let Input { identity, name, path, command, content } = input;
        let (first, new_from) = match found {
            Found::Grown(before) => (before.rows, Some(before.rows)),
            Found::Unfinished { new_from, .. } => (0, *new_from),
            Found::Finished { .. } => (0, None),
            Found::Nothing => (0, Some(0)),
        };
        let transaction = self.connection.unchecked_transaction()?;
        let id = match run {
            Some(run) => run.id,
            None => {
                prune(&transaction, now)?;
                transaction.execute(BEGIN, params![content.is_some(), seconds(now), first])?;
                transaction.last_insert_rowid()
            }
        };
        let was = run.map_or(State::Unfinished, |run| run.state);
        let mut saved = Saved::load(&transaction, record_of(&transaction, id)?)?;
        if was == State::Running {
            saved.was_killed(lane, now);
        }
        let record = &mut saved.record;
        // To look at a finished one changes nothing of it.
        if was != State::Finished {
            (record.state, record.changed) = (State::Running, now);
        }
        (record.identity, record.input) = (identity, path.to_owned());
        if let Some(Content { rows, digest, .. }) = content {
            (record.command, record.rows, record.content) = (command.to_owned(), rows, digest.to_vec());
        }
        if let Some(first) = new_from {
            add_part(&transaction, id, first, name)?;
        }
        saved.save(&transaction)?;
        saved.record = record_of(&transaction, id)?;
        transaction.commit()?;
        Ok((was, saved))
    }

    /// The notes for a run: they are kept if an older value of a run, of this one too, may still be sent.
    fn newest(&self, key: &Key, record: &Record, now: SystemTime) -> rusqlite::Result<Newest> {
        let runs = records(&self.connection)?;
        let mut newest = Newest::new(&self.connection, key, &record.identity.account_hash)?;
        // What a later run of the same content and mapping covers is not resumed.
        let is_covered = |run: &Record| {
            let covers = |later: &Record| later.id > run.id && !later.is_forgotten && later.is_same_as(run);
            run.counts.rejected == 0 && runs.iter().any(covers)
        };
        let is_open = |run: &&Record| run.id != record.id && run.is_open(now) && !is_covered(run);
        let newest_part = runs.iter().flat_map(|run| &run.parts).map(|part| part.number).max();
        let is_newest = record.parts.first().map(|part| part.number) == newest_part;
        if record.counts.rejected > 0 || runs.iter().any(|run| is_open(&run)) {
            newest.keep();
        } else if is_newest {
            newest::clear(&self.connection)?;
        }
        Ok(newest)
    }

    fn take_over_note(&self, note: StopNote) -> rusqlite::Result<()> {
        let is_noted = |run: &Record| run.id == note.run && run.state == State::Running;
        let Some(record) = records(&self.connection)?.into_iter().find(is_noted) else { return Ok(()) };
        let mut saved = Saved::load(&self.connection, record)?;
        for row in note.maybe_applied.iter().flat_map(|(first, past)| *first..*past) {
            saved.maybe_applied.insert(row);
        }
        saved.letters.are_in_file(note.rejected_bytes);
        note.add_to(&mut saved.record);
        saved.commit(&self.connection, |_, _| Ok(()))
    }
}

/// The runs in a journal, the newest first; another process may be writing it.
pub fn list(path: &Path) -> Result<Vec<Record>, StoreError> {
    at(path, || {
        let Some(connection) = base::open_to_read(path, &JOURNAL)? else { return Ok(Vec::new()) };
        let mut runs = records(&connection)?;
        runs.retain(|run| !run.is_forgotten);
        // The next run takes it over.
        if let Some(note) = stop_note::read(path)?
            && let Some(run) = runs.iter_mut().find(|run| run.id == note.run && run.state == State::Running)
        {
            note.add_to(run);
        }
        Ok(runs)
    })
}

/// Says in which file a problem is.
fn at<T>(path: &Path, work: impl FnOnce() -> Result<T, Problem>) -> Result<T, StoreError> {
    work().map_err(StoreError::journal(path))
}

/// Adds a part to a run, under this name or one that is made of it.
fn add_part(transaction: &Transaction<'_>, run: i64, first: u64, name: &str) -> rusqlite::Result<()> {
    let mut nth = 1_u32;
    loop {
        let name = if nth == 1 { name.to_owned() } else { format!("{name}-{nth}") };
        let is_taken = "SELECT EXISTS (SELECT 1 FROM part WHERE name = ?1)";
        if !transaction.query_row(is_taken, [&name], |row| row.get::<_, bool>(0))? {
            let add = "INSERT INTO part (run, first, name) VALUES (?1, ?2, ?3)";
            return transaction.execute(add, params![run, first, name]).map(drop);
        }
        nth += 1;
    }
}

/// Deletes the oldest runs that are not resumed and of which nothing is open.
fn prune(transaction: &Transaction<'_>, now: SystemTime) -> rusqlite::Result<()> {
    let open_since = now.checked_sub(OPEN_FOR).unwrap_or(UNIX_EPOCH);
    let mut statement = transaction.prepare(
        "SELECT id FROM run WHERE (state = ?1 OR NOT is_resumable OR is_forgotten) AND (rejected = 0 OR changed < ?2)
         AND NOT EXISTS (SELECT 1 FROM rejected_line WHERE run = run.id) ORDER BY id DESC LIMIT -1 OFFSET ?3",
    )?;
    let old = statement.query_map(params![State::Finished.word(), seconds(open_since), KEPT], |row| row.get(0))?;
    for id in old.collect::<rusqlite::Result<Vec<i64>>>()? {
        for table in OF_A_RUN {
            transaction.execute(&format!("DELETE FROM {table} WHERE run = ?1"), [id])?;
        }
        transaction.execute("DELETE FROM run WHERE id = ?1", [id])?;
    }
    Ok(())
}
