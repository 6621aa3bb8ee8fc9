//! A server on 127.0.0.1 that gives the answer of the case to whatever comes, and hands over each request as it came. It
//! reads and writes the bytes itself: a client and a server of one HTTP library could be wrong alike.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

use crate::case::Answer;
use crate::url::hidden;

/// Serves until it is told to finish.
pub(crate) struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<Result<Vec<Request<Bytes>>, String>>,
}

/// Long enough for a client that is gone to have closed its connections.
const CLOSING: Duration = Duration::from_secs(10);
/// They say where an answer ends, and the server says it itself.
const FRAMING: [&str; 4] = ["connection", "content-length", "transfer-encoding", "upgrade"];

/// Why the answer cannot be given over a socket, if it cannot.
pub(crate) fn cannot_give(status: u16, answer: &Answer) -> Option<String> {
    let framing = |name: &&String| FRAMING.iter().any(|framing| name.eq_ignore_ascii_case(framing));
    match status {
        100..=199 => Some(format!("http {status} is no final answer: a client goes on waiting")),
        204 | 304 if !answer.bytes().is_empty() => {
            Some(format!("http {status} has no body, and the case gives it one"))
        }
        _ => answer.headers.keys().find(framing).map(|name| format!("{name} is the server's own header")),
    }
}

impl Server {
    pub(crate) async fn start(status: u16, answer: &Answer) -> Result<Self, String> {
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|error| error.to_string())?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(serve(listener, written(status, answer).into(), stopped));
        Ok(Self { address, stop, serving })
    }

    /// Scheme, host and port.
    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every request that came, over whichever connection. The client must be gone: each connection is read to its end.
    pub(crate) async fn finish(self) -> Result<Vec<Request<Bytes>>, String> {
        let _ = self.stop.send(());
        match tokio::time::timeout(CLOSING, self.serving).await {
            Ok(served) => served.map_err(|error| error.to_string())?,
            Err(_) => Err("a connection stays open after the client is gone".to_owned()),
        }
    }
}

async fn serve(
    listener: TcpListener,
    answer: Bytes,
    mut stopped: oneshot::Receiver<()>,
) -> Result<Vec<Request<Bytes>>, String> {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            accepted = listener.accept() => {
                let (stream, _) = accepted.map_err(|error| error.to_string())?;
                connections.spawn(connection(stream, answer.clone()));
            }
            _ = &mut stopped => break,
        }
    }
    let came: Vec<_> = connections.join_all().await.into_iter().collect::<Result<_, _>>()?;
    Ok(came.into_iter().flatten().collect())
}

/// Answers every request on the connection, until the client closes it.
async fn connection(mut stream: TcpStream, answer: Bytes) -> Result<Vec<Request<Bytes>>, String> {
    let (mut buffer, mut requests) = (Vec::new(), Vec::new());
    loop {
        while let Some((request, length)) = first_request(&buffer)? {
            buffer.drain(..length);
            requests.push(request);
            stream.write_all(&answer).await.map_err(|error| format!("the answer is not taken: {error}"))?;
        }
        if stream.read_buf(&mut buffer).await.map_err(|error| format!("a connection broke: {error}"))? == 0 {
            break;
        }
    }
    if buffer.is_empty() { Ok(requests) } else { Err("a connection ended inside a request".to_owned()) }
}

/// The first request, if it is whole, and its length in bytes.
fn first_request(bytes: &[u8]) -> Result<Option<(Request<Bytes>, usize)>, String> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&bytes[..end]).map_err(|_| "the head of the request is no text")?;
    let mut lines = head.split("\r\n");
    let line = lines.next().unwrap_or_default();
    let [method, target, "HTTP/1.1"] = line.split(' ').collect::<Vec<_>>()[..] else {
        return Err(format!("no request line of HTTP/1.1: {:?}", hidden(line)));
    };
    let mut request = Request::builder().method(method);
    let (mut host, mut length) = (None, 0);
    for line in lines {
        let (name, value) = line.split_once(':').ok_or_else(|| format!("no header: {line:?}"))?;
        let value = value.trim_matches([' ', '\t']);
        match name.to_ascii_lowercase().as_str() {
            "host" => host = Some(value),
            "content-length" => length = value.parse().map_err(|_| format!("no length: {value:?}"))?,
            "transfer-encoding" => return Err("a request is sent without its length".to_owned()),
            _ => {}
        }
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("no name of a header: {name:?}"))?;
        let value = HeaderValue::from_str(value).map_err(|_| format!("no value of a header: {value:?}"))?;
        request = request.header(name, value);
    }
    let (host, start) = (host.ok_or("a request names no host")?, end + 4);
    let Some(body) = bytes.get(start..start + length) else { return Ok(None) };
    let request = request.uri(format!("http://{host}{target}")).body(Bytes::copy_from_slice(body));
    Ok(Some((request.map_err(|error| format!("{:?}: {error}", hidden(line)))?, start + length)))
}

fn written(status: u16, answer: &Answer) -> Vec<u8> {
    let body = answer.bytes();
    let mut head = format!("HTTP/1.1 {status} \r\n");
    for (name, value) in &answer.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if !matches!(status, 204 | 304) {
        head.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    [head.as_bytes(), b"\r\n", body].concat()
}
