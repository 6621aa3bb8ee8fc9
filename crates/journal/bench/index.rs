//! What the changed-only index does in a second, how long it keeps a lane waiting, and what room it takes. `cargo xtask bench index` calls it.

use std::error::Error;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use contact_sink_core::{Address, ContactUpdate, Subject, UserId};
use contact_sink_journal::{Index, IndexOptions, Key};

/// One request, and as many updates as a lane holds.
const BATCH: usize = 100;
const LANE: usize = 5_000;

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
    let (subjects, directory) = (subjects.parse()?, Path::new(directory));
    let mut figures = Vec::new();
    figures.push(("hashed", hashed(directory)?));
    measure(directory, "sorted", subjects, |nth| nth, &mut figures)?;
    measure(directory, "scattered", subjects, |nth| nth * SCATTER % subjects, &mut figures)?;
    if let Some(peak) = peak() {
        figures.push(("peak_bytes", peak));
    }
    let figures: Vec<String> = figures.iter().map(|(name, figure)| format!("{name:?}: {figure}")).collect();
    println!("{{{}}}", figures.join(", "));
    Ok(())
}

type Figures = Vec<(&'static str, f64)>;

/// All with one order of the subjects in the file: by their ids, or scattered all over.
fn measure(
    directory: &Path,
    order: &'static str,
    subjects: u64,
    nth: impl Fn(u64) -> u64,
    figures: &mut Figures,
) -> Outcome<()> {
    let sorted = order == "sorted";
    let mut add = |names: [&'static str; 2], figure: f64| figures.push((names[usize::from(!sorted)], figure));
    let path = directory.join(format!("{order}.index.sqlite"));
    let mut index = Index::open(&path, &Key::load_or_create(&directory.join("key"))?, IndexOptions::default())?;
    let now = SystemTime::now();
    let fields = fields()?;

    let mut pace = Pace::begin(order, "insert");
    for row in 0..subjects {
        let update = update(&fields, nth(row), 0)?;
        pace.time(|| index.remember(&update, now))?;
    }
    pace.time(|| index.flush())?;
    add(["sorted_inserts", "scattered_inserts"], pace.per_second(subjects));
    add(["sorted_insert_longest_ms", "scattered_insert_longest_ms"], pace.longest_ms());
    drop(index);
    add(["sorted_bytes", "scattered_bytes"], std::fs::metadata(&path)?.len() as f64);

    let mut index = Index::open(&path, &Key::load_or_create(&directory.join("key"))?, IndexOptions::default())?;
    let mut pace = Pace::begin(order, "look up");
    let mut found = 0;
    for row in 0..subjects {
        let update = update(&fields, nth(row), 0)?;
        found += u64::from(pace.time(|| index.has(&update, now))?);
    }
    add(["sorted_lookups", "scattered_lookups"], pace.per_second(subjects));
    add(["sorted_lost", "scattered_lost"], (subjects - found) as f64);

    let mut pace = Pace::begin(order, "look up unknown");
    let mut found = 0;
    for row in 0..subjects / 10 {
        let update = update(&fields, subjects + nth(row), 0)?;
        found += u64::from(pace.time(|| index.has(&update, now))?);
    }
    add(["sorted_unknown_lookups", "scattered_unknown_lookups"], pace.per_second(subjects / 10));
    add(["sorted_invented", "scattered_invented"], found as f64);

    // One row in ten has changed: the others are looked up, and these leave and are accepted.
    let mut pace = Pace::begin(order, "change");
    let mut lane: Vec<ContactUpdate> = Vec::new();
    let mut changed = 0;
    let mut rows = (0..subjects).map(|row| update(&fields, nth(row), u64::from(row % 10 == 0)));
    loop {
        while lane.len() < LANE {
            let Some(update) = rows.next().transpose()? else { break };
            if !pace.time(|| index.has(&update, now))? {
                lane.push(update);
            }
        }
        if lane.is_empty() {
            break;
        }
        let batch: Vec<ContactUpdate> = lane.drain(..lane.len().min(BATCH)).collect();
        pace.time(|| index.forget(&batch))?;
        for update in &batch {
            pace.time(|| index.remember(update, now))?;
            changed += 1;
        }
    }
    pace.time(|| index.flush())?;
    add(["sorted_changes", "scattered_changes"], pace.per_second(subjects));
    add(["sorted_change_longest_ms", "scattered_change_longest_ms"], pace.longest_ms());
    add(["sorted_missed", "scattered_missed"], (subjects.div_ceil(10) - changed) as f64);
    drop(index);
    std::fs::remove_file(path)?;
    Ok(())
}

/// Two hashes of a subject and one of each of its two values: how many updates a second.
fn hashed(directory: &Path) -> Outcome<f64> {
    let path = directory.join("empty.index.sqlite");
    let mut index = Index::open(&path, &Key::load_or_create(&directory.join("key"))?, IndexOptions::default())?;
    let update = update(&fields()?, 7, 0)?;
    let mut pace = Pace::begin("", "hash");
    const TIMES: u64 = 200_000;
    for _ in 0..TIMES {
        pace.time(|| index.has(&update, SystemTime::UNIX_EPOCH))?;
    }
    Ok(pace.per_second(TIMES))
}

fn fields() -> Outcome<[Address; 2]> {
    Ok([Address::new("210/默认联系")?, Address::new("219/默认联系")?])
}

fn update([mobile, email]: &[Address; 2], row: u64, version: u64) -> Outcome<ContactUpdate> {
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
    fn begin(order: &str, what: &str) -> Self {
        let mut stderr = std::io::stderr();
        // Whoever waits for minutes wants to see that it goes on.
        let _ = writeln!(stderr, "{order} {what}");
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
