//! One run under way: what is settled, and how it is written down.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use contact_sink_core::{ContactUpdate, Field};
use contact_sink_delivery::{Admission, JournalError};
use rusqlite::Connection;

use crate::base;
use crate::entry::Entry;
use crate::error::{Problem, StoreError};
use crate::letters::Recovered;
use crate::newest::{Newest, Position};
use crate::record::{Counts, FedBack, Part, Reason, Record, State, Stopped};
use crate::rows::Rows;
use crate::saved::{Saved, count_reasons, next_second, parts_known, reasons, record_of};
use crate::stop_note::{Place, StopNote};
use crate::sync::Syncer;

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

/// A run under way.
#[derive(Debug)]
pub struct Run {
    path: PathBuf,
    connection: Connection,
    saved: Saved,
    syncer: Syncer,
    /// `None` in memory.
    stop_note: Option<Place>,
    /// `None` in memory: no older value is sent later.
    newest: Option<Newest>,
    /// The highest part of the journal: what has it is the newest.
    newest_part: u32,
    /// Its state before it was opened.
    was: State,
    failed: Option<JournalError>,
}

impl Run {
    /// Without `newest` the journal is in memory.
    pub(crate) fn new(
        path: PathBuf,
        connection: Connection,
        saved: Saved,
        was: State,
        newest: Option<Newest>,
    ) -> Result<Self, Problem> {
        let (syncer, stop_note) = match newest {
            Some(_) => (Syncer::start(&path)?, Some(Place::reserve(&path)?)),
            None => (Syncer::in_memory(), None),
        };
        let newest_part = connection.query_row("SELECT coalesce(max(number), 0) FROM part", [], |row| row.get(0))?;
        Ok(Self { path, connection, saved, syncer, stop_note, newest, newest_part, was, failed: None })
    }

    /// What is known of the run.
    pub fn record(&self) -> &Record {
        &self.saved.record
    }

    /// The rows that are settled.
    pub fn settled(&self) -> &Rows {
        &self.saved.settled
    }

    /// Rows that are not settled and may have been applied.
    pub fn maybe_applied(&self) -> &Rows {
        &self.saved.maybe_applied
    }

    /// Whether the run before was killed.
    pub fn was_killed(&self) -> bool {
        self.was == State::Running
    }

    /// How many rows are settled, by kind.
    pub fn counts(&self) -> Counts {
        self.saved.record.counts
    }

    /// Why rows were rejected or skipped.
    pub fn reasons(&self) -> Result<Vec<Reason>, JournalError> {
        let read = reasons(&self.connection, self.saved.record.id);
        read.map_err(|error| JournalError::new(StoreError::journal(&self.path)(error).to_string()))
    }

    /// Where in the file of letters the next line belongs; 0: at its head.
    pub fn letters_end(&self) -> u64 {
        self.saved.letters.end()
    }

    /// The file of letters, if a place was named.
    pub fn letters_path(&self) -> Option<&Path> {
        self.saved.letters.path.as_deref()
    }

    /// Whether some line is in the journal and not in its file.
    pub fn has_unwritten_letters(&self) -> bool {
        self.saved.letters.has_unwritten()
    }

    /// How often something was brought to the disk.
    pub fn syncs(&self) -> u64 {
        self.syncer.syncs()
    }

    /// Names the file of letters; before the first line.
    pub fn name_letters(&mut self, path: PathBuf) {
        self.saved.letters.path = Some(path);
    }

    /// How old the values of a row are: its number in the input, from 0, and its line there.
    pub fn position(&self, row: u64, line: u64) -> Position {
        let part = self.saved.record.part_of(row).map_or(0, |part| part.number);
        Position { part, line: u32::try_from(line).unwrap_or(u32::MAX) }
    }

    /// What rejected rows carry as `_run`: the name of the part that the row belongs to.
    pub fn part_name(&self, row: u64) -> &str {
        self.saved.record.part_of(row).map_or("", |part: &Part| &part.name)
    }

    /// The names that rejected rows of this account carry, and how old their values are.
    pub fn parts_known(&self) -> Result<HashMap<String, FedBack>, StoreError> {
        let account_hash = &self.saved.record.identity.account_hash;
        parts_known(&self.connection, account_hash, SystemTime::now()).map_err(StoreError::journal(&self.path))
    }

    /// Whether no run of this account has sent values that are newer than those of this run's rows.
    pub fn is_newest(&self) -> bool {
        self.saved.record.parts.iter().all(|part| part.number >= self.newest_part)
    }

