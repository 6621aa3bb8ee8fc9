//! Whom a transport trusts, and what a proxy learns.

use std::sync::Arc;

use contact_sink_core::Retry;
use contact_sink_transport::{Proxy, TransportErrorKind as Kind};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

use crate::server::{Peer, Server};
use crate::support::{Make, SECRET, check_error, connect_proxy, options, post};

/// A root that signs the certificates of the servers here.
pub(crate) struct Root(CertifiedIssuer<'static, KeyPair>);

impl Root {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// A server for that name, its certificate valid until the end of that year. It would speak HTTP/2 if it was asked to.
    pub(crate) async fn server(&self, name: &str, last_year: i32) -> Server {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(last_year, 12, 31);
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], PrivatePkcs8KeyDer::from(key.serialize_der()).into())
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Server::start(move |peer| {
            let acceptor = acceptor.clone();
            async move {
                let Ok(stream) = acceptor.accept(peer.stream).await else { return };
                assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
                let mut peer = Peer::new(stream, peer.seen);
                while peer.request().await.is_some() {
                    peer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
                }
            }
        })
        .await
    }
}

pub(crate) async fn a_private_root_is_trusted_only_when_it_is_added(make: Make) {
    let (root, other) = (Root::new(), Root::new());
    let server = root.server("127.0.0.1", 4000).await;
    let both = other.pem() + &root.pem();
    for (roots, trusted) in [(Some(root.pem()), true), (Some(both), true), (Some(other.pem()), false), (None, false)] {
        let options = roots.into_iter().fold(options(), |options, pem| options.with_extra_roots_pem(pem));
        let answer = make(options).exchange(post("https", server.address.to_string())).await;
        if trusted {
            assert_eq!(answer.unwrap().body(), "ok");
        } else {
            check_error(answer, Kind::Certificate);
        }
    }
    assert_eq!(server.seen.requests().len(), 2);
}

pub(crate) async fn the_default_provider_is_not_used(make: Make) {
    // Of another library in this process; one that can do nothing.
    let useless = CryptoProvider { cipher_suites: Vec::new(), kx_groups: Vec::new(), ..ring::default_provider() };
    // The test of the other transport may have installed it.
    let _ = useless.install_default();
    a_private_root_is_trusted_only_when_it_is_added(make).await;
}

pub(crate) async fn a_certificate_for_another_host_is_refused(make: Make) {
    refused(make, "other.example", 4000).await;
}

pub(crate) async fn an_expired_certificate_is_refused(make: Make) {
    refused(make, "127.0.0.1", 2021).await;
}

async fn refused(make: Make, name: &str, last_year: i32) {
    let root = Root::new();
    let server = root.server(name, last_year).await;
    let transport = make(options().with_extra_roots_pem(root.pem()));
    let error = check_error(transport.exchange(post("https", server.address.to_string())).await, Kind::Certificate);
    assert_eq!(error.into_sink_error("vendor", "call").retry(), Retry::Never);
    assert_eq!((server.seen.connections(), server.seen.requests().len()), (1, 0));
}

pub(crate) async fn a_proxy_makes_the_connection_and_learns_no_more(make: Make) {
    let root = Root::new();
    let server = root.server("127.0.0.1", 4000).await;
    for (user, expected) in
        [("", None), ("user:p%40ss%3a@", Some("basic dxnlcjpwqhnzog==")), ("user@", Some("basic dxnlcjo="))]
    {
        let proxy = connect_proxy("HTTP/1.1 200 Connection established\r\n\r\n").await;
        let through = Proxy::new(&format!("http://{user}{}", proxy.address)).unwrap();
        let transport = make(options().with_extra_roots_pem(root.pem()).with_proxy(through));
        for _ in 0..2 {
            assert_eq!(transport.exchange(post("https", server.address.to_string())).await.unwrap().body(), "ok");
        }
        let [seen] = &proxy.seen.requests()[..] else { panic!("one tunnel for both exchanges") };
        assert!(seen.starts_with(&format!("CONNECT {} HTTP/1.1\r\n", server.address)), "{seen}");
        assert!(!seen.contains(SECRET), "{seen}");
        let seen = seen.to_lowercase();
        assert_eq!(seen.lines().find_map(|line| line.strip_prefix("proxy-authorization: ")), expected);
    }
    assert_eq!((server.seen.connections(), server.seen.requests().len()), (3, 6));
}

pub(crate) async fn a_proxy_that_refuses_makes_no_connection(make: Make) {
    for answer in ["HTTP/1.1 407 Who are you\r\n\r\n", "HTTP/1.1 502 Bad Gateway\r\n\r\n", "garbage\r\n\r\n", ""] {
        let proxy = connect_proxy(answer).await;
        let through = Proxy::new(&format!("http://user:{SECRET}@{}", proxy.address)).unwrap();
        let transport = make(options().with_proxy(through));
        check_error(transport.exchange(post("https", "a.example")).await, Kind::Connect);
        assert_eq!(proxy.seen.requests().len(), 1);
    }
}

pub(crate) async fn a_proxy_is_told_the_port(make: Make) {
    let proxy = connect_proxy("HTTP/1.1 502 No\r\n\r\n").await;
    for target in ["a.example", "a.example:8443"] {
        let through = Proxy::new(&format!("http://{}", proxy.address)).unwrap();
        check_error(make(options().with_proxy(through)).exchange(post("https", target)).await, Kind::Connect);
    }
    let seen: Vec<_> = proxy.seen.requests().iter().map(|seen| seen.lines().next().unwrap().to_owned()).collect();
    assert_eq!(seen, ["CONNECT a.example:443 HTTP/1.1", "CONNECT a.example:8443 HTTP/1.1"]);
}
