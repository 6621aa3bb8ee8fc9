//! Lines on standard error. A thread of its own writes them: a terminal or a pipe that hangs or is gone never holds up a run.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Write as _};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use contact_sink_core::printable;
use indicatif::{MultiProgress, ProgressDrawTarget, TermLike};

use crate::time::now;

/// So many texts wait at most before the log and the progress are dropped.
const MOST_WAITING: usize = 1_000;

const IN_A_HURRY: Duration = Duration::from_secs(5);

/// Prints to standard error what `format_args!` makes, and a line break.
macro_rules! say {
    ($($part:tt)*) => {
        $crate::console::line(format_args!($($part)*))
    };
}
/// The same for a line of progress, which may be dropped.
macro_rules! show {
    ($($part:tt)*) => {
        $crate::console::progress(format_args!($($part)*))
    };
}
pub(crate) use {say, show};

/// What waits to be written.
#[derive(Default)]
struct Waiting {
    texts: VecDeque<Vec<u8>>,
    is_writing: bool,
    /// Lines of log and progress that were dropped and not told yet.
    dropped: u64,
}

static WAITING: Mutex<Waiting> = Mutex::new(Waiting { texts: VecDeque::new(), is_writing: false, dropped: 0 });
static CHANGED: Condvar = Condvar::new();
static WRITER: OnceLock<bool> = OnceLock::new();
static IS_JSON: OnceLock<()> = OnceLock::new();
static HURRIES: OnceLock<()> = OnceLock::new();
static BARS: Mutex<Option<MultiProgress>> = Mutex::new(None);

/// From now on every line is a JSON object.
pub fn speak_json() {
    let _ = IS_JSON.set(());
}

/// Whether every line is a JSON object.
pub fn is_json() -> bool {
    IS_JSON.get().is_some()
}

/// Prints one line, or several, if anybody is there to read them. It does not wait for that.
pub fn line(text: fmt::Arguments<'_>) {
    above_bars(|| push(bytes_of(&text.to_string()), false));
}

/// Prints a line that may be dropped.
pub fn progress(text: fmt::Arguments<'_>) {
    push(bytes_of(&text.to_string()), true);
}

/// A writer for whole lines of a log, which may be dropped.
pub struct Log;

impl io::Write for Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        above_bars(|| push(line.to_vec(), true));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Bars at the bottom of a terminal, below all lines.
pub fn bars() -> MultiProgress {
    let screen = Box::new(Screen(Mutex::new(Vec::new())));
    let bars = MultiProgress::with_draw_target(ProgressDrawTarget::term_like_with_hz(screen, 10));
    *BARS.lock().unwrap_or_else(PoisonError::into_inner) = Some(bars.clone());
    bars
}

/// How many columns the terminal has.
pub fn width() -> u16 {
    console::Term::stderr().size().1
}

/// The command was asked to end: from now on nothing waits long until what is printed is read.
pub fn hurry() {
    let _ = HURRIES.set(());
}

/// How long the end of the command waits until what is printed is read.
pub fn patience() -> Option<Duration> {
    HURRIES.get().map(|()| IN_A_HURRY)
}

/// Waits until all is written, at most for so long.
pub fn flush(within: Option<Duration>) {
    let until = within.map(|within| Instant::now() + within);
    let mut waiting = lock();
    while waiting.is_writing || !waiting.texts.is_empty() || waiting.dropped > 0 {
        waiting = match until.map(|until| until.saturating_duration_since(Instant::now())) {
            Some(Duration::ZERO) => return,
            Some(left) => CHANGED.wait_timeout(waiting, left).unwrap_or_else(PoisonError::into_inner).0,
            None => CHANGED.wait(waiting).unwrap_or_else(PoisonError::into_inner),
        };
    }
}

/// What a line is on standard error. What comes from outside must not speak to the terminal.
fn bytes_of(text: &str) -> Vec<u8> {
    if is_json() {
        let (level, message) = text.strip_prefix("contact-sink: ").map_or(("INFO", text), |text| ("WARN", text));
        let fields = serde_json::json!({ "message": message });
        let line =
            serde_json::json!({ "timestamp": now(), "level": level, "fields": fields, "target": "contact_sink" });
        return format!("{line}\n").into_bytes();
    }
    text.split('\n').flat_map(|line| [printable(line).into_owned(), "\n".to_owned()]).collect::<String>().into_bytes()
}

fn above_bars(print: impl FnOnce()) {
    let bars = BARS.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match bars {
        Some(bars) => bars.suspend(print),
        None => print(),
    }
}

fn push(text: Vec<u8>, may_be_dropped: bool) {
    // Without a thread the lines are written here.
    if !WRITER.get_or_init(|| std::thread::Builder::new().name("console".to_owned()).spawn(write_all).is_ok()) {
        let _ = io::stderr().write_all(&text);
        return;
    }
    let mut waiting = lock();
    if may_be_dropped && waiting.texts.len() >= MOST_WAITING {
        waiting.dropped += 1;
        return;
    }
    waiting.texts.push_back(text);
    CHANGED.notify_all();
}

fn write_all() {
    let mut waiting = lock();
    loop {
        let text = match waiting.texts.pop_front() {
            Some(text) => text,
            None if waiting.dropped > 0 => {
                let dropped = std::mem::take(&mut waiting.dropped);
                bytes_of(&format!(
                    "contact-sink: {dropped} lines of log and progress were dropped: they could not be written"
                ))
            }
            None => {
                waiting = CHANGED.wait(waiting).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
        };
        waiting.is_writing = true;
        drop(waiting);
        // The other end may be gone.
        let _ = io::stderr().write_all(&text);
        waiting = lock();
        waiting.is_writing = false;
        CHANGED.notify_all();
    }
}

fn lock() -> MutexGuard<'static, Waiting> {
    WAITING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The terminal as the bars draw on it: what is drawn may be dropped.
#[derive(Debug)]
struct Screen(Mutex<Vec<u8>>);

impl Screen {
    fn add(&self, text: fmt::Arguments<'_>) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write_fmt(text)
    }
}

impl TermLike for Screen {
    fn width(&self) -> u16 {
        width()
    }

    fn move_cursor_up(&self, lines: usize) -> io::Result<()> {
        if lines == 0 { Ok(()) } else { self.add(format_args!("\x1b[{lines}A")) }
    }

    fn move_cursor_down(&self, lines: usize) -> io::Result<()> {
        if lines == 0 { Ok(()) } else { self.add(format_args!("\x1b[{lines}B")) }
    }

    fn move_cursor_right(&self, columns: usize) -> io::Result<()> {
        if columns == 0 { Ok(()) } else { self.add(format_args!("\x1b[{columns}C")) }
    }

    fn move_cursor_left(&self, columns: usize) -> io::Result<()> {
        if columns == 0 { Ok(()) } else { self.add(format_args!("\x1b[{columns}D")) }
    }

    fn write_line(&self, line: &str) -> io::Result<()> {
        self.add(format_args!("{line}\n"))
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.add(format_args!("{text}"))
    }

    fn clear_line(&self) -> io::Result<()> {
        self.add(format_args!("\r\x1b[2K"))
    }

    fn flush(&self) -> io::Result<()> {
        let drawn = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if !drawn.is_empty() {
            push(drawn, true);
        }
        Ok(())
    }
}
