//! One run under way: what is settled, and how it is written down.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use contact_sink_core::{ContactUpdate, ErrorCode, Field};
use contact_sink_delivery::{Admission, JournalError, Outcome};
use rusqlite::{Connection, params};

use crate::book::{before, parts_known};
use crate::error::{OpenError, failed};
use crate::letters::{Letters, Recovered};
use crate::newest::{Newest, Position};
use crate::record::{Counts, Kind, Reason, Record, State, Stopped, count_reasons};
use crate::rows::Rows;
use crate::stop_note::{Place, StopNote};
use crate::sync::Syncer;
use crate::write::{code_to_sql, next_second, sql, write_letters, write_record, write_spans};

/// What is to be written down together.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Entry<'a> {
    /// How many rows were read so far; it must cover the rows that are settled.
    pub read: u64,
    /// Rows with their outcome.
    pub settled: Vec<(u64, Kind)>,
    /// Rows without an outcome that may have been applied.
    pub maybe_applied: Vec<u64>,
    /// Until when an attempt of theirs whose answer was lost may still be applied.
    pub hold_until: Option<SystemTime>,
    /// Why rows were rejected or skipped: the code and the reason, once for each time.
    pub reasons: Vec<(Kind, Option<&'a ErrorCode>, &'a str)>,
    /// Whole lines for the file of rejected rows.
    pub letters: Vec<u8>,
    /// Outcomes of updates, with the age of their values.
    pub outcomes: Vec<(Position, &'a ContactUpdate, &'a Outcome)>,
}

/// How a command ends with a run.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Ending {
    /// Finished, or not.
    pub state: State,
    /// The exit status of the command.
    pub exit_status: Option<u8>,
    /// Why it stops before the last row.
    pub stop: Option<Stopped>,
    /// Rows without an outcome that may have been applied, and of which the journal was not told.
    pub maybe_applied: Vec<u64>,
    /// Until when an attempt of theirs may still be applied.
    pub hold_until: Option<SystemTime>,
}

impl Ending {
    /// An end in this state, with nothing left to tell.
    pub fn new(state: State) -> Self {
        Self { state, exit_status: None, stop: None, maybe_applied: Vec::new(), hold_until: None }
    }
}

/// What a journal knows of the run that rejected a row which is fed back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FedBack {
    /// Its values are as old as those of this part.
    Part(u32),
    /// Its run is older than [`OPEN_FOR`](crate::OPEN_FOR): it is not known any more what was sent since.
    TooOld,
}

/// A run under way.
#[derive(Debug)]
pub struct Run {
    path: PathBuf,
    connection: Connection,
    syncer: Syncer,
    record: Record,
    settled: Rows,
    maybe_applied: Rows,
    reasons: Vec<Reason>,
    letters: Letters,
    newest: Newest,
    /// The highest part of the journal: what has it is the newest.
    newest_part: u32,
    was_killed: bool,
    /// Its state before it was opened.
    stood: State,
    failed: Option<JournalError>,
    stop_note: Option<Place>,
}

/// What was there before.
pub(crate) struct Before {
    pub(crate) settled: Rows,
    pub(crate) maybe_applied: Rows,
    pub(crate) reasons: Vec<Reason>,
    pub(crate) letters: Letters,
    /// How it stood, if it was not begun only now.
    pub(crate) stood: Option<State>,
}

