//! A server that reads each request to its end, looks at nothing, and answers as Jiguang does when all is well. It is far cheaper
//! than the simulator, which would be the slower end: `cargo xtask bench speed` sends to it.
//!
//! Argument: `serve`. It prints its base URL and runs until it is ended.
#![allow(missing_docs)]

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 21\r\n\r\n{\"code\":0,\"msg\":\"ok\"}";
/// Two full requests.
const BUFFER_BYTES: usize = 64 * 1024;

fn main() -> io::Result<()> {
    // `cargo test` and `cargo bench` may run it without the argument: then there is nothing to do.
    if !std::env::args().any(|argument| argument == "serve") {
        return Ok(());
    }
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("http://{}", listener.local_addr()?);
    for stream in listener.incoming() {
        let stream = stream?;
        // A client that is gone is none of the others' business.
        std::thread::spawn(move || answer_all(stream));
    }
    Ok(())
}

/// Answers one request after the other until the client closes the connection.
fn answer_all(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut filled = 0;
    loop {
        let length = loop {
            if let Some(length) = request_length(&buffer[..filled])? {
                break length;
            }
            filled += some(stream.read(&mut buffer[filled..])?)?;
        };
        // What is behind this request, if anything, begins the next one.
        if length <= filled {
            buffer.copy_within(length..filled, 0);
            filled -= length;
        } else {
            let mut rest = length - filled;
            while rest > 0 {
                let most = rest.min(BUFFER_BYTES);
                rest -= some(stream.read(&mut buffer[..most])?)?;
            }
            filled = 0;
        }
        stream.write_all(ANSWER)?;
    }
}

/// The length of the request's head and body; none if the head is not complete.
fn request_length(bytes: &[u8]) -> io::Result<Option<usize>> {
    let Some(end) = bytes.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
        return if bytes.len() < BUFFER_BYTES { Ok(None) } else { Err(ErrorKind::InvalidData.into()) };
    };
    let head = std::str::from_utf8(&bytes[..end]).map_err(|_| ErrorKind::InvalidData)?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    Ok(Some(end + 4 + length.unwrap_or_default()))
}

/// The number of bytes that were read: there must be some.
fn some(read: usize) -> io::Result<usize> {
    if read == 0 { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(read) }
}
