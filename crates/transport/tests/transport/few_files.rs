//! A process that has few file descriptors left has fewer connections. The test runs itself once more under a limit.

use std::env;
use std::fs::File;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use contact_sink_transport::{TransportErrorKind as Kind, TransportOptions};
use tokio::task::{JoinSet, spawn_blocking};

use crate::server::Server;
use crate::support::{Make, check_error, post};

/// Descriptors that are left for connections.
const LEFT: usize = 6;
const SERVER: &str = "CONTACT_SINK_TEST_SERVER";

#[cfg(feature = "hyper")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hyper() {
    check("few_files::hyper", crate::hyper::make).await;
}

#[cfg(feature = "reqwest")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reqwest() {
    check("few_files::reqwest", crate::reqwest::make).await;
}

async fn check(test: &'static str, make: Make) {
    if let Ok(server) = env::var(SERVER) {
        return under_the_limit(make, server.parse().unwrap()).await;
    }
    let server = Server::always("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    let mut again = Command::new("sh");
    again.args(["-c", "ulimit -n 64; exec \"$0\" \"$@\""]).arg(env::current_exe().unwrap());
    again.args(["--exact", test]).env(SERVER, server.address.to_string());
    let run = spawn_blocking(move || again.output().unwrap()).await.unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success() && said.contains("1 passed"), "{said}");
}

async fn under_the_limit(make: Make, server: SocketAddr) {
    let transport = make(TransportOptions::default().with_connect_timeout(Duration::from_millis(300)));
    let mut files: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
    // No connection is open, and none can be opened.
    let error = check_error(transport.exchange(post("http", server.to_string())).await, Kind::Exhausted);
    assert_eq!(error.detail(), "this process has too many open files");
    // A name look-up needs a descriptor too.
    let named = format!("localhost:{}", server.port());
    check_error(transport.exchange(post("http", named)).await, Kind::Exhausted);

    files.truncate(files.len() - LEFT);
    let mut exchanges = JoinSet::new();
    for _ in 0..200 {
        let transport = transport.clone();
        exchanges.spawn(async move { transport.exchange(post("http", server.to_string())).await });
    }
    for answer in exchanges.join_all().await {
        assert_eq!(answer.unwrap().body(), "ok");
    }
    // The connections took all of them.
    assert!(File::open("/dev/null").is_err());
}
