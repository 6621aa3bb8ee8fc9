//! How far something has come: a bar on a terminal, a line every few seconds elsewhere, nothing if that was asked for.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tokio::time::Instant;

use crate::console::{self, show};

/// From so many columns on there is room for a bar.
const WIDE: u16 = 72;
/// Between two updates of a bar.
const BAR: Duration = Duration::from_millis(200);
/// Between two plain lines, and the time over which rates are measured.
pub const LINE: Duration = Duration::from_secs(5);

/// Where all runs of the command show how far they have come.
pub struct Screen {
    several: bool,
    bars: Option<MultiProgress>,
    quiet: bool,
}

/// Shows how far something has come.
pub struct Progress {
    name: String,
    /// `None`: on lines.
    bar: Option<ProgressBar>,
    quiet: bool,
    next: Instant,
}

impl Screen {
    /// For one run or several.
    pub fn new(quiet: bool, several: bool) -> Self {
        let has_bars = !quiet && std::io::stderr().is_terminal() && !console::is_json() && !is_dumb();
        Self { several, bars: has_bars.then(console::bars), quiet }
    }

    /// The place of the check of a file of so many bytes.
    pub fn check(&self, name: &str, bytes: u64) -> Progress {
        self.progress(name, || styled(ProgressBar::new(bytes), "{percent:>3}% of the file checked, {elapsed}"))
    }

    /// The place of one run. Of a file its rows are known.
    pub fn run(&self, destination: &str, rows: Option<u64>) -> Progress {
        self.progress(destination, || {
            // Fitted to the width: what is settled of all rows comes first, and what has no room is cut off.
            let bar = match rows {
                Some(rows) if console::width() >= WIDE => {
                    styled(ProgressBar::new(rows), "{prefix}{bar:20} {percent:>3}% {wide_msg}")
                }
                Some(rows) => styled(ProgressBar::new(rows), "{prefix}{percent:>3}% {wide_msg}"),
                None => styled(ProgressBar::new_spinner(), "{prefix}{spinner} {wide_msg}"),
            };
            bar.with_prefix(if self.several { format!("{destination}: ") } else { String::new() })
        })
    }

    fn progress(&self, name: &str, bar: impl FnOnce() -> ProgressBar) -> Progress {
        let bar = self.bars.as_ref().map(|bars| bars.add(bar()));
        let mut progress = Progress { name: name.to_owned(), bar, quiet: self.quiet, next: Instant::now() };
        progress.shown();
        progress
    }
}

impl Progress {
    /// When it is to be shown again.
    pub fn next(&self) -> Instant {
        self.next
    }

    /// Shows it: in short beside a bar, or on a line.
    pub fn show(&mut self, done: u64, short: String, line: &str) {
        match &self.bar {
            Some(bar) => {
                bar.set_position(done);
                bar.set_message(short);
            }
            None if self.quiet => {}
            None => show!("{}: {line}", self.name),
        }
        self.shown();
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn shown(&mut self) {
        self.next = Instant::now() + if self.bar.is_some() { BAR } else { LINE };
    }
}

/// A terminal that cannot move its cursor.
fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

fn styled(bar: ProgressBar, template: &str) -> ProgressBar {
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
