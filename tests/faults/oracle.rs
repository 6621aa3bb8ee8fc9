//! What must hold after a run and after the last one: input, report and files of rejected rows against the simulator.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::input::{Fate, Row};
use crate::run::{JOURNAL, Place, Run};
use crate::seen::{Request, Seen};
use crate::vendor::{MARK, MARKED_NUMBER, Subject};

/// How many requests a lane has in flight at most.
pub const IN_FLIGHT: u64 = 32;

/// How the last run of a scenario came about.
pub struct Before<'a> {
    /// How many runs there were before.
    pub runs: u64,
    /// After how many of them it was not written down what had been in flight: it was killed, or could not write.
    pub cuts: u64,
    /// The files of rejected rows that they left.
    pub files: usize,
    pub quota: u64,
    pub seen: &'a Seen,
}

/// After a run that may have left rows pending.
pub fn check_run(place: &Place, run: &Run, before: &Before<'_>) {
    check_silence(place, run);
    let report = run.report(place.vendor);
    let rows = place.input.rows.len() as u64;
    assert_eq!(report.rows, rows, "every row is counted: {report:?}");
    assert_eq!((report.skipped, report.unchanged), (0, 0), "{report:?}");
    let letters = place.letters();
    let new = letters.get(if JOURNAL { 0 } else { before.files }..).unwrap_or_default();
    let mut lines = BTreeSet::new();
    for letter in new.iter().flatten() {
        let (line, fate) = (letter.line, place.input.row(letter.line).unwrap().fate);
        assert!(lines.insert(line), "line {line} is rejected twice");
        let right = match fate {
            Fate::Good => panic!("line {line} is good and rejected: {} {}", letter.code, letter.reason),
            Fate::Broken => letter.code.is_empty(),
            Fate::Unknown => !letter.code.is_empty() && letter.field == "id",
            Fate::BadField => !letter.code.is_empty() && letter.field == "mobile",
        };
        assert!(
            right,
            "line {line}: {fate:?} is rejected for {} by {:?}: {}",
            letter.field, letter.code, letter.reason
        );
    }
    // Where a file cannot be written the journal has the rest, and the run says so.
    let is_cut = run.stderr.contains("what it lacks is written by the next run");
    let stands = lines.len() as u64;
    assert!(
        report.rejected == stands || is_cut && report.rejected > stands,
        "{} rows are reported as rejected, and {stands} stand in the file: {}",
        report.rejected,
        run.stderr
    );
    // Nothing is accepted that no request took.
    let taken = before.seen.taken(|_| true);
    let versions = versions(place);
    let at_most: u64 =
        versions.iter().map(|(of, (rows, _))| (rows.len() as u64).min(*taken.get(of).unwrap_or(&0))).sum();
    assert!(report.accepted <= at_most, "{} rows are accepted, and {at_most} were taken", report.accepted);
    check_stored(place, before.seen, &versions);
    check_pace(before);
    let expected = match (report.pending, report.rejected) {
        (1.., _) => &[3, 75][..],
        (0, 1..) => &[2],
        (0, 0) => &[0],
    };
    let status = run.status.expect("it was not killed");
    assert!(expected.contains(&status), "ended with {status}: {report:?}: {}", run.stderr);
}

/// Each value that is stored is one that the file has for that user, whole; nothing is stored of a row that is refused.
fn check_stored(place: &Place, seen: &Seen, versions: &Versions<'_>) {
    for (subject, (rows, fate)) in versions {
        let stored = seen.stored(place.vendor, subject);
        let known = rows.iter().any(|row| stored == values(place, row));
        match fate {
            Fate::Good => assert!(known || stored.is_empty(), "line {}: another value is stored", rows[0].line),
            Fate::BadField => {
                let whole = rows.iter().any(|row| {
                    values(place, row).iter().all(|(at, value)| stored.get(at).is_none_or(|stored| stored == value))
                });
                assert!(whole && stored.len() <= 2, "line {}: another value is stored", rows[0].line);
            }
            Fate::Broken | Fate::Unknown => {
                assert!(stored.is_empty(), "line {}: it is refused and stored", rows[0].line)
            }
        }
    }
}

