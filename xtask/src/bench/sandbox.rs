//! The sandbox as a process of its own, and what it says of what reached it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::process::Process;

/// How long it may take to start, and to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running sandbox. It ends when this is dropped.
pub(super) struct Sandbox {
    base_url: String,
    address: SocketAddr,
    _process: Process,
}

/// One request, as the sandbox saw it.
pub(super) struct Request {
    pub(super) arrival_us: u64,
    pub(super) status: u64,
}

impl Sandbox {
    /// Starts `contact-sink sandbox` with this world.
    pub(super) fn start(command: &Path, directory: &Path, world: &str) -> Result<Self> {
        let path = directory.join("world.toml");
        std::fs::write(&path, world).context("the world cannot be written")?;
        let mut command = Command::new(command);
        command.args(["sandbox", "--world"]).arg(path);
        let (process, base_url) = start_server(&mut command)?;
        let address = base_url.strip_prefix("http://").and_then(|address| address.parse().ok());
        let address =
            address.with_context(|| format!("the sandbox should say where it listens, and says {base_url:?}"))?;
        Ok(Self { base_url, address, _process: process })
    }

    pub(super) fn base_url(&self) -> &str {
        &self.base_url
    }

    /// All requests, in order of arrival.
    pub(super) fn requests(&self) -> Result<Vec<Request>> {
        let page = self.get("/_sandbox/requests")?;
        let records = page["requests"].as_array().context("/_sandbox/requests has no requests")?;
        ensure!(page["seen"] == records.len(), "the sandbox remembers {} of {} requests", records.len(), page["seen"]);
        let request = |record: &Value| {
            let (arrival_us, status) = (record["arrival_us"].as_u64(), record["status"].as_u64());
            Some(Request { arrival_us: arrival_us?, status: status? })
        };
        records.iter().map(request).collect::<Option<_>>().context("a request without an arrival or an answer")
    }

    /// The users of whom something is stored, by their CUIDs as text.
    pub(super) fn stored(&self) -> Result<Vec<String>> {
        let page = self.get("/_sandbox/state")?;
        let users = page["jiguang"].as_object().context("/_sandbox/state has no users")?;
        Ok(users.keys().cloned().collect())
    }

    fn get(&self, path: &str) -> Result<Value> {
        let mut stream = TcpStream::connect_timeout(&self.address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        // In HTTP/1.0 the answer is not in chunks and ends with the connection.
        write!(stream, "GET {path} HTTP/1.0\r\nhost: {}\r\n\r\n", self.address)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).with_context(|| path.to_owned())?;
        let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").context("an answer without a head")?;
        let (head, body) = answer.split_at(end + 4);
        ensure!(head.get(8..13) == Some(b" 200 "), "{path}: {}", String::from_utf8_lossy(head));
        serde_json::from_slice(body).with_context(|| path.to_owned())
    }
}

/// Starts a server that prints its base URL as its first line.
pub(super) fn start_server(command: &mut Command) -> Result<(Process, String)> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut process = Process::start(command)?;
    let stdout = process.child().stdout.take().context("the server has no standard output")?;
    let (to, first_line) = mpsc::channel();
    // A read cannot be given a time limit; when the child is ended, so is this thread.
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = BufReader::new(stdout).read_line(&mut line);
        let _ = to.send(read.map(|_| line));
    });
    let line = first_line.recv_timeout(PATIENCE).context("the server did not say where it listens")??;
    Ok((process, line.trim().to_owned()))
}
