//! What a case is made of: inputs for one destination and their rows, how the vendor is, and what happens in which order.

use contact_sink_core::Overlap;
use proptest::prelude::*;

/// So many inputs for one destination.
pub(crate) const INPUTS: usize = 3;

/// A row's field.
pub(crate) type Cell = (usize, usize);

pub(crate) const FIELDS: [&str; 2] = ["phone", "email"];

pub(crate) fn field_of(field: &str) -> usize {
    FIELDS.iter().position(|known| *known == field).unwrap()
}

/// How the vendor takes a row, whenever it is well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nature {
    Good,
    /// It breaks a rule of ours.
    Invalid,
    /// It is refused by name.
    Named,
    /// It is refused, with its whole request, and nobody is named: its first field is to blame.
    Unnamed,
    /// The same with a code that no table has.
    Unlisted,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    /// The input that it stands in.
    pub(crate) input: usize,
    pub(crate) subject: usize,
    pub(crate) fields: usize,
    pub(crate) nature: Nature,
}

/// How the vendor answers for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    Fine,
    /// So many of a hundred requests meet a fault of any kind.
    Rough(u32),
    /// No connection.
    Down,
    /// It answers nothing within half a minute, and applies or not.
    Hangs,
    Throttles,
    /// It asks for another try of rows whose number is divided by three.
    Picky,
    /// It refuses what is good.
    Refuses,
    /// It takes the credentials for wrong.
    Locked,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Step {
    /// So many rows more are read.
    Give(usize),
    /// So many milliseconds pass.
    Pass(u64),
    Is(Mood),
    Kill,
    /// The process dies at the next commit: before it, or after it and before anybody is told.
    DieAtCommit {
        committed: bool,
    },
    /// The journal fails at the next commit.
    JournalFails,
    /// The run ends in order: what is not sent stays so. Perhaps the rest of what there is to read is looked at.
    Halt {
        reads_on: bool,
    },
    /// The run is closed, and given so many milliseconds.
    Close(u64),
    /// From the next run on this input is sent.
    Choose(usize),
    /// So many rows are added to an input, which its next run finds.
    Grow(usize, usize),
}

#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) seed: u64,
    /// How many rows of each input are there when the first run begins, at most.
    pub(crate) lengths: [usize; INPUTS],
    /// The rows of all inputs, in any order; those of one input are in the order in which they stand there.
    pub(crate) rows: Vec<Row>,
    pub(crate) steps: Vec<Step>,
    pub(crate) max_updates: usize,
    pub(crate) keys: usize,
    pub(crate) overlap: Overlap,
    pub(crate) quota: Option<&'static str>,
    pub(crate) concurrency: usize,
    pub(crate) max_waiting: usize,
    pub(crate) max_attempts: u32,
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let nature = prop_oneof![
        12 => Just(Nature::Good),
        1 => Just(Nature::Invalid),
        1 => Just(Nature::Named),
        1 => Just(Nature::Unnamed),
        1 => Just(Nature::Unlisted),
    ];
    (1..8usize).prop_flat_map(move |subjects| {
        let input = prop_oneof![3 => Just(0), 1 => Just(1), 1 => Just(2)];
        let row = (input, 0..subjects, 1..3usize, nature.clone());
        let row = row.prop_map(|(input, subject, fields, nature)| Row { input, subject, fields, nature });
        prop::collection::vec(row, 1..60)
    })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let mood = prop_oneof![
        3 => Just(Mood::Fine),
        4 => (10..90u32).prop_map(Mood::Rough),
        1 => Just(Mood::Down),
        2 => Just(Mood::Hangs),
        1 => Just(Mood::Throttles),
        2 => Just(Mood::Picky),
        1 => Just(Mood::Refuses),
        1 => Just(Mood::Locked),
    ];
    let pass = prop_oneof![4 => 0..60u64, 3 => 60..2_000u64, 1 => 2_000..60_000u64];
    let step = prop_oneof![
        6 => (1..12usize).prop_map(Step::Give),
        6 => pass.prop_map(Step::Pass),
        3 => mood.prop_map(Step::Is),
        2 => Just(Step::Kill),
        1 => any::<bool>().prop_map(|committed| Step::DieAtCommit { committed }),
        1 => Just(Step::JournalFails),
        2 => any::<bool>().prop_map(|reads_on| Step::Halt { reads_on }),
        2 => prop_oneof![0..60u64, 60..3_000u64].prop_map(Step::Close),
        3 => (0..INPUTS).prop_map(Step::Choose),
        1 => (0..INPUTS, 1..6usize).prop_map(|(input, rows)| Step::Grow(input, rows)),
    ];
    prop::collection::vec(step, 0..50)
}

pub(crate) fn cases() -> impl Strategy<Value = Case> {
    let vendor = (
        1..6usize,
        1..3usize,
        prop_oneof![Just(Overlap::Free), Just(Overlap::OnePerKey)],
        prop_oneof![Just(None), Just(Some("50/s"))],
    );
    let options = (1..6usize, 2..30usize, 2..9u32);
    let length = || prop_oneof![1 => 0..60usize, 1 => Just(60)];
    let lengths = [length(), length(), length()];
    (any::<u64>(), lengths, rows(), steps(), vendor, options).prop_map(
        |(seed, lengths, rows, steps, vendor, options)| {
            let (max_updates, keys, overlap, quota) = vendor;
            let (concurrency, max_waiting, max_attempts) = options;
            Case {
                seed,
                lengths,
                rows,
                steps,
                max_updates,
                keys,
                overlap,
                quota,
                concurrency,
                max_waiting,
                max_attempts,
            }
        },
    )
}

impl Case {
    /// The rows of an input.
    pub(crate) fn rows_of(&self, input: usize) -> Vec<usize> {
        (0..self.rows.len()).filter(|row| self.rows[*row].input == input).collect()
    }
}
