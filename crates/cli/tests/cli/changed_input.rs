//! An input that is changed during the run: no user ever has another user's value, and exit 0 means that every row was settled.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use crate::support::{Place, Ran, wait_until, world};

/// 26 MB: more than is read ahead.
const ROWS: i64 = 13_000;
const PAD: usize = 2_000;
const RUNS: u64 = 50;

/// What happens to the file.
#[derive(Debug, Clone, Copy)]
enum Change {
    /// Other rows in place, from a random byte on.
    Rewritten,
    Truncated,
    Appended,
    /// Another file under its name.
    Renamed,
    Deleted,
    Touched,
}

const CHANGES: [Change; 6] =
    [Change::Rewritten, Change::Truncated, Change::Appended, Change::Renamed, Change::Deleted, Change::Touched];

/// The header, and where each row begins and its text. Each value says whose it is; `b` for the rows of the other content, which
/// are longer by a byte, so that old and new lines begin at other bytes.
fn content(version: char) -> (String, Vec<usize>) {
    let pad = "x".repeat(if version == 'a' { PAD } else { PAD + 1 });
    let mut text = String::from("cuid,mobile,email,registration_id,pad\n");
    let mut starts = Vec::new();
    for cuid in 1..=ROWS {
        starts.push(text.len());
        text += &format!("{cuid},,{version}{cuid}@example.com,,{pad}\n");
    }
    (text, starts)
}

/// Changes the file, from a row on where that matters. Within a row only if the check is over: a file that was cut there before is
/// what it is.
fn change(path: &Path, change: Change, row: usize, within: u64) {
    let writer = || OpenOptions::new().write(true).open(path).unwrap();
    let ((_, starts), (other, other_starts)) = (content('a'), content('b'));
    match change {
        Change::Rewritten => writer().write_all_at(&other.as_bytes()[other_starts[row]..], starts[row] as u64).unwrap(),
        Change::Truncated => writer().set_len(starts[row] as u64 + within).unwrap(),
        Change::Appended => {
            let mut file = OpenOptions::new().append(true).open(path).unwrap();
            file.write_all(b"99999,,late@example.com,,\n").unwrap();
        }
        Change::Renamed => {
            let new = path.with_extension("new");
            fs::write(&new, other).unwrap();
            fs::rename(new, path).unwrap();
        }
        Change::Deleted => fs::remove_file(path).unwrap(),
        Change::Touched => File::open(path).unwrap().set_modified(std::time::SystemTime::now()).unwrap(),
    }
}

#[test]
fn no_user_has_the_value_of_another_one() {
    let mut random = fastrand::Rng::with_seed(17);
    let (content, _) = content('a');
    let mut ends: BTreeMap<i32, u32> = BTreeMap::new();
    for run in 0..RUNS {
        let mut world = world();
        world.jiguang.quota = None;
        let place = Place::new(world);
        let config = place.config().replace("# quota = \"100/s\"", "quota = \"400/s\"");
        place.write("contact-sink.toml", config);
        place.write("input.csv", &content);
        let path = place.directory.path().join("input.csv");
        let kind = CHANGES[run as usize % CHANGES.len()];
        let (requests, row) = (random.u64(0..80), random.usize(0..ROWS as usize));
        let within = if requests == 0 { 0 } else { random.u64(0..PAD as u64) };

        let child = place.start(&["sync", "input.csv", "--to", "growth", "--report", "json"]);
        wait_until("requests", || place.sandbox.seen() >= requests);
        change(&path, kind, row, within);
        let ran = Ran::of(child.wait_with_output().unwrap());

        let jiguang = place.sandbox.jiguang();
        let users = jiguang.cuids();
        for cuid in &users {
            let stored = jiguang.stored(*cuid).unwrap();
            let values: Vec<&String> = stored.values().collect();
            let own = [format!("a{cuid}@example.com"), format!("b{cuid}@example.com")];
            assert!(values.len() == 1 && own.contains(values[0]), "run {run}, {kind:?}: user {cuid} has {values:?}");
        }
        *ends.entry(ran.status).or_default() += 1;
        match ran.status {
            0 => {
                assert_eq!(ran.count("accepted"), users.len() as u64, "run {run}, {kind:?}");
                // What was cut off before the check is no part of the file.
                let kept = if requests == 0 && matches!(kind, Change::Truncated) { row } else { usize::MAX };
                let whole = users.len() as i64 == ROWS || users.len() == kept;
                assert!(whole, "run {run}, {kind:?}: exit 0, and {} users", users.len());
            }
            65 => {
                let says = ["was changed after it was checked", "it became longer or shorter while it was checked"];
                assert!(says.iter().any(|says| ran.stderr.contains(says)), "run {run}, {kind:?}: {}", ran.stderr);
                assert!(
                    matches!(kind, Change::Rewritten | Change::Truncated | Change::Appended),
                    "run {run}, {kind:?}"
                );
            }
            66 => assert!(requests == 0 && matches!(kind, Change::Deleted), "run {run}, {kind:?}: {}", ran.stderr),
            other => panic!("run {run}, {kind:?}: {other}: {}", ran.stderr),
        }
    }
    assert!(ends[&0] >= 25 && ends.get(&65).copied().unwrap_or_default() >= 5, "{ends:?}");
}
