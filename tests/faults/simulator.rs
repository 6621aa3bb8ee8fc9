//! The simulator in a process of its own, and its pages.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::command;
use crate::seen::Seen;

/// How long a page may take, and what is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running simulator. It is killed when this is dropped.
pub struct Simulator {
    child: Child,
    world: PathBuf,
    address: SocketAddr,
}

impl Simulator {
    /// Starts one with this world, on a free port.
    pub fn start(directory: &Path, world: &str) -> Self {
        let path = directory.join("world.toml");
        std::fs::write(&path, world).unwrap();
        let (child, address) = listen(&path, "127.0.0.1:0");
        Self { child, world: path, address }
    }

    /// Kills it, and lets another one take its place when it is told to.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts another one in its place: with the same world and port, and nothing stored.
    pub fn start_again(&mut self) {
        (self.child, self.address) = listen(&self.world, &self.address.to_string());
    }

    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Has the next requests meet these faults.
    pub fn set_faults(&self, faults: &Value) {
        self.call("POST", "/_sandbox/faults", &faults.to_string());
    }

    /// Has these changes made.
    pub fn set_changes(&self, changes: &Value) {
        self.call("POST", "/_sandbox/changes", &changes.to_string());
    }

    /// How many requests met each kind of fault.
    pub fn faults_met(&self) -> Value {
        self.page("/_sandbox/state")["faults"].take()
    }

    /// What is stored, and what came.
    pub fn seen(&self) -> Seen {
        Seen::new(self.page("/_sandbox/state"), &self.page("/_sandbox/requests"))
    }

    /// From now on nothing is applied any more, and every connection is reset; gives what is stored and came, once all that came
    /// before is decided.
    pub fn freeze(&self) -> Seen {
        self.set_faults(&json!({"shares": [{"fault": "reset", "share": 1}]}));
        let until = Instant::now() + PATIENCE;
        loop {
            let seen = self.seen();
            if seen.requests.iter().all(|request| request.fault.is_some() || request.status.is_some()) {
                return seen;
            }
            assert!(Instant::now() < until, "a request is never decided");
        }
    }

    fn page(&self, path: &str) -> Value {
        serde_json::from_slice(&self.call("GET", path, "")).unwrap()
    }

    /// In HTTP/1.0 the answer is not in chunks and ends with the connection.
    fn call(&self, method: &str, path: &str, body: &str) -> Vec<u8> {
        let mut stream = TcpStream::connect_timeout(&self.address, PATIENCE).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let length = body.len();
        write!(stream, "{method} {path} HTTP/1.0\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n{body}")
            .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("an answer has a head") + 4;
        let body = answer.split_off(end);
        assert_eq!(answer.get(8..13), Some(&b" 200 "[..]), "{path}: {}", String::from_utf8_lossy(&body));
        body
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn listen(world: &Path, address: &str) -> (Child, SocketAddr) {
    let mut command = Command::new(command::path());
    command.args(["sandbox", "--listen", address, "--world"]).arg(world);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    // A child that ends closes its output, so that this ends, too.
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("http://").and_then(|address| address.parse().ok());
    (child, address.unwrap_or_else(|| panic!("the simulator should say where it listens, and says {line:?}")))
}
