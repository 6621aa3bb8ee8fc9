//! One run under way: what is settled, and how it is written down.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use contact_sink_core::ErrorCode;
use contact_sink_delivery::JournalError;
use rusqlite::{Connection, params};

use crate::error::{OpenError, failed};
use crate::letters::{Letters, Recovered};
use crate::record::{Counts, Kind, Reason, Record, State, count_reasons};
use crate::rows::Rows;
use crate::sync::Syncer;
use crate::write::{code_to_sql, sql, write_letters, write_record, write_spans};

/// What is to be written down together.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Entry<'a> {
    /// How many rows were read so far, and the hash of all of them; it must cover the rows that are settled.
    pub read: Option<(u64, &'a [u8])>,
    /// Rows with their outcome.
    pub settled: Vec<(u64, Kind)>,
    /// Rows without an outcome that may have been applied.
    pub doubtful: Vec<u64>,
    /// Until when an attempt of theirs whose answer was lost may still be applied.
    pub unsure_until: Option<SystemTime>,
    /// Why rows were rejected: the code and the reason, once for each time.
    pub reasons: Vec<(Option<&'a ErrorCode>, &'a str)>,
    /// Whole lines for the file of letters.
    pub letters: Vec<u8>,
}

/// A run under way.
#[derive(Debug)]
pub struct Run {
    path: PathBuf,
    connection: Connection,
    syncer: Syncer,
    record: Record,
    settled: Rows,
    doubtful: Rows,
    reasons: Vec<Reason>,
    letters: Letters,
    was_killed: bool,
    /// How it stood before it was opened.
    stood: State,
    failed: Option<JournalError>,
}

/// What was there before.
pub(crate) struct Before {
    pub(crate) settled: Rows,
    pub(crate) doubtful: Rows,
    pub(crate) reasons: Vec<Reason>,
    pub(crate) letters: Letters,
    /// How it stood, if it was not begun only now.
    pub(crate) stood: Option<State>,
}

impl Run {
    pub(crate) fn new(path: &Path, connection: Connection, record: Record, before: Before) -> Result<Self, OpenError> {
        let syncer = Syncer::start(path).map_err(OpenError::io(path))?;
        let Before { settled, doubtful, reasons, letters, stood } = before;
        Ok(Self {
            path: path.to_owned(),
            connection,
            syncer,
            record,
            settled,
            doubtful,
            reasons,
            letters,
            was_killed: stood == Some(State::Running),
            stood: stood.unwrap_or(State::Unfinished),
            failed: None,
        })
    }

    /// What is known of the run.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// The rows that are settled.
    pub fn settled(&self) -> &Rows {
        &self.settled
    }

    /// Rows that were not settled and may have been applied by the runs before.
    pub fn doubtful(&self) -> &Rows {
        &self.doubtful
    }

    /// Whether the run before was killed.
    pub fn was_killed(&self) -> bool {
        self.was_killed
    }

    /// How many rows are settled, by kind.
    pub fn counts(&self) -> Counts {
        self.record.counts
    }

    /// Why rows were rejected.
    pub fn reasons(&self) -> &[Reason] {
        &self.reasons
    }

    /// Where in the file of letters the next line belongs; 0: at its head.
    pub fn letters_end(&self) -> u64 {
        self.letters.end()
    }

    /// The file of letters, if a place was named.
    pub fn letters_path(&self) -> Option<&Path> {
        self.letters.path.as_deref()
    }

    /// Whether some line is in the journal and not in its file.
    pub fn has_unwritten_letters(&self) -> bool {
        self.letters.has_unwritten()
    }

    /// How often something was brought to the disk.
    pub fn syncs(&self) -> u64 {
        self.syncer.syncs()
    }

    /// Names the file of letters; before the first line.
    pub fn name_letters(&mut self, path: PathBuf) {
        self.record.letters = Some(path.clone());
        self.letters.path = Some(path);
    }

    /// Says that the rows read before have another hash now, since their input was changed and its owner wants to go on.
    pub fn rebase(&mut self, read: u64, digest: &[u8]) {
        (self.record.read, self.record.digest) = (read, digest.to_vec());
    }

    /// Writes down what became of rows, in one transaction. It is safe from a kill when this returns, and from a power cut
    /// [`SYNC_EVERY`](crate::SYNC_EVERY) later. A row that is settled already stays as it is.
    ///
    /// # Errors
    /// Nothing of it was written down, and nothing can be any more: this run is over.
    pub fn commit(&mut self, entry: Entry<'_>) -> Result<(), JournalError> {
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        let committed = self.try_commit(entry);
        if let Err(error) = &committed {
            self.failed = Some(error.clone());
        }
        committed
    }

