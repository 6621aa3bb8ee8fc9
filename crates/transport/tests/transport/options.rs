//! Which options a transport can be built with, the same for every transport.

use std::time::Duration;

use contact_sink_transport::{BuildError, TransportOptions};

use crate::contract::tls::Root;

#[cfg(feature = "hyper")]
#[test]
fn hyper() {
    check(|options| contact_sink_transport::HyperTransport::with_options(options).err());
}

#[cfg(feature = "reqwest")]
#[test]
fn reqwest() {
    check(|options| contact_sink_transport::ReqwestTransport::with_options(options).err());
}

fn check(build: fn(TransportOptions) -> Option<BuildError>) {
    let options = TransportOptions::default;
    let root = Root::new().pem();
    let half = &root[..root.len() / 2];
    let no_certificate = "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n";
    let table = [
        (options(), None),
        (options().with_connect_timeout(Duration::MAX).with_exchange_timeout(Duration::MAX), None),
        (options().with_idle_timeout(Duration::ZERO), None),
        (options().with_idle_timeout(Duration::MAX), None),
        (options().with_max_connections(usize::MAX.try_into().unwrap()), None),
        (options().with_connect_timeout(Duration::ZERO), Some(BuildError::ZeroTimeout)),
        (options().with_exchange_timeout(Duration::ZERO), Some(BuildError::ZeroTimeout)),
        (options().with_user_agent("a\r\nb"), Some(BuildError::UserAgent)),
        (options().with_extra_roots_pem(root.as_str()), None),
        (options().with_extra_roots_pem(""), Some(BuildError::ExtraRoot)),
        (options().with_extra_roots_pem("no pem"), Some(BuildError::ExtraRoot)),
        (options().with_extra_roots_pem(half), Some(BuildError::ExtraRoot)),
        (options().with_extra_roots_pem(no_certificate), Some(BuildError::ExtraRoot)),
        (options().with_extra_roots_pem(root.clone() + no_certificate), Some(BuildError::ExtraRoot)),
    ];
    for (at, (options, expected)) in table.into_iter().enumerate() {
        assert_eq!(build(options), expected, "row {at}");
    }
}