    /// What of an update is to be sent: not the fields that were set from a higher position.
    pub fn admit(&mut self, update: &ContactUpdate, position: Position) -> Result<Admission, JournalError> {
        if position.part >= self.newest_part {
            return Ok(Admission::Send);
        }
        let Some(newest) = &self.newest else { return Ok(Admission::Send) };
        let newer: Vec<Field> = newest.newer(&self.connection, update, position).map_err(|error| self.fail(&error))?;
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
        self.check_failed()?;
        let Some(newest) = self.newest.as_mut().filter(|newest| newest.is_kept()) else { return Ok(()) };
        let note = |newest: &mut Newest, connection: &Connection| {
            let transaction = connection.unchecked_transaction()?;
            for (position, update) in batch {
                newest.note(&transaction, update, position)?;
            }
            transaction.commit()
        };
        note(newest, &self.connection).map_err(|error| self.fail(&error))?;
        self.syncer.committed(None);
        Ok(())
    }

    /// Whether it notes what is sent: an older value could still be sent.
    pub fn keeps_newest(&self) -> bool {
        self.newest.as_ref().is_some_and(Newest::is_kept)
    }

    /// Notes from now on what is sent: a row was rejected, and its values may be sent later.
    pub fn keep_newest(&mut self) {
        if let Some(newest) = &mut self.newest {
            newest.keep();
        }
    }

    /// Writes down what became of rows, in one transaction. It is safe from a kill when this returns, and from a power cut
    /// [`SYNC_EVERY`](crate::SYNC_EVERY) later. A row that is settled already stays as it is.
    ///
    /// # Errors
    /// Nothing of it was written down, and nothing can be any more: this run is over.
    pub fn commit(&mut self, entry: Entry<'_>) -> Result<(), JournalError> {
        self.check_failed()?;
        if let Some(problem) = self.syncer.failure() {
            return Err(self.fail(&problem));
        }
        self.try_commit(entry).map_err(|error| {
            // What could not be committed is not counted.
            let _ = self.read_anew();
            self.fail(&error)
        })
    }

    fn try_commit(&mut self, entry: Entry<'_>) -> rusqlite::Result<()> {
        let Entry { read, settled, maybe_applied, hold_until, reasons, letters, outcomes } = entry;
        let on_disk = self.syncer.letters_synced();
        let Saved { record, settled: known, maybe_applied: known_maybe, letters: in_file } = &mut self.saved;
        record.hold_until = hold_until.map_or(record.hold_until, |until| until.max(record.hold_until));
        for (row, kind) in settled {
            if known.insert(row) {
                record.counts.count(kind);
            }
        }
        for row in maybe_applied {
            known_maybe.insert(row);
        }
        record.read = record.read.max(read);
        record.checkpoint = known.checkpoint();
        // Looking at what is finished does not make its rejected rows younger.
        if self.was != State::Finished {
            record.changed = SystemTime::now();
        }
        in_file.forget(on_disk);
        let at = in_file.end();
        #[cfg(feature = "failpoints")]
        crate::failpoint::pass("before-commit");
        self.saved.commit(&self.connection, |saved, transaction| {
            count_reasons(transaction, saved.record.id, &reasons)?;
            if !letters.is_empty() {
                saved.add_lines(transaction, at, &letters)?;
            }
            if let Some(newest) = self.newest.as_mut().filter(|newest| newest.is_kept()) {
                for (position, update, outcome) in outcomes {
                    newest.settle(transaction, update, position, outcome)?;
                }
            }
            Ok(())
        })?;
        #[cfg(feature = "failpoints")]
        crate::failpoint::pass("after-commit");
        if !letters.is_empty() {
            self.saved.letters.waiting.push(letters);
        }
        if self.saved.record.counts.rejected > 0 {
            self.keep_newest();
        }
        self.syncer.committed(None);
        Ok(())
    }

    /// Whether another file was put in the place of the letters since this run began to write them, or they were taken away.
    /// Then [`Run::recover_letters`] takes another place; else lines would go where they are not seen.
    pub fn are_letters_replaced(&self) -> bool {
        self.saved.letters.is_replaced()
    }

