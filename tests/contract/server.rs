//! A server on 127.0.0.1 that gives one answer to every request, and counts them. It speaks no more HTTP than that takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Ends when it is dropped.
pub(crate) struct Server {
    pub(crate) base_url: String,
    requests: Arc<AtomicUsize>,
    came: watch::Receiver<usize>,
    _serving: tokio::task::JoinSet<()>,
}

impl Server {
    /// Answers with these bytes; with none, never.
    pub(crate) async fn start(answer: Option<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(AtomicUsize::new(0));
        let (tell, came) = watch::channel(0);
        let mut serving = tokio::task::JoinSet::new();
        let counted = requests.clone();
        serving.spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(connection(stream, answer.clone(), counted.clone(), tell.clone()));
            }
        });
        Self { base_url, requests, came, _serving: serving }
    }

    /// One whole answer.
    pub(crate) fn answer(status: u16, headers: &str, body: impl AsRef<[u8]>) -> Option<Vec<u8>> {
        let (body, length) = (body.as_ref(), body.as_ref().len());
        let head = format!("HTTP/1.1 {status} \r\n{headers}content-length: {length}\r\n\r\n");
        Some([head.as_bytes(), body].concat())
    }

    /// How many requests came.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// Waits until a request has come.
    pub(crate) async fn request_came(&mut self) {
        self.came.wait_for(|count| *count > 0).await.unwrap();
    }
}

async fn connection(
    mut stream: TcpStream,
    answer: Option<Vec<u8>>,
    requests: Arc<AtomicUsize>,
    tell: watch::Sender<usize>,
) {
    let mut buffer = Vec::new();
    loop {
        while let Some(length) = whole_request(&buffer) {
            buffer.drain(..length);
            let count = requests.fetch_add(1, Ordering::SeqCst) + 1;
            tell.send_replace(count);
            let Some(answer) = &answer else { continue };
            if stream.write_all(answer).await.is_err() {
                return;
            }
        }
        if !matches!(stream.read_buf(&mut buffer).await, Ok(1..)) {
            return;
        }
    }
}

/// The length of the first request, if it is whole.
fn whole_request(bytes: &[u8]) -> Option<usize> {
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&bytes[..head]).unwrap().to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
    let whole = head + length.map_or(0, |length| length.trim().parse().unwrap());
    (bytes.len() >= whole).then_some(whole)
}
