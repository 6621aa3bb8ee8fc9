//! What the changed-only index does in a second, how long it keeps a lane waiting, and what room it takes. `cargo xtask bench index` calls it.

use std::collections::VecDeque;
use std::error::Error;
use std::io::Write as _;
use std::ops::Range;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use contact_sink_core::{ContactUpdate, Field, Subject, UserId};
use contact_sink_journal::{FoundAhead, Index, IndexOptions, Key};

/// One request, and as many updates as a lane holds.
const BATCH: usize = 100;
const LANE: usize = 5_000;

/// So many are looked up together, ahead of the lane.
const AHEAD: usize = 256;

/// Coprime to every number of subjects that ends in zeros: it scatters them.
const SCATTER: u64 = 7_368_787;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [subjects, directory] = arguments.as_slice() else {
        // Also what `cargo test` runs of it: nothing.
        eprintln!("usage: index SUBJECTS DIRECTORY");
        return Ok(());
    };
    let figures = measure(subjects.parse()?, Path::new(directory))?;
    let figures: Vec<String> = figures.iter().map(|(name, figure)| format!("{name:?}: {figure}")).collect();
    println!("{{{}}}", figures.join(", "));
    Ok(())
}

fn measure(subjects: u64, directory: &Path) -> Outcome<Vec<(&'static str, f64)>> {
    let path = directory.join("bench.index.sqlite");
    let open = || -> Outcome<Index> {
        Ok(Index::open(&path, &Key::load_or_create(&directory.join("key"))?, IndexOptions::default())?)
    };
    let fields = [Field::new("210/默认联系")?, Field::new("219/默认联系")?];
    let (few, now) = (subjects / 100, SystemTime::now());
    let scattered = |row: u64| row * SCATTER % subjects;
    let mut figures = Vec::new();

    let mut index = open()?;
    let mut pace = Pace::begin("accept all");
    for row in 0..subjects {
        let update = update(&fields, row, 0)?;
        pace.time(|| index.remember(&update, now))?;
    }
    pace.time(|| index.flush())?;
    figures.push(("accepted", pace.per_second(subjects)));
    figures.push(("accepted_longest_ms", pace.longest_ms()));
    drop(index);
    figures.push(("bytes", std::fs::metadata(&path)?.len() as f64));

    let mut index = open()?;
    let mut pace = Pace::begin("look up all");
    figures.push(("lost", subjects as f64 - pace.look_up(&mut index, 0..subjects, |row| update(&fields, row, 0))?));
    figures.push(("looked_up", pace.per_second(subjects)));

    let mut pace = Pace::begin("look up all, ahead of the lane");
    figures
        .push(("lost_ahead", subjects as f64 - pace.look_ahead(&index, 0..subjects, |row| update(&fields, row, 0))?));
    figures.push(("looked_up_ahead", pace.per_second(subjects)));

    let mut pace = Pace::begin("look up some ahead, scattered");
    pace.look_ahead(&index, 0..subjects / 10, |row| update(&fields, scattered(row), 0))?;
    figures.push(("looked_up_ahead_scattered", pace.per_second(subjects / 10)));

    let mut pace = Pace::begin("look up some that are not there");
    let unknown = pace.look_up(&mut index, 0..subjects / 10, |row| update(&fields, subjects + row, 0))?;
    figures.push(("invented", unknown));
    figures.push(("looked_up_unknown", pace.per_second(subjects / 10)));

    let mut pace = Pace::begin("look up some, scattered");
    pace.look_up(&mut index, 0..subjects / 10, |row| update(&fields, scattered(row), 0))?;
    figures.push(("looked_up_scattered", pace.per_second(subjects / 10)));

    let mut pace = Pace::begin("change some");
    pace.change(&mut index, (0..subjects / 10).map(|row| update(&fields, row, 1)))?;
    figures.push(("changed", pace.per_second(subjects / 10)));
    figures.push(("changed_longest_ms", pace.longest_ms()));

    let mut pace = Pace::begin("change few, scattered");
    pace.change(&mut index, (0..few).map(|row| update(&fields, scattered(row), 2)))?;
    figures.push(("changed_scattered", pace.per_second(few)));
    figures.push(("changed_scattered_longest_ms", pace.longest_ms()));
    drop(index);
    let mut index = open()?;
    let current = pace.look_up(&mut index, 0..few, |row| update(&fields, scattered(row), 2))?;
    figures.push(("changes_lost", few as f64 - current));

    let mut pace = Pace::begin("remove some");
    let mut batch = Vec::with_capacity(BATCH);
    for row in subjects / 2..subjects / 2 + few {
        batch.push(update(&fields, row, 3)?);
        if batch.len() == BATCH {
            pace.time(|| index.forget(&batch))?;
            batch.clear();
        }
    }
    figures.push(("removed", pace.per_second(few)));
    drop(index);
    std::fs::remove_file(path)?;
    figures.extend(peak().map(|peak| ("peak_bytes", peak)));
    Ok(figures)
}