/// After the last run, which leaves nothing pending, and [`check_run`].
pub fn check_end(place: &Place, run: &Run, before: &Before<'_>) {
    let report = run.report(place.vendor);
    let good = place.input.count(Fate::Good);
    assert_eq!((report.pending, report.accepted), (0, good), "{report:?}: {}", run.stderr);
    assert_eq!(report.rejected, place.input.rows.len() as u64 - good, "{report:?}");
    let versions = versions(place);
    for (subject, (rows, fate)) in &versions {
        let last = rows.last().unwrap();
        if matches!(fate, Fate::Good | Fate::BadField) {
            let stored = before.seen.stored(place.vendor, subject);
            let version = rows.iter().position(|row| values(place, row) == stored);
            let found = version.map(|version| format!("version {version}"));
            assert!(version == Some(rows.len() - 1), "line {}: {found:?} is stored, and not the last", last.line);
        }
    }
    check_duplicates(place, &versions, before);
    for file in place.state_files() {
        let text = String::from_utf8_lossy(&file);
        check_text("the journal", &text, place);
    }
}

/// A row is applied again only where an answer was lost; a run that is cut off loses those in flight.
fn check_duplicates(place: &Place, versions: &Versions<'_>, before: &Before<'_>) {
    if before.runs > 0 && !JOURNAL {
        return;
    }
    let taken = before.seen.taken(|_| true);
    let lost = before.seen.taken(|request| request.fault.as_deref().is_some_and(|fault| fault != "delay"));
    let mut beyond = 0;
    for (subject, (rows, _)) in versions.iter().filter(|(_, (_, fate))| *fate == Fate::Good) {
        let of = |times: &BTreeMap<Subject, u64>| times.get(subject).copied().unwrap_or_default();
        let excess = of(&taken).saturating_sub(rows.len() as u64 + of(&lost));
        assert!(excess == 0 || before.cuts > 0, "line {}: applied {excess} times too often", rows[0].line);
        beyond += excess;
    }
    let bound = before.cuts * IN_FLIGHT * place.vendor.batch;
    assert!(beyond <= bound, "{beyond} rows are applied again after {} cuts, and {bound} are the most", before.cuts);
}

/// No sliding second holds more requests than the quota.
fn check_pace(before: &Before<'_>) {
    let worst = worst_second(&before.seen.requests);
    assert!(worst as u64 <= before.quota, "{worst} requests in a second, and the quota is {}", before.quota);
}

/// From the first request to the last, such a share of the quota was used at least.
pub fn check_used(seen: &Seen, quota: u64, share: f64) {
    let (first, last) = (seen.requests.first().unwrap(), seen.requests.last().unwrap());
    let seconds = (last.arrival_us - first.arrival_us) as f64 / 1e6;
    let used = (seen.requests.len() - 1) as f64 / seconds / quota as f64;
    println!("{:.2} % of the quota in {seconds:.1} s, worst second {}", used * 100.0, worst_second(&seen.requests));
    assert!(used >= share, "{used:.4} of the quota was used in {seconds:.1} s");
}

/// The most requests in any second, its end not included.
fn worst_second(requests: &[Request]) -> usize {
    let within = |(index, first): (usize, &Request)| {
        requests[index..].partition_point(|request| request.arrival_us < first.arrival_us + 1_000_000)
    };
    requests.iter().enumerate().map(within).max().unwrap_or_default()
}

/// Nothing that is printed holds a secret or a contact value.
pub fn check_silence(place: &Place, run: &Run) {
    check_text("standard output", &run.stdout, place);
    check_text("standard error", &run.stderr, place);
}

fn check_text(what: &str, text: &str, place: &Place) {
    let basic = STANDARD.encode(format!("sandbox:{}", place.secret));
    let number = MARKED_NUMBER.to_string();
    for hidden in [MARK, &number, &place.secret, &basic, "usersig"] {
        assert!(!text.contains(hidden), "{what} shows {hidden}: {text}");
    }
}

/// The rows of each user in their order, and what has to become of them.
type Versions<'a> = BTreeMap<&'a Subject, (Vec<&'a Row>, Fate)>;

fn versions(place: &Place) -> Versions<'_> {
    let mut versions = Versions::new();
    for row in &place.input.rows {
        versions.entry(&row.subject).or_insert_with(|| (Vec::new(), row.fate)).0.push(row);
    }
    versions
}

fn values(place: &Place, row: &Row) -> BTreeMap<String, String> {
    let fields = place.vendor.fields.iter().map(|field| (*field).to_owned());
    fields.zip(row.values.iter().cloned()).collect()
}
