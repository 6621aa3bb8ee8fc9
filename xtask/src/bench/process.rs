//! A child process that never outlives the bench, however that ends.

use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::shell;

/// How often a running child is looked at.
const POLL: Duration = Duration::from_millis(2);
/// After so many looks its memory and its processor time are read, which costs the machine more than a look.
const READ_EVERY: u32 = 10;

/// The unit of processor times in `/proc`, the same on every Linux that Rust is built for by default.
const TICK: Duration = Duration::from_millis(10);

/// A child that is ended, by its handle, when this is dropped.
pub(super) struct Process {
    child: Child,
    words: String,
}

/// How a child came to its end.
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    pub(super) cost: Cost,
}

/// What a child took.
#[derive(Clone, Copy)]
pub(super) struct Cost {
    /// From when it was waited for.
    pub(super) took: Duration,
    /// The most memory that it held, where the system tells.
    pub(super) peak_bytes: Option<u64>,
    /// The processor time of all its threads, likewise.
    pub(super) cpu: Option<Duration>,
}

impl Process {
    pub(super) fn start(command: &mut Command) -> Result<Self> {
        let words = shell::words(command);
        Ok(Self { child: command.spawn().with_context(|| words.clone())?, words })
    }

    pub(super) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// The processor time of all its threads until now, to a hundredth of a second: `utime` and `stime` of Linux.
    pub(super) fn cpu(&self) -> Option<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).ok()?;
        // The command's name stands in brackets and may have any character in it; the state follows.
        let (_, fields) = stat.rsplit_once(')')?;
        let ticks: Option<u64> =
            fields.split_ascii_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().ok()).sum();
        Some(TICK * u32::try_from(ticks?).ok()?)
    }

    /// Waits until it ends by itself, and ends it if that takes longer than this.
    pub(super) fn wait(mut self, within: Duration) -> Result<Ended> {
        let start = Instant::now();
        let (mut peak_bytes, mut cpu, mut looks) = (None, None, 0_u32);
        loop {
            // Neither ever falls: the last reading before the end is the figure, but for the last moments.
            if looks.is_multiple_of(READ_EVERY) {
                peak_bytes = peak(self.child.id()).or(peak_bytes);
                cpu = self.cpu().or(cpu);
            }
            looks = looks.wrapping_add(1);
            if let Some(status) = self.child.try_wait().with_context(|| self.words.clone())? {
                return Ok(Ended { status, cost: Cost { took: start.elapsed(), peak_bytes, cpu } });
            }
            if start.elapsed() > within {
                bail!("{} had not ended after {} s", self.words, within.as_secs());
            }
            std::thread::sleep(POLL);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The peak of a process's resident memory: `VmHWM` of Linux.
fn peak(id: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}
