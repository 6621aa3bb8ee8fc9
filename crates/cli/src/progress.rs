//! How far a run has come: a bar on a terminal, a line every few seconds elsewhere, nothing if that was asked for.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::Instant;

use crate::console::say;
use crate::report::{Counts, grouped};

/// Between two updates of a bar.
const BAR: Duration = Duration::from_millis(200);
/// Between two plain lines.
const LINE: Duration = Duration::from_secs(5);

/// Shows how far a run has come.
pub struct Progress {
    form: Form,
    next: Instant,
}

enum Form {
    Bar(ProgressBar),
    Lines,
    Nothing,
}

impl Progress {
    /// For an input of this size, if that is known.
    pub fn new(quiet: bool, size: Option<u64>) -> Self {
        let form = if quiet {
            Form::Nothing
        } else if std::io::stderr().is_terminal() {
            Form::Bar(bar(size))
        } else {
            Form::Lines
        };
        let now = Instant::now();
        let next = now + if matches!(form, Form::Lines) { LINE } else { BAR };
        Self { form, next }
    }

    /// When it is to be shown again.
    pub fn next(&self) -> Instant {
        self.next
    }

    /// Shows it.
    pub fn show(&mut self, destination: &str, counts: &Counts, bytes: u64, waits: Option<Duration>) {
        let waits = waits.map_or(String::new(), |wait| format!(", waiting {} s to send again", wait.as_secs()));
        let text = format!(
            "{} accepted, {} rejected, {} pending{waits}",
            grouped(counts.accepted),
            grouped(counts.rejected),
            grouped(counts.pending)
        );
        match &self.form {
            Form::Bar(bar) => {
                bar.set_position(bytes);
                bar.set_message(text);
                self.next = Instant::now() + BAR;
            }
            Form::Lines => {
                say!("{destination}: {text}");
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

fn bar(size: Option<u64>) -> ProgressBar {
    let (bar, template) = match size {
        Some(size) => (ProgressBar::new(size), "{bar:30} {percent:>3}% of the file read, {msg}, {elapsed}"),
        None => (ProgressBar::new_spinner(), "{spinner} {msg}, {elapsed}"),
    };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
