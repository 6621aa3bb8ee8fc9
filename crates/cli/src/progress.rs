//! How far the runs have come: a bar for each on a terminal, a line every few seconds elsewhere, nothing if that was asked for.

mod pace;

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tokio::time::Instant;

use crate::console::{self, show};
pub use pace::{Frame, Sample};

use pace::Pace;

/// From so many columns on there is room for a bar.
const WIDE: u16 = 72;
/// Between two updates of a bar.
const BAR: Duration = Duration::from_millis(200);
/// Between two plain lines, and the time over which rates are measured.
const LINE: Duration = Duration::from_secs(5);

/// Where all runs of the command show how far they have come.
pub struct Screen {
    several: bool,
    kind: Kind,
}

enum Kind {
    Bars(MultiProgress),
    Lines,
    Nothing,
}

/// Shows how far one run has come.
pub struct Progress {
    destination: String,
    form: Form,
    pace: Pace,
    next: Instant,
}

enum Form {
    Bar(ProgressBar),
    Lines,
    Nothing,
}

impl Screen {
    /// For one run or several.
    pub fn new(quiet: bool, several: bool) -> Self {
        let kind = if quiet {
            Kind::Nothing
        } else if std::io::stderr().is_terminal() && !console::is_json() && !is_dumb() {
            Kind::Bars(console::bars())
        } else {
            Kind::Lines
        };
        Self { several, kind }
    }

    /// The place of the check of a file of so many bytes.
    pub fn check(&self, name: &str, bytes: u64) -> CheckProgress {
        let now = Instant::now();
        let (form, next) = match &self.kind {
            Kind::Bars(bars) => {
                let template = "{percent:>3}% of the file checked, {elapsed}";
                let bar = bars.add(ProgressBar::new(bytes));
                let style = ProgressStyle::with_template(template);
                (Form::Bar(style.map_or(bar.clone(), |style| bar.with_style(style))), now + BAR)
            }
            Kind::Lines => (Form::Lines, now + LINE),
            Kind::Nothing => (Form::Nothing, now + LINE),
        };
        CheckProgress { name: name.to_owned(), bytes, form, next }
    }

    /// The place of one run.
    pub fn progress(&self, destination: &str, frame: Frame) -> Progress {
        let now = Instant::now();
        let (form, next) = match &self.kind {
            Kind::Bars(bars) => {
                let name = if self.several { format!("{destination}: ") } else { String::new() };
                (Form::Bar(bars.add(bar(name, frame.rows))), now + BAR)
            }
            Kind::Lines => (Form::Lines, now + LINE),
            Kind::Nothing => (Form::Nothing, now + BAR),
        };
        Progress { destination: destination.to_owned(), form, pace: Pace::new(frame, now), next }
    }
}

/// Shows how much of a file has been checked.
pub struct CheckProgress {
    name: String,
    bytes: u64,
    form: Form,
    next: Instant,
}

impl CheckProgress {
    /// When it is to be shown again.
    pub fn next(&self) -> Instant {
        self.next
    }

    /// Shows it.
    pub fn show(&mut self, done: u64) {
        match &self.form {
            Form::Bar(bar) => {
                bar.set_position(done);
                self.next = Instant::now() + BAR;
            }
            Form::Lines => {
                let percent = u128::from(done) * 100 / u128::from(self.bytes.max(1));
                show!("{}: {percent}% checked", self.name);
                self.next = Instant::now() + LINE;
            }
            Form::Nothing => self.next = Instant::now() + LINE,
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        if let Form::Bar(bar) = &self.form {
            bar.finish_and_clear();
        }
    }
}

impl Progress {
    /// When it is to be shown again.
    pub fn next(&self) -> Instant {
        self.next
    }

    /// Shows it.
    pub fn show(&mut self, sample: Sample) {
        let now = Instant::now();
        let line = self.pace.take(sample, LINE, now);
        match &self.form {
            Form::Bar(bar) => {
                bar.set_position(sample.done());
                bar.set_message(line.short());
                self.next = now + BAR;
            }
            Form::Lines => {
                show!("{}: {line}", self.destination);
                self.next = now + LINE;
            }
            Form::Nothing => self.next = now + LINE,
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        if let Form::Bar(bar) = &self.form {
            bar.finish_and_clear();
        }
    }
}

/// A terminal that cannot move its cursor.
fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

fn bar(name: String, rows: Option<u64>) -> ProgressBar {
    // Fitted to the width: what is settled of all rows comes first, and what has no room is cut off.
    let (bar, template) = match rows {
        Some(rows) if console::width() >= WIDE => (ProgressBar::new(rows), "{prefix}{bar:20} {percent:>3}% {wide_msg}"),
        Some(rows) => (ProgressBar::new(rows), "{prefix}{percent:>3}% {wide_msg}"),
        None => (ProgressBar::new_spinner(), "{prefix}{spinner} {wide_msg}"),
    };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style).with_prefix(name),
        Err(_) => bar,
    }
}