fn update([mobile, email]: &[Field; 2], row: u64, version: u64) -> Outcome<ContactUpdate> {
    let subject = Subject::User(UserId::new(format!("{}", 1_000_000_000 + row))?);
    let update = ContactUpdate::new(subject).with(mobile.clone(), format!("138{:08}", row + version))?;
    Ok(update.with(email.clone(), format!("user-{row}@mail.example"))?)
}

/// The time that the index took, without that of making updates.
struct Pace {
    took: Duration,
    longest: Duration,
}

impl Pace {
    fn begin(what: &str) -> Self {
        let mut stderr = std::io::stderr();
        // Whoever waits for minutes wants to see that it goes on.
        let _ = writeln!(stderr, "{what}");
        Self { took: Duration::ZERO, longest: Duration::ZERO }
    }

    fn time<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let done = work();
        let took = start.elapsed();
        self.took += took;
        self.longest = self.longest.max(took);
        done
    }

    /// How many of them the index has.
    fn look_up(
        &mut self,
        index: &mut Index,
        rows: Range<u64>,
        update: impl Fn(u64) -> Outcome<ContactUpdate>,
    ) -> Outcome<f64> {
        let (mut found, now) = (0.0, SystemTime::now());
        for row in rows {
            let update = update(row)?;
            if self.time(|| index.has(&update, now))? {
                found += 1.0;
            }
        }
        Ok(found)
    }

    /// How many of them the index has, many looked up together.
    fn look_ahead(
        &mut self,
        index: &Index,
        rows: Range<u64>,
        update: impl Fn(u64) -> Outcome<ContactUpdate>,
    ) -> Outcome<f64> {
        let (mut found, now, mut ahead) = (0.0, SystemTime::now(), index.look_ahead()?);
        for first in rows.clone().step_by(AHEAD) {
            let updates = (first..rows.end.min(first + AHEAD as u64)).map(&update).collect::<Outcome<Vec<_>>>()?;
            let looked_up = self.time(|| ahead.find(&updates, now))?;
            let is_there = |looked_up: &&FoundAhead| self.time(|| index.still_has(looked_up, now));
            found += looked_up.iter().flatten().filter(is_there).count() as f64;
        }
        Ok(found)
    }

    /// As a lane does it: each is looked up when it enters, and forgotten when it leaves with others; and it is accepted.
    fn change(&mut self, index: &mut Index, mut rows: impl Iterator<Item = Outcome<ContactUpdate>>) -> Outcome<()> {
        let (mut lane, now) = (VecDeque::new(), SystemTime::now());
        loop {
            while lane.len() < LANE {
                let Some(update) = rows.next().transpose()? else { break };
                if !self.time(|| index.has(&update, now))? {
                    lane.push_back(update);
                }
            }
            let batch: Vec<ContactUpdate> = lane.drain(..lane.len().min(BATCH)).collect();
            if batch.is_empty() {
                break;
            }
            self.time(|| index.forget(&batch))?;
            for update in &batch {
                self.time(|| index.remember(update, now))?;
            }
        }
        Ok(self.time(|| index.flush())?)
    }

    fn per_second(&self, times: u64) -> f64 {
        (times as f64 / self.took.as_secs_f64()).round()
    }

    fn longest_ms(&self) -> f64 {
        self.longest.as_secs_f64() * 1e3
    }
}

/// The most memory that this process held, where the system tells.
fn peak() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok()? * 1024.0)
}