    fn try_commit(&mut self, entry: Entry<'_>) -> Result<(), JournalError> {
        if let Some(problem) = self.syncer.failure() {
            return Err(failed(&self.path, &problem));
        }
        let Entry { read, settled, doubtful, unsure_until, reasons, letters } = entry;
        self.record.unsure_until =
            unsure_until.map_or(self.record.unsure_until, |until| until.max(self.record.unsure_until));
        for (row, kind) in settled {
            if self.settled.insert(row) {
                self.record.counts.count(kind);
            }
        }
        for row in doubtful {
            self.doubtful.insert_apart(row);
        }
        if let Some((rows, digest)) = read.filter(|(rows, _)| *rows > self.record.read) {
            self.record.read = rows;
            self.record.digest = digest.to_vec();
        }
        self.record.checkpoint = self.settled.checkpoint();
        self.record.changed = SystemTime::now();
        let counted = count_reasons(&mut self.reasons, &reasons);
        let on_disk = self.letters.forget(self.syncer.letters_synced());
        let at = self.letters.end();
        #[cfg(feature = "failpoints")]
        crate::failpoint::pass("before-commit");
        self.write(&counted, on_disk, at, &letters).map_err(|error| failed(&self.path, &error))?;
        #[cfg(feature = "failpoints")]
        crate::failpoint::pass("after-commit");
        if !letters.is_empty() {
            self.letters.waiting.push(letters);
        }
        self.syncer.committed(None);
        Ok(())
    }

    /// Whether somebody has put another file in the place of the letters since this run began to write them, or taken them away.
    /// Then [`Run::recover_letters`] takes another place; else lines would go where nobody sees them.
    pub fn are_letters_replaced(&self) -> bool {
        self.letters.is_replaced()
    }

    /// Brings the lines that were committed into their file.
    pub fn write_letters(&mut self) -> std::io::Result<()> {
        if self.letters.has_unwritten() {
            self.letters.write()?;
            self.syncer.committed(self.letters.to_sync());
        }
        Ok(())
    }

    /// Holds the file of letters against what is known of it, and writes what a kill kept from it. If its owner has edited or
    /// moved it, or if it has another head, lines go to another file from now on, which begins with this head.
    pub fn recover_letters(
        &mut self,
        head: &[u8],
        another: impl FnOnce() -> PathBuf,
    ) -> Result<Recovered, std::io::Error> {
        let (mut recovered, path) = (self.letters.recover(head)?, another());
        if recovered == Recovered::Kept && !self.letters.takes(head, &path)? {
            self.letters.leave()?;
            recovered = Recovered::OtherHead;
        }
        if matches!(recovered, Recovered::Edited | Recovered::OtherHead) {
            self.record.letters = Some(path.clone());
            self.letters.move_to(path, head);
            self.replace_letters().map_err(|error| std::io::Error::other(error.to_string()))?;
            self.letters.write()?;
        }
        self.syncer.committed(self.letters.to_sync());
        Ok(recovered)
    }

    /// Ends the run in order: writes down how it stands, and brings all to the disk.
    pub fn finish(mut self, state: State) -> Result<(), JournalError> {
        self.record.state = state;
        self.commit(Entry::default())?;
        self.syncer.finish();
        // Letters that are on the disk need not be kept here.
        self.syncer_failure()?;
        if let Some(bytes) = self.letters.forget(self.syncer.letters_synced()) {
            self.write(&[], Some(bytes), 0, &[]).map_err(|error| failed(&self.path, &error))?;
        }
        self.connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .map_err(|error| failed(&self.path, &error))
    }

    /// Ends a run that was opened and of which nothing was sent: it stands as before. One that was cut off still counts so.
    pub fn put_back(self) -> Result<(), JournalError> {
        let stood = self.stood;
        if stood == State::Running { Ok(()) } else { self.finish(stood) }
    }

    fn syncer_failure(&self) -> Result<(), JournalError> {
        self.syncer.failure().map_or(Ok(()), |problem| Err(failed(&self.path, &problem)))
    }

    fn write(&mut self, reasons: &[usize], on_disk: Option<u64>, at: u64, letters: &[u8]) -> rusqlite::Result<()> {
        let (ahead, doubt) = (self.settled.take_changes(), self.doubtful.take_changes());
        let transaction = self.connection.transaction()?;
        let id = self.record.id;
        write_record(&transaction, &self.record, &self.letters)?;
        write_spans(&transaction, "ahead", id, &ahead)?;
        write_spans(&transaction, "doubt", id, &doubt)?;
        for place in reasons {
            let Reason { code, reason, count } = &self.reasons[*place];
            transaction
                .prepare_cached(
                    "INSERT INTO reason (run, code, reason, count) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT DO UPDATE SET count = ?4",
                )?
                .execute(params![id, code.as_ref().map(code_to_sql), reason, sql(*count)])?;
        }
        if let Some(bytes) = on_disk {
            transaction
                .prepare_cached("DELETE FROM letter WHERE run = ?1 AND at < ?2")?
                .execute(params![id, sql(bytes)])?;
        }
        if !letters.is_empty() {
            write_letters(&transaction, id, at, letters)?;
        }
        transaction.commit()
    }

    fn replace_letters(&mut self) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction()?;
        let id = self.record.id;
        write_record(&transaction, &self.record, &self.letters)?;
        transaction.execute("DELETE FROM letter WHERE run = ?1", params![id])?;
        let mut at = 0;
        for lines in &self.letters.waiting {
            write_letters(&transaction, id, at, lines)?;
            at += lines.len() as u64;
        }
        transaction.commit()
    }
}
