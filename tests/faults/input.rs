//! The input of a scenario: rows of which it is known what has to become of each.

use std::path::Path;

use crate::vendor::{Broken, Subject, Vendor};

/// All rows, in the order of the file.
pub struct Input {
    pub rows: Vec<Row>,
    /// The names of the columns.
    pub columns: String,
}

/// One row.
pub struct Row {
    /// The line of the file that it stands on.
    pub line: u64,
    pub subject: Subject,
    pub values: [String; 2],
    pub fate: Fate,
    cells: String,
}

/// Of so many users one is refused for each reason.
pub const REFUSED_OF: u64 = 149;

/// What has to become of a row, whatever the network does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is accepted.
    Good,
    /// It is refused before it is sent: a rule.
    Broken,
    /// The vendor does not know the user.
    Unknown,
    /// The vendor refuses one field, and takes two.
    BadField,
}

impl Input {
    /// So many users, each with so many versions, one version of all users after the other. With bad rows, some one per cent of
    /// the users has something wrong with each of its rows.
    pub fn new(vendor: &Vendor, users: u32, versions: u32, bad: bool) -> Self {
        let mut rows = Vec::new();
        for version in 0..versions {
            for user in 0..users {
                let fate = fate(vendor, user, bad);
                let (subject, mut values) = (vendor.subject(user), vendor.values(user, version));
                let mut id = subject.id.clone();
                match (fate, &vendor.broken) {
                    (Fate::Broken, Broken::Id) => id.push('x'),
                    (Fate::Broken, Broken::Value) => values[0] = values[0].repeat(10),
                    _ => {}
                }
                let owner = subject.owner.iter().map(|owner| format!("{owner},")).collect::<String>();
                let mobile = match fate {
                    // 11 digits that are no mobile number: that is the vendor's to say.
                    Fate::BadField => format!(",1000{user:07}"),
                    _ if vendor.has_bad_fields => ",".to_owned(),
                    _ => String::new(),
                };
                let cells = format!("{owner}{id},{},{}{mobile}", values[0], values[1]);
                rows.push(Row { line: rows.len() as u64 + 2, subject, values, fate, cells });
            }
        }
        Self { rows, columns: vendor.columns.to_owned() }
    }

    /// So many users in rows of some three kilobytes. Two of three rows break a rule: their file becomes longer than any file of
    /// the journal.
    pub fn wide(vendor: &Vendor, users: u32) -> Self {
        let mut input = Self::new(vendor, users, 1, false);
        for (user, row) in input.rows.iter_mut().enumerate().filter(|(user, _)| user % 3 != 0) {
            row.fate = Fate::Broken;
            row.cells = row.cells.replacen(&row.subject.id, &format!("{}x{user}", row.subject.id), 1);
        }
        for row in &mut input.rows {
            row.cells += &format!(",{}", "w".repeat(3_000));
        }
        input.columns += ",wide";
        input
    }

    /// Writes it.
    pub fn write(&self, path: &Path) {
        let lines = self.rows.iter().map(|row| row.cells.as_str());
        let text: String = [self.columns.as_str()].into_iter().chain(lines).map(|line| format!("{line}\n")).collect();
        std::fs::write(path, text).unwrap();
    }

    /// The row on this line.
    pub fn row(&self, line: u64) -> Option<&Row> {
        self.rows.get(usize::try_from(line.checked_sub(2)?).ok()?)
    }

    /// How many rows have this fate.
    pub fn count(&self, fate: Fate) -> u64 {
        self.rows.iter().filter(|row| row.fate == fate).count() as u64
    }

    /// The users that the vendor must not know.
    pub fn unknown(&self) -> Vec<Subject> {
        let mut unknown: Vec<Subject> =
            self.rows.iter().filter(|row| row.fate == Fate::Unknown).map(|row| row.subject.clone()).collect();
        unknown.sort();
        unknown.dedup();
        unknown
    }

    /// The cells of a row as they stand in the file.
    pub fn cells(row: &Row) -> &str {
        &row.cells
    }
}

fn fate(vendor: &Vendor, user: u32, bad: bool) -> Fate {
    // The last users are good: what looks like a refusal of all is one only until one is accepted after it.
    match u64::from(user) % REFUSED_OF {
        _ if !bad => Fate::Good,
        37 => Fate::Broken,
        71 => Fate::Unknown,
        113 if vendor.has_bad_fields => Fate::BadField,
        _ => Fate::Good,
    }
}
