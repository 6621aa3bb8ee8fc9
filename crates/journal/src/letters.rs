//! The file that a run's lines go to, such as its rejected rows: no crash tears, doubles or loses a line in it.
//!
//! A line is in the journal before it is in the file, and is deleted from the journal when it is on the disk. So the file must be what
//! is known of it for sure (so many bytes with this CRC) and then a beginning of the lines that wait. If it is anything
//! else, its owner has edited it: it is left alone, and what it does not have goes to another file.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crc32fast::Hasher;

use crate::owner_only;

/// What a run finds of its file when it is resumed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Recovered {
    /// There was no file yet, and no line.
    Nothing,
    /// It is as it was left; lines that were missing, if any, were written.
    Kept,
    /// It is gone or was edited: it is left alone, and lines go to another one from now on.
    Edited,
    /// It has its lines, under another header than those to come: these go to another file.
    OtherHead,
    /// Another directory is wanted: lines go to a file there from now on.
    Moved,
}

#[derive(Debug, Default)]
pub(crate) struct Letters {
    pub(crate) path: Option<PathBuf>,
    /// So many bytes are on the disk for sure, with this CRC.
    pub(crate) bytes: u64,
    pub(crate) crc: u32,
    /// Lines behind these, which may be in the file.
    pub(crate) waiting: Vec<Vec<u8>>,
    /// How many of them are in the file.
    written: usize,
    file: Option<Arc<File>>,
}

impl Letters {
    pub(crate) fn new(path: Option<PathBuf>, bytes: u64, crc: u32, waiting: Vec<Vec<u8>>) -> Self {
        Self { path, bytes, crc, waiting, written: 0, file: None }
    }

    /// Where the next lines belong.
    pub(crate) fn end(&self) -> u64 {
        self.bytes + length(&self.waiting)
    }

    /// The file, and how much of it is written.
    pub(crate) fn to_sync(&self) -> Option<(Arc<File>, u64)> {
        let file = self.file.clone()?;
        Some((file, self.bytes + length(&self.waiting[..self.written])))
    }

    /// So many bytes of whole lines are in the file: lines up to there wait no more.
    pub(crate) fn are_in_file(&mut self, bytes: u64) {
        self.find_written(bytes);
        self.forget(bytes);
    }

    /// Finds how many of the lines are whole in a file of so many bytes: up to which byte they go.
    fn find_written(&mut self, bytes: u64) -> u64 {
        let (mut written, mut whole) = (0, self.bytes);
        for lines in &self.waiting {
            let end = whole + lines.len() as u64;
            if end > bytes {
                break;
            }
            (written, whole) = (written + 1, end);
        }
        self.written = written;
        whole
    }

    /// Brings the file to the disk: how many bytes of whole lines it has.
    pub(crate) fn sync(&self) -> io::Result<u64> {
        let Some((file, whole)) = self.to_sync() else { return Ok(self.bytes) };
        file.sync_data().map(|()| whole)
    }

    /// Whether some line is not in the file.
    pub(crate) fn has_unwritten(&self) -> bool {
        self.written < self.waiting.len()
    }

    /// Whether another file was put in its place, or it was taken away, while lines were written.
    pub(crate) fn is_replaced(&self) -> bool {
        let (Some(file), Some(path)) = (&self.file, &self.path) else { return false };
        match (file.metadata(), fs::metadata(path)) {
            (Ok(ours), Ok(theirs)) => owner_only::id(&ours) != owner_only::id(&theirs),
            (Ok(_), Err(error)) => error.kind() == io::ErrorKind::NotFound,
            // The write will say what is wrong.
            (Err(_), _) => false,
        }
    }

    /// Writes what waits; a line that cannot be written whole is taken back and waits on.
    pub(crate) fn write(&mut self) -> io::Result<()> {
        if !self.has_unwritten() {
            return Ok(());
        }
        let whole = self.bytes + length(&self.waiting[..self.written]);
        let file = match &self.file {
            Some(file) => file.clone(),
            None => self.open(whole == 0)?,
        };
        let lines: Vec<u8> = self.waiting[self.written..].concat();
        #[cfg(feature = "failpoints")]
        crate::failpoint::torn("in-dead-letter", &*file, &lines)?;
        if let Err(error) = (&*file).write_all(&lines) {
            // If it cannot be cut either, the next run does it: the lines wait.
            let _ = file.set_len(whole);
            return Err(error);
        }
        self.written = self.waiting.len();
        Ok(())
    }

    /// Forgets lines that are on the disk.
    pub(crate) fn forget(&mut self, synced: u64) {
        let mut forgotten = 0;
        while forgotten < self.written && self.bytes + self.waiting[forgotten].len() as u64 <= synced {
            let lines = &self.waiting[forgotten];
            self.crc = continued(self.crc, self.bytes, lines);
            self.bytes += lines.len() as u64;
            forgotten += 1;
        }
        self.waiting.drain(..forgotten);
        self.written -= forgotten;
    }

