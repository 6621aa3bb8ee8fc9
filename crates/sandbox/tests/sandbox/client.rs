//! The smallest HTTP client that can talk to the sandbox: nothing of it is shared with the real clients.

use std::net::SocketAddr;

use contact_sink_sandbox::{engagelab, jiguang};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::usersig::Signer;

/// `sandbox:sandbox`, encoded elsewhere.
pub(crate) const AUTHORIZATION: &str = "Basic c2FuZGJveDpzYW5kYm94";

pub(crate) struct Client(TcpStream);

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self(TcpStream::connect(address).await.unwrap())
    }

    /// A request of the documented kind with this body.
    pub(crate) async fn put(&mut self, body: &str) -> Reply {
        let headers = format!("Content-Type: application/json\r\nAuthorization: {AUTHORIZATION}\r\n");
        self.send("PUT", jiguang::PATH, &headers, body).await
    }

    /// The same for EngageLab.
    pub(crate) async fn post(&mut self, body: &str) -> Reply {
        let headers = format!("Content-Type: application/json\r\nAuthorization: {AUTHORIZATION}\r\n");
        self.send("POST", engagelab::PATH, &headers, body).await
    }

    /// The same for one of Tencent's commands, signed now.
    pub(crate) async fn call(&mut self, path: &str, body: &str) -> Reply {
        let target = format!("{path}?{}", Signer::new().query());
        self.send("POST", &target, "Content-Type: application/json\r\n", body).await
    }

    pub(crate) async fn get(&mut self, path: &str) -> Value {
        self.send("GET", path, "", "").await.json()
    }

    pub(crate) async fn send(&mut self, method: &str, target: &str, headers: &str, body: &str) -> Reply {
        self.write(method, target, headers, body).await;
        let mut read = Vec::new();
        let mut head_end = None;
        loop {
            if let Some(end) = head_end {
                let head = String::from_utf8_lossy(&read[..end]).to_lowercase();
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
                if read.len() >= end + length.parse::<usize>().unwrap() {
                    let body = String::from_utf8(read.split_off(end)).unwrap();
                    return Reply { status: head[9..12].parse().unwrap(), head, body };
                }
            }
            assert!(self.0.read_buf(&mut read).await.unwrap() > 0, "closed in the middle of an answer");
            head_end = head_end.or_else(|| read.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4));
        }
    }

    pub(crate) async fn write(&mut self, method: &str, target: &str, headers: &str, body: &str) {
        let length = body.len();
        let host = if headers.starts_with("Host: ") { "" } else { "Host: localhost\r\n" };
        let request = format!("{method} {target} HTTP/1.1\r\n{host}{headers}Content-Length: {length}\r\n\r\n{body}");
        self.0.write_all(request.as_bytes()).await.unwrap();
    }

    /// Whether the server closes the connection.
    pub(crate) async fn ends(&mut self) -> bool {
        !matches!(self.0.read(&mut [0; 1]).await, Ok(1..))
    }
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The status and the code of EngageLab's or Tencent's answer.
    pub(crate) fn code(&self) -> (u16, i64) {
        let json = self.json();
        (self.status, json["code"].as_i64().or(json["ErrorCode"].as_i64()).unwrap())
    }

    /// The status, the top code and the texts of all errors.
    pub(crate) fn told(&self) -> (u16, i64, Vec<String>) {
        let json = self.json();
        let entries = json["data"].as_array().cloned().unwrap_or_else(|| vec![json.clone()]);
        let texts = entries.iter().map(|entry| entry["msg"].as_str().unwrap().to_owned()).collect();
        (self.status, json["code"].as_i64().unwrap(), texts)
    }
}