impl Run {
    pub(crate) fn new(
        path: &Path,
        connection: Connection,
        record: Record,
        before: Before,
        newest: Newest,
    ) -> Result<Self, OpenError> {
        let syncer = Syncer::start(path).map_err(OpenError::io(path))?;
        let stop_note = Place::reserve(path).map_err(OpenError::io(path))?;
        let newest_part = connection
            .query_row("SELECT coalesce(max(number), 0) FROM part", [], |row| row.get(0))
            .map_err(OpenError::sqlite(path))?;
        let Before { settled, maybe_applied, reasons, letters, stood } = before;
        Ok(Self {
            path: path.to_owned(),
            connection,
            syncer,
            record,
            settled,
            maybe_applied,
            reasons,
            letters,
            newest,
            newest_part,
            was_killed: stood == Some(State::Running),
            stood: stood.unwrap_or(State::Unfinished),
            failed: None,
            stop_note: Some(stop_note),
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

    /// Rows that are not settled and may have been applied.
    pub fn maybe_applied(&self) -> &Rows {
        &self.maybe_applied
    }

    /// Whether the run before was killed.
    pub fn was_killed(&self) -> bool {
        self.was_killed
    }

    /// How many rows are settled, by kind.
    pub fn counts(&self) -> Counts {
        self.record.counts
    }

    /// Why rows were rejected or skipped.
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

    /// How old the values of a row are: its number in the input, from 0, and its line there.
    pub fn position(&self, row: u64, line: u64) -> Position {
        let parts = &self.record.parts;
        let part = parts.iter().rev().find(|part| part.first <= row).or(parts.first());
        Position { part: part.map_or(0, |part| part.number), line: u32::try_from(line).unwrap_or(u32::MAX) }
    }

    /// What rejected rows carry as `_run`: the name of the part that the row belongs to.
    pub fn part_name(&self, row: u64) -> &str {
        let parts = &self.record.parts;
        parts.iter().rev().find(|part| part.first <= row).or(parts.first()).map_or("", |part| &part.name)
    }

    /// The names that rejected rows of this account carry, and how old their values are.
    pub fn parts_known(&self) -> Result<HashMap<String, FedBack>, OpenError> {
        let account_hash = &self.record.identity.account_hash;
        parts_known(&self.connection, account_hash, SystemTime::now()).map_err(OpenError::sqlite(&self.path))
    }

    /// Whether no run of this account has sent values that are newer than those of this run's rows.
    pub fn is_newest(&self) -> bool {
        self.record.parts.iter().all(|part| part.number >= self.newest_part)
    }

    /// What of an update is to be sent: not the fields that were set from a higher position.
    pub fn admit(&mut self, update: &ContactUpdate, position: Position) -> Result<Admission, JournalError> {
        if position.part >= self.newest_part {
            return Ok(Admission::Send);
        }
        let newer = self.newest.newer(&self.connection, update, position);
        let newer: Vec<Field> = newer.map_err(|error| self.fail(&error))?;
        Ok(match newer.len() {
            0 => Admission::Send,
            all if all == update.fields().len() => Admission::Superseded,
            _ => Admission::SendPart(update.clone().retain(|field| !newer.contains(field))),
        })
    }

    /// Notes that these are sent now, if an older value could still be sent. It is committed when this returns.
    pub fn departs<'u>(
        &mut self,
        batch: impl IntoIterator<Item = (Position, &'u ContactUpdate)>,
    ) -> Result<(), JournalError> {
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        if !self.newest.is_kept() {
            return Ok(());
        }
        let note = |newest: &mut Newest, connection: &mut Connection| {
            let transaction = connection.transaction()?;
            for (position, update) in batch {
                newest.note(&transaction, update, position)?;
            }
            transaction.commit()
        };
        note(&mut self.newest, &mut self.connection).map_err(|error| self.fail(&error))?;
        self.syncer.committed(None);
        Ok(())
    }

    /// Whether it notes what is sent: an older value could still be sent.
    pub fn keeps_newest(&self) -> bool {
        self.newest.is_kept()
    }

    /// Notes from now on what is sent: a row was rejected, and its values may be sent later.
    pub fn keep_newest(&mut self) {
        self.newest.keep();
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
        if let Some(problem) = self.syncer.failure() {
            return Err(self.fail(&problem));
        }
        self.try_commit(entry).map_err(|error| self.fail(&error))
    }

    fn try_commit(&mut self, entry: Entry<'_>) -> rusqlite::Result<()> {
        let Entry { read, settled, maybe_applied, hold_until, reasons, letters, outcomes } = entry;
        self.record.hold_until = hold_until.map_or(self.record.hold_until, |until| until.max(self.record.hold_until));
        for (row, kind) in settled {
            if self.settled.insert(row) {
                self.record.counts.count(kind);
            }
        }
        for row in maybe_applied {
            self.maybe_applied.insert_apart(row);
        }
        self.record.read = self.record.read.max(read);
        self.record.checkpoint = self.settled.checkpoint();
        // Looking at what is finished does not make its rejected rows younger.
        if self.stood != State::Finished {
            self.record.changed = SystemTime::now();
        }
        let counted = count_reasons(&mut self.reasons, &reasons);
        let on_disk = self.letters.forget(self.syncer.letters_synced());
        let at = self.letters.end();
        #[cfg(feature = "failpoints")]
        crate::failpoint::pass("before-commit");
        self.write(&counted, on_disk, (at, &letters), &outcomes)?;
        #[cfg(feature = "failpoints")]
        crate::failpoint::pass("after-commit");
        if !letters.is_empty() {
            self.letters.waiting.push(letters);
        }
        if self.record.counts.rejected > 0 {
            self.newest.keep();
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

    /// Compares the file of rejected rows with what is known of it, and writes what a kill kept from it. If its owner has edited
    /// or moved it, if it has another header, or if another directory is wanted, lines go to another file from now on, which
    /// begins with this header.
    ///
    /// # Errors
    /// The file cannot be read or written. Its lines are whole, and what it lacks is still in the journal.
    pub fn recover_letters(
        &mut self,
        head: &[u8],
        another: impl FnOnce() -> PathBuf,
    ) -> Result<Recovered, std::io::Error> {
        let path = another();
        let is_elsewhere = self.letters.path.as_deref().is_some_and(|former| former.parent() != path.parent());
        let mut recovered = self.letters.recover(head, is_elsewhere)?;
        if recovered == Recovered::Kept && !self.letters.takes(head, &path)? {
            self.letters.leave()?;
            recovered = Recovered::OtherHead;
        }
        if matches!(recovered, Recovered::Edited | Recovered::OtherHead | Recovered::Moved) {
            self.record.letters = Some(path.clone());
            self.letters.move_to(path, head);
            self.replace_letters().map_err(|error| std::io::Error::other(error.to_string()))?;
            self.letters.write()?;
        }
        self.syncer.committed(self.letters.to_sync());
        Ok(recovered)
    }

    /// Ends the run in order: writes down its state, and brings all to the disk.
    ///
    /// # Errors
    /// The journal cannot be written. What could not be committed is in the note beside it, which the next run takes over; if
    /// that cannot be written either, the run counts as killed.
    pub fn finish(mut self, ending: Ending) -> Result<(), JournalError> {
        let finished = match self.failed.take() {
            None => self.try_finish(&ending),
            // There may be room again. What was not committed is in memory only: it is read anew.
            Some(error) if self.syncer.failure().is_none() => match self.read_anew() {
                Ok(()) => self.try_finish(&ending),
                Err(_) => Err(error),
            },
            Some(error) => Err(error),
        };
        match finished {
            // The note was not needed. What is left of it is taken away by the next run.
            Ok(()) => drop(crate::stop_note::remove(&self.path)),
            Err(_) => self.note_stop(&ending),
        }
        finished
    }

    /// Ends a run that was opened and of which nothing was sent: its state is as before. One that was killed still counts so.
    pub fn put_back(self) -> Result<(), JournalError> {
        let (stood, exit_status, stop) = (self.stood, self.record.exit_status, self.record.stop.clone());
        let ending = Ending { exit_status, stop, ..Ending::new(stood) };
        if stood == State::Running { Ok(()) } else { self.finish(ending) }
    }

    fn try_finish(&mut self, ending: &Ending) -> Result<(), JournalError> {
        let Ending { state, exit_status, stop, maybe_applied, hold_until } = ending;
        (self.record.state, self.record.exit_status) = (*state, *exit_status);
        self.record.stop.clone_from(stop);
        let maybe_applied = maybe_applied.iter().copied().filter(|row| !self.settled.contains(*row)).collect();
        self.commit(Entry { maybe_applied, hold_until: *hold_until, ..Entry::default() })?;
        self.syncer.finish();
        self.syncer.failure().map_or(Ok(()), |problem| Err(failed(&self.path, &problem)))?;
        // Lines that are on the disk need not be kept here.
        self.letters.forget(self.syncer.letters_synced());
        self.write(&[], Some(self.letters.bytes), (0, &[]), &[]).map_err(|error| failed(&self.path, &error))?;
        self.connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .map_err(|error| failed(&self.path, &error))
    }

    /// What was committed, in the place of what could not be.
    fn read_anew(&mut self) -> rusqlite::Result<()> {
        self.record = crate::book::record_of(&self.connection, self.record.id)?;
        let Before { settled, maybe_applied, reasons, .. } = before(&self.connection, &self.record)?;
        (self.settled, self.maybe_applied, self.reasons) = (settled, maybe_applied, reasons);
        Ok(())
    }

    fn note_stop(&mut self, ending: &Ending) {
        let mut rows = Rows::default();
        for row in ending.maybe_applied.iter().filter(|row| !self.settled.contains(**row)) {
            rows.insert_apart(*row);
        }
        // If they are not on the disk for certain, they are written once more.
        let rejected_bytes = self.letters.sync().unwrap_or(self.letters.bytes);
        let note = StopNote {
            run: self.record.id,
            rejected_bytes,
            hold_until: next_second(ending.hold_until.unwrap_or(self.record.hold_until)),
            exit_status: ending.exit_status,
            stop: ending.stop.clone(),
            maybe_applied: rows.spans().collect(),
        };
        if let Some(place) = &mut self.stop_note {
            // Without it the run counts as killed, which is safe.
            let _ = place.write(&note);
        }
    }

    fn fail(&mut self, error: &dyn std::fmt::Display) -> JournalError {
        let error = failed(&self.path, error);
        self.failed = Some(error.clone());
        error
    }

    fn write(
        &mut self,
        reasons: &[usize],
        on_disk: Option<u64>,
        (at, letters): (u64, &[u8]),
        outcomes: &[(Position, &ContactUpdate, &Outcome)],
    ) -> rusqlite::Result<()> {
        let (ahead, maybe_applied) = (self.settled.take_changes(), self.maybe_applied.take_changes());
        let transaction = self.connection.transaction()?;
        let id = self.record.id;
        write_record(&transaction, &self.record, &self.letters)?;
        write_spans(&transaction, "settled_ahead", id, &ahead)?;
        write_spans(&transaction, "maybe_applied", id, &maybe_applied)?;
        for place in reasons {
            let Reason { kind, code, reason, count } = &self.reasons[*place];
            transaction
                .prepare_cached(
                    "INSERT INTO reason (run, kind, code, reason, count) VALUES (?1, ?2, ?3, ?4, ?5)
                     ON CONFLICT (run, kind, ifnull(code, x''), reason) DO UPDATE SET count = ?5",
                )?
                .execute(params![id, kind.word(), code.as_ref().map(code_to_sql), reason, sql(*count)])?;
        }
        if let Some(bytes) = on_disk {
            transaction
                .prepare_cached("DELETE FROM rejected_line WHERE run = ?1 AND at < ?2")?
                .execute(params![id, sql(bytes)])?;
        }
        if !letters.is_empty() {
            write_letters(&transaction, &self.record, at, letters)?;
        }
        if self.newest.is_kept() {
            for (position, update, outcome) in outcomes {
                self.newest.settle(&transaction, update, *position, outcome)?;
            }
        }
        transaction.commit()
    }

    fn replace_letters(&mut self) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction()?;
        let id = self.record.id;
        write_record(&transaction, &self.record, &self.letters)?;
        transaction.execute("DELETE FROM rejected_line WHERE run = ?1", params![id])?;
        let mut at = 0;
        for lines in &self.letters.waiting {
            write_letters(&transaction, &self.record, at, lines)?;
            at += lines.len() as u64;
        }
        transaction.commit()
    }
}