    /// Compares the file with what it must be, and writes what is missing; or, if lines are to go to another file, cuts off a
    /// line that is not whole. If it was edited, only lines that it does not have wait on, without the header.
    pub(crate) fn recover(&mut self, head: &[u8], is_elsewhere: bool) -> io::Result<Recovered> {
        let Some(path) = self.path.clone() else { return Ok(Recovered::Nothing) };
        let waiting = self.waiting.concat();
        let rest = match self.rest(&path, waiting.len()) {
            // Another place is wanted, it may be because this one cannot be read.
            Err(_) if is_elsewhere => return Ok(Recovered::Moved),
            rest => rest?.filter(|rest| waiting.starts_with(rest)),
        };
        let Some(rest) = rest else {
            self.drop_found(&path, head)?;
            return Ok(if is_elsewhere { Recovered::Moved } else { Recovered::Edited });
        };
        let whole = self.find_written(self.bytes + rest.len() as u64);
        if is_elsewhere {
            if path.exists() {
                let file = self.open(false)?;
                file.set_len(whole)?;
                file.sync_data()?;
            }
            self.waiting.drain(..self.written);
            return Ok(Recovered::Moved);
        }
        if !waiting.is_empty() {
            let new = !path.exists();
            match self.open(new) {
                // It never came into being where it was to be, and cannot: another place was named meanwhile, it may be.
                Err(_) if new && self.bytes == 0 => return Ok(Recovered::Edited),
                file => file?.set_len(whole)?,
            }
            self.write()?;
        }
        Ok(Recovered::Kept)
    }

    /// Writes what the file does not have yet, and brings it to the disk.
    ///
    /// # Errors
    /// The file was edited or moved, or cannot be written, and lines are left that it does not have.
    pub(crate) fn complete(&mut self) -> io::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        match self.recover(&[], false)? {
            Recovered::Edited if !self.waiting.is_empty() => Err(io::Error::other("the file was edited or moved")),
            _ => self.file.as_ref().map_or(Ok(()), |file| file.sync_data()),
        }
    }

    /// Drops from what waits the lines that a file has which was edited. What was written before that is there, whole.
    fn drop_found(&mut self, path: &Path, head: &[u8]) -> io::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let found = fs::read(path).or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => Ok(Vec::new()),
            _ => Err(error),
        })?;
        // The header of the next file is another one: this one came with the first lines.
        if self.bytes == 0
            && let Some(first) = self.waiting.first_mut().filter(|first| first.starts_with(head))
        {
            first.drain(..head.len());
        }
        self.waiting.retain(|lines| !has_lines(&found, lines));
        Ok(())
    }

    /// Whether lines under this head, for a file with such a name, may follow in the file; if there is none, they may.
    pub(crate) fn takes(&self, head: &[u8], name: &Path) -> io::Result<bool> {
        let Some(path) = self.path.as_deref().filter(|path| path.exists()) else { return Ok(true) };
        let mut first = Vec::new();
        File::open(path)?.take(head.len() as u64).read_to_end(&mut first)?;
        Ok(first == head && path.extension() == name.extension())
    }

    /// Leaves the lines to the file that has them all.
    pub(crate) fn leave(&mut self) -> io::Result<()> {
        if let Some(file) = &self.file {
            file.sync_data()?;
        }
        self.waiting.clear();
        Ok(())
    }

    /// What is behind the part that is known, if that part is as it was and no more than so many bytes follow.
    fn rest(&self, path: &Path, most: usize) -> io::Result<Option<Vec<u8>>> {
        let file = match File::open(path) {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok((self.bytes == 0).then(Vec::new));
            }
            file => file?,
        };
        let mut known = BufReader::new(file).take(self.bytes);
        let (mut hasher, mut bytes) = (Hasher::new(), 0);
        loop {
            let part = known.fill_buf()?;
            if part.is_empty() {
                break;
            }
            hasher.update(part);
            let count = part.len();
            known.consume(count);
            bytes += count as u64;
        }
        let mut rest = Vec::new();
        known.into_inner().take(most as u64 + 1).read_to_end(&mut rest)?;
        Ok((bytes == self.bytes && hasher.finalize() == self.crc && rest.len() <= most).then_some(rest))
    }

    /// Continues in a new file.
    pub(crate) fn move_to(&mut self, path: PathBuf, head: &[u8]) {
        let mut waiting = std::mem::take(&mut self.waiting);
        // If the former file never came into being, its head waits with the first lines.
        if waiting.first().is_some_and(|lines| !lines.starts_with(head)) {
            waiting.insert(0, head.to_vec());
        }
        *self = Self::new(Some(path), 0, 0, waiting);
    }

    fn open(&mut self, new: bool) -> io::Result<Arc<File>> {
        let path = self.path.as_deref().unwrap_or(Path::new(""));
        if new && let Some(directory) = path.parent() {
            owner_only::make_directory(directory)?;
        }
        let file = Arc::new(owner_only::options().append(true).create_new(new).open(path)?);
        // A line is deleted from the journal when the file is on the disk: so must be the file's name by then.
        if new && let Some(directory) = path.parent() {
            let here = directory.as_os_str().is_empty();
            File::open(if here { Path::new(".") } else { directory })?.sync_all()?;
        }
        self.file = Some(file.clone());
        Ok(file)
    }
}

/// Whether these lines stand in a text one after another, not as the end of a longer one.
fn has_lines(text: &[u8], lines: &[u8]) -> bool {
    let begins = |at: usize| at == 0 || text[at - 1] == b'\n';
    lines.is_empty() || text.windows(lines.len()).enumerate().any(|(at, part)| part == lines && begins(at))
}

fn length(lines: &[Vec<u8>]) -> u64 {
    lines.iter().map(|lines| lines.len() as u64).sum()
}

fn continued(crc: u32, bytes: u64, more: &[u8]) -> u32 {
    let mut hasher = Hasher::new_with_initial_len(crc, bytes);
    hasher.update(more);
    hasher.finalize()
}
