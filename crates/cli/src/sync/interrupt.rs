//! What ends the command before its input: a signal or a time limit, told to all destinations alike.

mod limit;

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::OnceLock;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

pub use limit::{StopAt, TimeLimit, parse_duration};

use crate::console::{self, say};
use crate::exit_status::Status;

/// How much longer than for one exchange an interrupted run waits for what is in flight, whatever a transport does.
pub const SETTLE_GRACE: Duration = Duration::from_secs(1);

/// What was ignored when the command began.
static IGNORED: OnceLock<u64> = OnceLock::new();

/// How long the last line of a command is given.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// Why the run is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Ctrl-C, or the system asks for it (SIGTERM).
    Signal,
    /// The time is up that the user gave it.
    TimeIsUp(TimeLimit),
}

/// Whether the run is to end. Clones are told the same reason.
#[derive(Debug, Clone)]
pub struct Interrupt(watch::Receiver<Option<Why>>);

impl Interrupt {
    /// Listens for signals from now on, and waits for the limit: what comes first is told, and a signal after another one ends
    /// the command at once.
    pub fn listen(limit: Option<TimeLimit>) -> Self {
        let (to, told) = watch::channel(None);
        let mut signals = Signals::listen();
        tokio::spawn(async move {
            let why = tokio::select! {
                () = signals.next() => Why::Signal,
                limit = limit::passed(limit) => Why::TimeIsUp(limit),
                // The runs are over.
                () = to.closed() => return,
            };
            console::hurry();
            to.send_replace(Some(why));
            let once_more = async {
                if matches!(why, Why::TimeIsUp(_)) {
                    // The run is ending already: the first signal asks for no more than that.
                    signals.next().await;
                }
                signals.next().await;
            };
            tokio::select! {
                () = once_more => {}
                () = to.closed() => return,
            }
            // Asked twice: not even what is in flight is waited for.
            say!(
                "contact-sink: ended at once: what was in flight may have been stored, and is sent again by the next run"
            );
            console::flush(Some(LAST_WORDS));
            std::process::exit(Status::Interrupted.number().into());
        });
        Self(told)
    }

    /// Waits until the run is to end.
    pub async fn told(&mut self) -> Why {
        match self.0.wait_for(Option::is_some).await.map(|why| *why) {
            Ok(Some(why)) => why,
            _ => std::future::pending().await,
        }
    }
}

/// SIGINT, SIGTERM and SIGHUP, but for those that were ignored when the command began, as `nohup` has it. Where they cannot be
/// received, none ever comes.
pub struct Signals(io::Result<Vec<Signal>>);

impl Signals {
    /// Listens from now on, so that none is lost between two waits.
    pub fn listen() -> Self {
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let ignored = *IGNORED.get_or_init(ignored);
        let heeded = kinds.into_iter().filter(|kind| ignored & (1 << (kind.as_raw_value() - 1)) == 0);
        Self(heeded.map(signal).collect())
    }

    /// Waits for the next one.
    pub async fn next(&mut self) {
        poll_fn(|cx| {
            let mut signals = self.0.iter_mut().flatten();
            let came = signals.any(|signal| matches!(signal.poll_recv(cx), Poll::Ready(Some(()))));
            if came { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Whether one came since the last was waited for.
    pub fn came(&mut self) -> bool {
        pin!(self.next()).poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    /// The same, where a command has nothing else to wait for.
    ///
    /// # Errors
    /// If signals cannot be received.
    pub async fn one(self) -> io::Result<()> {
        Self(Ok(self.0?)).next().await;
        Ok(())
    }
}

/// The signals that are ignored, a bit for each; none where the system does not say it.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
