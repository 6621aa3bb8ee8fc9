//! A request whose packets are lost is not sent any more once its exchange has failed. The test runs itself once more in a network
//! namespace of its own, whose loopback it can take down; where none can be made, there is nothing to see.

use std::env;
use std::fs;
use std::process::Command;
use std::time::Duration;

use contact_sink_transport::{TransportErrorKind as Kind, TransportOptions};
use tokio::time::{Instant, sleep};

use crate::server::Server;
use crate::support::{Make, check_error, post};

const INSIDE: &str = "CONTACT_SINK_TEST_NAMESPACE";
/// A socket that is closed sends what was not acknowledged for minutes, if nothing ends it.
const LONGEST: Duration = Duration::from_secs(30);

#[cfg(feature = "hyper")]
#[tokio::test]
async fn hyper() {
    check("lost_packets::hyper", crate::hyper::make).await;
}

#[cfg(feature = "reqwest")]
#[tokio::test]
async fn reqwest() {
    check("lost_packets::reqwest", crate::reqwest::make).await;
}

async fn check(test: &str, make: Make) {
    if env::var_os(INSIDE).is_some() {
        return inside(make).await;
    }
    let namespace = |command: &[&str]| {
        let mut unshare = Command::new("unshare");
        unshare.args(["--user", "--map-root-user", "--net"]).args(command);
        unshare
    };
    if !namespace(&["ip", "link", "set", "lo", "up"]).output().is_ok_and(|ran| ran.status.success()) {
        println!("no network namespace can be made here");
        return;
    }
    let this = env::current_exe().unwrap();
    let run = namespace(&[this.to_str().unwrap(), "--exact", test]).env(INSIDE, "1").output().unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success() && said.contains("1 passed"), "{said}");
}

async fn inside(make: Make) {
    loopback("up");
    let server = Server::always("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    let transport = make(TransportOptions::default().with_exchange_timeout(Duration::from_millis(500)));
    let exchange = || transport.exchange(post("http", server.address.to_string()));
    exchange().await.unwrap();
    loopback("down");
    check_error(exchange().await, Kind::Timeout);
    let began = Instant::now();
    while has_unsent(server.address.port()) {
        assert!(began.elapsed() < LONGEST, "what was not acknowledged is still sent");
        sleep(Duration::from_millis(50)).await;
    }
    loopback("up");
    exchange().await.unwrap();
    assert_eq!(server.seen.requests().len(), 2, "the one that failed did not arrive");
}

fn loopback(state: &str) {
    assert!(Command::new("ip").args(["link", "set", "lo", state]).status().unwrap().success());
}

/// Whether a socket to this port has bytes that were not acknowledged. The port of a server stands second in a line of its client.
fn has_unsent(port: u16) -> bool {
    let table = fs::read_to_string("/proc/self/net/tcp").unwrap();
    table.lines().skip(1).any(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let is_to_server = columns[2].ends_with(&format!(":{port:04X}"));
        is_to_server && !columns[4].starts_with("00000000:")
    })
}