    /// Brings the lines that were committed into their file.
    pub fn write_letters(&mut self) -> std::io::Result<()> {
        if self.saved.letters.has_unwritten() {
            self.saved.letters.write()?;
            self.syncer.committed(self.saved.letters.to_sync());
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
        let is_elsewhere = self.saved.letters.path.as_deref().is_some_and(|former| former.parent() != path.parent());
        let mut recovered = self.saved.letters.recover(head, is_elsewhere)?;
        if recovered == Recovered::Kept && !self.saved.letters.takes(head, &path)? {
            self.saved.letters.leave()?;
            recovered = Recovered::OtherHead;
        }
        if matches!(recovered, Recovered::Edited | Recovered::OtherHead | Recovered::Moved) {
            self.saved.letters.move_to(path, head);
            self.replace_letters().map_err(std::io::Error::other)?;
            self.saved.letters.write()?;
        }
        self.syncer.committed(self.saved.letters.to_sync());
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
            Ok(()) if self.stop_note.is_some() => drop(crate::stop_note::remove(&self.path)),
            Ok(()) => {}
            Err(_) => self.note_stop(&ending),
        }
        finished
    }

    /// Ends a run that was opened and of which nothing was sent: its state is as before. One that was killed still counts so.
    pub fn put_back(self) -> Result<(), JournalError> {
        let (was, exit_status, stop) = (self.was, self.saved.record.exit_status, self.saved.record.stop.clone());
        let ending = Ending { exit_status, stop, ..Ending::new(was) };
        if was == State::Running { Ok(()) } else { self.finish(ending) }
    }

    fn try_finish(&mut self, ending: &Ending) -> Result<(), JournalError> {
        let Ending { state, exit_status, stop, maybe_applied, hold_until } = ending;
        (self.saved.record.state, self.saved.record.exit_status) = (*state, *exit_status);
        self.saved.record.stop.clone_from(stop);
        let maybe_applied = maybe_applied.iter().copied().filter(|row| !self.saved.settled.contains(*row)).collect();
        self.commit(Entry { maybe_applied, hold_until: *hold_until, ..Entry::default() })?;
        self.syncer.finish();
        if let Some(problem) = self.syncer.failure() {
            return Err(self.cannot_be_written(&problem));
        }
        self.try_fold().map_err(|error| self.cannot_be_written(&error))
    }

    /// Lines that are on the disk need not be kept in the journal.
    fn try_fold(&mut self) -> rusqlite::Result<()> {
        self.saved.letters.forget(self.syncer.letters_synced());
        self.saved.commit(&self.connection, |_, _| Ok(()))?;
        base::fold(&self.connection, "TRUNCATE").map(drop)
    }

    /// What was committed, in the place of what could not be.
    fn read_anew(&mut self) -> rusqlite::Result<()> {
        let record = record_of(&self.connection, self.saved.record.id)?;
        let committed = Saved::load(&self.connection, record)?;
        self.saved = Saved { letters: std::mem::take(&mut self.saved.letters), ..committed };
        Ok(())
    }

    fn note_stop(&mut self, ending: &Ending) {
        let Some(place) = &mut self.stop_note else { return };
        let Saved { record, settled, letters, .. } = &self.saved;
        let mut rows = Rows::default();
        for row in ending.maybe_applied.iter().filter(|row| !settled.contains(**row)) {
            rows.insert(*row);
        }
        let note = StopNote {
            run: record.id,
            // If they are not on the disk for certain, they are written once more.
            rejected_bytes: letters.sync().unwrap_or(letters.bytes),
            hold_until: next_second(ending.hold_until.unwrap_or(record.hold_until)),
            exit_status: ending.exit_status,
            stop: ending.stop.clone(),
            maybe_applied: rows.spans().collect(),
        };
        // Without it the run counts as killed, which is safe.
        let _ = place.write(&note);
    }

    fn check_failed(&self) -> Result<(), JournalError> {
        self.failed.clone().map_or(Ok(()), Err)
    }

    fn fail(&mut self, error: &dyn std::fmt::Display) -> JournalError {
        self.failed.insert(self.cannot_be_written(error)).clone()
    }

    fn cannot_be_written(&self, error: &dyn std::fmt::Display) -> JournalError {
        let path = self.path.display();
        JournalError::new(format!(
            "the journal {path} cannot be written: {error}: make room, or end what holds the file"
        ))
    }

    fn replace_letters(&mut self) -> rusqlite::Result<()> {
        self.saved.commit(&self.connection, |saved, transaction| {
            transaction.execute("DELETE FROM rejected_line WHERE run = ?1", [saved.record.id])?;
            let mut at = 0;
            for lines in &saved.letters.waiting {
                saved.add_lines(transaction, at, lines)?;
                at += lines.len() as u64;
            }
            Ok(())
        })
    }
}
