//! A script as an engineer writes it in an afternoon. `cargo xtask bench speed` measures the command beside it.
//!
//! It reads the CSV, sends 100 users a request over keep-alive connections, and stops at the first answer that is no success.
//! It checks no value, keeps no journal and sends nothing twice.
//!
//! Arguments: a file with the columns of `examples/contacts.csv`, the base URL. It prints the number of rows that were accepted.
#![allow(missing_docs)]

use std::error::Error;
use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use csv::StringRecord;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper::{Request, header};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

const PATH: &str = "/smartop/api/v1/user/channel/batch";
/// The most users that the vendor takes in one request.
const USERS: u64 = 100;
/// Connections, each with one request in flight. Twice as many are slower.
const CONNECTIONS: usize = 16;
/// A little more than the body of a full request.
const BODY_BYTES: usize = 32 * 1024;
/// `sandbox:sandbox` for HTTP Basic.
const AUTHORIZATION: &str = "Basic c2FuZGJveDpzYW5kYm94";

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

#[derive(Serialize)]
struct User<'a> {
    cuid: i64,
    channels: [Channel<'a>; 3],
}

#[derive(Serialize)]
struct Channel<'a> {
    id: i64,
    #[serde(rename = "channelValues")]
    values: Values<'a>,
}

#[derive(Serialize)]
struct Values<'a> {
    #[serde(rename = "默认联系")]
    default: &'a str,
}

#[derive(Deserialize)]
struct Answer {
    code: i64,
}

/// The rows that are not sent yet.
struct Rows {
    reader: csv::Reader<File>,
    row: StringRecord,
    /// Where the CUID, the mobile number, the email address and the registration id are.
    columns: [usize; 4],
}

fn main() -> Outcome<()> {
    // `cargo test` and `cargo bench` may run it without arguments, or with their own: then there is nothing to do.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let [file, base_url] = arguments.as_slice() else { return Ok(()) };
    let host = base_url.strip_prefix("http://").ok_or("the base URL does not begin with http://")?;
    // One thread: more of them wait for each other at the file, and the server needs a core too.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let rows = Arc::new(Mutex::new(Rows::open(file)?));
        let mut connections = JoinSet::new();
        for _ in 0..CONNECTIONS {
            connections.spawn(send(host.to_owned(), rows.clone()));
        }
        let mut accepted = 0;
        while let Some(sent) = connections.join_next().await {
            accepted += sent??;
        }
        println!("{accepted}");
        Ok(())
    })
}

/// Sends rows over one connection until there are no more; gives their number.
async fn send(host: String, rows: Arc<Mutex<Rows>>) -> Outcome<u64> {
    let stream = TcpStream::connect(&host).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let mut accepted = 0;
    loop {
        let (body, users) = rows.lock().unwrap_or_else(PoisonError::into_inner).next_body()?;
        if users == 0 {
            return Ok(accepted);
        }
        let request = Request::put(PATH)
            .header(header::HOST, &host)
            .header(header::AUTHORIZATION, AUTHORIZATION)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)))?;
        let response = sender.send_request(request).await?;
        let status = response.status();
        let answer: Answer = serde_json::from_slice(&response.into_body().collect().await?.to_bytes())?;
        if !status.is_success() || answer.code != 0 {
            return Err(format!("HTTP {status}, code {}", answer.code).into());
        }
        accepted += users;
    }
}

impl Rows {
    fn open(file: &str) -> Outcome<Self> {
        let mut reader = csv::Reader::from_path(file)?;
        let header = reader.headers()?;
        let mut columns = [0; 4];
        for (column, name) in columns.iter_mut().zip(["cuid", "mobile", "email", "registration_id"]) {
            *column = header.iter().position(|found| found == name).ok_or_else(|| format!("no column {name}"))?;
        }
        Ok(Self { reader, row: StringRecord::new(), columns })
    }

    /// The body of the next request, and how many users are in it: 0 at the end.
    fn next_body(&mut self) -> Outcome<(Vec<u8>, u64)> {
        let (mut body, mut users) = (Vec::with_capacity(BODY_BYTES), 0);
        while users < USERS && self.reader.read_record(&mut self.row)? {
            body.push(if users == 0 { b'[' } else { b',' });
            let [cuid, mobile, email, registration_id] = self.columns.map(|column| &self.row[column]);
            let channel = |id, default| Channel { id, values: Values { default } };
            let channels = [channel(210, mobile), channel(219, email), channel(2210, registration_id)];
            serde_json::to_writer(&mut body, &User { cuid: cuid.parse()?, channels })?;
            users += 1;
        }
        body.push(b']');
        Ok((body, users))
    }
}
