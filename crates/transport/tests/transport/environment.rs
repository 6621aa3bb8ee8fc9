//! The environment names no proxy to a transport: the test runs itself once more with one that refuses.

use std::env;
use std::process::Command;

use crate::server::Server;
use crate::support::{Make, post};

#[cfg(feature = "hyper")]
#[tokio::test]
async fn hyper() {
    check("environment::hyper", crate::hyper::make).await;
}

#[cfg(feature = "reqwest")]
#[tokio::test]
async fn reqwest() {
    check("environment::reqwest", crate::reqwest::make).await;
}

async fn check(test: &str, make: Make) {
    if env::var_os("HTTP_PROXY").is_some() {
        let server = Server::always("HTTP/1.1 204 No Content\r\n\r\n").await;
        make(Default::default()).exchange(post("http", server.address.to_string())).await.unwrap();
        return;
    }
    let mut again = Command::new(env::current_exe().unwrap());
    again.args(["--exact", test]).env_remove("NO_PROXY").env_remove("no_proxy");
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        again.env(name, "http://127.0.0.1:9");
    }
    let run = again.output().unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success() && said.contains("1 passed"), "{said}");
}
