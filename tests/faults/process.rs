//! A child process that never outlives its scenario, and what it printed.

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// A running child. It is killed, by its handle, when this is dropped.
pub struct Process {
    child: Child,
    /// What it printed on each of its outputs: comes when they end, that is when the child does.
    outputs: Receiver<(Output, Vec<u8>)>,
    ended: Vec<(Output, Vec<u8>)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Output {
    Standard,
    Error,
}

/// How a child ended.
pub struct Ended {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Process {
    /// Starts a child whose outputs are kept.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (to, outputs) = channel();
        let (standard, error) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let pipes: [(Output, Box<dyn Read + Send>); 2] =
            [(Output::Standard, Box::new(standard)), (Output::Error, Box::new(error))];
        for (which, mut pipe) in pipes {
            let to = to.clone();
            std::thread::spawn(move || {
                let mut text = Vec::new();
                let _ = pipe.read_to_end(&mut text);
                let _ = to.send((which, text));
            });
        }
        Self { child, outputs, ended: Vec::new() }
    }

    /// Waits for the end at most so long, and says whether it has come.
    pub fn ends_within(&mut self, time: Duration) -> bool {
        let until = Instant::now() + time;
        while self.ended.len() < 2 {
            match self.outputs.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(output) => self.ended.push(output),
                Err(_) => return false,
            }
        }
        true
    }

    /// Kills it: SIGKILL, where there is such a thing.
    pub fn kill(&mut self) {
        // An error only if it has ended already.
        let _ = self.child.kill();
    }

    /// How it ended; it is killed, and that is a failure, if that takes longer than this.
    pub fn wait(mut self, within: Duration) -> Ended {
        let in_time = self.ends_within(within);
        if !in_time {
            self.kill();
            self.ends_within(Duration::from_secs(10));
        }
        let text = |wanted| {
            let bytes = self.ended.iter().find(|(which, _)| *which == wanted).map(|(_, bytes)| bytes.clone());
            String::from_utf8(bytes.unwrap_or_default()).expect("what is printed is UTF-8")
        };
        let (stdout, stderr) = (text(Output::Standard), text(Output::Error));
        assert!(in_time, "it had not ended after {within:?}, and said: {stderr}");
        Ended { status: self.child.wait().unwrap(), stdout, stderr }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        let _ = self.child.wait();
    }
}
