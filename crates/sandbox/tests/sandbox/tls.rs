//! HTTPS: a certificate made at the start, trusted by its root alone.

use std::io::{Error, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use contact_sink_sandbox::jiguang::PATH;
use contact_sink_sandbox::{Fault, FaultKind, Faults, Sandbox};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::client::AUTHORIZATION;
use crate::{users, world};

async fn put(sandbox: &Sandbox, root: Option<&str>, host: &str, cuid: i64) -> Result<String, Error> {
    let mut roots = RootCertStore::empty();
    if let Some(pem) = root {
        roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap();
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(sandbox.address()).await?;
    let host = ServerName::try_from(host.to_owned()).unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(host, stream).await?;
    let body = users([cuid]);
    let head = format!(
        "PUT {PATH} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\nauthorization: {AUTHORIZATION}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).await?;
    let mut read = String::new();
    stream.read_to_string(&mut read).await?;
    Ok(read)
}

#[tokio::test]
async fn is_served_to_whoever_trusts_the_root() {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let sandbox = Sandbox::start_tls(world(|_| {}), address).unwrap();
    assert!(sandbox.base_url().starts_with("https://127.0.0.1:"));
    let root = sandbox.root_pem().unwrap().to_owned();
    assert!(!root.contains("PRIVATE"));
    for (host, cuid) in [("127.0.0.1", 1), ("localhost", 2), ("::1", 3)] {
        let answer = put(&sandbox, Some(&root), host, cuid).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert!(sandbox.jiguang().stored(cuid).is_some());
    }
    for (root, host) in [(None, "localhost"), (Some(&*root), "example.com")] {
        assert!(put(&sandbox, root, host, 4).await.is_err(), "{host}");
    }
    // Whoever does not go on with a handshake holds up nobody, and not the end of the server.
    let mut stuck = TcpStream::connect(sandbox.address()).await.unwrap();
    let other = Sandbox::start_tls(world(|_| {}), address).unwrap();
    assert!(put(&other, Some(&root), "localhost", 5).await.is_err(), "each start has a root of its own");

    sandbox.set_faults(Faults::default().with_next(Fault::new(FaultKind::Reset))).unwrap();
    assert_eq!(put(&sandbox, Some(&root), "localhost", 6).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(sandbox.seen(), 4);
    sandbox.shutdown().await;
    let read = timeout(Duration::from_secs(20), stuck.read(&mut [0; 1])).await.unwrap();
    assert!(!matches!(read, Ok(1..)));
    other.shutdown().await;
}
